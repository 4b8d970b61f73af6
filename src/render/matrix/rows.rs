//! Rows and nothing else: NDJSON and CSV.

use std::collections::hash_map::Entry;
use std::fmt::Write as _;
use std::io::{self, Write};

use rustc_hash::FxHashMap;

use super::Flows;
use crate::net::{PortSet, Protocol};
use crate::query::{Carried, Endpoint};
use crate::render::carried::CarriedJson;
use crate::render::endpoint::Names;
use crate::render::json;

/// One JSON object a line, put together from parts that are written once: millions of lines name few endpoints.
pub(super) fn ndjson(names: &Names<'_>, flows: &dyn Flows, out: &mut dyn Write) -> io::Result<()> {
    let mut ends: FxHashMap<Endpoint, Vec<u8>> = FxHashMap::default();
    let mut ports: Option<(Carried, Vec<u8>)> = None;
    let mut line = Vec::new();
    flows.for_each(&mut |flow| {
        line.clear();
        for (key, end) in [(&b"{\"from\":"[..], flow.from), (b",\"to\":", flow.to)] {
            line.extend_from_slice(key);
            match ends.entry(end) {
                Entry::Occupied(known) => line.extend_from_slice(known.get()),
                Entry::Vacant(new) => line.extend_from_slice(new.insert(json::line(&names.json(end))?)),
            }
        }
        line.push(b',');
        let known = match &mut ports {
            Some((last, text)) if *last == flow.carried => text,
            other => &mut other.insert((flow.carried.clone(), json::line(&CarriedJson(&flow.carried))?)).1,
        };
        // The line goes on with the fields of the object, and ends as it does.
        line.extend_from_slice(&known[1..]);
        line.push(b'\n');
        out.write_all(&line)
    })
}

/// A header and one record a flow, as RFC 4180 has it but with the line ends of a terminal. CIDRs and ports are
/// separated by spaces: `5432/TCP 8000-8100/TCP`.
pub(super) fn csv(names: &Names<'_>, flows: &dyn Flows, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"from,to,ports,some,unknown,fromKind,toKind,restricted\n")?;
    let mut line = String::new();
    flows.for_each(&mut |flow| {
        line.clear();
        push_cell(&mut line, &names.machine(flow.from));
        line.push(',');
        push_cell(&mut line, &names.machine(flow.to));
        let Carried { ports, some, unknown, restricted } = &flow.carried;
        for ports in [ports, some, unknown] {
            line.push(',');
            push_ports(&mut line, ports);
        }
        for end in [flow.from, flow.to] {
            line.push(',');
            push_cell(&mut line, names.kind(end));
        }
        line.push(',');
        push_ports(&mut line, restricted);
        line.push('\n');
        out.write_all(line.as_bytes())
    })
}

pub(in crate::render) fn push_ports(line: &mut String, ports: &PortSet) {
    let mut separator = "";
    for protocol in Protocol::ALL {
        for &(first, last) in ports.of(protocol).ranges() {
            if first == last {
                write!(line, "{separator}{first}/{protocol}")
            } else {
                write!(line, "{separator}{first}-{last}/{protocol}")
            }
            .expect("writing to a string cannot fail");
            separator = " ";
        }
    }
}

/// A cell, quoted where it must be. A spreadsheet would run text that begins like a formula; no Kubernetes name
/// does, so such a text gets an apostrophe before it. Control characters are written as escapes.
pub(in crate::render) fn push_cell(line: &mut String, text: &str) {
    let text = crate::render::text::Plain(text).to_string();
    let formula = text.starts_with(['=', '+', '-', '@']);
    if !formula && !text.contains(['"', ',']) {
        line.push_str(&text);
        return;
    }
    line.push('"');
    if formula {
        line.push('\'');
    }
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::matrix::testing::{Shop, text};

    #[test]
    fn ndjson_rows() {
        let shop = Shop::new();
        assert_eq!(
            text(|out| ndjson(&shop.names(), &Shop::flows(), out)),
            concat!(
                r#"{"from":{"workload":"shop/web","kind":"Deployment"},"to":{"workload":"shop/db","kind":"StatefulSet"},"#,
                r#""ports":{"TCP":"5432"},"some":{"UDP":"53"},"restricted":{"TCP":"5432"}}"#,
                "\n",
                r#"{"from":{"workload":"shop/web","kind":"Deployment"},"to":{"workload":"shop/web","kind":"Deployment"},"#,
                r#""ports":{"TCP":"1-65535","UDP":"1-65535","SCTP":"1-65535"}}"#,
                "\n",
                r#"{"from":{"cidrs":["0.0.0.0/0"]},"to":{"workload":"shop/web","kind":"Deployment"},"#,
                r#""ports":{},"unknown":{"TCP":"80,8000-8100"}}"#,
                "\n",
            )
        );
    }

    #[test]
    fn csv_records() {
        let shop = Shop::new();
        assert_eq!(
            text(|out| csv(&shop.names(), &Shop::flows(), out)),
            "from,to,ports,some,unknown,fromKind,toKind,restricted\n\
             shop/web,shop/db,5432/TCP,53/UDP,,Deployment,StatefulSet,5432/TCP\n\
             shop/web,shop/web,1-65535/TCP 1-65535/UDP 1-65535/SCTP,,,Deployment,Deployment,\n\
             0.0.0.0/0,shop/web,,,80/TCP 8000-8100/TCP,CIDR,Deployment,\n"
        );
    }

    #[test]
    fn cells_are_neither_formulas_nor_more_than_one_cell() {
        for (cell, written) in [
            ("shop/web", "shop/web"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("@cmd", "\"'@cmd\""),
            ("a\nb", "a\\u{a}b"),
        ] {
            let mut line = String::new();
            push_cell(&mut line, cell);
            assert_eq!(line, written);
        }
    }
}

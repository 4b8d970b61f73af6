//! Lock files, and what differs from them.

mod check;
mod json;

use std::fmt::Write as _;

use crate::net::{PortSet, Protocol, cidrs};
use crate::snapshot::{API_VERSION, KIND, Line, Lock, Place};

pub use check::{Checked, markdown, text};
pub use json::{CheckObject, LockObject};

/// A lock file. Every line stands by itself; a blank line stands between the lines of different workloads, so that a
/// change of one is no context of another.
pub fn lock_file(lock: &Lock) -> String {
    let mut out = String::from(
        "# Which workload may connect to which, by NetworkPolicy; what is not listed is denied.\n\
         # Written by `podreach snapshot --update`; `podreach snapshot --check` says what differs.\n",
    );
    let mut line = |text: &str| writeln!(out, "{text}").expect("writing to a string cannot fail");
    line(&format!("apiVersion: {API_VERSION}\nkind: {KIND}\ncni: {}", lock.profile.name()));
    if lock.lines.is_empty() {
        line("reachability: []");
        return out;
    }
    line("reachability:");
    let mut last: Option<&Place> = None;
    for entry in &lock.lines {
        let head = if entry.from.is_outside() { &entry.to } else { &entry.from };
        if last != Some(head) {
            line("");
        }
        last = Some(head);
        line(&lock_line(entry));
    }
    out
}

fn lock_line(line: &Line) -> String {
    let verdict = line.verdict.as_str();
    let ports = spans(&line.ports).join(", ");
    let restricted = match &line.restricted {
        ports if ports.is_empty() => String::new(),
        ports => format!(", restricted: [{}]", spans(ports).join(", ")),
    };
    format!(
        "- {{from: {}, to: {}, ports: [{ports}], verdict: {verdict}{restricted}}}",
        place(&line.from),
        place(&line.to)
    )
}

/// A place as lock files write it.
fn place(place: &Place) -> String {
    match place {
        Place::Workload { namespace, name, kind } => {
            // Owners may be called anything: only what comes last may have slashes of its own.
            let kind = kind.replace('%', "%25").replace('/', "%2F");
            scalar(&format!("{kind}/{namespace}/{name}"))
        }
        Place::Outside(family, addresses) => {
            let cidrs: Vec<String> =
                cidrs(*family, addresses).iter().map(|cidr| scalar(&cidr.to_string())).collect();
            format!("[{}]", cidrs.join(", "))
        }
    }
}

/// Ports one by one: `all`, `80/TCP`, `8000-8100/TCP`.
fn spans(ports: &PortSet) -> Vec<String> {
    if ports.is_full() {
        return vec!["all".into()];
    }
    let spans = Protocol::ALL.into_iter().flat_map(|protocol| {
        ports.of(protocol).ranges().iter().map(move |&(first, last)| {
            if first == last { format!("{first}/{protocol}") } else { format!("{first}-{last}/{protocol}") }
        })
    });
    spans.collect()
}

/// A text within a flow mapping of YAML: plain where that is safe, else quoted.
fn scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '/' | '_');
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_plain) {
        return text.to_owned();
    }
    super::yaml::quoted(text)
}

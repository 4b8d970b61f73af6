//! Changes and nothing else: NDJSON and CSV.

use std::io::{self, Write};

use super::{ChangeJson, Report, change_word};
use crate::render::json;
use crate::render::matrix::{push_cell, push_ports};

/// One JSON object a line.
pub(super) fn ndjson(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for change in report.difference.changes() {
        json::to_writer(out, &ChangeJson { report, change: &change })?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// A header and one record a change; causes are separated by `; `.
pub(super) fn csv(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(
        b"from,to,change,portsBefore,someBefore,unknownBefore,ports,some,unknown,fromKind,toKind,because,\
          restrictedBefore,restricted\n",
    )?;
    let difference = report.difference;
    for change in difference.changes() {
        let (before, after) = (&difference.carried[change.before], &difference.carried[change.after]);
        let ends = [change.from, change.to].map(|id| report.names_of(id));
        let mut line = String::new();
        for (names, endpoint) in &ends {
            push_cell(&mut line, &names.machine(*endpoint));
            line.push(',');
        }
        line.push_str(change_word(before, after));
        for carried in [before, after] {
            for ports in [&carried.ports, &carried.some, &carried.unknown] {
                line.push(',');
                push_ports(&mut line, ports);
            }
        }
        for (names, endpoint) in &ends {
            line.push(',');
            push_cell(&mut line, names.kind(*endpoint));
        }
        line.push(',');
        let causes = difference.because(change.because).iter();
        let causes: Vec<String> = causes.map(|&cause| difference.causes[cause].object.to_string()).collect();
        push_cell(&mut line, &causes.join("; "));
        for carried in [before, after] {
            line.push(',');
            push_ports(&mut line, &carried.restricted);
        }
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

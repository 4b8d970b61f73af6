//! `-o html`: one page that holds everything it needs.
//!
//! What people read first is written as HTML; the views (matrix, focus, flows, changes) are drawn by the page's script
//! from its data (`page/data.rs`). Nothing is fetched, and the page's policy allows its own script and style and nothing else.

mod changes;
mod data;
mod overview;

use std::io::{self, Write};

use askama::Template;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha2::{Digest as _, Sha256};

use super::diagnostic::Located;
use super::explain::Context;
use super::{difference, json};
use crate::cluster::PodId;
use crate::load::Sources;
use crate::net::{AddressSet, ByFamily};
use crate::query::{By, Matrix};

use data::Data;
use overview::Overview;

/// The most workloads of a page.
pub const MOST_WORKLOADS: usize = 20_000;

/// The most namespaces of a page.
pub const MOST_NAMESPACES: usize = 2_000;

/// The contents of a page.
#[derive(Debug)]
pub struct Report<'a, 'r> {
    /// The matrix.
    pub matrix: &'a Matrix<'r>,
    /// The cluster and the profile, with a way to find where objects were read.
    pub context: Context<'a>,
    /// The addresses that count as the internet.
    pub internet: ByFamily<AddressSet>,
    /// The pods it is about (`-n`, `-l`); `None` for all.
    pub about: Option<Vec<PodId>>,
    /// Findings about the input and the answer.
    pub findings: &'a [Located<'a>],
    /// The files of the cluster before a change, unless they are the same.
    pub before: Option<&'a Sources>,
    /// The files that were read, with their names.
    pub sources: &'a Sources,
    /// Differences from another cluster, by workload or by namespace.
    pub changes: Option<&'a difference::Report<'a>>,
}

const STYLE: &str = include_str!("page/page.css");

/// The parts of the script, in the order in which they build on each other.
const SCRIPT: &str = concat!(
    "'use strict';\n",
    include_str!("page/script/factors.js"),
    include_str!("page/script/state.js"),
    include_str!("page/script/elements.js"),
    include_str!("page/script/grid.js"),
    include_str!("page/script/explain.js"),
    include_str!("page/script/matrix.js"),
    include_str!("page/script/focus.js"),
    include_str!("page/script/flows.js"),
    include_str!("page/script/changes.js"),
    include_str!("page/script/main.js"),
);

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    title: String,
    /// The Content-Security-Policy.
    policy: String,
    style: &'static str,
    script: &'static str,
    data: String,
    version: &'static str,
    cni: &'static str,
    overview: Overview<'a>,
}

/// Writes the page. Fails if `out` does, and with changes by pod, for which a page has no rows.
pub fn write(report: &Report<'_, '_>, out: &mut dyn Write) -> io::Result<()> {
    if report.changes.is_some_and(|changes| changes.difference.by == By::Pod) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a page has no rows for single pods"));
    }
    let page = Page {
        title: if report.changes.is_some() { "What would change" } else { "Reachability" }.to_owned(),
        policy: format!(
            "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
            hash(SCRIPT),
            hash(STYLE)
        ),
        style: STYLE,
        script: SCRIPT,
        data: json::embedded(&Data::new(report))?,
        version: env!("CARGO_PKG_VERSION"),
        cni: report.context.profile.name(),
        overview: Overview::new(report),
    };
    let html = page.render().map_err(io::Error::other)?;
    out.write_all(html.as_bytes())
}

/// The source of a policy that allows this text and no other.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))
}

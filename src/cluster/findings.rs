//! Collecting what there is to say about the input, in its order.

use super::objects::Identity;
use crate::diagnostic::{Code, Diagnostic};
use crate::policy::field::FieldFinding;
use crate::policy::{KubeVersion, Validation};

/// Diagnostics, each with the position of the manifest it is about.
#[derive(Debug, Default)]
pub(super) struct Findings {
    items: Vec<(usize, Diagnostic)>,
    keep_going: bool,
    version: KubeVersion,
}

impl Findings {
    /// Nothing to say yet. With `keep_going`, objects that are left out are named; objects are held to the rules of
    /// `version`.
    pub(super) fn new(keep_going: bool, version: KubeVersion) -> Self {
        Self { items: Vec::new(), keep_going, version }
    }

    /// The rules that an object is held to.
    pub(super) fn validation(&self, id: &Identity<'_>) -> Validation {
        Validation::of(self.version, id.meta)
    }

    /// Adds a finding about a field of an object.
    pub(super) fn field(&mut self, id: &Identity<'_>, finding: FieldFinding) {
        let diagnostic = Diagnostic::new(finding.code, finding.message).with_path(finding.path);
        self.diagnostic(id, Diagnostic { help: finding.help, ..diagnostic });
    }

    /// Adds findings about an object; tells whether the API server would accept it.
    pub(super) fn fields(&mut self, id: &Identity<'_>, findings: Vec<FieldFinding>) -> bool {
        let mut sound = true;
        for finding in findings {
            sound &= !finding.is_error();
            self.field(id, finding);
        }
        sound
    }

    /// Adds a finding about an object as a whole.
    pub(super) fn object(&mut self, id: &Identity<'_>, code: Code, message: impl Into<String>) {
        self.diagnostic(id, Diagnostic::new(code, message));
    }

    /// Says that an object is left out, and what that means; only with `--keep-going`.
    pub(super) fn left_out(&mut self, id: &Identity<'_>, consequence: &str) {
        if self.keep_going {
            self.object(id, Code::LeftOut, format!("left out because of its errors: {consequence}"));
        }
    }

    /// Adds a finding about what the user said beside the manifests.
    pub(super) fn general(&mut self, diagnostic: Diagnostic) {
        self.items.push((usize::MAX, diagnostic));
    }

    /// Adds a diagnostic about an object.
    pub(super) fn diagnostic(&mut self, id: &Identity<'_>, diagnostic: Diagnostic) {
        let diagnostic = diagnostic.with_object(id.object_name()).with_origin(id.origin.clone());
        self.items.push((id.index, diagnostic));
    }

    /// The diagnostics, in the order of the input; what is said of one object in the order it was found.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.items.sort_by_key(|&(index, _)| index);
        self.items.into_iter().map(|(_, diagnostic)| diagnostic).collect()
    }
}

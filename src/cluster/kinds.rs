//! The kinds that people name on a command line, with kubectl's plurals and short names.

pub use crate::k8s::{ResourceKind as Kind, Role};

/// The kind that `word` names, of those whose objects are evaluated: its name, plural or short name in any case, with or
/// without its group (`deployments.apps`).
pub fn find(word: &str) -> Option<&'static Kind> {
    Kind::evaluated(word)
}

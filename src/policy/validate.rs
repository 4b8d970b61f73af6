//! Placeholder.

use ipnet::IpNet;

use crate::k8s::LabelSelector;
use crate::label::{LabelTable, SelectorId};

/// A problem of a selector: code, path below the selector, message.
#[derive(Debug)]
pub struct LabelSelectorError;
/// Validates and interns.
pub fn lower_selector(_: &LabelSelector, _: &mut LabelTable) -> Result<SelectorId, Vec<LabelSelectorError>> {
    unimplemented!()
}
/// Parses.
pub fn parse_cidr(_: &str) -> Option<IpNet> {
    unimplemented!()
}
/// Checks.
pub fn validate_label_value(_: &str) -> Result<(), String> {
    unimplemented!()
}
/// Checks.
pub fn validate_qualified_name(_: &str) -> Result<(), String> {
    unimplemented!()
}

//! The bodies of the fuzz targets, which the tests of podreach replay on the seeds.

#[path = "../../tests/support/mod.rs"]
#[expect(dead_code, reason = "the tests write all families of outputs at once")]
mod support;

/// Runs the body of a target.
pub fn run(target: &str, bytes: &[u8]) {
    let found = support::fuzz::TARGETS.iter().find(|(name, _)| *name == target);
    let (_, body) = found.expect("the target has a body");
    body(bytes);
}

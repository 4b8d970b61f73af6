//! Everything that is tested from outside, in one binary.

mod architecture;
mod bad_input;
mod properties;
mod scenarios;
mod support;

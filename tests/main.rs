//! Everything that is tested from outside, in one binary.

mod architecture;
mod bad_input;
mod cli;
mod conditions;
mod differences;
mod explanations;
mod factors;
mod fuzz;
mod generated;
mod limits;
mod mutants;
mod properties;
mod reach;
mod reports;
mod rules;
mod scenarios;
mod sessions;
mod sets;
mod snapshot;
mod support;
mod terminal;
mod warnings;
mod what_if;
mod workflow;

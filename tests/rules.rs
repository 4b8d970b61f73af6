//! One test for each rule that podreach implements, named after its number in `docs/rules.md`.
//!
//! A test fails whichever way the rule is broken: it expects something allowed and something denied, and thinks of the
//! mistakes that other tools have made with the rule. All verdicts are asked of the solver and of the executable
//! specification; see [`check`].

mod addresses;
mod check;
mod cluster_network_policies;
mod connections;
mod isolation;
mod label_selectors;
mod named_ports;
mod nodes;
mod other_kinds;
mod peers;
mod pods;
mod ports;
mod profiles;
mod rule_lists;
mod services;
mod table;

//! Questions about a reachability, and the structs that answer them. Formats no text.

pub mod can;
pub mod endpoint;
pub mod explain;
#[cfg(test)]
pub(crate) mod fixture;
mod matrix;

pub use matrix::{
    By, Endpoint, EndpointFacts, Ends, External, ExternalId, Flow, Isolation, Matrix, PodPairs, Summary, View,
};

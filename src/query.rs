//! Questions about a reachability, and the structs that answer them. Formats no text.

mod group;
pub mod can;
pub mod endpoint;
pub mod explain;
#[cfg(test)]
pub(crate) mod fixture;
mod matrix;
mod summary;

pub use matrix::{
    By, Endpoint, EndpointFacts, Ends, External, Flow, Isolation, Matrix, PodPairs, Summary, View,
};

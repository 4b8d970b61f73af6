//! Questions about a reachability, and the structs that answer them. Formats no text.

mod matrix;

pub use matrix::{
    By, Endpoint, EndpointFacts, Ends, External, ExternalId, Flow, Isolation, Matrix, PodPairs, Summary, View,
};

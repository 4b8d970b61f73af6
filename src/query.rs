//! Questions about a reachability, and the structs that answer them. Formats no text.

mod matrix;
mod selector;

pub use matrix::{
    By, Endpoint, EndpointFacts, Ends, External, ExternalId, Flow, Isolation, Matrix, PodPairs, Summary, View,
};
pub use selector::{LabelQuery, LabelQueryError};

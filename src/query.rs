//! Questions about a reachability, and the structs that answer them. Formats no text.

pub mod because;
pub mod can;
mod carried;
pub mod difference;
pub mod endpoint;
pub mod explain;
pub mod factors;
#[cfg(test)]
pub(crate) mod fixture;
mod group;
pub mod idle;
mod matrix;
pub mod reach;
mod selector;
mod summary;
pub mod unknowns;
pub mod warnings;

pub use carried::Carried;
pub use matrix::{
    By, Endpoint, EndpointFacts, Ends, External, Flow, Isolation, Matrix, PodPairs, Shown, Summary, View,
};
pub use selector::{LabelQuery, LabelQueryError};

pub(crate) use group::{groups, merged};
pub(crate) use matrix::Blend;
pub(crate) use reach::shown_address;

pub use crate::solve::ExternalId;

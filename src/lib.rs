//! podreach: exact reachability of Kubernetes NetworkPolicies.

pub mod cluster;
pub mod compile;
pub mod diagnostic;
pub mod ids;
pub mod index;
pub mod k8s;
pub mod label;
pub mod load;
pub mod net;
pub mod policy;
pub mod profile;
pub mod query;
pub mod reference;
pub mod render;
pub mod set;
pub mod solve;
pub mod yaml;

//! `v1 Endpoints` and `discovery.k8s.io/v1 EndpointSlice`: the addresses behind Services without a selector.

use serde::Deserialize;

use super::meta::ObjectMeta;
use super::scalar::{List, Text, null_is_default};

/// `v1 Endpoints`; belongs to the Service of the same name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Endpoints {
    /// Name and namespace.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: ObjectMeta,
    /// Address and port groups.
    pub subsets: Option<List<EndpointsSubset>>,
}

/// One of `Endpoints.subsets`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointsSubset {
    /// The addresses.
    pub addresses: Option<List<EndpointsAddress>>,
    /// Addresses that are not ready, and stand behind no Service.
    pub not_ready_addresses: Option<List<EndpointsAddress>>,
    /// The ports.
    pub ports: Option<List<EndpointSlicePort>>,
}

/// One of a subset's addresses.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct EndpointsAddress {
    /// The address.
    pub ip: Option<Text>,
}

/// `discovery.k8s.io/v1 EndpointSlice`; belongs to the Service its label `kubernetes.io/service-name` names.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSlice {
    /// Name, namespace and labels.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: ObjectMeta,
    /// `IPv4`, `IPv6` or `FQDN`.
    pub address_type: Option<Text>,
    /// The endpoints.
    pub endpoints: Option<List<SliceEndpoint>>,
    /// The ports.
    pub ports: Option<List<EndpointSlicePort>>,
}

/// One of `EndpointSlice.endpoints`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct SliceEndpoint {
    /// The addresses.
    pub addresses: Option<List<Text>>,
}

/// A port of an Endpoints subset or an EndpointSlice.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct EndpointSlicePort {
    /// The name of the Service port.
    pub name: Option<Text>,
    /// The number at the address.
    pub port: Option<i32>,
    /// `TCP` when absent.
    pub protocol: Option<Text>,
}

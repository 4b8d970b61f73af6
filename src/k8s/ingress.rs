//! `networking.k8s.io/v1 Ingress`, and the names its fields had before v1.

use serde::Deserialize;

use super::meta::ObjectMeta;
use super::scalar::{IntOrString, List, Text, null_is_default};

/// `networking.k8s.io/v1 Ingress`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Ingress {
    /// Name and namespace.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: ObjectMeta,
    /// The backends of requests; boxed, so that no other object takes more room than it needs.
    pub spec: Option<Box<IngressSpec>>,
}

/// `Ingress.spec`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngressSpec {
    /// For requests that no rule takes.
    pub default_backend: Option<IngressBackend>,
    /// The same before v1.
    pub backend: Option<IngressBackend>,
    /// `spec.rules`.
    pub rules: Option<List<IngressRule>>,
}

/// One of `Ingress.spec.rules`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct IngressRule {
    /// `http`.
    pub http: Option<HttpIngressRule>,
}

/// `http` of a rule.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct HttpIngressRule {
    /// `paths`.
    pub paths: Option<List<HttpIngressPath>>,
}

/// One of a rule's `paths`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct HttpIngressPath {
    /// The backend of its requests.
    pub backend: Option<IngressBackend>,
}

/// A `backend`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IngressBackend {
    /// An object of another kind instead of a Service.
    pub resource: Option<TypedLocalObjectReference>,
    /// A Service.
    pub service: Option<IngressServiceBackend>,
    /// Its name before v1.
    pub service_name: Option<Text>,
    /// Its port before v1.
    pub service_port: Option<IntOrString>,
}

/// `backend.resource`, of which only matters that it is there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct TypedLocalObjectReference {}

/// `backend.service`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct IngressServiceBackend {
    /// A Service of the Ingress' namespace.
    pub name: Option<Text>,
    /// Its port.
    pub port: Option<IngressBackendPort>,
}

/// `backend.service.port`: a name or a number.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct IngressBackendPort {
    /// The name.
    pub name: Option<Text>,
    /// The number.
    pub number: Option<i32>,
}

//! `networking.k8s.io/v1 NetworkPolicy`, strict: an unknown field is an error.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::meta::{LabelSelector, ObjectMeta, strict_metadata};
use super::scalar::{IntOrString, List, Text, null_is_default};

/// `networking.k8s.io/v1 NetworkPolicy`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkPolicy {
    /// `networking.k8s.io/v1`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub api_version: Text,
    /// `NetworkPolicy`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub kind: Text,
    /// Name and namespace; fields in here that the API does not have are errors, too.
    #[serde(default, deserialize_with = "strict_metadata")]
    pub metadata: ObjectMeta,
    /// The spec; absent or null is the empty one.
    pub spec: Option<NetworkPolicySpec>,
    /// Dumps carry one; it is never read.
    #[serde(default)]
    status: Ignored,
}

/// A cluster-wide policy of `policy.networking.k8s.io`, as strict as a NetworkPolicy but for its spec, which its own
/// schema judges.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ClusterWidePolicy {
    #[serde(rename = "apiVersion")]
    _api_version: Ignored,
    #[serde(rename = "kind")]
    _kind: Ignored,
    /// Its name; fields in here that the API does not have are errors.
    #[serde(default, deserialize_with = "strict_metadata")]
    pub(crate) metadata: ObjectMeta,
    /// The spec, as it is.
    pub(crate) spec: Option<serde_json::Value>,
    /// Dumps carry one; it is never read.
    #[serde(default, rename = "status")]
    _status: Ignored,
}

/// A value that is accepted and dropped.
#[derive(Clone, Debug, Default)]
struct Ignored;

impl PartialEq for Ignored {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// `NetworkPolicy.spec`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkPolicySpec {
    /// Selector of the pods of the namespace that the policy applies to; absent selects all.
    pub pod_selector: Option<LabelSelector>,
    /// `spec.policyTypes`.
    pub policy_types: Option<List<Text>>,
    /// `spec.ingress`.
    pub ingress: Option<List<NetworkPolicyIngressRule>>,
    /// `spec.egress`.
    pub egress: Option<List<NetworkPolicyEgressRule>>,
}

/// One of `spec.ingress`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkPolicyIngressRule {
    /// The sources; absent or empty is everything.
    pub from: Option<List<NetworkPolicyPeer>>,
    /// The ports; absent or empty is everything.
    pub ports: Option<List<NetworkPolicyPort>>,
}

/// One of `spec.egress`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkPolicyEgressRule {
    /// The destinations; absent or empty is everything.
    pub to: Option<List<NetworkPolicyPeer>>,
    /// The ports; absent or empty is everything.
    pub ports: Option<List<NetworkPolicyPort>>,
}

/// One of a rule's `from` or `to`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkPolicyPeer {
    /// Pods by label; with a namespaceSelector both must hold.
    pub pod_selector: Option<LabelSelector>,
    /// Namespaces by label; absent means the policy's own.
    pub namespace_selector: Option<LabelSelector>,
    /// Addresses; excludes the selectors.
    pub ip_block: Option<IpBlock>,
}

/// `ipBlock`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IpBlock {
    /// The range.
    pub cidr: Option<Text>,
    /// Ranges taken out of it.
    pub except: Option<List<Text>>,
}

/// One of a rule's `ports`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkPolicyPort {
    /// `TCP` when absent.
    pub protocol: Option<Text>,
    /// A number, or the name of a container port.
    pub port: Option<IntOrString>,
    /// With a number: the end of the range, inclusive.
    pub end_port: Option<i32>,
}

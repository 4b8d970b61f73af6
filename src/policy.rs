//! The rule language that every policy API lowers to.
//!
//! A [`Policy`] stands in a [`Tier`], selects its subject pods, and holds rules for each direction. In the
//! NetworkPolicy tier a policy isolates the pods it selects and the union of the rules accepts; in the other tiers the
//! first matching rule of the lowest priority number decides or passes on. The solver knows these words and no
//! policy API; one module per API validates what the user wrote and lowers it.

mod cidr;
pub mod field;
pub mod network_policy_api;
pub mod networking_v1;
mod schema;
mod server;
pub mod unevaluated;
mod validate;

use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;

use crate::diagnostic::{ObjectName, Origin};
use crate::ids::{NamespaceId, NodeId};
use crate::label::SelectorId;
use crate::net::{ByDirection, Direction, Protocol};
use crate::profile::{ProfileSet, Semantics};

pub use cidr::{Form, ParsedCidr, parse_cidr, parse_ip, parse_ip_form};
pub(crate) use server::older_servers;
pub use server::{KubeVersion, Validation};
pub(crate) use validate::{
    IP_ADDRESS, IP_CIDR, PORT_NUMBER, dns_label_problems, dns_subdomain_problems, port_name_problems,
    port_number, report, selector_accepts, validate_labels, validate_selector,
};
pub use validate::{label_key_problems, label_value_problems, lower_selector};

crate::define_id! {
    /// A policy of the cluster, in order of tier, priority, namespace and name.
    PolicyId,
}

/// The order in which policies are asked; each direction of each pod on its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Tier {
    /// Policies podreach does not evaluate: whatever they might select is unknown.
    Unevaluated,
    /// The same of kinds that only take away: what the other policies deny stays denied.
    Restricting,
    /// AdminNetworkPolicy, ClusterNetworkPolicy of tier Admin.
    Admin,
    /// NetworkPolicy: final for every pod it isolates.
    NetworkPolicy,
    /// BaselineAdminNetworkPolicy, ClusterNetworkPolicy of tier Baseline.
    Baseline,
}

/// The way in which the policies of a tier are put together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Combine {
    /// Not at all: whatever they select, every port may be accepted, denied or left to the next tier.
    Unknown,
    /// Not at all, but that they may only deny.
    Restriction,
    /// In their order, and each policy's rules in written order: the first rule that matches decides.
    FirstMatch,
    /// Together: a port is accepted if a rule accepts it and none denies it. No rule passes in such a tier.
    Union,
}

/// The end of a tier: what becomes of the ports that no rule of it decides.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TierEnd {
    /// They are left to the next tier.
    Pass,
    /// They are denied, if a policy of the tier isolates the subject; else they are left to the next tier.
    DenyIfIsolated,
}

impl Tier {
    /// The way in which its policies are put together.
    pub const fn combine(self) -> Combine {
        match self {
            Self::Unevaluated => Combine::Unknown,
            Self::Restricting => Combine::Restriction,
            Self::Admin | Self::Baseline => Combine::FirstMatch,
            Self::NetworkPolicy => Combine::Union,
        }
    }

    /// Its end.
    pub const fn end(self) -> TierEnd {
        match self {
            Self::NetworkPolicy => TierEnd::DenyIfIsolated,
            Self::Unevaluated | Self::Restricting | Self::Admin | Self::Baseline => TierEnd::Pass,
        }
    }

    /// True if the first rule that matches decides, so that the order of policies and rules matters.
    pub const fn is_ordered(self) -> bool {
        matches!(self.combine(), Combine::FirstMatch)
    }

    /// True if the rules of its policies are evaluated.
    pub const fn is_evaluated(self) -> bool {
        !matches!(self.combine(), Combine::Unknown | Combine::Restriction)
    }
}

/// The place of a policy in its tier: lower is asked first. Of policies in one place any may be first, so that where they
/// disagree the verdict is unknown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Order {
    /// The priority that the policy gives itself.
    pub priority: u32,
    /// The key that decides between equal priorities, compared byte by byte, where the implementation has one (K49, K64).
    pub tie: Option<Arc<str>>,
}

/// The effect of a rule on connections that it matches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action {
    /// The connection is accepted on this side.
    Accept,
    /// The connection is denied.
    Deny,
    /// The rest of the tier is skipped.
    Pass,
}

/// One policy, validated and defaulted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Kind, namespace and name.
    pub name: ObjectName,
    /// The place in the input where it was read.
    pub origin: Origin,
    /// The CNI profiles that could enforce it.
    pub enforced_by: ProfileSet,
    /// True if it stands for an object with errors (`--keep-going`), so that whatever it might select is unknown.
    pub is_left_out: bool,
    /// The tier that it stands in.
    pub tier: Tier,
    /// Lower is asked first within the tier; 0 in the NetworkPolicy tier, where order has no meaning.
    pub priority: u32,
    /// The pods or nodes that it applies to.
    pub subject: Subject,
    /// Directions in which it isolates its subjects (NetworkPolicy) or makes them unknown (not evaluated).
    pub isolates: ByDirection<bool>,
    /// Directions in which rules are written that `policyTypes` leaves out (R10).
    pub idle: ByDirection<bool>,
    /// The rules of each direction, in written order. Rules of directions that do not apply (R10) are not here.
    pub rules: ByDirection<Vec<Rule>>,
}

impl Policy {
    /// True if it was taken away ([`crate::what_if`]) and only its number is kept: no profile enforces it.
    pub fn is_withdrawn(&self) -> bool {
        self.enforced_by == ProfileSet::NONE
    }

    /// Takes it out of force, under every profile, without changing the numbers of the others.
    pub(crate) fn withdraw(&mut self) {
        self.enforced_by = ProfileSet::NONE;
    }

    /// The field that says what it applies to.
    pub const fn subject_path(&self) -> &'static str {
        if self.tier.is_ordered() { "spec.subject" } else { "spec.podSelector" }
    }

    /// The priority that is written in it; `None` in a kind that has none.
    pub fn written_priority(&self) -> Option<u32> {
        let has_one = self.tier.is_ordered()
            && *self.name.kind != *network_policy_api::Kind::BaselineAdminNetworkPolicy.name();
        has_one.then_some(self.priority)
    }

    /// True if its kind calls the action of accepting rules `Allow`.
    pub fn says_allow(&self) -> bool {
        use network_policy_api::Kind::{AdminNetworkPolicy, BaselineAdminNetworkPolicy};
        [AdminNetworkPolicy, BaselineAdminNetworkPolicy].iter().any(|kind| *self.name.kind == *kind.name())
    }

    /// Its place in its tier under a profile.
    pub fn order(&self, semantics: Semantics) -> Order {
        let ObjectName { kind, namespace, name } = &self.name;
        let decides = semantics.ties_by_name && self.tier.is_ordered();
        let tie = decides.then(|| format!("{name}/{namespace}/Kubernetes{kind}").into());
        Order { priority: self.priority, tie }
    }

    /// True if it is asked in a direction for the pods that it selects.
    pub fn decides(&self, direction: Direction) -> bool {
        self.isolates[direction] || !self.rules[direction].is_empty()
    }

    /// True if one of its rules denies, so that it may deny what other policies, or none, allow to the pods it selects.
    pub fn may_deny(&self, direction: Direction) -> bool {
        self.rules[direction].iter().any(|rule| rule.action == Action::Deny)
    }

    /// True if a peer of it depends on the namespace of the subject.
    pub fn is_relative(&self) -> bool {
        let rules = Direction::ALL.into_iter().flat_map(|direction| &self.rules[direction]);
        rules.map(|rule| &rule.peers).any(Peers::are_relative)
    }
}

/// The pods or nodes that a policy applies to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Subject {
    /// Pods by selectors.
    Pods(PodMatch),
    /// Nodes, and so the hostNetwork pods on them.
    Hosts(HostMatch),
}

impl Subject {
    /// The selectors of a policy that applies to pods by selectors.
    pub const fn pods(&self) -> Option<&PodMatch> {
        match self {
            Self::Pods(selectors) => Some(selectors),
            Self::Hosts(_) => None,
        }
    }
}

/// Nodes, by labels or by identity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HostMatch {
    /// Any node, perhaps.
    Any,
    /// Those with matching labels.
    Labels(SelectorId),
    /// This one.
    One(NodeId),
}

/// Pods by namespace and labels. Never matches hostNetwork pods or anything that is no pod (R25, R52), but where it
/// stands for hosts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PodMatch {
    /// In which namespaces.
    pub namespaces: NamespaceMatch,
    /// With which labels.
    pub pods: SelectorId,
    /// Set if a match is never sure: for the pods that a policy kind that is not evaluated might select.
    pub perhaps: bool,
    /// Set if it stands for hostNetwork pods and nodes too, where the CNI knows them by a label (I2).
    pub hosts: bool,
}

/// Namespaces, by identity or by labels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NamespaceMatch {
    /// This one: the policy's own.
    One(NamespaceId),
    /// Those with matching labels.
    Labels(SelectorId),
    /// Of a peer: those that have every key which the selector asks for (it asks for nothing else), each with the value
    /// that it has on the namespace of the subject.
    SameLabels(SelectorId),
    /// Of a peer: those that have every key, at least one with another value than on the namespace of the subject, which
    /// has every key as well.
    OtherLabels(SelectorId),
}

impl NamespaceMatch {
    /// True if it depends on the namespace of the subject.
    pub const fn is_relative(self) -> bool {
        matches!(self, Self::SameLabels(_) | Self::OtherLabels(_))
    }

    /// The selector that it asks with, if it asks for labels.
    pub const fn selector(self) -> Option<SelectorId> {
        match self {
            Self::One(_) => None,
            Self::Labels(selector) | Self::SameLabels(selector) | Self::OtherLabels(selector) => {
                Some(selector)
            }
        }
    }
}

/// One rule of one direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// The effect on connections that it matches.
    pub action: Action,
    /// The peers that it matches.
    pub peers: Peers,
    /// The ports that it matches.
    pub ports: Ports,
    /// The conditions that a connection must meet beside, so that it matches only some of what may be said on the ports.
    ///
    /// INVARIANT: a rule that passes has none.
    pub conditions: Vec<Condition>,
    /// Its number in the object as written: `spec.ingress[0]` is 0.
    pub index: usize,
    /// Where it was written.
    pub written: Written,
}

impl Rule {
    /// True if it matches only some of what may be said on its ports.
    pub fn is_conditional(&self) -> bool {
        !self.conditions.is_empty()
    }
}

/// A condition of a rule: what it asks of a connection beside its ends and its port.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Condition {
    /// The field that says it, from the root of the object.
    pub path: Box<str>,
    /// The kind of what it asks.
    pub kind: ConditionKind,
}

/// A kind of condition, in alphabetic order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ConditionKind {
    /// Mutual authentication of the ends.
    Auth,
    /// The names that DNS is asked for.
    Dns,
    /// HTTP requests.
    Http,
    /// Kafka requests.
    Kafka,
    /// Another protocol, which a proxy reads.
    L7,
    /// The choice of a proxy's listener.
    Listener,
    /// The name of the server that TLS is asked for.
    Sni,
}

impl ConditionKind {
    /// The mark that a verdict has in machine formats which hangs on it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Dns => "dns",
            Self::Http => "http",
            Self::Kafka => "kafka",
            Self::L7 => "l7",
            Self::Listener => "listener",
            Self::Sni => "sni",
        }
    }
}

/// Where a rule and its parts were written, from the root of the object, as Kubernetes writes paths.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// The rule: `spec.ingress[0]`.
    pub rule: Box<str>,
    /// Its peers, in the order of [`Peers::Of`]. One that is written with several addresses is several of them.
    pub peers: Vec<Place>,
    /// Its ports, in the order of [`Ports::Of`].
    pub ports: Vec<Place>,
}

impl Written {
    /// The path of a peer: `spec.egress[0].to[1].networks[2]`.
    pub fn peer(&self, index: usize) -> String {
        format!("{}.{}", self.rule, self.peers[index])
    }

    /// The path of an element of the ports: `spec.egress[0].ports[1]`.
    pub fn port(&self, index: usize) -> String {
        format!("{}.{}", self.rule, self.ports[index])
    }

    /// The path of the list of the ports, or that of the rule if it has none: `spec.egress[0].protocols`.
    pub fn all_ports(&self) -> String {
        match self.ports.first() {
            Some(place) => format!("{}.{}", self.rule, place.list),
            None => self.rule.to_string(),
        }
    }
}

/// An element of a list of a rule, or of a list in such an element: `from[1]`, `to[0].networks[3]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    list: &'static str,
    index: usize,
    within: Option<Within>,
}

/// A part of an element: a field, or an element of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Within {
    field: &'static str,
    index: Option<usize>,
}

impl Place {
    /// This element of this list.
    pub const fn new(list: &'static str, index: usize) -> Self {
        Self { list, index, within: None }
    }

    /// A field of it.
    #[must_use]
    pub const fn field(self, field: &'static str) -> Self {
        Self { within: Some(Within { field, index: None }), ..self }
    }

    /// An element of a list in it.
    #[must_use]
    pub const fn item(self, field: &'static str, index: usize) -> Self {
        Self { within: Some(Within { field, index: Some(index) }), ..self }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.list, self.index)?;
        match self.within {
            None => Ok(()),
            Some(Within { field, index: None }) => write!(f, ".{field}"),
            Some(Within { field, index: Some(index) }) => write!(f, ".{field}[{index}]"),
        }
    }
}

/// The peers that a rule matches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Peers {
    /// Everything: pods, nodes, every address (R13).
    Any,
    /// Any of these (R14).
    Of(Vec<Peer>),
}

impl Peers {
    /// True if one of them depends on the namespace of the subject.
    pub fn are_relative(&self) -> bool {
        let Self::Of(peers) = self else { return false };
        peers.iter().any(|peer| matches!(peer, Peer::Pods(pods) if pods.namespaces.is_relative()))
    }
}

/// One element of `from` or `to`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Peer {
    /// Pods by selectors.
    Pods(PodMatch),
    /// Addresses.
    IpBlock(IpBlock),
    /// Addresses outside the cluster that one of these names, or names of these patterns, stands for. Which those are is
    /// not in any manifest: an address that is no pod's and no node's may be one.
    DomainNames(Vec<Box<str>>),
}

/// A block of addresses with holes.
///
/// INVARIANT: `cidr` and `except` have their host bits masked, and every `except` is a strict subset of `cidr`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IpBlock {
    /// The range.
    pub cidr: IpNet,
    /// Taken out of this range only (R41).
    pub except: Vec<IpNet>,
}

/// The ports that a rule matches.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Ports {
    /// Every port of every protocol (R15).
    Any,
    /// Any of these (R16).
    Of(Vec<PortMatch>),
}

impl Ports {
    /// True if any port is given by name.
    pub fn has_names(&self) -> bool {
        matches!(self, Self::Of(ports) if ports.iter().any(|port| matches!(port, PortMatch::Named { .. })))
    }
}

/// One element of `ports`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PortMatch {
    /// Numbers `first..=last`; the whole protocol is `1..=65535`.
    Range {
        /// The protocol.
        protocol: Protocol,
        /// The first number.
        first: u16,
        /// The last number.
        last: u16,
    },
    /// A named port, resolved on each destination pod (R33).
    Named {
        /// The protocol the name must be declared with (R35).
        protocol: Protocol,
        /// The name.
        name: Box<str>,
    },
}

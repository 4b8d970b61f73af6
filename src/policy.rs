//! The rule language that every policy API lowers to.
//!
//! A [`Policy`] stands in a [`Tier`], selects its subject pods, and holds rules for each direction. In the
//! NetworkPolicy tier a policy isolates the pods it selects and the union of the rules accepts; in the other tiers the
//! first matching rule of the lowest priority number decides or passes on. The solver knows these words and no
//! policy API; one module per API validates what the user wrote and lowers it.

mod cidr;
pub mod field;
pub mod networking_v1;
mod server;
pub mod unevaluated;
mod validate;

use ipnet::IpNet;

use crate::diagnostic::{ObjectName, Origin};
use crate::ids::{NamespaceId, NodeId};
use crate::label::SelectorId;
use crate::net::{ByDirection, Direction, Protocol};
use crate::profile::ProfileSet;

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

impl Tier {
    /// Whether the rules of its policies are evaluated.
    pub const fn is_evaluated(self) -> bool {
        !matches!(self, Self::Unevaluated | Self::Restricting)
    }
}

/// What a matching rule does.
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
    /// Where it was read.
    pub origin: Origin,
    /// The CNI profiles that could enforce it.
    pub enforced_by: ProfileSet,
    /// When it is asked.
    pub tier: Tier,
    /// Lower is asked first within the tier; 0 in the NetworkPolicy tier, where order has no meaning.
    pub priority: u32,
    /// What it applies to.
    pub subject: Subject,
    /// Directions in which it isolates its subjects (NetworkPolicy) or makes them unknown (not evaluated).
    pub isolates: ByDirection<bool>,
    /// Directions in which rules are written that `policyTypes` leaves out (R10).
    pub idle: ByDirection<bool>,
    /// The rules of each direction, in written order. Rules of directions that do not apply (R10) are not here.
    pub rules: ByDirection<Vec<Rule>>,
}

impl Policy {
    /// Whether it was taken away ([`crate::what_if`]) and only its number is kept: no profile enforces it.
    pub fn is_withdrawn(&self) -> bool {
        self.enforced_by == ProfileSet::NONE
    }

    /// Takes it out of force, under every profile, without changing the numbers of the others.
    pub(crate) fn withdraw(&mut self) {
        self.enforced_by = ProfileSet::NONE;
    }

    /// Whether it has a say in a direction for the pods that it selects.
    pub fn decides(&self, direction: Direction) -> bool {
        match self.tier {
            Tier::NetworkPolicy | Tier::Unevaluated | Tier::Restricting => self.isolates[direction],
            Tier::Admin | Tier::Baseline => !self.rules[direction].is_empty(),
        }
    }

    /// Whether it stands for something that could not be read (`--keep-going`), and not for a kind that is not
    /// evaluated: those that share the name of a Kubernetes kind carry their group.
    pub fn is_left_out(&self) -> bool {
        self.tier == Tier::Unevaluated && matches!(&*self.name.kind, "" | "NetworkPolicy")
    }
}

/// What a policy applies to.
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
    /// When set, a match is never sure: what a policy kind that is not evaluated might select.
    pub perhaps: bool,
    /// Whether it stands for hostNetwork pods and nodes too, where the CNI knows them by a label (I2).
    pub hosts: bool,
}

/// Namespaces, by identity or by labels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NamespaceMatch {
    /// This one: the policy's own.
    One(NamespaceId),
    /// Those with matching labels.
    Labels(SelectorId),
}

/// One rule of one direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// What it does when it matches.
    pub action: Action,
    /// Whom it matches; see [`Peers`].
    pub peers: Peers,
    /// Which ports it matches.
    pub ports: Ports,
    /// Its number in the object as written: `spec.ingress[0]` is 0.
    pub index: usize,
}

/// Whom a rule matches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Peers {
    /// Everything: pods, nodes, every address (R13).
    Any,
    /// Any of these (R14).
    Of(Vec<Peer>),
}

/// One element of `from` or `to`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Peer {
    /// Pods by selectors.
    Pods(PodMatch),
    /// Addresses.
    IpBlock(IpBlock),
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

/// Which ports a rule matches.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Ports {
    /// Every port of every protocol (R15).
    Any,
    /// Any of these (R16).
    Of(Vec<PortMatch>),
}

impl Ports {
    /// Whether any port is given by name.
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

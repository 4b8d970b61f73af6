//! Ports of rules, and the named ports of pods as far as rules use them.

use std::collections::BTreeSet;

use crate::cluster::{ContainerKind, DeclaredPort, Pod, Text};
use crate::net::{Direction, PortSet, PortSetId, PortTable, Protocol};
use crate::policy::{PortMatch, Ports};
use crate::profile::{AmbiguousPort, Semantics};
use crate::set::Interner;

crate::define_id! {
    /// A (protocol, name) that some rule uses.
    PortNameId,
    /// An interned [`Resolution`].
    ResolutionId,
}

/// The ports of a rule: numbers, and names that each destination resolves for itself (R33).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CompiledPorts {
    /// Ports given by number, or everything.
    pub fixed: PortSetId,
    /// Ports given by name.
    pub named: Box<[PortNameId]>,
}

impl CompiledPorts {
    /// The ports that the names stand for on a destination with this resolution, without names that the profile skips.
    pub fn resolve<'a>(
        &'a self,
        resolution: &'a Resolution,
        direction: Direction,
        semantics: Semantics,
    ) -> impl Iterator<Item = &'a PortSet> {
        self.named
            .iter()
            .filter_map(|&name| resolution.get(name))
            .filter(move |named| !(direction == Direction::Egress && named.is_skipped(semantics)))
            .map(|named| &named.ports)
    }
}

/// The port names that rules use.
#[derive(Clone, Debug, Default)]
pub struct PortNames {
    names: Interner<PortNameId, (Protocol, Text)>,
}

impl PortNames {
    /// Compiles the `ports` of a rule.
    pub(super) fn compile(&mut self, ports: &Ports, table: &mut PortTable) -> CompiledPorts {
        let Ports::Of(matches) = ports else {
            return CompiledPorts { fixed: table.full(), named: Box::default() };
        };
        let mut fixed = PortSet::empty();
        let mut named = Vec::new();
        for port in matches {
            match port {
                PortMatch::Range { protocol, first, last } => {
                    fixed = fixed.union(&PortSet::from_range(*protocol, *first, *last));
                }
                PortMatch::Named { protocol, name } => {
                    named.push(self.names.intern_owned((*protocol, Text::from(&**name))));
                }
            }
        }
        named.sort_unstable();
        named.dedup();
        CompiledPorts { fixed: table.id(fixed), named: named.into() }
    }

    /// True if all names of `ports` are among them.
    pub(super) fn know(&self, ports: &Ports) -> bool {
        let Ports::Of(matches) = ports else { return true };
        matches.iter().all(|port| match port {
            PortMatch::Range { .. } => true,
            PortMatch::Named { protocol, name } => self.find(*protocol, name).is_some(),
        })
    }

    /// The number of a name; `None` if no rule uses it.
    pub(crate) fn find(&self, protocol: Protocol, name: &str) -> Option<PortNameId> {
        self.names.get(&(protocol, Text::from(name)))
    }

    /// The names that pods declare in init containers (I15).
    pub(super) fn of_init_containers<'p>(&self, pods: impl Iterator<Item = &'p Pod>) -> BTreeSet<PortNameId> {
        let ports = pods.flat_map(named_ports).filter(|port| port.container != ContainerKind::Regular);
        ports.filter_map(|port| self.names.get(&(port.protocol, port.name.clone()))).collect()
    }

    /// Resolves the names on a pod: only those that it declares, and none if it is a hostNetwork pod (R39).
    pub(super) fn resolution(&self, pod: &Pod, semantics: Semantics) -> Resolution {
        let mut entries: Vec<(PortNameId, NamedPorts)> = Vec::new();
        if !self.names.is_empty() {
            for port in named_ports(pod).filter(|port| semantics.named_ports.includes(port.container)) {
                let Some(name) = self.names.get(&(port.protocol, port.name.clone())) else { continue };
                let ports = PortSet::from_range(port.protocol, port.number, port.number);
                match entries.iter_mut().find(|(id, _)| *id == name) {
                    Some((_, known)) if !known.ports.contains(port.protocol, port.number) => {
                        *known = NamedPorts { ports: known.ports.union(&ports), ambiguous: true };
                    }
                    Some(_) => {}
                    None => entries.push((name, NamedPorts { ports, ambiguous: false })),
                }
            }
        }
        entries.sort_by_key(|&(name, _)| name);
        Resolution { entries: entries.into() }
    }

    /// True if an init container declares one of the names (I15).
    pub(super) fn used_by_init_container(&self, pod: &Pod) -> bool {
        named_ports(pod).any(|port| {
            port.container != ContainerKind::Regular
                && self.names.get(&(port.protocol, port.name.clone())).is_some()
        })
    }
}

/// The ports of a pod that rules can name: a hostNetwork pod is its node, which has none (R39).
fn named_ports(pod: &Pod) -> impl Iterator<Item = &DeclaredPort> {
    let ports: &[DeclaredPort] = if pod.host_network { &[] } else { pod.named_ports() };
    ports.iter()
}

/// The ports that the names used by rules stand for on one pod. Pods with equal resolutions share one.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Resolution {
    entries: Box<[(PortNameId, NamedPorts)]>,
}

/// The numbers one name stands for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NamedPorts {
    /// All of them (R34).
    pub ports: PortSet,
    /// Set if there are several numbers (I14).
    pub ambiguous: bool,
}

impl NamedPorts {
    fn is_skipped(&self, semantics: Semantics) -> bool {
        self.ambiguous && semantics.ambiguous_egress_port == AmbiguousPort::Skipped
    }
}

impl Resolution {
    /// The ports of `name`; `None` if the pod does not declare it (R38).
    pub fn get(&self, name: PortNameId) -> Option<&NamedPorts> {
        self.entries.binary_search_by_key(&name, |&(id, _)| id).ok().map(|i| &self.entries[i].1)
    }

    /// True if the pod declares any of `names`.
    pub fn declares_any(&self, names: &[PortNameId]) -> bool {
        names.iter().any(|&name| self.get(name).is_some())
    }

    /// The names that stand for several numbers (I14).
    pub(super) fn ambiguous(&self) -> impl Iterator<Item = PortNameId> {
        self.entries.iter().filter(|(_, named)| named.ambiguous).map(|&(name, _)| name)
    }

    pub(super) fn has_ambiguous(&self) -> bool {
        self.entries.iter().any(|(_, named)| named.ambiguous)
    }
}

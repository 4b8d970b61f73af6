//! Everything that a change opens beside what was asked for, and everything that it closes, counted.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::cluster::{Addresses, Cluster, PodId};
use crate::compile::Program;
use crate::diff::{Change, Difference, Group};
use crate::net::{AddressSet, ByFamily, Direction, Family, PortSet, address, address_number};
use crate::query::endpoint::{Ports, Target};
use crate::query::explain::weigh::{Numbers, Weigher, length};
use crate::solve::{Connectivity, End};

/// Connections that a fix allows, or perhaps allows, and that nobody asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Opened {
    /// Ordered pairs of pods of which a port becomes allowed.
    pub pairs: u64,
    /// Those that perhaps become allowed.
    pub perhaps: u64,
    /// Pods to which, or from which, addresses outside become allowed or perhaps allowed, by their own direction.
    pub outside: u64,
    /// One such connection.
    pub example: Option<(End, End)>,
}

impl Opened {
    /// True if nothing else opens.
    pub fn is_nothing(&self) -> bool {
        self.pairs == 0 && self.perhaps == 0 && self.outside == 0
    }
}

/// Connections that a fix denies, or makes less sure, since it isolates pods that no NetworkPolicy isolated.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Closed {
    /// Ordered pairs of pods of which a port is lost.
    pub pairs: u64,
    /// Pods that lose ports to, or from, addresses outside, by their own direction.
    pub outside: u64,
    /// One such connection.
    pub example: Option<(End, End)>,
}

impl Closed {
    /// True if nothing closes.
    pub fn is_nothing(&self) -> bool {
        self.pairs == 0 && self.outside == 0
    }
}

/// Counts what a difference opens beside a question, and what it closes.
pub(super) fn effect(
    difference: &Difference,
    program: &Program,
    from: &Target,
    to: &Target,
) -> (Opened, Closed) {
    let mut count = Count {
        cluster: &program.cluster,
        weigher: Weigher { program },
        from,
        to,
        asked_from: numbers(from),
        asked_to: numbers(to),
        owned: owned(&program.cluster),
        outside: BTreeMap::new(),
        opened: Opened::default(),
        lost_outside: BTreeMap::new(),
        closed: Closed::default(),
    };
    for change in &difference.changes {
        let lost = gained(&change.after, &change.before);
        if !lost.is_empty() {
            count.lost(difference, change);
        }
        let grown = gained(&change.before, &change.after);
        if !grown.is_empty() {
            count.change(difference, change, &grown);
        }
    }
    count.opened.outside = count.outside.values().copied().sum();
    count.closed.outside = count.lost_outside.values().copied().sum();
    (count.opened, count.closed)
}

/// The ports that become allowed, or perhaps allowed, or may be used for anything, between the one and the other.
fn gained(before: &Connectivity, after: &Connectivity) -> PortSet {
    let plain = after.plain.difference(&before.plain);
    plain.union(&after.must.difference(&before.must)).union(&after.may.difference(&before.may))
}

/// The pods of a target, those that are perhaps meant among them.
fn numbers(target: &Target) -> Numbers {
    let mut numbers = Numbers::new();
    for (pod, range) in target.ends.pods.iter().chain(target.perhaps.pods()) {
        let ranges = numbers.entry(*pod).or_default();
        match ranges.iter_mut().find(|known| known.start <= range.end && range.start <= known.end) {
            Some(known) => *known = known.start.min(range.start)..known.end.max(range.end),
            None => ranges.push(range.clone()),
        }
    }
    numbers
}

/// The addresses of pods: they are no ends of their own.
fn owned(cluster: &Cluster) -> ByFamily<AddressSet> {
    let mut owned: ByFamily<Vec<(u128, u128)>> = ByFamily::default();
    for pod in &cluster.pods {
        if let Addresses::Known(known) = &pod.addresses {
            for &ip in known {
                owned[Family::of(ip)].push((address_number(ip), address_number(ip)));
            }
        }
    }
    ByFamily { v4: AddressSet::from_ranges(owned.v4), v6: AddressSet::from_ranges(owned.v6) }
}

/// An address of those that are reserved for examples.
const fn example_address(family: Family) -> u128 {
    match family {
        Family::V4 => 0xcb00_7101,
        Family::V6 => 0x2001_0db8 << 96 | 1,
    }
}

struct Count<'a> {
    cluster: &'a Cluster,
    weigher: Weigher<'a>,
    from: &'a Target,
    to: &'a Target,
    asked_from: Numbers,
    asked_to: Numbers,
    owned: ByFamily<AddressSet>,
    /// Number of pods of a group that open to addresses beside those asked about, by the direction of the pods.
    outside: BTreeMap<(PodId, Direction), u64>,
    opened: Opened,
    /// Number of pods of a group that lose addresses, by the direction of the pods.
    lost_outside: BTreeMap<(PodId, Direction), u64>,
    closed: Closed,
}

impl Count<'_> {
    fn pods(&self, difference: &Difference, group: &Group) -> Vec<PodId> {
        match group {
            Group::Pods(set) => difference.pods(set, self.cluster).map(|pod| pod.after.0).collect(),
            Group::Addresses(..) => Vec::new(),
        }
    }

    /// Counts a change that takes ports away.
    fn lost(&mut self, difference: &Difference, change: &Change) {
        let (from, to) = (self.pods(difference, &change.from), self.pods(difference, &change.to));
        let (pods, direction, family, addresses) = match (&change.from, &change.to) {
            (Group::Pods(_), Group::Pods(_)) => {
                let (from, to) = (self.weigher.whole(&from), self.weigher.whole(&to));
                let pairs = self.weigher.pairs(&from, &to);
                self.closed.pairs += pairs;
                if self.closed.example.is_none() && pairs > 0 {
                    let nobody = Numbers::new();
                    self.closed.example = self.example(&from, &to, &nobody, &nobody);
                }
                return;
            }
            (Group::Pods(_), Group::Addresses(family, addresses)) => {
                (from, Direction::Egress, *family, addresses)
            }
            (Group::Addresses(family, addresses), Group::Pods(_)) => {
                (to, Direction::Ingress, *family, addresses)
            }
            (Group::Addresses(..), Group::Addresses(..)) => return,
        };
        for pod in pods {
            let outside = self.outside_of(pod, direction, family, addresses);
            let Some(&(first, _)) = outside.ranges().first() else { continue };
            let usual = example_address(family);
            let first = if outside.contains(usual) { usual } else { first };
            self.lost_outside.insert((pod, direction), u64::from(self.cluster.pods[pod].count));
            let (end, outside) = (End::Pod(pod, 0), End::Address(address(family, first)));
            self.closed.example.get_or_insert(match direction {
                Direction::Egress => (end, outside),
                Direction::Ingress => (outside, end),
            });
        }
    }

    /// Those of some addresses that are no pod's, and from which policies decide.
    fn outside_of(
        &self,
        pod: PodId,
        direction: Direction,
        family: Family,
        addresses: &AddressSet,
    ) -> AddressSet {
        let outside = addresses.difference(&self.owned[family]);
        if direction == Direction::Egress {
            return outside;
        }
        let node = self.cluster.pods[pod].node;
        let own = node.map_or(&[][..], |node| &self.cluster.nodes[node].addresses);
        let own = own.iter().filter(|ip| Family::of(**ip) == family).map(|ip| address_number(*ip));
        outside.difference(&own.map(|number| (number, number)).collect())
    }

    /// Counts a change that adds ports.
    fn change(&mut self, difference: &Difference, change: &Change, grown: &PortSet) {
        let (from, to) = (self.pods(difference, &change.from), self.pods(difference, &change.to));
        match (&change.from, &change.to) {
            (Group::Pods(_), Group::Pods(_)) => {
                let surely = !change.after.must.difference(&change.before.must).is_empty();
                self.between_pods(&from, &to, grown, surely);
            }
            (Group::Pods(_), Group::Addresses(family, addresses)) => {
                let asked = Self::asked_addresses(self.to, *family, grown);
                for pod in from {
                    self.with_outside(pod, Direction::Egress, (*family, addresses), &asked);
                }
            }
            (Group::Addresses(family, addresses), Group::Pods(_)) => {
                let asked = self.from.ends.addresses[*family].clone();
                for pod in to {
                    let wanted = grown.difference(&self.to.ports_at(End::Pod(pod, 0))).is_empty();
                    let asked = if wanted { asked.clone() } else { AddressSet::empty() };
                    self.with_outside(pod, Direction::Ingress, (*family, addresses), &asked);
                }
            }
            (Group::Addresses(..), Group::Addresses(..)) => {}
        }
    }

    fn between_pods(&mut self, from: &[PodId], to: &[PodId], grown: &PortSet, surely: bool) {
        let weigher = self.weigher;
        let among = |pods: &[PodId], asked: &Numbers| -> Numbers {
            pods.iter().filter_map(|pod| Some((*pod, asked.get(pod)?.clone()))).collect()
        };
        let is_asked = |pod: &PodId| grown.difference(&self.to.ports_at(End::Pod(*pod, 0))).is_empty();
        let (all_from, all_to) = (weigher.whole(from), weigher.whole(to));
        let asked_from = among(from, &self.asked_from);
        let mut asked_to = among(to, &self.asked_to);
        asked_to.retain(|pod, _| is_asked(pod));
        let others = weigher.pairs(&all_from, &all_to) - weigher.pairs(&asked_from, &asked_to);
        if others == 0 {
            return;
        }
        if surely {
            self.opened.pairs += others;
        } else {
            self.opened.perhaps += others;
        }
        if self.opened.example.is_none() {
            self.opened.example = self.example(&all_from, &all_to, &asked_from, &asked_to);
        }
    }

    fn example(
        &self,
        from: &Numbers,
        to: &Numbers,
        asked_from: &Numbers,
        asked_to: &Numbers,
    ) -> Option<(End, End)> {
        let holds = |numbers: &Numbers, pod: PodId, index: u32| {
            numbers.get(&pod).is_some_and(|ranges| ranges.iter().any(|range| range.contains(&index)))
        };
        let ends = |numbers: &Numbers| -> Vec<(PodId, u32)> {
            let each = |(pod, ranges): (&PodId, &Vec<Range<u32>>)| {
                let pod = *pod;
                ranges.iter().cloned().flatten().take(3).map(move |index| (pod, index)).collect::<Vec<_>>()
            };
            numbers.iter().flat_map(each).collect()
        };
        let destinations = ends(to);
        ends(from).into_iter().find_map(|(a, i)| {
            let asked = holds(asked_from, a, i);
            let other = destinations.iter().find(|&&(b, j)| {
                (a, i) != (b, j) && !(asked && holds(asked_to, b, j)) && !self.weigher.is_exempt(a, b)
            });
            other.map(|&(b, j)| (End::Pod(a, i), End::Pod(b, j)))
        })
    }

    /// The addresses of a destination on which some ports were asked for.
    fn asked_addresses(target: &Target, family: Family, ports: &PortSet) -> AddressSet {
        let within = |asked: &PortSet| ports.difference(asked).is_empty();
        match &target.ports {
            Ports::ByDestination { addresses, .. } => addresses
                .iter()
                .filter(|(ip, asked)| Family::of(**ip) == family && within(asked))
                .map(|(ip, _)| (address_number(*ip), address_number(*ip)))
                .collect::<AddressSet>()
                .intersection(&target.ends.addresses[family]),
            Ports::Of(asked) if !within(asked) => AddressSet::empty(),
            Ports::Every | Ports::Of(_) | Ports::Declared(_) => target.ends.addresses[family].clone(),
        }
    }

    fn with_outside(
        &mut self,
        pod: PodId,
        direction: Direction,
        (family, addresses): (Family, &AddressSet),
        asked: &AddressSet,
    ) {
        let outside = self.outside_of(pod, direction, family, addresses);
        if outside.is_empty() {
            return;
        }
        let numbers = match direction {
            Direction::Egress => &self.asked_from,
            Direction::Ingress => &self.asked_to,
        };
        let count = u64::from(self.cluster.pods[pod].count);
        let beyond = outside.difference(asked);
        let others = match numbers.get(&pod) {
            Some(ranges) if beyond.is_empty() => count - length(ranges),
            _ => count,
        };
        if others == 0 {
            return;
        }
        let known = self.outside.entry((pod, direction)).or_default();
        *known = others.max(*known);
        if self.opened.example.is_none() {
            let shown = if beyond.is_empty() { &outside } else { &beyond };
            let index = numbers.get(&pod).filter(|_| beyond.is_empty()).map_or(0, |ranges| {
                (0..self.cluster.pods[pod].count)
                    .find(|index| !ranges.iter().any(|range| range.contains(index)))
                    .unwrap_or_default()
            });
            let end = End::Pod(pod, index);
            let outside = shown.ranges().first().map(|&(first, _)| End::Address(address(family, first)));
            self.opened.example = outside.map(|outside| match direction {
                Direction::Egress => (end, outside),
                Direction::Ingress => (outside, end),
            });
        }
    }
}

//! Addresses, ports and protocols.

mod port_table;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, IpSubnets, Ipv4Subnets, Ipv6Subnets};

use crate::set::RangeSet;

pub use port_table::{PortSetId, PortTable};

/// The protocols a NetworkPolicy can name. Others (ICMP, ...) are outside the API (R62).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Protocol {
    /// TCP, the default everywhere.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// All three, in the order they are listed in output.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// `TCP`, `UDP` or `SCTP`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }

    /// The protocol written exactly so; Kubernetes knows no other case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == name)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// IPv4 or IPv6; they never mix (R44, R45).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// The family of a block.
    pub fn of_net(net: IpNet) -> Self {
        Self::of(net.addr())
    }

    /// The largest address as a number; the smallest is 0.
    pub const fn last(self) -> u128 {
        match self {
            Self::V4 => u32::MAX as u128,
            Self::V6 => u128::MAX,
        }
    }
}

/// One value for each family.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ByFamily<T> {
    /// IPv4.
    pub v4: T,
    /// IPv6.
    pub v6: T,
}

impl<T> std::ops::Index<Family> for ByFamily<T> {
    type Output = T;
    #[inline]
    fn index(&self, family: Family) -> &T {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

impl<T> std::ops::IndexMut<Family> for ByFamily<T> {
    #[inline]
    fn index_mut(&mut self, family: Family) -> &mut T {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

/// A set of addresses of one family, as numbers.
pub type AddressSet = RangeSet<u128>;

/// An address as a number within its family.
pub fn address_number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(a) => u128::from(u32::from(a)),
        IpAddr::V6(a) => u128::from(a),
    }
}

/// The address of a family with this number, which must be one of the family's.
pub fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::from(u32::try_from(number).expect("IPv4 addresses have 32 bits")).into(),
        Family::V6 => Ipv6Addr::from(number).into(),
    }
}

/// The addresses of a block, first and last, as numbers within its family. Host bits are masked (R43).
pub fn net_range(net: IpNet) -> (u128, u128) {
    (address_number(net.network()), address_number(net.broadcast()))
}

/// The addresses of `set` as the fewest CIDRs, ascending.
pub fn cidrs(family: Family, set: &AddressSet) -> Vec<IpNet> {
    let narrow = |n: u128| Ipv4Addr::from(u32::try_from(n).expect("IPv4 addresses have 32 bits"));
    set.ranges()
        .iter()
        .flat_map(|&(first, last)| match family {
            Family::V4 => IpSubnets::from(Ipv4Subnets::new(narrow(first), narrow(last), 0)),
            Family::V6 => IpSubnets::from(Ipv6Subnets::new(first.into(), last.into(), 0)),
        })
        .collect()
}

/// The direction a policy looks in, from the subject.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// Connections to the subject.
    Ingress,
    /// Connections from the subject.
    Egress,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ingress, Self::Egress];

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Ingress => Self::Egress,
            Self::Egress => Self::Ingress,
        }
    }

    /// `ingress` or `egress`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// One value for each direction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ByDirection<T> {
    /// For connections to the subject.
    pub ingress: T,
    /// For connections from the subject.
    pub egress: T,
}

impl<T> std::ops::Index<Direction> for ByDirection<T> {
    type Output = T;
    #[inline]
    fn index(&self, direction: Direction) -> &T {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

impl<T> std::ops::IndexMut<Direction> for ByDirection<T> {
    #[inline]
    fn index_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Ingress => &mut self.ingress,
            Direction::Egress => &mut self.egress,
        }
    }
}

/// A set of destination ports, by protocol. Port 0 is in none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct PortSet {
    ranges: [RangeSet<u16>; 3],
}

impl PortSet {
    /// No port.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Every port of every protocol.
    pub fn full() -> Self {
        Self { ranges: std::array::from_fn(|_| RangeSet::from_range(1, u16::MAX)) }
    }

    /// Ports `first..=last` of one protocol.
    pub fn from_range(protocol: Protocol, first: u16, last: u16) -> Self {
        let mut set = Self::default();
        set.ranges[protocol as usize] = RangeSet::from_range(first.max(1), last);
        set
    }

    /// The ports of one protocol.
    pub fn of(&self, protocol: Protocol) -> &RangeSet<u16> {
        &self.ranges[protocol as usize]
    }

    /// True if no port is in the set.
    pub fn is_empty(&self) -> bool {
        self.ranges.iter().all(RangeSet::is_empty)
    }

    /// True if every port of every protocol is in the set.
    pub fn is_full(&self) -> bool {
        *self == Self::full()
    }

    /// True if one port is in the set.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.of(protocol).contains(port)
    }

    fn zip(&self, other: &Self, f: impl Fn(&RangeSet<u16>, &RangeSet<u16>) -> RangeSet<u16>) -> Self {
        Self { ranges: std::array::from_fn(|i| f(&self.ranges[i], &other.ranges[i])) }
    }

    /// Ports in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.zip(other, RangeSet::union)
    }

    /// Ports in any of some sets.
    pub(crate) fn union_all(sets: &[&Self]) -> Self {
        let ranges = |i: usize| sets.iter().flat_map(move |set| set.ranges[i].ranges().iter().copied());
        Self { ranges: std::array::from_fn(|i| RangeSet::from_ranges(ranges(i))) }
    }

    /// Ports in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.zip(other, RangeSet::intersection)
    }

    /// Ports of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.zip(other, RangeSet::difference)
    }
}

/// `80/TCP, 8000-8100/TCP, all UDP`: for people. `all ports` and `no port` for the extremes.
impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no port");
        }
        if self.is_full() {
            return f.write_str("all ports");
        }
        let mut separator = "";
        for protocol in Protocol::ALL {
            for &(first, last) in self.of(protocol).ranges() {
                match (first, last) {
                    (1, u16::MAX) => write!(f, "{separator}all {protocol}")?,
                    _ if first == last => write!(f, "{separator}{first}/{protocol}")?,
                    _ => write!(f, "{separator}{first}-{last}/{protocol}")?,
                }
                separator = ", ";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cidrs_cover_exactly_the_addresses_with_the_fewest_blocks() {
        let set = |ranges: &[(u128, u128)]| AddressSet::from_ranges(ranges.iter().copied());
        let text = |family, ranges: &[(u128, u128)]| {
            cidrs(family, &set(ranges)).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(text(Family::V4, &[(0, u128::from(u32::MAX))]), ["0.0.0.0/0"]);
        assert_eq!(text(Family::V6, &[(0, u128::MAX)]), ["::/0"]);
        assert_eq!(text(Family::V4, &[(1, 4)]), ["0.0.0.1/32", "0.0.0.2/31", "0.0.0.4/32"]);
        assert_eq!(text(Family::V4, &[(0x0a00_0000, 0x0aff_ffff)]), ["10.0.0.0/8"]);
        assert_eq!(text(Family::V4, &[]), [""; 0]);
    }

    #[test]
    fn port_sets_read_well() {
        let tcp = |first, last| PortSet::from_range(Protocol::Tcp, first, last);
        assert_eq!(PortSet::full().to_string(), "all ports");
        assert_eq!(PortSet::empty().to_string(), "no port");
        let mixed = tcp(80, 80).union(&tcp(8000, 8100)).union(&PortSet::from_range(Protocol::Udp, 1, 65535));
        assert_eq!(mixed.to_string(), "80/TCP, 8000-8100/TCP, all UDP");
        assert!(!PortSet::full().contains(Protocol::Tcp, 0), "port 0 is no port");
    }
}

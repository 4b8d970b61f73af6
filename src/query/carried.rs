//! The ports that may be used between two sets of ends.

use crate::net::PortSet;

/// The ports that may be used between two sets of pods or addresses, taken over all pairs of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Carried {
    /// Ports that every pair may use.
    pub ports: PortSet,
    /// Ports that at least one pair may use, but not every one.
    pub some: PortSet,
    /// Ports in neither that are unknown for at least one pair.
    pub unknown: PortSet,
    /// Ports of `ports` and `some` on which policies restrict what at least one pair may say.
    pub restricted: PortSet,
}

impl Carried {
    /// True if every port is surely denied.
    pub fn is_nothing(&self) -> bool {
        self.ports.is_empty() && self.some.is_empty() && self.unknown.is_empty()
    }

    /// Ports that some pair may use, and on which policies restrict no pair that may.
    pub fn plain(&self) -> PortSet {
        self.allowed().difference(&self.restricted)
    }

    /// Ports that some pair may use.
    pub fn allowed(&self) -> PortSet {
        self.ports.union(&self.some)
    }
}

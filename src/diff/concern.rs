//! Whether changes concern given connections.

use roaring::RoaringBitmap;

use super::{Difference, Group};
use crate::cluster::PodId;
use crate::index::Id;
use crate::net::{AddressSet, ByFamily};

/// Pods and addresses of a cluster, to be held against changes of its policies.
#[derive(Clone, Debug, Default)]
pub struct Concern {
    pods: RoaringBitmap,
    addresses: ByFamily<AddressSet>,
}

impl Concern {
    /// These pods and addresses.
    pub fn new(pods: impl IntoIterator<Item = PodId>, addresses: ByFamily<AddressSet>) -> Self {
        Self { pods: pods.into_iter().map(|pod| pod.index() as u32).collect(), addresses }
    }

    fn meets(&self, group: &Group) -> bool {
        match group {
            Group::Pods(pods) => !self.pods.is_disjoint(&pods.0),
            Group::Addresses(family, addresses) => !self.addresses[*family].is_disjoint(addresses),
        }
    }
}

impl Difference {
    /// Whether a connection from one set to the other may have changed. Where pods have new numbers, any may have.
    pub fn concerns(&self, from: &Concern, to: &Concern) -> bool {
        self.matching.is_some()
            || self.changes.iter().any(|change| from.meets(&change.from) && to.meets(&change.to))
    }
}

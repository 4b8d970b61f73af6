//! Nodes, and where pods are placed: each node has a block of addresses and hands them out in order.

use std::net::Ipv4Addr;

use super::rng::Rng;
use super::text::Text;

/// The first address of pods: 10.128.0.0.
const POD_NETWORK: u32 = 0x0a80_0000;
/// The first address of nodes: 172.16.0.0.
const NODE_NETWORK: u32 = 0xac10_0000;

/// The nodes of a cluster, and how many pods each of them has so far.
#[derive(Clone, Debug)]
pub(crate) struct Nodes {
    placed: Vec<u32>,
    /// Addresses a node has; a power of two.
    block: u32,
}

/// The node and the addresses of a pod.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The node's name.
    pub(crate) node: String,
    /// The node's address.
    pub(crate) host_ip: String,
    /// The pod's address, which on the node's network is the node's.
    pub(crate) pod_ip: String,
}

impl Nodes {
    /// `count` nodes for `pods` pods, with blocks large enough for an uneven spread.
    pub(crate) fn new(count: usize, pods: usize) -> Self {
        let share = u32::try_from(pods / count).expect("fewer pods than addresses");
        Self { placed: vec![0; count], block: (share + share / 2 + 64).next_power_of_two() }
    }

    /// Number of nodes.
    pub(crate) fn len(&self) -> usize {
        self.placed.len()
    }

    /// Places a pod somewhere.
    pub(crate) fn place(&mut self, rng: &mut Rng) -> Place {
        let full = self.block - 2;
        let mut node = rng.below(self.len());
        while self.placed[node] == full {
            node = (node + 1) % self.len();
        }
        self.place_on(node, false)
    }

    /// Places a pod on a node.
    pub(crate) fn place_on(&mut self, node: usize, host_network: bool) -> Place {
        let number = u32::try_from(node).expect("fewer nodes than addresses");
        let host_ip = Ipv4Addr::from(NODE_NETWORK + 10 + number);
        let pod_ip = if host_network {
            host_ip
        } else {
            self.placed[node] += 1;
            Ipv4Addr::from(POD_NETWORK + number * self.block + self.placed[node])
        };
        Place { node: name(node), host_ip: host_ip.to_string(), pod_ip: pod_ip.to_string() }
    }

    /// The Node objects.
    pub(crate) fn write(&self, text: &mut Text<'_>) {
        let bits = 32 - self.block.trailing_zeros();
        for (node, number) in (0..self.len()).zip(0..) {
            let range = format!("{}/{bits}", Ipv4Addr::from(POD_NETWORK + number * self.block));
            let address = Ipv4Addr::from(NODE_NETWORK + 10 + number).to_string();
            text.resource(|text| {
                text.string("apiVersion", "v1");
                text.string("kind", "Node");
                text.object("metadata", |text| {
                    text.string("creationTimestamp", super::objects::CREATED);
                    text.object("labels", |text| {
                        text.string("kubernetes.io/arch", "amd64");
                        text.string("kubernetes.io/hostname", &name(node));
                        text.string("kubernetes.io/os", "linux");
                        text.string("topology.kubernetes.io/zone", ["a", "b", "c"][node % 3]);
                    });
                    text.string("name", &name(node));
                });
                text.object("spec", |text| {
                    text.string("podCIDR", &range);
                    text.list("podCIDRs", |text| text.element(&range));
                });
                text.object("status", |text| {
                    text.list("addresses", |text| {
                        for (kind, address) in [("InternalIP", &address), ("Hostname", &name(node))] {
                            text.item(|text| {
                                text.string("address", address);
                                text.string("type", kind);
                            });
                        }
                    });
                    text.object("capacity", |text| {
                        text.string("cpu", "64");
                        text.string("memory", "263838244Ki");
                        text.string("pods", "500");
                    });
                });
            });
        }
    }
}

fn name(node: usize) -> String {
    format!("node-{node:04}")
}

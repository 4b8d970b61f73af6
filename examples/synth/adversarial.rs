//! Shapes C, D and E: what makes a solver slow, without the noise of a dump. Pods have no owner here.
//!
//! C has policies that tell every pod from every other, and peers both rare and wide. D has so many small namespaces
//! that whatever costs something for each of them shows. E has blocks that nest and overlap, in both families.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Recipe;
use super::nodes::Nodes;
use super::objects::{ContainerPort, Labels, labels, write_namespace, write_terse_pod};
use super::policies::{Peer, Policy, Port, Rule, Selector};
use super::rng::Rng;
use super::text::Text;

const PORTS: &[ContainerPort] = &[("http", 8080, "TCP"), ("metrics", 9090, "TCP")];
const ROLES: [&str; 4] = ["frontend", "api", "db", "cache"];
/// The first address of IPv6 pods.
const POD_NETWORK_V6: u128 = 0xfd00_0010 << 96;

/// The things of which there are too many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Attack {
    /// Shape C: classes, as many as pods.
    Classes,
    /// Shape D: namespaces.
    Namespaces,
    /// Shape E: address blocks.
    Blocks,
}

/// The contents of a dump; everything in it is made while it is written.
#[derive(Debug)]
pub(crate) struct Plan {
    attack: Attack,
    recipe: Recipe,
}

impl Plan {
    /// Plans a cluster with exactly the sizes of the recipe.
    pub(crate) fn new(attack: Attack, recipe: &Recipe) -> Result<Self, String> {
        let sizes = recipe.sizes;
        if sizes.nodes == 0 || sizes.namespaces == 0 || sizes.pods < sizes.namespaces {
            return Err("a node, a namespace and a pod for each namespace are needed".to_owned());
        }
        Ok(Self { attack, recipe: *recipe })
    }

    /// Writes every object, kind by kind.
    pub(crate) fn write(&self, text: &mut Text<'_>) {
        let Recipe { sizes, seed, with_pods, .. } = self.recipe;
        for namespace in 0..sizes.namespaces {
            write_namespace(text, &namespace_name(namespace), &labels(&[("zone", &zone(namespace))]));
        }
        let mut nodes = Nodes::new(sizes.nodes, sizes.pods);
        nodes.write(text);
        if with_pods {
            let mut rng = Rng::new(seed);
            for namespace in 0..sizes.namespaces {
                let first = self.first_pod(namespace);
                for pod in first..self.first_pod(namespace + 1) {
                    let place = nodes.place(&mut rng);
                    let name = (&*namespace_name(namespace), &*format!("pod-{pod}"));
                    let more = if self.attack == Attack::Blocks && pod.is_multiple_of(2) {
                        vec![Ipv6Addr::from(POD_NETWORK_V6 + pod as u128).to_string()]
                    } else {
                        Vec::new()
                    };
                    write_terse_pod(text, name, &self.labels(pod, pod - first), PORTS, &place, &more);
                }
            }
        }
        for number in 0..sizes.policies {
            self.policy(number, &mut Rng::of_item(seed, number)).write(text);
        }
    }

    /// The pods of a namespace follow each other.
    fn first_pod(&self, namespace: usize) -> usize {
        namespace * self.recipe.sizes.pods / self.recipe.sizes.namespaces
    }

    /// Number of bits that number the pods of the whole cluster.
    fn pod_bits(&self) -> usize {
        self.recipe.sizes.pods.next_power_of_two().trailing_zeros() as usize
    }

    /// Number of bits that number the pods of a namespace.
    fn own_bits(&self) -> usize {
        let largest = self.recipe.sizes.pods.div_ceil(self.recipe.sizes.namespaces);
        largest.next_power_of_two().trailing_zeros().max(1) as usize
    }

    fn labels(&self, pod: usize, own: usize) -> Labels {
        let role = ROLES[own % ROLES.len()];
        match self.attack {
            Attack::Classes => {
                let bit = |number: usize, bit: usize| ["off", "on"][number >> bit & 1].to_owned();
                let id = std::iter::once(("id".to_owned(), format!("p{pod}")));
                let bits = (0..self.pod_bits()).map(|n| (format!("bit-{n}"), bit(pod, n)));
                let own_bits = (0..self.own_bits()).map(|n| (format!("own-{n}"), bit(own, n)));
                id.chain(bits).chain(own_bits).collect()
            }
            Attack::Blocks => labels(&[("role", role), ("slot", &format!("s{own}"))]),
            Attack::Namespaces => labels(&[("role", role)]),
        }
    }

    /// Namespaces take turns; `turn` counts the policies that a namespace has already.
    fn policy(&self, number: usize, rng: &mut Rng) -> Policy {
        let (namespace, turn) =
            (number % self.recipe.sizes.namespaces, number / self.recipe.sizes.namespaces);
        match self.attack {
            Attack::Classes => self.distinguishing(namespace, turn, rng),
            Attack::Blocks => self.with_blocks(namespace, turn, number, rng),
            Attack::Namespaces => self.of_small_namespace(namespace, turn),
        }
    }

    /// One policy of a namespace for each bit of its pods' numbers, so that no two pods are selected by the same. The
    /// next one has a peer list that a quarter of the cluster is in; all others have a few pods each.
    fn distinguishing(&self, namespace: usize, turn: usize, rng: &mut Rng) -> Policy {
        let own_bits = self.own_bits();
        let selects = Selector::label(&format!("own-{}", turn % own_bits), "on");
        let policy = Policy::new(&namespace_name(namespace), format!("policy-{turn}"), selects);
        let port = |rng: &mut Rng| Port::Tcp(8000 + rng.below(64) as u16);
        let few = |rng: &mut Rng| {
            let ids: Vec<String> =
                (0..4).map(|_| format!("p{}", rng.below(self.recipe.sizes.pods))).collect();
            Peer::PodsOf(Selector::all(), Selector::all().and("id", "In", &ids))
        };
        let many = |rng: &mut Rng| {
            let (one, other) = (rng.below(self.pod_bits()), rng.below(self.pod_bits()));
            let pods = Selector::label(&format!("bit-{one}"), rng.pick(&["on", "off"]));
            let pods = pods.and(&format!("bit-{other}"), "NotIn", &["off".to_owned()]);
            Peer::PodsOf(Selector::all().and("zone", "Exists", &[]), pods)
        };
        let zones = [zone(rng.below(ZONES)), zone(rng.below(ZONES))];
        let in_zones = Peer::PodsOf(
            Selector::all().and("zone", "In", &zones),
            Selector::label(&format!("own-{}", rng.below(own_bits)), "off"),
        );
        match turn {
            turn if turn == own_bits => policy
                .ingress(vec![Rule::new(vec![many(rng)], vec![port(rng)])])
                .egress(vec![Rule::new(vec![many(rng)], vec![])]),
            0 => policy.ingress(vec![Rule::new(vec![in_zones], vec![port(rng)])]),
            _ => policy
                .ingress(vec![Rule::new(vec![few(rng), few(rng)], vec![port(rng), port(rng)])])
                .egress(vec![Rule::new(vec![few(rng)], vec![port(rng)])]),
        }
    }

    /// Deny by default, an application in tiers, and a neighbour that may call it.
    fn of_small_namespace(&self, namespace: usize, turn: usize) -> Policy {
        let role = |role: &str| Selector::label("role", role);
        let name = namespace_name(namespace);
        let rule = |peer, port| vec![Rule::new(vec![peer], vec![port])];
        match turn % 3 {
            0 => Policy::new(&name, format!("default-deny-{turn}"), Selector::all())
                .ingress(vec![])
                .egress(rule(Peer::Pods(Selector::all()), Port::Named("http"))),
            1 => {
                let neighbour = namespace_name((namespace + turn) % self.recipe.sizes.namespaces);
                let peers = vec![
                    Peer::Pods(role("frontend")),
                    Peer::PodsOf(Selector::namespace(&neighbour), role("api")),
                ];
                Policy::new(&name, format!("api-{turn}"), role("api"))
                    .ingress(vec![Rule::new(peers, vec![Port::Named("http")])])
                    .egress(rule(Peer::Pods(role("db")), Port::Tcp(8080)))
            }
            _ => Policy::new(&name, format!("db-{turn}"), role("db"))
                .ingress(rule(Peer::Pods(role("api")), Port::Tcp(8080))),
        }
    }

    /// A policy for the pods of one slot, with its share of the blocks.
    fn with_blocks(&self, namespace: usize, turn: usize, number: usize, rng: &mut Rng) -> Policy {
        let sizes = self.recipe.sizes;
        let slots = sizes.pods.div_ceil(sizes.namespaces);
        let selects = Selector::label("slot", &format!("s{}", turn % slots));
        let policy = Policy::new(&namespace_name(namespace), format!("blocks-{turn}"), selects);
        let blocks = (number + 1) * sizes.blocks / sizes.policies - number * sizes.blocks / sizes.policies;
        let rules = (0..blocks)
            .map(|_| Rule::new(vec![self.block(rng)], vec![Port::Tcp(8000 + rng.below(50) as u16)]))
            .collect();
        if turn.is_multiple_of(2) { policy.ingress(rules) } else { policy.egress(rules) }
    }

    /// A block with one to three exceptions: mostly around some pod, some anywhere, some IPv6.
    fn block(&self, rng: &mut Rng) -> Peer {
        let pod = rng.below(self.recipe.sizes.pods);
        let (address, prefix, bits) = match rng.below(20) {
            0..12 => (0x0a80_0000 + pod as u128 * 2, 14 + rng.below(17), 32),
            12..16 => (u128::from(rng.next() >> 32), 8 + rng.below(20), 32),
            _ => (POD_NETWORK_V6 + pod as u128, 64 + rng.below(60), 128),
        };
        let except = (0..=rng.below(3))
            .map(|_| {
                let inside = address ^ (u128::from(rng.next()) & host_bits(prefix, bits));
                cidr(inside, (prefix + 1 + rng.below(6)).min(bits), bits)
            })
            .collect();
        Peer::Block(cidr(address, prefix, bits), except)
    }
}

const ZONES: usize = 16;

fn zone(namespace: usize) -> String {
    format!("zone-{}", namespace % ZONES)
}

fn namespace_name(namespace: usize) -> String {
    format!("ns-{namespace:05}")
}

/// The bits of an address that a prefix leaves free.
fn host_bits(prefix: usize, bits: usize) -> u128 {
    u128::MAX.checked_shr((128 - bits + prefix) as u32).unwrap_or(0)
}

fn cidr(address: u128, prefix: usize, bits: usize) -> String {
    let network = address & !host_bits(prefix, bits);
    match u32::try_from(network) {
        Ok(network) if bits == 32 => format!("{}/{prefix}", Ipv4Addr::from(network)),
        _ => format!("{}/{prefix}", Ipv6Addr::from(network)),
    }
}

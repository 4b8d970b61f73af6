//! Every way to break a rule of a cluster-wide policy that leaves one which the API server takes: what it demands is at least
//! one peer of every rule, at least one element of `protocols`, and no network twice.

use serde_json::{Value, json};

use super::Mutation;
use crate::net::Direction;
use crate::policy::network_policy_api::Kind;

/// A path within the spec, how the part there is broken, and the spec with it broken.
type Broken = (String, Mutation, Value);

/// Every way to break a rule of a spec.
pub(super) fn broken(kind: Kind, spec: &Value) -> Vec<Broken> {
    let words = Words::of(kind);
    let mut all = Spec { spec, all: Vec::new() };
    for direction in [Direction::Ingress, Direction::Egress] {
        let rules = format!("/{}", direction.as_str());
        for (i, rule) in elements(spec, direction.as_str()).iter().enumerate() {
            let side = if direction == Direction::Ingress { "from" } else { "to" };
            all.break_rule(&words, &format!("{rules}/{i}"), rule, side);
        }
    }
    all.all
}

/// The words in which a kind says the same as the others.
struct Words {
    accept: &'static str,
    ports: &'static str,
}

impl Words {
    const fn of(kind: Kind) -> Self {
        match kind {
            Kind::ClusterNetworkPolicy => Self { accept: "Accept", ports: "protocols" },
            Kind::AdminNetworkPolicy | Kind::BaselineAdminNetworkPolicy => {
                Self { accept: "Allow", ports: "ports" }
            }
        }
    }

    /// The opposite of an action; a Pass has none.
    fn opposite(&self, action: &Value) -> Option<&'static str> {
        match action.as_str()? {
            "Deny" => Some(self.accept),
            action if action == self.accept => Some("Deny"),
            _ => None,
        }
    }
}

/// A spec, and the ways to break it that were found.
struct Spec<'s> {
    spec: &'s Value,
    all: Vec<Broken>,
}

impl Spec<'_> {
    /// Breaks the rule at a JSON pointer.
    fn break_rule(&mut self, words: &Words, at: &str, rule: &Value, side: &str) {
        self.remove(at, Mutation::RuleRemoved);
        if let Some(opposite) = words.opposite(&rule["action"]) {
            let action = format!("{at}/action");
            self.set(&action, &action, Mutation::OppositeAction, json!(opposite));
        }
        let ports = format!("{at}/{}", words.ports);
        let count = elements(rule, words.ports).len();
        if count > 0 {
            self.remove(&ports, Mutation::AnyPort);
        }
        self.remove_each(&ports, count, Mutation::PortRemoved);
        let peers = elements(rule, side);
        self.remove_each(&format!("{at}/{side}"), peers.len(), Mutation::PeerRemoved);
        for (j, peer) in peers.iter().enumerate() {
            self.widen(&format!("{at}/{side}/{j}"), peer);
        }
    }

    /// Widens the peer at a JSON pointer.
    fn widen(&mut self, at: &str, peer: &Value) {
        self.widen_namespaces(at, &format!("{at}/namespaces"), &peer["namespaces"]);
        let pods = &peer["pods"];
        self.widen_selector(at, &format!("{at}/pods/podSelector"), &pods["podSelector"], Mutation::AnyPod);
        for field in ["namespaceSelector", "namespaces"] {
            self.widen_namespaces(at, &format!("{at}/pods/{field}"), &pods[field]);
        }
        self.widen_selector(at, &format!("{at}/nodes"), &peer["nodes"], Mutation::AnyNode);
        let networks = elements(peer, "networks");
        for (k, network) in networks.iter().enumerate() {
            let is_v6 = network.as_str().is_some_and(|network| network.contains(':'));
            let everything = json!(if is_v6 { "::/0" } else { "0.0.0.0/0" });
            if !networks.contains(&everything) {
                let network = format!("{at}/networks/{k}");
                self.set(&network, &network, Mutation::AnyAddress, everything);
            }
        }
    }

    /// Widens a selector of namespaces, or what v1alpha1 had in its place before v0.1.3.
    fn widen_namespaces(&mut self, peer: &str, at: &str, namespaces: &Value) {
        let has = |field: &str| !namespaces[field].is_null();
        if has("sameLabels") || has("notSameLabels") {
            self.set(peer, at, Mutation::AnyNamespace, json!({"namespaceSelector": {}}));
        } else if has("namespaceSelector") {
            let at = format!("{at}/namespaceSelector");
            self.widen_selector(peer, &at, &namespaces["namespaceSelector"], Mutation::AnyNamespace);
        } else {
            self.widen_selector(peer, at, namespaces, Mutation::AnyNamespace);
        }
    }

    /// Widens a selector of a peer, if it leaves anything out.
    fn widen_selector(&mut self, peer: &str, at: &str, selector: &Value, mutation: Mutation) {
        let asks = |fields: &serde_json::Map<String, Value>| fields.values().any(|field| !field.is_null());
        if selector.as_object().is_some_and(asks) {
            self.set(peer, at, mutation, json!({}));
        }
    }

    /// Takes each element of a list away that is not the only one.
    fn remove_each(&mut self, list: &str, count: usize, mutation: Mutation) {
        if count > 1 {
            (0..count).for_each(|index| self.remove(&format!("{list}/{index}"), mutation));
        }
    }

    /// Takes an element or a field away.
    fn remove(&mut self, at: &str, mutation: Mutation) {
        let mut spec = self.spec.clone();
        let (parent, last) = at.rsplit_once('/').expect("a pointer to a part");
        match spec.pointer_mut(parent) {
            Some(Value::Array(list)) => drop(list.remove(last.parse().expect("an index"))),
            Some(Value::Object(fields)) => drop(fields.remove(last)),
            _ => unreachable!("the part is there"),
        }
        self.all.push((path(at), mutation, spec));
    }

    /// Puts something else in the place of a part; `told` is the part that the user is told of.
    fn set(&mut self, told: &str, at: &str, mutation: Mutation, value: Value) {
        let mut spec = self.spec.clone();
        *spec.pointer_mut(at).expect("the part is there") = value;
        self.all.push((path(told), mutation, spec));
    }
}

fn elements<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

/// The path of the part at a JSON pointer into the spec.
fn path(pointer: &str) -> String {
    pointer.split('/').skip(1).fold("spec".to_owned(), |path, step| match step.parse::<usize>() {
        Ok(index) => format!("{path}[{index}]"),
        Err(_) => format!("{path}.{step}"),
    })
}

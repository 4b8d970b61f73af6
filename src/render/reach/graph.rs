//! The answer as a graph: the target, and the pods that the shortest chains lead through.

use std::collections::BTreeMap;

use super::Report;
use crate::net::PortSet;
use crate::query::Endpoint;
use crate::query::reach::Found;
use crate::render::carried::words;
use crate::render::graph::{Edge, Graph, Node};
use crate::render::text::count;
use crate::solve::End;

/// The level of the endpoints that are drawn as one node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Level {
    /// A workload, or addresses.
    Workloads,
    /// The workloads of a namespace that are equally far away.
    Namespaces,
    /// All workloads that are equally far away.
    Hops,
}

impl Level {
    /// The note on nodes that stand for several workloads; empty if none does.
    const fn note(self) -> &'static str {
        match self {
            Self::Workloads => "",
            Self::Namespaces => {
                "; too many to draw each, so workloads are put together by namespace and hops"
            }
            Self::Hops => "; too many to draw each, so workloads are put together by hops",
        }
    }
}

/// The identity of a node.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Key {
    Target,
    /// A layer, whether it is outside the cluster, the namespace, the name.
    Other(usize, bool, String, String),
}

struct Drawn {
    node: Node,
    members: u64,
}

/// The graph; where that takes more than `most` nodes, with one for each namespace and number of hops, or for each
/// number of hops.
pub(super) fn graph(report: Report<'_>, most: usize) -> Graph {
    let fits = |graph: &Graph| graph.nodes.len() <= most;
    [Level::Workloads, Level::Namespaces]
        .into_iter()
        .map(|level| draw(report, level))
        .find(fits)
        .unwrap_or_else(|| draw(report, Level::Hops))
}

fn draw(report: Report<'_>, level: Level) -> Graph {
    let by_workload = level == Level::Workloads;
    let answer = report.answer;
    let mut layers: BTreeMap<Endpoint, (usize, bool)> = BTreeMap::new();
    for found in &answer.found {
        layers.insert(found.endpoint, (found.chain().0.len(), found.sure.is_none()));
    }
    let workload = |end: End| match end {
        End::Pod(pod, _) => Some(Endpoint::Workload(report.context.cluster.pods[pod].workload)),
        End::Address(_) => None,
    };
    // Those that a chain passes are drawn even if they are not shown by themselves.
    for found in &answer.found {
        for (distance, end) in far_ends(&report, found).into_iter().enumerate() {
            if let Some(endpoint) = workload(end) {
                layers.entry(endpoint).or_insert((distance + 1, found.sure.is_none()));
            }
        }
    }
    let mut drawn: BTreeMap<Key, Drawn> = BTreeMap::new();
    drawn.insert(Key::Target, target(&report));
    let mut keys: BTreeMap<Endpoint, Key> = BTreeMap::new();
    for (&endpoint, &(layer, doubtful)) in &layers {
        let name = report.names.short(endpoint);
        let is_outside = matches!(endpoint, Endpoint::External(_));
        let namespace = report.names.namespace(endpoint).map(|namespace| match level {
            Level::Hops => "all namespaces".to_owned(),
            Level::Workloads | Level::Namespaces => namespace.to_owned(),
        });
        let shown = if by_workload { name.clone() } else { String::new() };
        let key = Key::Other(layer, is_outside, namespace.clone().unwrap_or_default(), shown);
        let entry = drawn.entry(key.clone()).or_insert_with(|| Drawn {
            node: Node { label: name, namespace, is_target: false, layer, doubtful },
            members: 0,
        });
        entry.members += 1;
        entry.node.doubtful &= doubtful;
        if !by_workload && !is_outside {
            entry.node.label = count(entry.members, "workload", "workloads");
        } else if entry.members > 1 {
            entry.node.label = count(entry.members, "set of addresses", "sets of addresses");
        }
        keys.insert(endpoint, key);
    }
    let places: BTreeMap<Key, usize> = drawn.keys().cloned().zip(0..).collect();
    let place = |endpoint: Option<Endpoint>| {
        endpoint.and_then(|endpoint| keys.get(&endpoint)).map_or(0, |key| places[key])
    };
    let mut edges: BTreeMap<(usize, usize), (PortSet, PortSet, Option<String>)> = BTreeMap::new();
    for found in &answer.found {
        let chain = &found.chain().0;
        for (i, &hop) in chain.iter().enumerate() {
            let hop = &answer.hops[hop];
            let near = if report.is_outgoing() { i == 0 } else { i + 1 == chain.len() };
            let far = if report.is_outgoing() { i + 1 == chain.len() } else { i == 0 };
            let node = |end: End, is_near: bool, is_far: bool| match workload(end) {
                _ if is_near => 0,
                _ if is_far => place(Some(found.endpoint)),
                other => place(other),
            };
            let (from, to) = if report.is_outgoing() {
                (node(hop.from, near, false), node(hop.to, false, far))
            } else {
                (node(hop.from, false, far), node(hop.to, near, false))
            };
            let edge = edges.entry((from, to)).or_default();
            edge.0 = edge.0.union(&hop.ports);
            edge.1 = edge.1.union(&hop.unknown);
            if let (1, Some(direct), true) = (chain.len(), &found.direct, by_workload) {
                edge.2 = Some(words(direct, PortSet::to_string));
            }
        }
    }
    let edges = edges
        .into_iter()
        .map(|((from, to), (ports, unknown, direct))| {
            let doubtful = ports.is_empty();
            let label = direct
                .unwrap_or_else(|| if doubtful { format!("{unknown} unknown") } else { ports.to_string() });
            Edge { from, to, label, doubtful }
        })
        .collect();
    Graph {
        title: report.title(),
        summary: format!("{}{}", report.summary(), level.note()),
        nodes: drawn.into_values().map(|drawn| drawn.node).collect(),
        edges,
        outgoing: report.is_outgoing(),
    }
}

fn target(report: &Report<'_>) -> Drawn {
    let target = &report.answer.question.target;
    let node =
        Node { label: target.end.clone(), namespace: None, is_target: true, layer: 0, doubtful: false };
    Drawn { node, members: 1 }
}

/// The ends of a chain but the target's, the nearest first.
fn far_ends(report: &Report<'_>, found: &Found) -> Vec<End> {
    let hops = found.chain().0.iter().map(|&hop| &report.answer.hops[hop]);
    if report.is_outgoing() {
        hops.map(|hop| hop.to).collect()
    } else {
        let mut ends: Vec<End> = hops.map(|hop| hop.from).collect();
        ends.reverse();
        ends
    }
}

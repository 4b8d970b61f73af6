//! The data of the page's script: the matrix in factors, names, policies. Compact, since it grows with the cluster.
//!
//! Things refer to each other by their places in lists. A list of numbers for most of which the same is true is written
//! as runs: `[gap, length, value, ...]`, where the gap counts from the end of the run before.

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::Report;
use crate::cluster::WorkloadId;
use crate::compile::{CompiledRule, Program, RulePeers, SignatureId};
use crate::index::Id;
use crate::label::Truth;
use crate::net::{Direction, Family, PortSet};
use crate::policy::{Action, PolicyId};
use crate::query::factors::{Factor, Factors};
use crate::query::{self, By, Endpoint, EndpointFacts, ExternalId, Flow, Isolation, View};
use crate::render::endpoint::{Names, PortsJson};
use crate::render::explain::Words;
use crate::render::text::Plain;
use crate::set::Interner;

use super::changes::{self, Changes};

crate::define_id! { [pub(super)]
    /// A place in [`Data::ports`].
    PortsId,
    /// A place in [`Data::labels`].
    LabelId,
    /// A place in [`Data::carried`].
    CarriedId,
    /// A place in [`Spaces::rows`].
    RowId,
}

/// `[gap, length, value, ...]`.
type Runs = Vec<usize>;

/// The sets of a [`query::Carried`], in the order of its fields.
type Carried = [usize; 4];

/// Everything.
#[derive(Serialize)]
pub(super) struct Data {
    ports: Vec<serde_json::Value>,
    /// For each family what is let through surely and whatever is said, surely, and perhaps.
    sides: Vec<[usize; 6]>,
    ingress: Vec<Signature>,
    egress: Vec<Signature>,
    /// The signatures of each class: egress, ingress.
    classes: Vec<[usize; 2]>,
    labels: Vec<String>,
    namespaces: Vec<Namespace>,
    workloads: Vec<Workload>,
    externals: Vec<External>,
    /// Pairs of workloads that the factors do not tell: from, to, and what is carried.
    exempt: Vec<[usize; 3]>,
    carried: Vec<Carried>,
    spaces: Spaces,
    policies: Vec<Option<Policy>>,
    /// The peers that a `from` or `to` list matches, classes before externals: 1 yes, 2 perhaps, 3 in part.
    lists: Vec<Runs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Changes>,
}

/// A set of policies, and what it lets through from or to each peer, as places in [`Data::sides`].
#[derive(Serialize)]
struct Signature {
    /// The policies: their places, and whether they surely select.
    policies: Vec<(usize, u8)>,
    /// The place of its list in [`Rule::lists`].
    #[serde(skip_serializing_if = "Option::is_none")]
    home: Option<usize>,
    usual: usize,
    /// The places of peers that do not have the usual one; classes before externals.
    others: Runs,
}

/// The facts about a namespace.
#[derive(Serialize)]
struct Namespace {
    name: String,
    labels: Vec<usize>,
    pods: u64,
    /// Ingress and egress.
    isolation: [u8; 2],
    about: bool,
}

#[derive(Serialize)]
struct Workload {
    name: String,
    kind: String,
    /// A place among the namespaces.
    namespace: usize,
    labels: Vec<usize>,
    pods: u64,
    /// Its classes, and how many pods of each there are.
    classes: Vec<(usize, u64)>,
    isolation: [u8; 2],
    about: bool,
    /// True if it looks like a service that all pods use, such as DNS or monitoring.
    shared: bool,
}

#[derive(Serialize)]
struct External {
    name: String,
    cidrs: Vec<String>,
    family: u8,
    internet: bool,
    /// True if any pod has an address of its family.
    shown: bool,
}

/// The matrix by namespace: namespaces, then externals. Equal rows are kept once.
#[derive(Serialize)]
struct Spaces {
    rows: Vec<Runs>,
    of: Vec<usize>,
}

#[derive(Serialize)]
struct Policy {
    name: String,
    at: Option<String>,
    ingress: Vec<Rule>,
    egress: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    /// `spec.ingress[0]`.
    path: String,
    at: Option<String>,
    text: String,
    action: &'static str,
    /// The peers that it matches: a place in [`Data::lists`]; `None` for all peers.
    list: Option<usize>,
    /// The same for the subjects of each home, where these have different peers.
    #[serde(skip_serializing_if = "Option::is_none")]
    lists: Option<Vec<usize>>,
}

/// The tables that grow while the data are put together.
#[derive(Default)]
pub(super) struct Pools {
    ports: Interner<PortsId, PortSet>,
    labels: Interner<LabelId, String>,
    carried: Interner<CarriedId, Carried>,
}

impl Pools {
    pub(super) fn ports(&mut self, ports: &PortSet) -> usize {
        self.ports.intern_owned(ports.clone()).index()
    }

    pub(super) fn carried(&mut self, carried: &query::Carried) -> usize {
        let query::Carried { ports, some, unknown, restricted } = carried;
        let carried = [ports, some, unknown, restricted].map(|ports| self.ports(ports));
        self.carried.intern_owned(carried).index()
    }

    fn labels(&mut self, names: &Names<'_>, endpoint: Endpoint) -> Vec<usize> {
        let labels = names.labels(endpoint);
        let texts = labels.into_iter().map(|(key, value)| plain(&format!("{key}={}", value.unwrap_or("?"))));
        texts.map(|text| self.labels.intern_owned(text).index()).collect()
    }
}

/// A user's text, visible.
pub(super) fn plain(text: &str) -> String {
    Plain(text).to_string()
}

impl Data {
    pub(super) fn new(report: &Report<'_, '_>) -> Self {
        let program = report.matrix.program();
        let names = Names::new(&program.cluster, report.matrix.externals());
        let factors = report.matrix.factors();
        let mut pools = Pools::default();
        // Nothing and everything come first.
        pools.ports(&PortSet::empty());
        pools.ports(&PortSet::full());
        pools.carried(&query::Carried::default());
        let sides = factors.sides.iter().map(|side| {
            let [v4, v6] = [&side.v4, &side.v6];
            let sets = [&v4.plain, &v4.must, &v4.may, &v6.plain, &v6.must, &v6.may];
            sets.map(|ports| pools.ports(ports))
        });
        let sides = sides.collect();
        let also = report.changes.map_or_else(Vec::new, |changed| changes::pods(changed.difference, program));
        let view = |by| View { by, about: report.about.clone(), also: also.clone(), ..View::default() };
        let facts = [By::Workload, By::Namespace].map(|by| report.matrix.endpoints(&view(by)));
        let places = Places::new(&facts);
        let [facts, namespace_facts] = facts;
        let namespaces = namespace_facts.iter().filter_map(|facts| {
            let Endpoint::Namespace(_) = facts.endpoint else { return None };
            Some(Namespace {
                name: plain(&names.full(facts.endpoint)),
                labels: pools.labels(&names, facts.endpoint),
                pods: facts.pods,
                isolation: isolation(facts),
                about: facts.shown.about,
            })
        });
        let namespaces = namespaces.collect();
        let workloads = facts.iter().filter_map(|facts| {
            let Endpoint::Workload(id) = facts.endpoint else { return None };
            let namespace = Endpoint::Namespace(program.cluster.workloads[id].namespace);
            Some(Workload {
                name: plain(&names.short(facts.endpoint)),
                kind: plain(names.kind(facts.endpoint)),
                namespace: places.row(By::Namespace, namespace).expect("it has the flows of its workloads"),
                labels: pools.labels(&names, facts.endpoint),
                pods: facts.pods,
                classes: classes_of(program, id),
                isolation: isolation(facts),
                about: facts.shown.about,
                shared: program.cluster.is_shared_service(id),
            })
        });
        let workloads = workloads.collect();
        let exempt = factors.exempt.iter().filter_map(|(from, to, carried)| {
            let row = |id| places.row(By::Workload, Endpoint::Workload(id));
            Some([row(*from)?, row(*to)?, pools.carried(carried)])
        });
        let exempt = exempt.collect();
        let changes =
            report.changes.map(|changed| changes::changes(changed, report.matrix, &places, &mut pools));
        let spaces = spaces_matrix(report, &view(By::Namespace), &places, &mut pools);
        Self {
            sides,
            ingress: signatures(program, &factors, Direction::Ingress),
            egress: signatures(program, &factors, Direction::Egress),
            classes: program
                .classes
                .iter()
                .map(|class| [class.signature.egress.index(), class.signature.ingress.index()])
                .collect(),
            namespaces,
            workloads,
            externals: externals(report, &names),
            exempt,
            spaces,
            policies: policies(report),
            lists: lists(report),
            changes,
            ports: pools
                .ports
                .iter()
                .map(|ports| serde_json::to_value(PortsJson(ports)).expect("ports are a map of texts"))
                .collect(),
            labels: pools.labels.iter().cloned().collect(),
            carried: pools.carried.iter().copied().collect(),
        }
    }
}

/// The places of endpoints in the matrix of the page: ranges of addresses after those within the cluster.
pub(super) struct Places {
    inside: FxHashMap<Endpoint, usize>,
    workloads: usize,
    namespaces: usize,
}

impl Places {
    /// The places of workloads and of namespaces.
    fn new(facts: &[Vec<EndpointFacts>; 2]) -> Self {
        let within = |facts: &[EndpointFacts]| -> Vec<Endpoint> {
            let all = facts.iter().map(|facts| facts.endpoint);
            all.filter(|endpoint| !matches!(endpoint, Endpoint::External(_))).collect()
        };
        let [workloads, namespaces] = facts.each_ref().map(|facts| within(facts));
        Self {
            workloads: workloads.len(),
            namespaces: namespaces.len(),
            inside: workloads.into_iter().zip(0..).chain(namespaces.into_iter().zip(0..)).collect(),
        }
    }

    /// The row of an endpoint in the matrix by workload or by namespace, if it is listed.
    pub(super) fn row(&self, by: By, endpoint: Endpoint) -> Option<usize> {
        let rows = if by == By::Namespace { self.namespaces } else { self.workloads };
        match endpoint {
            Endpoint::External(id) => Some(rows + id.index()),
            _ => self.inside.get(&endpoint).copied(),
        }
    }
}

/// Ingress and egress, by number.
fn isolation(facts: &EndpointFacts) -> [u8; 2] {
    [facts.isolation.ingress, facts.isolation.egress].map(|isolation| match isolation {
        Isolation::Open => 0,
        Isolation::Isolated => 1,
        Isolation::Mixed => 2,
        Isolation::Unknown => 3,
        Isolation::Exempt => 4,
        Isolation::Ruled => 5,
    })
}

fn classes_of(program: &Program, id: WorkloadId) -> Vec<(usize, u64)> {
    let mut classes: Vec<(usize, u64)> = Vec::new();
    for &pod in &program.cluster.workloads[id].pods {
        let (class, count) = (program.class_of[pod].index(), u64::from(program.cluster.pods[pod].count));
        match classes.iter_mut().find(|(known, _)| *known == class) {
            Some((_, pods)) => *pods += count,
            None => classes.push((class, count)),
        }
    }
    classes
}

/// Numbers in ascending order and what is true of them.
fn runs(items: impl IntoIterator<Item = (usize, usize)>) -> Runs {
    let mut runs: Runs = Vec::new();
    let (mut end, mut last) = (0, None);
    for (number, value) in items {
        if last == Some(value) && number == end {
            let length = runs.len() - 2;
            runs[length] += 1;
        } else {
            runs.extend([number - end, 1, value]);
        }
        (end, last) = (number + 1, Some(value));
    }
    runs
}

fn signatures(program: &Program, factors: &Factors, direction: Direction) -> Vec<Signature> {
    let classes = program.classes.len();
    let others = |factor: &Factor| {
        let of_classes = factor.classes.iter().map(|(class, side)| (class.index(), side.index()));
        let of_externals = factor.externals.iter().map(|(id, side)| (classes + id.index(), side.index()));
        runs(of_classes.chain(of_externals))
    };
    let policies = |id: SignatureId| {
        let policies = program.signatures[direction][id].policies.iter();
        policies.map(|(policy, truth)| (policy.index(), u8::from(truth.sure()))).collect()
    };
    let all = factors.signatures[direction].enumerate();
    all.map(|(id, factor)| Signature {
        policies: policies(id),
        home: program.signatures[direction][id].home.map(Id::index),
        usual: factor.usual.index(),
        others: others(factor),
    })
    .collect()
}

fn externals(report: &Report<'_, '_>, names: &Names<'_>) -> Vec<External> {
    let all = report.matrix.externals().enumerate();
    all.map(|(id, external)| External {
        name: names.full(Endpoint::External(id)),
        cidrs: external.cidrs().iter().map(ToString::to_string).collect(),
        family: if external.family == Family::V4 { 4 } else { 6 },
        internet: !report.internet[external.family].is_disjoint(&external.addresses),
        shown: names.is_reachable(Endpoint::External(id)),
    })
    .collect()
}

fn spaces_matrix(report: &Report<'_, '_>, view: &View, places: &Places, pools: &mut Pools) -> Spaces {
    let mut rows: Vec<Vec<(usize, usize)>> =
        vec![Vec::new(); places.namespaces + report.matrix.externals().len()];
    let row = |endpoint| places.row(By::Namespace, endpoint);
    let _ = report.matrix.for_each_flow(view, |flow: &Flow| {
        if let (Some(from), Some(to)) = (row(flow.from), row(flow.to)) {
            rows[from].push((to, pools.carried(&flow.carried)));
        }
        std::ops::ControlFlow::<()>::Continue(())
    });
    let mut distinct: Interner<RowId, Runs> = Interner::new();
    let of = rows.into_iter().map(|mut row| {
        row.sort_unstable();
        distinct.intern_owned(runs(row)).index()
    });
    let of = of.collect();
    Spaces { rows: distinct.iter().cloned().collect(), of }
}

fn policies(report: &Report<'_, '_>) -> Vec<Option<Policy>> {
    let program = report.matrix.program();
    let context = &report.context;
    let words = Words { cluster: context.cluster };
    let at = |id, path: &str| context.position(id, path).map(|at| plain(&at));
    let rule = |id: PolicyId, direction, number: usize, compiled: &CompiledRule| {
        let path = words.rule_path(id, direction, number);
        let rule = &context.cluster.policies[id].rules[direction][number];
        Rule {
            at: at(id, &path),
            path,
            text: plain(&words.rule_text(direction, rule)),
            action: match rule.action {
                Action::Accept => "allow",
                Action::Deny => "deny",
                Action::Pass => "pass",
            },
            list: match compiled.peers {
                RulePeers::List(list) => Some(list.index()),
                RulePeers::Any | RulePeers::ByHome(_) => None,
            },
            lists: match &compiled.peers {
                RulePeers::ByHome(lists) => Some(lists.iter().map(|list| list.index()).collect()),
                RulePeers::Any | RulePeers::List(_) => None,
            },
        }
    };
    let policies = program.policies.enumerate().map(|(id, compiled)| {
        let compiled = compiled.as_ref()?;
        let rules = |direction| {
            let rules = compiled.rules[direction].iter().enumerate();
            rules.map(|(number, compiled)| rule(id, direction, number, compiled)).collect()
        };
        Some(Policy {
            name: plain(&words.policy(id)),
            at: at(id, ""),
            ingress: rules(Direction::Ingress),
            egress: rules(Direction::Egress),
        })
    });
    policies.collect()
}

fn lists(report: &Report<'_, '_>) -> Vec<Runs> {
    let program = report.matrix.program();
    let externals = report.matrix.externals();
    let lists = program.peers.iter().map(|list| {
        let mut classes: Vec<(usize, usize)> = list
            .classes
            .iter()
            .filter_map(|(class, truth)| match [truth.v4, truth.v6] {
                [Truth::No, Truth::No] => None,
                truths if truths.contains(&Truth::Yes) => Some((class.index(), 1)),
                _ => Some((class.index(), 2)),
            })
            .collect();
        classes.sort_unstable();
        let addresses = externals.enumerate().filter_map(|(id, external): (ExternalId, _)| {
            let blocks = &list.addresses()[external.family];
            let may = list
                .possible_addresses()
                .is_some_and(|possible| !possible[external.family].is_disjoint(&external.addresses));
            let value = match blocks.is_disjoint(&external.addresses) {
                true if may => 2,
                true => return None,
                false if external.addresses.is_subset(blocks) => 1,
                false => 3,
            };
            Some((program.classes.len() + id.index(), value))
        });
        runs(classes.into_iter().chain(addresses))
    });
    lists.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_say_where_they_start_how_long_they_are_and_what_is_true() {
        assert_eq!(runs([]), [0; 0]);
        assert_eq!(runs([(2, 7), (3, 7), (4, 8), (9, 8)]), [2, 2, 7, 0, 1, 8, 4, 1, 8]);
    }
}

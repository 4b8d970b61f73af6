//! `[KIND/][NS/]NAME`, `NS/*`, `web[1]`: names of pods, workloads and namespaces.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{EndpointError, Pods, Scope, whole};
use crate::cluster::kinds::{self, Kind, Role};
use crate::cluster::{Cluster, NamespaceId, PodId, PodName, WorkloadId};
use crate::diagnostic::{nearest, nearest_by};
use crate::index::Id;
use crate::label::Truth;
use crate::policy::{PolicyId, parse_cidr};
use crate::query::{Ends, LabelQuery, LabelQueryError};

/// The objects that a text names, by the form of the text.
pub(super) enum Form<'t> {
    Internet,
    Address(IpAddr),
    Block(IpNet),
    Selector(LabelQuery),
    Service { namespace: Option<&'t str>, name: &'t str },
    Pods(PodsForm<'t>),
}

/// A name of pods.
#[derive(Clone, Copy)]
pub(super) enum PodsForm<'t> {
    /// All pods of a namespace.
    Namespace(&'t str),
    /// A workload, or else a pod; `kind` if it was given.
    Named { kind: Option<&'t str>, namespace: Option<&'t str>, name: &'t str },
}

/// Words that people use for endpoints and that say too little to be one.
const VAGUE: [&str; 6] = ["*", "all", "any", "everyone", "external", "world"];

/// The segments of a name, unless no cluster could have such an endpoint.
fn segments(text: &str) -> Result<Vec<&str>, EndpointError> {
    let segments: Vec<&str> = text.split('/').collect();
    if segments.iter().any(|s| s.is_empty()) || segments.len() > 3 {
        return Err(EndpointError::Shape { text: text.into() });
    }
    if text.len() > segments[0].len() && segments[0].parse::<IpAddr>().is_ok() {
        return Err(EndpointError::BadBlock { text: text.into() });
    }
    Ok(segments)
}

pub(super) fn check_shape(text: &str) -> Result<(), EndpointError> {
    if text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok() {
        return Ok(());
    }
    if is_selector(text) {
        return selector(text).map(drop);
    }
    match segments(text)?[..] {
        ["*"] => Err(EndpointError::Vague { text: text.into() }),
        [kind, _, name] => match kinds::find(kind) {
            Some(known) if !is_endpoint(known) => {
                Err(EndpointError::NotAnEndpoint { kind: known.name, name: name.into() })
            }
            Some(Kind { role: Role::Namespace, .. }) => Err(EndpointError::Shape { text: text.into() }),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Names have no such characters.
fn is_selector(text: &str) -> bool {
    text.contains(['=', '!', '('])
}

fn selector(text: &str) -> Result<LabelQuery, EndpointError> {
    text.parse().map_err(|why: LabelQueryError| EndpointError::BadSelector {
        text: text.into(),
        why: why.to_string(),
    })
}

const fn is_endpoint(kind: &Kind) -> bool {
    !matches!(kind.role, Role::Node | Role::Ingress | Role::Policy)
}

pub(super) fn classify<'t>(scope: &Scope<'_>, text: &'t str) -> Result<Form<'t>, EndpointError> {
    if text == "internet" {
        return Ok(Form::Internet);
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(Form::Address(ip.to_canonical()));
    }
    if text.parse::<IpNet>().is_ok()
        && let Some(block) = parse_cidr(text)
    {
        let is_one = block.net.prefix_len() == block.net.max_prefix_len();
        return Ok(if is_one { Form::Address(block.net.addr()) } else { Form::Block(block.net) });
    }
    if is_selector(text) {
        return selector(text).map(Form::Selector);
    }
    match segments(text)?[..] {
        [kind, namespace, name] => {
            if kinds::find(kind).is_none() && !is_workload_kind(scope, kind) {
                return Err(EndpointError::UnknownKind { kind: kind.into() });
            }
            of_kind(text, kind, Some(namespace), name)
        }
        [namespace, "*"] => Ok(Form::Pods(PodsForm::Namespace(namespace))),
        [first, name] => two(scope, text, first, name),
        _ => one(scope, text),
    }
}

/// A kind that the input has and that has no name of its own.
fn is_workload_kind(scope: &Scope<'_>, kind: &str) -> bool {
    scope.cluster.workloads.iter().any(|w| w.kind.eq_ignore_ascii_case(kind))
}

fn of_kind<'t>(
    text: &str,
    kind: &'t str,
    namespace: Option<&'t str>,
    name: &'t str,
) -> Result<Form<'t>, EndpointError> {
    let Some(known) = kinds::find(kind) else {
        return Ok(Form::Pods(PodsForm::Named { kind: Some(kind), namespace, name }));
    };
    match known.role {
        Role::Namespace if namespace.is_none() => Ok(Form::Pods(PodsForm::Namespace(name))),
        Role::Namespace => Err(EndpointError::Shape { text: text.into() }),
        Role::Service => Ok(match (namespace, name.split_once('.')) {
            (None, Some(_)) => match service_of_dns(name) {
                Some((name, namespace)) => Form::Service { namespace: Some(namespace), name },
                None => Form::Service { namespace, name },
            },
            _ => Form::Service { namespace, name },
        }),
        Role::Pod | Role::Workload => {
            Ok(Form::Pods(PodsForm::Named { kind: Some(known.name), namespace, name }))
        }
        Role::Node | Role::Ingress | Role::Policy => {
            Err(EndpointError::NotAnEndpoint { kind: known.name, name: name.into() })
        }
    }
}

/// `A/B` is a name of namespace `A`, or one of kind `A`: what exists wins, and both are an error.
fn two<'t>(scope: &Scope<'_>, text: &str, first: &'t str, name: &'t str) -> Result<Form<'t>, EndpointError> {
    let cluster = scope.cluster;
    let named = PodsForm::Named { kind: None, namespace: Some(first), name };
    if kinds::find(first).is_none() && (cluster.namespace(first).is_some() || !is_workload_kind(scope, first))
    {
        return Ok(Form::Pods(named));
    }
    let kind = of_kind(text, first, None, name);
    let Some(namespace) = cluster.namespace(first) else { return kind };
    let by_kind = kind.as_ref().ok().and_then(|form| spelled_out(scope, form));
    let lookup = Lookup { cluster, namespace, kind: None, name };
    match (lookup.spelled_out(), by_kind) {
        (Some(by_name), Some(by_kind)) => {
            Err(EndpointError::Clash { text: text.into(), candidates: vec![by_name, by_kind] })
        }
        (Some(_), None) => Ok(Form::Pods(named)),
        // A namespace with pods is more likely to be meant than a kind.
        (None, None) if kind.is_err() || !cluster.namespaces[namespace].pods.is_empty() => {
            Ok(Form::Pods(named))
        }
        (None, _) => kind,
    }
}

/// A bare name, or the DNS name of a Service.
fn one<'t>(scope: &Scope<'_>, text: &'t str) -> Result<Form<'t>, EndpointError> {
    let named = PodsForm::Named { kind: None, namespace: None, name: text };
    let service = service_of_dns(text);
    let has_service = service
        .is_some_and(|(name, namespace)| super::service::find(scope.cluster, namespace, name).is_some());
    let by_name = spelled_out(scope, &Form::Pods(named));
    match (service, by_name) {
        (Some((name, namespace)), Some(by_name)) if has_service => Err(EndpointError::Clash {
            text: text.into(),
            candidates: vec![by_name, format!("svc/{namespace}/{name}")],
        }),
        (Some((name, namespace)), None) if has_service || text.contains(".svc") => {
            Ok(Form::Service { namespace: Some(namespace), name })
        }
        (_, None) if VAGUE.contains(&text) => Err(EndpointError::Vague { text: text.into() }),
        _ => Ok(Form::Pods(named)),
    }
}

/// The name and the namespace in `NAME.NS`, `NAME.NS.svc` and `NAME.NS.svc.cluster.local`.
fn service_of_dns(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let rest = text.strip_suffix(".svc.cluster.local").or_else(|| text.strip_suffix(".svc")).unwrap_or(text);
    let (name, namespace) = rest.split_once('.')?;
    (!name.is_empty() && !namespace.is_empty() && !namespace.contains('.')).then_some((name, namespace))
}

/// Writes the name of what a form means so that it can mean nothing else; `None` if there is no such object.
fn spelled_out(scope: &Scope<'_>, form: &Form<'_>) -> Option<String> {
    let cluster = scope.cluster;
    match *form {
        Form::Service { namespace, name } => {
            let namespace = namespace.unwrap_or(scope.default_namespace());
            super::service::find(cluster, namespace, name).map(|_| format!("svc/{namespace}/{name}"))
        }
        Form::Pods(PodsForm::Namespace(name)) => {
            let id = cluster.namespace(name)?;
            (!cluster.namespaces[id].pods.is_empty()).then(|| format!("{name}/*"))
        }
        Form::Pods(PodsForm::Named { kind, namespace, name }) => {
            let namespace = cluster.namespace(namespace.unwrap_or(scope.default_namespace()))?;
            Lookup { cluster, namespace, kind, name }.spelled_out()
        }
        Form::Internet | Form::Address(_) | Form::Block(_) | Form::Selector(_) => None,
    }
}

/// The policy that a text such as `netpol/shop/db` names; `None` if it does not name a policy.
pub fn policy(
    text: &str,
    cluster: &Cluster,
    namespace: Option<&str>,
) -> Option<Result<PolicyId, EndpointError>> {
    let (kind, namespace, name) = match *text.split('/').collect::<Vec<_>>() {
        [kind, namespace, name] => (kind, namespace, name),
        [kind, name] => (kind, namespace.unwrap_or("default"), name),
        _ => return None,
    };
    let known = kinds::find(kind).filter(|known| known.role == Role::Policy)?;
    let is_named = text.split('/').count() == 3;
    let (kind, namespace) = (known.name, if known.namespaced || is_named { namespace } else { "" });
    let named = || cluster.policies.enumerate().filter(|(_, policy)| *policy.name.kind == *kind);
    let found = named().find(|(_, p)| *p.name.namespace == *namespace && *p.name.name == *name);
    // What exists wins, and both are an error.
    let space = text.split_once('/').and_then(|(first, _)| cluster.namespace(first)).filter(|_| !is_named);
    if let Some(space) = space {
        let pods = Lookup { cluster, namespace: space, kind: None, name }.spelled_out();
        match (found, pods) {
            (None, _) => return None,
            (Some((_, policy)), Some(pods)) => {
                let policy = format!("{}/{}", known.qualified().to_lowercase(), policy.name.path());
                let candidates = vec![pods, policy];
                return Some(Err(EndpointError::Clash { text: text.into(), candidates }));
            }
            (Some(_), None) => {}
        }
    }
    Some(found.map(|(id, _)| id).ok_or_else(|| {
        let path = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
        let mut near = nearest(&path, named().map(|(_, policy)| policy.name.path()));
        if near.is_empty() {
            near = nearest_by(name, named().map(|(_, policy)| (&*policy.name.name, policy.name.path())));
        }
        EndpointError::Unknown { what: kind, name: path, nearest: near }
    }))
}

/// The pods that labels surely select, in the namespace of `-n` if there is one, and those that they perhaps do.
pub(super) fn selected(scope: &Scope<'_>, query: &LabelQuery) -> Result<(Pods, Pods), EndpointError> {
    let cluster = scope.cluster;
    let within = scope.namespace.map(|name| namespace(cluster, name)).transpose()?;
    let (mut sure, mut perhaps) = (Vec::new(), Vec::new());
    for (id, pod) in cluster.pods.enumerate().filter(|(_, pod)| within.is_none_or(|ns| ns == pod.namespace)) {
        match query.matches(&cluster.labels, &cluster.labels.sets[pod.labels]) {
            Truth::Yes => sure.push(whole(cluster, id)),
            Truth::Unknown => perhaps.push(whole(cluster, id)),
            Truth::No => {}
        }
    }
    if sure.is_empty() && perhaps.is_empty() {
        return Err(EndpointError::NoMatch {
            selector: query.to_string(),
            namespace: scope.namespace.map(Into::into),
            advice: query.advice(cluster, within),
        });
    }
    Ok((sure, perhaps))
}

pub(super) fn pods(
    scope: &Scope<'_>,
    form: &PodsForm<'_>,
    notes: &mut Vec<String>,
) -> Result<Ends, EndpointError> {
    let cluster = scope.cluster;
    let pods = match *form {
        PodsForm::Namespace(name) => {
            let id = namespace(cluster, name)?;
            let range = &cluster.namespaces[id].pods;
            let pods: Vec<_> = (range.start.index()..range.end.index())
                .map(|pod| whole(cluster, PodId::from_index(pod)))
                .collect();
            if pods.is_empty() {
                return Err(EndpointError::EmptyNamespace { name: name.into() });
            }
            pods
        }
        PodsForm::Named { kind, namespace: Some(given), name } => {
            Lookup { cluster, namespace: namespace(cluster, given)?, kind, name }.resolve(true)?
        }
        PodsForm::Named { kind, namespace: None, name } => {
            let own = match cluster.namespace(scope.default_namespace()) {
                Some(namespace) => Lookup { cluster, namespace, kind, name }.resolve(false),
                None => Err(EndpointError::Unqualified {
                    name: name.into(),
                    namespace: scope.default_namespace().into(),
                    nearest: anywhere(cluster, name),
                }),
            };
            match own {
                Err(error @ (EndpointError::Unknown { .. } | EndpointError::Unqualified { .. }))
                    if scope.namespace.is_none() =>
                {
                    elsewhere(cluster, kind, name, notes).unwrap_or(Err(error))?
                }
                own => own?,
            }
        }
    };
    Ok(Ends { pods, addresses: crate::net::ByFamily::default() })
}

/// Looks up a bare name that `default` lacks: the one pod or workload of that name in the other namespaces.
fn elsewhere(
    cluster: &Cluster,
    kind: Option<&str>,
    name: &str,
    notes: &mut Vec<String>,
) -> Option<Result<Found, EndpointError>> {
    let base = name.split_once('[').map_or(name, |(base, _)| base);
    let workloads = cluster.workloads.iter().filter(|w| *w.name == *base || *w.name == *name);
    let pods = cluster.pods.iter().filter(|pod| matches!(&pod.name, PodName::Exact(own) if **own == *name));
    let namespaces: BTreeSet<NamespaceId> =
        workloads.map(|w| w.namespace).chain(pods.map(|pod| pod.namespace)).collect();
    let lookups = namespaces.into_iter().map(|namespace| Lookup { cluster, namespace, kind, name });
    let found: Vec<(String, Lookup<'_, '_>)> =
        lookups.filter_map(|lookup| Some((lookup.spelled_out()?, lookup))).collect();
    match &found[..] {
        [] => None,
        [(_, only)] => {
            notes.push(elsewhere_note(name, &only.path()));
            Some(only.resolve(false))
        }
        several => Some(Err(EndpointError::SeveralNamespaces {
            name: name.into(),
            candidates: several.iter().map(|(_, lookup)| lookup.path()).collect(),
        })),
    }
}

fn namespace(cluster: &Cluster, name: &str) -> Result<NamespaceId, EndpointError> {
    cluster.namespace(name).ok_or_else(|| EndpointError::Unknown {
        what: "namespace",
        name: name.into(),
        nearest: nearest(name, cluster.namespaces.iter().map(|n| n.name.to_string())),
    })
}

/// Finds what `name` may mean in any namespace, best first.
fn anywhere(cluster: &Cluster, name: &str) -> Vec<String> {
    let workloads = cluster.workloads.enumerate().map(|(id, w)| (&*w.name, cluster.workload_path(id)));
    let pods = cluster.pods.enumerate().filter_map(|(id, pod)| match &pod.name {
        PodName::Exact(name) => Some((&**name, cluster.pod_path(id, 0))),
        PodName::Replicas { .. } => None,
    });
    let mut names = nearest_by(name, workloads.chain(pods));
    if cluster.namespace(name).is_some() {
        names.insert(0, format!("ns/{name}"));
    }
    names
}

/// The note on a name that was found in another namespace than the one that completes names.
pub(super) fn elsewhere_note(name: &str, found: &str) -> String {
    format!("`{name}` is not in namespace `default`: this is `{found}`, the only one of that name")
}

/// The search for one name in one namespace.
struct Lookup<'c, 't> {
    cluster: &'c Cluster,
    namespace: NamespaceId,
    kind: Option<&'t str>,
    name: &'t str,
}

type Found = Pods;

impl Lookup<'_, '_> {
    fn resolve(&self, namespace_given: bool) -> Result<Found, EndpointError> {
        let cluster = self.cluster;
        let is_pod = self.kind.is_some_and(|kind| kind.eq_ignore_ascii_case("Pod"));
        if !is_pod && let Some(workload) = self.workload(self.name)? {
            return Ok(cluster.workloads[workload].pods.iter().map(|&pod| whole(cluster, pod)).collect());
        }
        if let Some(pods) = self.replica(is_pod)? {
            return Ok(pods);
        }
        if is_pod || self.kind.is_none() {
            let pods: Found = self
                .pods()
                .filter(|&id| matches!(&cluster.pods[id].name, PodName::Exact(name) if **name == *self.name))
                .map(|id| whole(cluster, id))
                .collect();
            if !pods.is_empty() {
                return Ok(pods);
            }
        }
        Err(self.not_found(namespace_given))
    }

    /// Writes the name so that it can mean nothing else; `None` if it names nothing.
    fn spelled_out(&self) -> Option<String> {
        match self.resolve(true) {
            Ok(found) => {
                let cluster = self.cluster;
                let workload = &cluster.workloads[cluster.pods[found.first()?.0].workload];
                let is_workload = *workload.name == *self.name && *workload.kind != *"Pod";
                let kind = if is_workload { workload.kind.to_ascii_lowercase() } else { "pod".to_owned() };
                Some(format!("{kind}/{}", self.path()))
            }
            Err(EndpointError::Unknown { .. }) => None,
            // There is such an object, and something else to be said about it.
            Err(_) => Some(match self.kind {
                Some(kind) => format!("{}/{}", kind.to_ascii_lowercase(), self.path()),
                None => self.path(),
            }),
        }
    }

    fn pods(&self) -> impl Iterator<Item = PodId> + use<> {
        let range = self.cluster.namespaces[self.namespace].pods.clone();
        (range.start.index()..range.end.index()).map(PodId::from_index)
    }

    fn path(&self) -> String {
        format!("{}/{}", self.cluster.namespaces[self.namespace].name, self.name)
    }

    /// The one workload called `name`, bare pods aside.
    fn workload(&self, name: &str) -> Result<Option<WorkloadId>, EndpointError> {
        let found: Vec<WorkloadId> = self
            .cluster
            .workloads
            .enumerate()
            .filter(|(_, w)| w.namespace == self.namespace && *w.name == *name && *w.kind != *"Pod")
            .filter(|(_, w)| self.kind.is_none_or(|kind| w.kind.eq_ignore_ascii_case(kind)))
            .filter(|(_, w)| !w.pods.is_empty())
            .map(|(id, _)| id)
            .collect();
        match found[..] {
            [] => Ok(None),
            [one] => Ok(Some(one)),
            _ => Err(EndpointError::Ambiguous {
                name: self.path(),
                candidates: found
                    .iter()
                    .map(|&w| {
                        let kind = self.cluster.workloads[w].kind.to_ascii_lowercase();
                        format!("{kind}/{}", self.cluster.workload_path(w))
                    })
                    .collect(),
            }),
        }
    }

    /// `web[1]`: one pod of a workload whose pods no manifest names.
    fn replica(&self, is_pod: bool) -> Result<Option<Found>, EndpointError> {
        let Some((base, index)) = self
            .name
            .strip_suffix(']')
            .and_then(|rest| rest.split_once('['))
            .and_then(|(base, index)| Some((base, index.parse::<u32>().ok()?)))
        else {
            return Ok(None);
        };
        let lookup = Self { kind: self.kind.filter(|_| !is_pod), ..*self };
        let Some(workload) = lookup.workload(base)? else { return Ok(None) };
        let mut names: Vec<String> = Vec::new();
        for &id in &self.cluster.workloads[workload].pods {
            let pod = &self.cluster.pods[id];
            if let PodName::Replicas { first, .. } = pod.name
                && let Some(within) = index.checked_sub(first)
                && within < pod.count
            {
                return Ok(Some(vec![(id, within..within + 1)]));
            }
            names.push(self.cluster.pod_path(id, 0));
            if pod.count > 1 {
                names.push(self.cluster.pod_path(id, pod.count - 1));
            }
        }
        names.truncate(4);
        Err(EndpointError::Unknown { what: "pod", name: self.path(), nearest: names })
    }

    /// The error for a name that means no pod.
    fn not_found(&self, namespace_given: bool) -> EndpointError {
        let cluster = self.cluster;
        if cluster.finished.iter().any(|(ns, name)| *ns == self.namespace && **name == *self.name) {
            return EndpointError::Finished { pod: self.path() };
        }
        let empty = cluster.empty_workloads.iter().find(|(ns, name, kind)| {
            *ns == self.namespace
                && **name == *self.name
                && self.kind.is_none_or(|asked| kind.eq_ignore_ascii_case(asked))
        });
        if let Some((.., kind)) = empty {
            return EndpointError::NoPods { kind: kind.to_string(), name: self.path() };
        }
        let mut close = anywhere(cluster, self.name);
        if namespace_given {
            let workloads = cluster.workloads.ids().map(|w| cluster.workload_path(w));
            let pods = self.pods().filter(|&id| matches!(cluster.pods[id].name, PodName::Exact(_)));
            close.retain(|name| !name.starts_with("ns/"));
            close
                .splice(0..0, nearest(&self.path(), workloads.chain(pods.map(|id| cluster.pod_path(id, 0)))));
            let mut seen = BTreeSet::new();
            close.retain(|name| seen.insert(name.clone()));
        }
        close.truncate(4);
        let what = if self.kind.is_some() { "object of that kind" } else { "workload or pod" };
        EndpointError::Unknown { what, name: self.path(), nearest: close }
    }
}

//! `[KIND/][NS/]NAME`, `NS/*`, `web[1]`: names of pods, workloads and namespaces.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{EndpointError, Scope, whole};
use crate::cluster::kinds::{self, Role};
use crate::cluster::{Cluster, NamespaceId, PodId, PodName, WorkloadId};
use crate::diagnostic::{nearest, nearest_by};
use crate::index::Id;
use crate::policy::PolicyId;
use crate::query::Ends;

/// What a text names, by its shape.
pub(super) enum Form<'t> {
    Internet,
    Address(IpAddr),
    Block(IpNet),
    Service { namespace: Option<&'t str>, name: &'t str },
    Pods(PodsForm<'t>),
}

/// A name of pods.
pub(super) enum PodsForm<'t> {
    /// All pods of a namespace.
    Namespace(&'t str),
    /// A workload, or else a pod; `kind` if it was given.
    Named { kind: Option<&'t str>, namespace: Option<&'t str>, name: &'t str },
}

pub(super) fn classify<'t>(text: &'t str, cluster: &Cluster) -> Result<Form<'t>, EndpointError> {
    if text == "internet" {
        return Ok(Form::Internet);
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(Form::Address(ip));
    }
    if let Ok(net) = text.parse::<IpNet>() {
        return Ok(Form::Block(net.trunc()));
    }
    let segments: Vec<&str> = text.split('/').collect();
    if segments.iter().any(|s| s.is_empty()) || segments.len() > 3 {
        return Err(EndpointError::Shape { text: text.into() });
    }
    if segments[0].parse::<IpAddr>().is_ok() {
        return Err(EndpointError::BadBlock { text: text.into() });
    }
    let of_kind = |kind: &'t str, namespace: Option<&'t str>, name: &'t str| {
        let Some(known) = kinds::find(kind) else {
            return Ok(Form::Pods(PodsForm::Named { kind: Some(kind), namespace, name }));
        };
        match known.role {
            Role::Namespace if namespace.is_none() => Ok(Form::Pods(PodsForm::Namespace(name))),
            Role::Namespace => Err(EndpointError::Shape { text: text.into() }),
            Role::Service => Ok(Form::Service { namespace, name }),
            Role::Pod | Role::Workload => {
                Ok(Form::Pods(PodsForm::Named { kind: Some(known.name), namespace, name }))
            }
            Role::Node | Role::Ingress | Role::Policy => {
                Err(EndpointError::NotAnEndpoint { kind: known.name, name: name.into() })
            }
        }
    };
    match *segments {
        [kind, namespace, name] => {
            let exists = || cluster.workloads.iter().any(|w| w.kind.eq_ignore_ascii_case(kind));
            if kinds::find(kind).is_none() && !exists() {
                return Err(EndpointError::UnknownKind { kind: kind.into() });
            }
            of_kind(kind, Some(namespace), name)
        }
        [kind, name] if kinds::find(kind).is_some() => of_kind(kind, None, name),
        [namespace, "*"] => Ok(Form::Pods(PodsForm::Namespace(namespace))),
        [namespace, name] => Ok(Form::Pods(PodsForm::Named { kind: None, namespace: Some(namespace), name })),
        [name] => Ok(Form::Pods(PodsForm::Named { kind: None, namespace: None, name })),
        _ => Err(EndpointError::Shape { text: text.into() }),
    }
}

/// The policy that a text such as `netpol/shop/db` names; `None` if it does not name a policy.
pub fn policy(
    text: &str,
    cluster: &Cluster,
    default_namespace: &str,
) -> Option<Result<PolicyId, EndpointError>> {
    let (kind, namespace, name) = match *text.split('/').collect::<Vec<_>>() {
        [kind, namespace, name] => (kind, namespace, name),
        [kind, name] => (kind, default_namespace, name),
        _ => return None,
    };
    let kind = kinds::find(kind).filter(|kind| kind.role == kinds::Role::Policy)?.name;
    let named = || cluster.policies.enumerate().filter(|(_, policy)| *policy.name.kind == *kind);
    let found = named().find(|(_, p)| *p.name.namespace == *namespace && *p.name.name == *name);
    Some(found.map(|(id, _)| id).ok_or_else(|| {
        let path = format!("{namespace}/{name}");
        let mut near = nearest(&path, named().map(|(_, policy)| policy.name.path()));
        if near.is_empty() {
            near = nearest_by(name, named().map(|(_, policy)| (&*policy.name.name, policy.name.path())));
        }
        EndpointError::Unknown { what: kind, name: path, nearest: near }
    }))
}

pub(super) fn pods(scope: &Scope<'_>, form: &PodsForm<'_>) -> Result<Ends, EndpointError> {
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
        PodsForm::Named { kind, namespace: given, name } => {
            let id = match given {
                Some(given) => namespace(cluster, given)?,
                None => {
                    cluster.namespace(scope.default_namespace).ok_or_else(|| EndpointError::Unqualified {
                        name: name.into(),
                        namespace: scope.default_namespace.into(),
                        nearest: anywhere(cluster, name),
                    })?
                }
            };
            Lookup { cluster, namespace: id, kind, name }.resolve(given.is_some())?
        }
    };
    Ok(Ends { pods, addresses: crate::net::ByFamily::default() })
}

fn namespace(cluster: &Cluster, name: &str) -> Result<NamespaceId, EndpointError> {
    cluster.namespace(name).ok_or_else(|| EndpointError::Unknown {
        what: "namespace",
        name: name.into(),
        nearest: nearest(name, cluster.namespaces.iter().map(|n| n.name.to_string())),
    })
}

/// What `name` may mean in any namespace, best first.
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

/// The search for one name in one namespace.
struct Lookup<'c, 't> {
    cluster: &'c Cluster,
    namespace: NamespaceId,
    kind: Option<&'t str>,
    name: &'t str,
}

type Found = Vec<(PodId, std::ops::Range<u32>)>;

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

    /// Why the name means no pod.
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

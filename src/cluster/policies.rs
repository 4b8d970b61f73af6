//! The policies of the cluster, in evaluation order, and what is unknown because of policies that are not evaluated.

use std::collections::BTreeMap;

use strsim::jaro_winkler;

use super::findings::Findings;
use super::objects::{DEFAULT_NAMESPACE, Identity, Item, Objects};
use super::{Cluster, NamespaceId};
use crate::diagnostic::{Code, Diagnostic};
use crate::index::IndexVec;
use crate::k8s::Object;
use crate::label::SelectorId;
use crate::policy::unevaluated::{self, UnevaluatedKind};
use crate::policy::{Policy, PolicyId, Tier, networking_v1};
use crate::profile::ProfileSet;

/// How many policies a warning names before it says "and N more".
const NAMED: usize = 5;

/// Lowers all policies. `cluster` has its namespaces already.
pub(super) fn policies(
    objects: &Objects<'_>,
    ignore: &[String],
    cluster: &mut Cluster,
    findings: &mut Findings,
) -> IndexVec<PolicyId, Policy> {
    check_ignored(ignore, findings);
    let mut policies = Vec::new();
    for item in &objects.policies {
        let namespace = namespace(cluster, item.id.namespace);
        let mut found = Vec::new();
        let lowered = networking_v1::lower(
            item.object,
            namespace,
            item.id.object_name(),
            item.id.origin,
            &mut cluster.labels,
            &mut found,
        );
        findings.fields(&item.id, found);
        policies.push(lowered.unwrap_or_else(|| {
            let subject = networking_v1::lower_subject(item.object, &mut cluster.labels);
            left_out_policy(&item.id, Some(namespace), subject, cluster, findings)
        }));
    }
    let mut counted: BTreeMap<(&str, &str), Vec<&Identity<'_>>> = BTreeMap::new();
    for item in &objects.unevaluated {
        let policy = item.object;
        let kind = UnevaluatedKind::find(&policy.api_version, &policy.kind);
        if kind.is_some_and(|kind| ignore.iter().any(|name| kind.is_called(name))) {
            continue;
        }
        let namespace = (!item.id.namespace.is_empty()).then(|| namespace(cluster, item.id.namespace));
        let mut name = item.id.object_name();
        if matches!(&*policy.kind, "NetworkPolicy" | "ClusterNetworkPolicy") {
            // Kinds of several groups: say which is meant.
            name.kind = format!("{}.{}", policy.kind, unevaluated::group(&policy.api_version)).into();
        }
        policies.extend(unevaluated::lower(policy, namespace, &name, item.id.origin, &mut cluster.labels));
        let group = unevaluated::group(&policy.api_version);
        counted.entry((group, &policy.kind)).or_default().push(&item.id);
    }
    for ((group, kind), objects) in counted {
        report_not_evaluated(group, kind, &objects, findings);
    }
    for item in &objects.left_out {
        if let Some(namespace) = scope_of_left_out(item, cluster) {
            let subject = match item.object {
                Object::NetworkPolicy(policy) => networking_v1::lower_subject(policy, &mut cluster.labels),
                _ => None,
            };
            policies.push(left_out_policy(&item.id, namespace, subject, cluster, findings));
        } else {
            findings.left_out(&item.id, "the cluster is evaluated without it");
        }
    }
    policies.sort_by(|a, b| evaluation_order(a).cmp(&evaluation_order(b)));
    policies.into()
}

/// Tier and priority; names only make the order the same whatever the order of the input.
fn evaluation_order(policy: &Policy) -> (Tier, u32, &str, &str, &str) {
    let name = &policy.name;
    (policy.tier, policy.priority, &name.namespace, &name.name, &name.kind)
}

fn namespace(cluster: &Cluster, name: &str) -> NamespaceId {
    cluster.namespace(name).expect("every namespace that an object names is there")
}

/// What stands in for a policy that cannot be evaluated: everything it might select is unknown.
fn left_out_policy(
    id: &Identity<'_>,
    namespace: Option<NamespaceId>,
    subject: Option<SelectorId>,
    cluster: &mut Cluster,
    findings: &mut Findings,
) -> Policy {
    findings.left_out(id, "whatever it might select is unknown");
    let mut scope = unevaluated::whole_scope(namespace, &mut cluster.labels);
    if let Some(pods) = subject {
        scope.pods = pods;
    }
    unevaluated::unknown_policy(id.object_name(), id.origin.clone(), ProfileSet::ALL, scope)
}

/// Which pods an object that was left out might have selected: `None` if it is no policy, `Some(None)` those of all
/// namespaces.
fn scope_of_left_out(item: &Item<'_, Object>, cluster: &Cluster) -> Option<Option<NamespaceId>> {
    let namespaced = match item.object {
        Object::NetworkPolicy(_) => true,
        Object::Unevaluated(policy) => {
            UnevaluatedKind::find(&policy.api_version, &policy.kind).is_none_or(|kind| kind.namespaced)
        }
        Object::Broken(broken) => match &*broken.kind {
            "" => false,
            kind => match UnevaluatedKind::find(&broken.api_version, kind) {
                Some(kind) => kind.namespaced,
                None if kind == "NetworkPolicy" => true,
                None => return None,
            },
        },
        _ => return None,
    };
    let meta = item.id.meta;
    let name = match meta.namespace.as_deref() {
        Some(namespace) if !namespace.is_empty() => namespace,
        // Without a name, nobody knows whether the namespace could be read.
        _ if meta.name.is_some() || meta.generate_name.is_some() => DEFAULT_NAMESPACE,
        _ => return Some(None),
    };
    Some(cluster.namespace(name).filter(|_| namespaced))
}

fn report_not_evaluated(group: &str, kind: &str, objects: &[&Identity<'_>], findings: &mut Findings) {
    let [first, ..] = objects else { return };
    let mut names: Vec<String> =
        objects.iter().take(NAMED).map(|id| format!("`{}`", id.object_name().path())).collect();
    if objects.len() > NAMED {
        names.push(format!("and {} more", objects.len() - NAMED));
    }
    let qualified = format!("{kind}.{group}");
    let message = format!(
        "{} `{qualified}` not evaluated: {}; what they might select is unknown",
        objects.len(),
        names.join(", ")
    );
    let help = format!("`--ignore-kind {qualified}` leaves the kind out, by your word");
    findings.diagnostic(first, Diagnostic::new(Code::NotEvaluated, message).with_help(help));
}

/// An `--ignore-kind` must name a kind that is not evaluated.
fn check_ignored(ignore: &[String], findings: &mut Findings) {
    for name in ignore {
        if unevaluated::KINDS.iter().any(|kind| kind.is_called(name)) {
            continue;
        }
        let distance = |kind: &UnevaluatedKind| jaro_winkler(&kind.kind.to_lowercase(), &name.to_lowercase());
        let nearest = unevaluated::KINDS.iter().max_by(|a, b| distance(a).total_cmp(&distance(b)));
        let mut diagnostic = Diagnostic::new(
            Code::UnsupportedValue,
            format!("`--ignore-kind {name}`: no policy kind that is not evaluated has this name"),
        );
        if let Some(nearest) = nearest {
            diagnostic = diagnostic.with_help(format!("the nearest is `{}`", nearest.kind));
        }
        findings.general(diagnostic);
    }
}

//! From a workload to the pods its controller makes (W2 to W8, W13, W17, W19).
//!
//! Owns validation of everything about a workload but its metadata, how many pods there are, and the labels that the
//! controller adds. Alike pods stay one entry, whatever their number.

use std::borrow::Cow;
use std::sync::Arc;

use super::objects::{Identity, Item};
use super::owners::TEMPLATE_HASH;
use super::{DeclaredPort, containers};
use crate::diagnostic::Code;
use crate::k8s::{
    CompletionMode, LabelSelector, Labels, PodSpec, Text, WorkloadObject, WorkloadSelector, WorkloadSpec,
    group,
};
use crate::policy::field::{FieldFinding, FieldPath, Quoted};
use crate::policy::{
    Validation, dns_label_problems, label_value_problems, report, selector_accepts, validate_labels,
    validate_selector,
};

/// The pods that a controller makes of a workload.
#[derive(Debug)]
pub(super) struct Plan<'m> {
    /// Number of pods, and what tells them apart.
    pub(super) replicas: Replicas,
    /// Labels of the template.
    pub(super) labels: Option<&'m Labels>,
    /// Labels that the controller adds to all pods alike, over those of the template.
    pub(super) added: Vec<Added<'m>>,
    /// The API group of a controller that nobody knows: it may add labels of its own.
    pub(super) reserving: Option<&'m str>,
    /// `spec` of the template.
    pub(super) spec: Option<&'m PodSpec>,
    /// The named ports of its containers.
    pub(super) ports: Arc<[DeclaredPort]>,
}

/// Number of pods of a workload, and what tells them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Replicas {
    /// Nothing but their names.
    Alike(u32),
    /// StatefulSet: names and labels by ordinal.
    Ordinals {
        /// The first ordinal.
        first: u32,
        /// Number of pods.
        count: u32,
    },
    /// Indexed Job: a label by index, from 0.
    Indexed(u32),
    /// DaemonSet: one for each node.
    PerNode,
}

impl Replicas {
    /// True if there is any pod.
    pub(super) fn makes_pods(self) -> bool {
        match self {
            Self::Alike(count) | Self::Ordinals { count, .. } | Self::Indexed(count) => count > 0,
            Self::PerNode => true,
        }
    }
}

/// A label that a controller adds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Added<'m> {
    /// With a value that follows from the manifest.
    Known(&'static str, Cow<'m, str>),
    /// With a value that only the cluster knows (W25).
    Present(&'static str),
}

/// Pods counted for a DaemonSet if the input has no node.
pub(super) const PODS_WITHOUT_NODES: u32 = 2;

/// The kinds whose controllers are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum KnownKind {
    Deployment,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    Other,
}

impl KnownKind {
    fn of(workload: &WorkloadObject) -> Self {
        match (group(&workload.api_version), &*workload.kind) {
            ("apps" | "extensions", "Deployment") => Self::Deployment,
            ("apps" | "extensions", "ReplicaSet") => Self::ReplicaSet,
            ("apps", "StatefulSet") => Self::StatefulSet,
            ("apps" | "extensions", "DaemonSet") => Self::DaemonSet,
            ("", "ReplicationController") => Self::ReplicationController,
            ("batch", "Job") => Self::Job,
            ("batch", "CronJob") => Self::CronJob,
            _ => Self::Other,
        }
    }
}

/// Validates a workload and plans its pods; `None` if it has errors.
pub(super) fn plan<'m>(
    item: &Item<'m, WorkloadObject>,
    rules: Validation,
    findings: &mut Vec<FieldFinding>,
) -> Option<Plan<'m>> {
    let controller = KnownKind::of(item.object);
    let errors_before = findings.len();
    if controller == KnownKind::Other {
        let message = format!(
            "`{}` is not a kind that podreach knows; its pod template is taken as that of a Deployment",
            item.object.kind
        );
        findings.push(FieldFinding::new(Code::UnknownWorkload, &FieldPath::new("kind"), message));
    }
    let outer = item.object.spec.as_ref();
    let (spec, path, template_path) = match controller {
        KnownKind::CronJob => (
            outer.and_then(|spec| spec.job_template.as_ref()).and_then(|template| template.spec.as_ref()),
            FieldPath::new("spec.jobTemplate.spec"),
            "spec.jobTemplate.spec.template",
        ),
        _ => (outer, FieldPath::new("spec"), "spec.template"),
    };
    let template = spec.and_then(|spec| spec.template.as_ref());
    let (Some(spec), Some(template)) = (spec, template) else {
        findings.push(FieldFinding::required(&FieldPath::new(template_path), ""));
        return None;
    };
    let labels = template.metadata.as_ref().and_then(|meta| meta.labels.as_ref());
    let template_path = FieldPath::new(template_path);
    let metadata_path = template_path.field("metadata");
    let labels_path = metadata_path.field("labels");
    if let Some(labels) = labels {
        validate_labels(labels, &labels_path, findings);
    }
    check_selector(controller, item, spec, rules, labels, &labels_path, findings);
    let replicas = replicas(controller, item, spec, &path, findings);
    let pod_spec = template.spec.as_ref();
    let ports =
        pod_spec.map(|spec| containers::declared_ports(spec, &template_path.field("spec"), rules, findings));
    let sound = findings[errors_before..].iter().all(|f| !f.is_error());
    let plan = Plan {
        replicas: replicas?,
        labels,
        added: added_labels(controller, item, spec),
        reserving: (controller == KnownKind::Other).then(|| group(&item.object.api_version)),
        spec: pod_spec,
        ports: ports.unwrap_or_default(),
    };
    sound.then_some(plan)
}

/// W17: `apps/v1` wants a selector, and every given one must match the template. A Job's is written by the API server,
/// unless it says otherwise.
fn check_selector(
    controller: KnownKind,
    item: &Item<'_, WorkloadObject>,
    spec: &WorkloadSpec,
    rules: Validation,
    labels: Option<&Labels>,
    labels_path: &FieldPath<'_>,
    findings: &mut Vec<FieldFinding>,
) {
    let required = match controller {
        KnownKind::Deployment | KnownKind::ReplicaSet | KnownKind::StatefulSet | KnownKind::DaemonSet => {
            &*item.object.api_version == "apps/v1"
        }
        KnownKind::Job => {
            let manual = spec.manual_selector == Some(true);
            if !manual {
                // It becomes the value of a label.
                report(label_value_problems(&item.id.name), &item.id.name, labels_path, findings);
            }
            manual
        }
        KnownKind::ReplicationController => {
            return plain_selector(spec.selector.as_ref(), labels, labels_path, findings);
        }
        KnownKind::CronJob => return check_job_template(spec, findings),
        KnownKind::Other => return,
    };
    let path = FieldPath::new("spec.selector");
    let Some(selector) = &spec.selector else {
        if required {
            findings.push(FieldFinding::required(&path, ""));
        }
        return;
    };
    let selector = LabelSelector::from(selector);
    let wrong = validate_selector(&selector, &path);
    if !wrong.is_empty() {
        findings.extend(wrong);
        return;
    }
    let is_empty = selector.match_labels.as_ref().is_none_or(Labels::is_empty)
        && selector.match_expressions.as_deref().is_none_or(<[_]>::is_empty);
    if controller == KnownKind::Job && !required {
        // A Job that exists has the one that was written for it, and labels to match.
        if !is_empty && !rules.is_stored() {
            let detail = "`selector` not auto-generated";
            let finding = FieldFinding::invalid(&path, selector_json(&selector), detail);
            findings.push(finding.with_help("leave it out, or set `manualSelector: true`"));
        }
        return;
    }
    if is_empty && required && controller != KnownKind::Job {
        let detail = format!("empty selector is invalid for {}", item.object.kind.to_lowercase());
        findings.push(FieldFinding::invalid(&path, "{}", detail));
        return;
    }
    let none = Labels::default();
    let labels = labels.unwrap_or(&none);
    if !selector_accepts(&selector, labels) {
        let detail = "`selector` does not match template `labels`";
        findings.push(FieldFinding::invalid(labels_path, json(labels), detail));
    }
}

/// Checks that the Jobs of a CronJob have no selector of their own.
fn check_job_template(spec: &WorkloadSpec, findings: &mut Vec<FieldFinding>) {
    let path = FieldPath::new("spec.jobTemplate.spec");
    if let Some(selector) = &spec.selector {
        let shown = selector_json(&selector.into());
        findings.push(FieldFinding::invalid(
            &path.field("selector"),
            shown,
            "`selector` will be auto-generated",
        ));
    }
    if spec.manual_selector == Some(true) {
        let message = "Unsupported value: true: supported values: \"nil\", \"false\"";
        findings.push(FieldFinding::new(Code::UnsupportedValue, &path.field("manualSelector"), message));
    }
}

/// The selector of a ReplicationController, which defaults to the labels of its template (W4). The API server asks of it
/// only that it matches these.
fn plain_selector(
    selector: Option<&WorkloadSelector>,
    labels: Option<&Labels>,
    labels_path: &FieldPath<'_>,
    findings: &mut Vec<FieldFinding>,
) {
    let none = Labels::default();
    let labels = labels.unwrap_or(&none);
    let wanted = selector.and_then(|selector| selector.match_labels.as_ref());
    let wanted = wanted.filter(|wanted| !wanted.is_empty()).unwrap_or(labels);
    if wanted.is_empty() {
        findings.push(FieldFinding::required(&FieldPath::new("spec.selector"), ""));
    } else if wanted.iter().any(|(key, value)| labels.get(key) != Some(value)) {
        let detail = "`selector` does not match template `labels`";
        findings.push(FieldFinding::invalid(labels_path, json(labels), detail));
    }
}

/// Labels as the API server shows them in messages.
fn json(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key:?}:{value:?}")).collect();
    format!("{{{}}}", pairs.join(","))
}

/// A selector as the API server shows it in messages.
fn selector_json(selector: &LabelSelector) -> String {
    let quoted = |text: &Option<Text>| format!("{:?}", text.as_deref().unwrap_or_default());
    let labels = selector.match_labels.as_ref().filter(|labels| !labels.is_empty());
    let mut parts: Vec<String> =
        labels.map(|labels| format!("\"matchLabels\":{}", json(labels))).into_iter().collect();
    let expressions = selector.match_expressions.as_deref().unwrap_or_default().iter().map(|expression| {
        let (key, operator) = (quoted(&expression.key), quoted(&expression.operator));
        let values: Vec<String> = expression
            .values
            .iter()
            .flat_map(|values| values.iter())
            .map(|value| format!("{:?}", &**value))
            .collect();
        let values =
            if values.is_empty() { String::new() } else { format!(",\"values\":[{}]", values.join(",")) };
        format!("{{\"key\":{key},\"operator\":{operator}{values}}}")
    });
    let expressions: Vec<String> = expressions.collect();
    if !expressions.is_empty() {
        parts.push(format!("\"matchExpressions\":[{}]", expressions.join(",")));
    }
    format!("{{{}}}", parts.join(","))
}

/// Number of pods; `None` after an error.
fn replicas(
    controller: KnownKind,
    item: &Item<'_, WorkloadObject>,
    spec: &WorkloadSpec,
    path: &FieldPath<'_>,
    findings: &mut Vec<FieldFinding>,
) -> Option<Replicas> {
    let mut count = |value: Option<i32>, path: &FieldPath<'_>| {
        let value = value.unwrap_or(1);
        if value < 0 {
            findings.push(FieldFinding::invalid(path, value, "must be greater than or equal to 0"));
        }
        u32::try_from(value).ok()
    };
    match controller {
        KnownKind::DaemonSet => Some(Replicas::PerNode),
        KnownKind::StatefulSet => {
            let pods = count(spec.replicas, &path.field("replicas"));
            let start = spec.ordinals.as_ref().and_then(|ordinals| ordinals.start).unwrap_or(0);
            let first = count(Some(start), &path.field("ordinals").field("start"));
            Some(Replicas::Ordinals { first: first?, count: pods? })
        }
        KnownKind::Job | KnownKind::CronJob => {
            let parallel = count(spec.parallelism, &path.field("parallelism"));
            let completions = match spec.completions {
                Some(completions) => count(Some(completions), &path.field("completions")),
                None => Some(u32::MAX),
            };
            let indexed = spec.completion_mode == Some(CompletionMode::Indexed);
            if indexed && spec.completions.is_none() {
                let detail = "when completion mode is Indexed";
                findings.push(FieldFinding::required(&path.field("completions"), detail));
                return None;
            }
            if indexed {
                indexed_names(controller, item, spec, path, findings);
            }
            let pods = if spec.suspend == Some(true) { 0 } else { parallel?.min(completions?) };
            let cron_suspended = controller == KnownKind::CronJob
                && item.object.spec.as_ref().is_some_and(|outer| outer.suspend == Some(true));
            // What a suspended CronJob would do still matters: one pod stands for it (W8).
            let pods = if cron_suspended { pods.min(1) } else { pods };
            Some(if indexed { Replicas::Indexed(pods) } else { Replicas::Alike(pods) })
        }
        KnownKind::Deployment
        | KnownKind::ReplicaSet
        | KnownKind::ReplicationController
        | KnownKind::Other => count(spec.replicas, &path.field("replicas")).map(Replicas::Alike),
    }
}

/// Checks what the pods of an Indexed Job are called, and how many may run at once.
fn indexed_names(
    controller: KnownKind,
    item: &Item<'_, WorkloadObject>,
    spec: &WorkloadSpec,
    path: &FieldPath<'_>,
    findings: &mut Vec<FieldFinding>,
) {
    const MOST_INDEXED: i32 = 100_000;
    if let Some(parallelism) = spec.parallelism.filter(|&parallelism| parallelism > MOST_INDEXED) {
        let detail = format!("must be less than or equal to {MOST_INDEXED} when completion mode is Indexed");
        findings.push(FieldFinding::invalid(&path.field("parallelism"), parallelism, detail));
    }
    let last = spec.completions.filter(|&completions| completions > 0 && controller == KnownKind::Job);
    let last_pod = last.map(|completions| format!("{}-{}", item.id.name, completions - 1));
    if let Some(pod) = last_pod.filter(|pod| !dns_label_problems(pod).is_empty()) {
        let detail = format!("will not able to create pod with invalid DNS label: {pod}");
        let path = FieldPath::new("metadata.name");
        findings.push(FieldFinding::invalid(&path, Quoted(&item.id.name), detail));
    }
}

/// Labels that the controller adds to all pods alike.
fn added_labels<'m>(
    controller: KnownKind,
    item: &Item<'m, WorkloadObject>,
    spec: &WorkloadSpec,
) -> Vec<Added<'m>> {
    const JOB_NAMES: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];
    const JOB_UIDS: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];
    match controller {
        KnownKind::Deployment => vec![Added::Present(TEMPLATE_HASH)],
        KnownKind::ReplicaSet | KnownKind::ReplicationController | KnownKind::Other => Vec::new(),
        KnownKind::StatefulSet => vec![Added::Present("controller-revision-hash")],
        KnownKind::DaemonSet => {
            vec![Added::Present("controller-revision-hash"), Added::Present("pod-template-generation")]
        }
        KnownKind::Job | KnownKind::CronJob if spec.manual_selector == Some(true) => Vec::new(),
        KnownKind::Job => {
            let name = item.id.meta.name.as_deref().filter(|name| !name.is_empty());
            let uid = item.id.meta.uid.as_ref().map(ToString::to_string);
            let of = |keys: [&'static str; 2], value: Option<Cow<'m, str>>| {
                keys.map(|key| value.clone().map_or(Added::Present(key), |value| Added::Known(key, value)))
            };
            let names = of(JOB_NAMES, name.map(Cow::Borrowed));
            names.into_iter().chain(of(JOB_UIDS, uid.map(Cow::Owned))).collect()
        }
        KnownKind::CronJob => JOB_NAMES.into_iter().chain(JOB_UIDS).map(Added::Present).collect(),
    }
}

/// The note on the life of a workload's pods (W8, W12), if there is one.
pub(super) fn lifecycle(id: &Identity<'_>, workload: &WorkloadObject) -> Option<&'static str> {
    let suspended = workload.spec.as_ref().is_some_and(|spec| spec.suspend == Some(true));
    if suspended && KnownKind::of(workload) == KnownKind::CronJob {
        return Some("suspended; one pod stands for what it would run");
    }
    is_test_hook(id).then_some("a Helm test hook: its pods are there only while tests run")
}

/// True if Helm makes the object for a test only.
pub(super) fn is_test_hook(id: &Identity<'_>) -> bool {
    let hooks = id.meta.annotations.as_ref().and_then(|annotations| annotations.helm_hook.as_deref());
    hooks.is_some_and(|hooks| hooks.split(',').any(|hook| hook.trim().starts_with("test")))
}

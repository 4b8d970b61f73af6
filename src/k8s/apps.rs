//! `apps/v1`, `batch/v1` and every other kind with a pod template, in one shape.

use serde::Deserialize;

use super::core::PodSpec;
use super::meta::{LabelSelector, ObjectMeta};
use super::scalar::{Labels, List, Text, null_is_default};

/// An object with a pod template. The union of what the kinds have; absent fields are `None`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadObject {
    /// `apps/v1`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub api_version: Text,
    /// `Deployment`, `StatefulSet`, ... or any kind with `spec.template.spec.containers`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub kind: Text,
    /// Name, labels, owners.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: ObjectMeta,
    /// Replicas, selector, template.
    pub spec: Option<WorkloadSpec>,
}

impl WorkloadObject {
    /// The same under its apiVersion and kind, which readers know before they read the rest.
    #[must_use]
    pub(crate) fn called(self, api_version: &str, kind: &str) -> Self {
        Self { api_version: api_version.into(), kind: kind.into(), ..self }
    }
}

/// `spec` of a workload.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadSpec {
    /// `spec.replicas`; 1 when absent.
    pub replicas: Option<i32>,
    /// `spec.selector`: a label selector, or a plain map for a ReplicationController.
    pub selector: Option<WorkloadSelector>,
    /// `spec.template`. Boxed, since most objects are pods, and all take as much room as the largest.
    pub template: Option<Box<PodTemplate>>,
    /// StatefulSet: `spec.ordinals`.
    pub ordinals: Option<Ordinals>,
    /// Job: how many pods run at once.
    pub parallelism: Option<i32>,
    /// Job: how many pods must succeed.
    pub completions: Option<i32>,
    /// Job: `NonIndexed` when absent.
    pub completion_mode: Option<CompletionMode>,
    /// Job: the selector is written by the user, and the controller adds no labels.
    pub manual_selector: Option<bool>,
    /// Job, CronJob: no pods are created for now.
    pub suspend: Option<bool>,
    /// CronJob: `spec.jobTemplate`. Boxed, since few objects have one.
    pub job_template: Option<Box<JobTemplate>>,
}

/// `spec.selector` of an `apps/v1` or `batch/v1` workload, and the plain map of a ReplicationController as one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadSelector {
    /// `apps/v1` and `batch/v1`.
    pub match_labels: Option<Labels>,
    /// `apps/v1` and `batch/v1`.
    pub match_expressions: Option<List<super::LabelSelectorRequirement>>,
}

/// `v1 ReplicationController`: a workload whose selector is a plain map.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationController {
    /// Name, labels, owners.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: ObjectMeta,
    /// Replicas, selector, template.
    pub spec: Option<ReplicationControllerSpec>,
}

/// `spec` of a ReplicationController.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationControllerSpec {
    /// `spec.replicas`; 1 when absent.
    pub replicas: Option<i32>,
    /// `spec.selector`; the labels of the template when absent.
    pub selector: Option<Labels>,
    /// `spec.template`.
    pub template: Option<Box<PodTemplate>>,
}

impl From<ReplicationController> for WorkloadObject {
    fn from(controller: ReplicationController) -> Self {
        let spec = controller.spec.map(|spec| WorkloadSpec {
            replicas: spec.replicas,
            selector: spec
                .selector
                .map(|labels| WorkloadSelector { match_labels: Some(labels), match_expressions: None }),
            template: spec.template,
            ..WorkloadSpec::default()
        });
        Self { metadata: controller.metadata, spec, ..Self::default() }
    }
}

impl From<&WorkloadSelector> for LabelSelector {
    fn from(selector: &WorkloadSelector) -> Self {
        Self {
            match_labels: selector.match_labels.clone(),
            match_expressions: selector.match_expressions.clone(),
        }
    }
}

/// `spec.template`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct PodTemplate {
    /// Labels of the pods.
    pub metadata: Option<ObjectMeta>,
    /// Their containers.
    pub spec: Option<PodSpec>,
}

/// StatefulSet `spec.ordinals`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct Ordinals {
    /// The first ordinal; 0 when absent.
    pub start: Option<i32>,
}

/// Job `spec.completionMode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum CompletionMode {
    /// Any pod will do.
    NonIndexed,
    /// Each pod has an index, and a label that says it.
    Indexed,
}

/// CronJob `spec.jobTemplate`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
pub struct JobTemplate {
    /// The Job's `spec`.
    pub spec: Option<WorkloadSpec>,
}

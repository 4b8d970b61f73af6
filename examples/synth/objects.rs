//! Namespaces, pods, what makes them and what stands before them, with everything that dumps carry and no policy reads.

use std::collections::{BTreeMap, BTreeSet};

use super::nodes::Place;
use super::rng::Rng;
use super::text::Text;

/// Time at which everything was created.
pub(crate) const CREATED: &str = "2026-03-14T09:26:53Z";

/// Labels, in the order in which they are written.
pub(crate) type Labels = BTreeMap<String, String>;

/// A port that a container declares: name, number, protocol.
pub(crate) type ContainerPort = (&'static str, u16, &'static str);

/// The kind of a workload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
}

/// A workload and the template of its pods.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    pub(crate) kind: Kind,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Labels of its pods.
    pub(crate) labels: Labels,
    pub(crate) ports: &'static [ContainerPort],
    pub(crate) replicas: usize,
    pub(crate) host_network: bool,
    /// Set if a proxy runs beside the application, as an init container that stays.
    pub(crate) has_sidecar: bool,
    /// Set if its containers read variables and a mounted volume.
    pub(crate) has_config: bool,
    pub(crate) uid: String,
    /// Of the template: what the names of ReplicaSets and revisions end with.
    pub(crate) hash: String,
}

/// A pod that runs.
#[derive(Clone, Debug)]
pub(crate) struct Pod<'w> {
    /// The workload that it belongs to.
    pub(crate) workload: &'w Workload,
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) place: Place,
}

/// Labels from pairs.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn write_labels(text: &mut Text<'_>, key: &str, labels: &Labels) {
    text.object(key, |text| labels.iter().for_each(|(key, value)| text.string(key, value)));
}

/// A Namespace object; the label with its name is added.
pub(crate) fn write_namespace(text: &mut Text<'_>, name: &str, labels: &Labels) {
    let mut labels = labels.clone();
    labels.insert("kubernetes.io/metadata.name".to_owned(), name.to_owned());
    text.resource(|text| {
        text.string("apiVersion", "v1");
        text.string("kind", "Namespace");
        text.object("metadata", |text| {
            text.string("creationTimestamp", CREATED);
            write_labels(text, "labels", &labels);
            text.string("name", name);
            text.string("resourceVersion", "8213");
        });
        text.object("spec", |text| text.list("finalizers", |text| text.element("kubernetes")));
        text.object("status", |text| text.string("phase", "Active"));
    });
}

/// A Pod object with nothing but what policies can see.
pub(crate) fn write_terse_pod(
    text: &mut Text<'_>,
    (namespace, name): (&str, &str),
    labels: &Labels,
    ports: &[ContainerPort],
    place: &Place,
    more_addresses: &[String],
) {
    text.resource(|text| {
        text.string("apiVersion", "v1");
        text.string("kind", "Pod");
        text.object("metadata", |text| {
            write_labels(text, "labels", labels);
            text.string("name", name);
            text.string("namespace", namespace);
        });
        text.object("spec", |text| {
            text.list("containers", |text| {
                text.item(|text| {
                    text.string("image", "registry.example.com/app:1");
                    text.string("name", "app");
                    write_ports(text, ports);
                });
            });
            text.string("nodeName", &place.node);
        });
        text.object("status", |text| write_addresses(text, place, more_addresses));
    });
}

fn write_addresses(text: &mut Text<'_>, place: &Place, more: &[String]) {
    text.string("hostIP", &place.host_ip);
    text.string("phase", "Running");
    text.string("podIP", &place.pod_ip);
    text.list("podIPs", |text| {
        for address in std::iter::once(&place.pod_ip).chain(more) {
            text.item(|text| text.string("ip", address));
        }
    });
}

fn write_ports(text: &mut Text<'_>, ports: &[ContainerPort]) {
    if ports.is_empty() {
        return;
    }
    text.list("ports", |text| {
        for &(name, number, protocol) in ports {
            text.item(|text| {
                text.number("containerPort", number.into());
                text.string("name", name);
                text.string("protocol", protocol);
            });
        }
    });
}

fn write_owner(text: &mut Text<'_>, api_version: &str, kind: &str, name: &str, uid: &str) {
    text.list("ownerReferences", |text| {
        text.item(|text| {
            text.string("apiVersion", api_version);
            text.flag("blockOwnerDeletion", true);
            text.flag("controller", true);
            text.string("kind", kind);
            text.string("name", name);
            text.string("uid", uid);
        });
    });
}

impl Workload {
    /// The labels that tell its pods from others.
    fn selector(&self) -> Labels {
        labels(&[("app", &self.labels["app"]), ("component", &self.labels["component"])])
    }

    fn replica_set(&self) -> String {
        format!("{}-{}", self.name, self.hash)
    }

    /// The uid of the ReplicaSet follows from that of the Deployment.
    fn replica_set_uid(&self) -> String {
        format!("5{}", &self.uid[1..])
    }

    /// The pods, placed on nodes by `place`; a DaemonSet's pod number is its node's.
    pub(crate) fn pods<'w>(
        &'w self,
        rng: &mut Rng,
        mut place: impl FnMut(&mut Rng, usize) -> Place,
        mut visit: impl FnMut(Pod<'w>, &mut Rng),
    ) {
        let mut taken = BTreeSet::new();
        let mut suffix = |rng: &mut Rng| {
            let mut suffix = rng.suffix(5);
            while !taken.insert(suffix.clone()) {
                suffix = rng.suffix(5);
            }
            suffix
        };
        for number in 0..self.replicas {
            let mut labels = self.labels.clone();
            let mut label = |key: &str, value: &str| labels.insert(key.to_owned(), value.to_owned());
            let name = match self.kind {
                Kind::Deployment => {
                    label("pod-template-hash", &self.hash);
                    format!("{}-{}", self.replica_set(), suffix(rng))
                }
                Kind::StatefulSet => {
                    let name = format!("{}-{number}", self.name);
                    label("apps.kubernetes.io/pod-index", &number.to_string());
                    label("controller-revision-hash", &self.replica_set());
                    label("statefulset.kubernetes.io/pod-name", &name);
                    name
                }
                Kind::DaemonSet => {
                    label("controller-revision-hash", &self.hash);
                    label("pod-template-generation", "1");
                    format!("{}-{}", self.name, suffix(rng))
                }
            };
            let place = place(rng, number);
            visit(Pod { workload: self, name, labels, place }, rng);
        }
    }

    /// The object.
    pub(crate) fn write(&self, text: &mut Text<'_>) {
        let (kind, replicas) = match self.kind {
            Kind::Deployment => ("Deployment", Some(self.replicas)),
            Kind::StatefulSet => ("StatefulSet", Some(self.replicas)),
            Kind::DaemonSet => ("DaemonSet", None),
        };
        text.resource(|text| {
            text.string("apiVersion", "apps/v1");
            text.string("kind", kind);
            text.object("metadata", |text| {
                text.object("annotations", |text| {
                    text.string("deployment.kubernetes.io/revision", "1");
                    text.string("kubectl.kubernetes.io/last-applied-configuration", &self.last_applied());
                });
                text.string("creationTimestamp", CREATED);
                text.number("generation", 1);
                write_labels(text, "labels", &self.selector());
                text.string("name", &self.name);
                text.string("namespace", &self.namespace);
                text.string("resourceVersion", "48213911");
                text.string("uid", &self.uid);
            });
            self.write_spec(text, replicas, &self.selector(), &self.labels);
            self.write_status(text);
        });
    }

    /// The ReplicaSet of a Deployment.
    pub(crate) fn write_replica_set(&self, text: &mut Text<'_>) {
        if self.kind != Kind::Deployment {
            return;
        }
        let hashed = |mut labels: Labels| {
            labels.insert("pod-template-hash".to_owned(), self.hash.clone());
            labels
        };
        text.resource(|text| {
            text.string("apiVersion", "apps/v1");
            text.string("kind", "ReplicaSet");
            text.object("metadata", |text| {
                text.object("annotations", |text| {
                    text.string("deployment.kubernetes.io/desired-replicas", &self.replicas.to_string());
                    text.string("deployment.kubernetes.io/revision", "1");
                });
                text.string("creationTimestamp", CREATED);
                text.number("generation", 1);
                write_labels(text, "labels", &hashed(self.labels.clone()));
                text.string("name", &self.replica_set());
                text.string("namespace", &self.namespace);
                write_owner(text, "apps/v1", "Deployment", &self.name, &self.uid);
                text.string("resourceVersion", "48213913");
                text.string("uid", &self.replica_set_uid());
            });
            self.write_spec(
                text,
                Some(self.replicas),
                &hashed(self.selector()),
                &hashed(self.labels.clone()),
            );
            self.write_status(text);
        });
    }

    /// The Service before the workload, if its pods listen.
    pub(crate) fn write_service(&self, text: &mut Text<'_>, cluster_ip: &str) {
        if self.ports.is_empty() || self.host_network {
            return;
        }
        text.resource(|text| {
            text.string("apiVersion", "v1");
            text.string("kind", "Service");
            text.object("metadata", |text| {
                text.string("creationTimestamp", CREATED);
                write_labels(text, "labels", &self.selector());
                text.string("name", &self.name);
                text.string("namespace", &self.namespace);
                text.string("resourceVersion", "48213917");
            });
            text.object("spec", |text| {
                text.string("clusterIP", cluster_ip);
                text.list("clusterIPs", |text| text.element(cluster_ip));
                text.string("internalTrafficPolicy", "Cluster");
                text.list("ipFamilies", |text| text.element("IPv4"));
                text.string("ipFamilyPolicy", "SingleStack");
                text.list("ports", |text| {
                    for &(name, number, protocol) in self.ports {
                        text.item(|text| {
                            text.string("name", name);
                            text.number("port", number.into());
                            text.string("protocol", protocol);
                            text.string("targetPort", name);
                        });
                    }
                });
                write_labels(text, "selector", &self.selector());
                text.string("sessionAffinity", "None");
                text.string("type", "ClusterIP");
            });
            text.object("status", |text| text.object("loadBalancer", |_| {}));
        });
    }

    /// The annotation that `kubectl apply` leaves behind: the object once more, as text.
    fn last_applied(&self) -> String {
        format!(
            "{{\"apiVersion\":\"apps/v1\",\"kind\":\"{:?}\",\"metadata\":{{\"name\":\"{}\",\"namespace\":\"{}\"}},\
             \"spec\":{{\"replicas\":{},\"template\":{{\"spec\":{{\"containers\":[{{\"name\":\"app\"}}]}}}}}}}}\n",
            self.kind, self.name, self.namespace, self.replicas
        )
    }

    fn write_spec(&self, text: &mut Text<'_>, replicas: Option<usize>, selector: &Labels, template: &Labels) {
        text.object("spec", |text| {
            if let Some(replicas) = replicas {
                text.number("replicas", replicas);
            }
            text.number("revisionHistoryLimit", 10);
            text.object("selector", |text| write_labels(text, "matchLabels", selector));
            if self.kind == Kind::StatefulSet {
                text.string("serviceName", &self.name);
            }
            text.object("template", |text| {
                text.object("metadata", |text| write_labels(text, "labels", template));
                text.object("spec", |text| self.write_pod_spec(text, None));
            });
        });
    }

    fn write_status(&self, text: &mut Text<'_>) {
        text.object("status", |text| {
            let counts: &[&str] = if self.kind == Kind::DaemonSet {
                &["currentNumberScheduled", "desiredNumberScheduled", "numberAvailable", "numberReady"]
            } else {
                &["availableReplicas", "readyReplicas", "replicas"]
            };
            for count in counts {
                text.number(count, self.replicas);
            }
        });
    }

    fn write_pod_spec(&self, text: &mut Text<'_>, node: Option<&str>) {
        text.list("containers", |text| text.item(|text| self.write_container(text)));
        if self.host_network {
            text.flag("hostNetwork", true);
        }
        if self.has_sidecar {
            text.list("initContainers", |text| {
                text.item(|text| {
                    text.string("image", "registry.example.com/mesh/proxy:2.4.1");
                    text.string("name", "mesh-proxy");
                    write_ports(text, &[("mesh-metrics", 15090, "TCP")]);
                    text.string("restartPolicy", "Always");
                });
            });
        }
        if let Some(node) = node {
            text.string("nodeName", node);
        }
        text.string("restartPolicy", "Always");
        text.string("serviceAccountName", &self.name);
        if self.has_config {
            text.list("volumes", |text| {
                text.item(|text| {
                    text.object("configMap", |text| text.string("name", &self.name));
                    text.string("name", "config");
                });
            });
        }
    }

    fn write_container(&self, text: &mut Text<'_>) {
        if self.has_config {
            text.list("env", |text| {
                text.item(|text| {
                    text.string("name", "LOG_LEVEL");
                    text.string("value", "info");
                });
            });
        }
        text.string("image", &self.image());
        if let Some(&(name, ..)) = self.ports.first() {
            text.object("livenessProbe", |text| {
                text.object("httpGet", |text| {
                    text.string("path", "/healthz");
                    text.string("port", name);
                });
            });
        }
        text.string("name", "app");
        write_ports(text, self.ports);
        if self.has_config {
            text.list("volumeMounts", |text| {
                text.item(|text| {
                    text.string("mountPath", "/etc/config");
                    text.string("name", "config");
                });
            });
        }
    }

    fn image(&self) -> String {
        format!("registry.example.com/{}/{}:1.{}", self.namespace, self.name, self.replicas)
    }
}

impl Pod<'_> {
    /// The object.
    pub(crate) fn write(&self, text: &mut Text<'_>, rng: &mut Rng) {
        let workload = self.workload;
        text.resource(|text| {
            text.string("apiVersion", "v1");
            text.string("kind", "Pod");
            text.object("metadata", |text| {
                text.object("annotations", |text| {
                    text.string("cni.projectcalico.org/containerID", &rng.digest());
                    text.string("cni.projectcalico.org/podIP", &format!("{}/32", self.place.pod_ip));
                });
                text.string("creationTimestamp", CREATED);
                text.string("generateName", &self.name[..=self.name.rfind('-').unwrap_or_default()]);
                write_labels(text, "labels", &self.labels);
                text.string("name", &self.name);
                text.string("namespace", &workload.namespace);
                match workload.kind {
                    Kind::Deployment => write_owner(
                        text,
                        "apps/v1",
                        "ReplicaSet",
                        &workload.replica_set(),
                        &workload.replica_set_uid(),
                    ),
                    Kind::StatefulSet => {
                        write_owner(text, "apps/v1", "StatefulSet", &workload.name, &workload.uid);
                    }
                    Kind::DaemonSet => {
                        write_owner(text, "apps/v1", "DaemonSet", &workload.name, &workload.uid);
                    }
                }
                text.string("resourceVersion", &rng.below(100_000_000).to_string());
                text.string("uid", &rng.uid());
            });
            text.object("spec", |text| workload.write_pod_spec(text, Some(&self.place.node)));
            text.object("status", |text| self.write_status(text, rng));
        });
    }

    fn write_status(&self, text: &mut Text<'_>, rng: &mut Rng) {
        text.list("conditions", |text| {
            text.item(|text| {
                text.string("lastTransitionTime", CREATED);
                text.string("status", "True");
                text.string("type", "Ready");
            });
        });
        text.list("containerStatuses", |text| {
            text.item(|text| {
                text.string("containerID", &format!("containerd://{}", rng.digest()));
                text.string("image", &self.workload.image());
                text.string("name", "app");
                text.flag("ready", true);
                text.number("restartCount", rng.below(3));
            });
        });
        write_addresses(text, &self.place, &[]);
        text.string("startTime", CREATED);
    }
}

//! Clusters for tests, from manifests.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use crate::cluster::{
    Addresses, Backends, Cluster, ContainerKind, NamedPort, Namespace, NamespaceId, Node, Pod, PodId,
    PodName, Service, ServicePort, UnknownAddresses, Workload,
};
use crate::diagnostic::{ObjectName, Origin, SourceId};
use crate::index::Id;
use crate::k8s::IntOrString;
use crate::label::{
    LabelSet, LabelSetId, LabelTable, LabelValue, Operator, Requirement, Selector, SelectorId,
};
use crate::net::{AddressSet, ByDirection, ByFamily, Protocol, net_range};
use crate::policy::{
    Action, IpBlock, NamespaceMatch, Peer, Peers, PodMatch, Policy, PortMatch, Ports, Rule, Tier,
};
use crate::profile::ProfileSet;

/// The cluster that manifests describe. Reads what the tests of this crate write and no more.
pub(crate) fn cluster(yaml: &str) -> Cluster {
    let objects: Vec<Value> = yaml
        .split("\n---\n")
        .filter(|text| !text.trim().is_empty())
        .map(|text| crate::yaml::from_str(text).unwrap())
        .collect();
    let mut cluster = Cluster::default();
    let mut declared: BTreeMap<String, Option<Value>> = BTreeMap::new();
    for object in &objects {
        match kind(object) {
            "Namespace" => {
                declared
                    .insert(text(&object["metadata"]["name"]), Some(object["metadata"]["labels"].clone()));
            }
            "Node" => {}
            _ => {
                declared.entry(namespace_of(object)).or_default();
            }
        }
    }
    for (name, labels) in declared {
        let mut entries = pairs(labels.as_ref().unwrap_or(&Value::Null));
        entries.push(("kubernetes.io/metadata.name".into(), name.clone()));
        let id = label_set(&mut cluster.labels, &entries, labels.is_some());
        let origin = labels.map(|_| origin(0));
        let pods = PodId::from_index(0)..PodId::from_index(0);
        cluster.namespaces.push(Namespace { name: name.into(), labels: id, origin, pods });
    }
    for node in objects.iter().filter(|o| kind(o) == "Node") {
        let labels = label_set(&mut cluster.labels, &[], true);
        let addresses = ips(&node["status"]["addresses"], "address");
        cluster.nodes.push(Node {
            name: text(&node["metadata"]["name"]).into(),
            labels,
            addresses,
            origin: Some(origin(0)),
        });
    }
    let mut workloads: Vec<(NamespaceId, String, usize)> = objects
        .iter()
        .enumerate()
        .filter(|(_, o)| matches!(kind(o), "Deployment" | "StatefulSet" | "DaemonSet" | "Pod"))
        .map(|(i, o)| (cluster.namespace(&namespace_of(o)).unwrap(), text(&o["metadata"]["name"]), i))
        .collect();
    workloads.sort();
    for (namespace, name, index) in workloads {
        workload(&mut cluster, namespace, &name, &objects[index], index);
    }
    for namespace in cluster.namespaces.ids() {
        let of = |pod: &Pod| pod.namespace == namespace;
        let first = cluster.pods.iter().position(of).unwrap_or_default();
        let count = cluster.pods.iter().filter(|pod| of(pod)).count();
        cluster.namespaces[namespace].pods = PodId::from_index(first)..PodId::from_index(first + count);
    }
    for (index, object) in objects.iter().enumerate() {
        match kind(object) {
            "Service" => service(&mut cluster, object),
            "NetworkPolicy" => policy(&mut cluster, object, index),
            "CiliumNetworkPolicy" => {
                policy(&mut cluster, object, index);
                let last = cluster.policies.ids().last().unwrap();
                let policy = &mut cluster.policies[last];
                policy.tier = Tier::Unevaluated;
                policy.subject.perhaps = true;
                policy.isolates = ByDirection { ingress: true, egress: true };
            }
            _ => {}
        }
    }
    let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];
    let private: AddressSet = private.iter().map(|net| net_range(net.parse().unwrap())).collect();
    let region = ByFamily { v4: Some(private), v6: None };
    cluster.unknown_addresses = UnknownAddresses { pods: region.clone(), hosts: region };
    cluster
}

/// Adds NetworkPolicies to a cluster.
pub(crate) fn apply(cluster: &mut Cluster, yaml: &str) {
    for text in yaml.split("---\n").filter(|text| !text.trim().is_empty()) {
        let object: Value = crate::yaml::from_str(text).unwrap();
        policy(cluster, &object, 1000);
    }
}

fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().into()
}

fn namespace_of(object: &Value) -> String {
    object["metadata"]["namespace"].as_str().unwrap_or("default").into()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn pairs(labels: &Value) -> Vec<(String, String)> {
    let labels = labels.as_object().into_iter().flatten();
    labels.map(|(key, value)| (key.clone(), text(value))).collect()
}

fn ips(value: &Value, field: &str) -> Box<[IpAddr]> {
    list(value).iter().map(|item| item[field].as_str().unwrap().parse().unwrap()).collect()
}

fn origin(document: usize) -> Origin {
    let start = document as u64 * 10;
    Origin { source: SourceId::from_index(0), document: start..start + 10, item: "".into() }
}

fn protocol(value: &Value) -> Protocol {
    value.as_str().map_or(Protocol::Tcp, |name| Protocol::from_name(name).unwrap())
}

fn label_set(labels: &mut LabelTable, entries: &[(String, String)], complete: bool) -> LabelSetId {
    let entries = entries
        .iter()
        .map(|(key, value)| {
            let known = LabelValue::Known(labels.values.intern(value.as_str()));
            (labels.keys.intern(key.as_str()), known)
        })
        .collect();
    labels.sets.intern_owned(LabelSet::new(entries, complete))
}

fn selector(labels: &mut LabelTable, value: &Value) -> SelectorId {
    let mut requirements = Vec::new();
    for (key, value) in pairs(&value["matchLabels"]) {
        let values = Box::new([labels.values.intern(value.as_str())]);
        requirements.push(Requirement {
            key: labels.keys.intern(key.as_str()),
            operator: Operator::In,
            values,
        });
    }
    for expression in list(&value["matchExpressions"]) {
        let operator = match expression["operator"].as_str().unwrap() {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            _ => Operator::DoesNotExist,
        };
        let values = list(&expression["values"]).iter();
        let values = values.map(|v| labels.values.intern(v.as_str().unwrap())).collect();
        requirements.push(Requirement {
            key: labels.keys.intern(expression["key"].as_str().unwrap()),
            operator,
            values,
        });
    }
    labels.selectors.intern_owned(Selector::new(requirements))
}

fn workload(cluster: &mut Cluster, namespace: NamespaceId, name: &str, object: &Value, index: usize) {
    let bare = kind(object) == "Pod";
    let template = if bare { object } else { &object["spec"]["template"] };
    let replicas = u32::try_from(object["spec"]["replicas"].as_u64().unwrap_or(1)).unwrap();
    if replicas == 0 {
        cluster.empty_workloads.push((namespace, name.into(), kind(object).into()));
        return;
    }
    if object["status"]["phase"] == "Succeeded" {
        cluster.finished.push((namespace, name.into()));
        return;
    }
    let labels = label_set(&mut cluster.labels, &pairs(&template["metadata"]["labels"]), true);
    let own = label_set(&mut cluster.labels, &[], true);
    let mut ports: Vec<NamedPort> = Vec::new();
    for port in list(&template["spec"]["containers"]).iter().flat_map(|c| list(&c["ports"])) {
        if let Some(name) = port["name"].as_str() {
            ports.push(NamedPort {
                name: name.into(),
                protocol: protocol(&port["protocol"]),
                number: u16::try_from(port["containerPort"].as_u64().unwrap()).unwrap(),
                container: ContainerKind::Regular,
            });
        }
    }
    ports.sort();
    let known = ips(&template["status"]["podIPs"], "ip");
    let node = template["spec"]["nodeName"].as_str();
    let node = node.map(|name| cluster.nodes.enumerate().find(|(_, n)| *n.name == *name).unwrap().0);
    let workload = cluster.workloads.push(Workload {
        namespace,
        name: name.into(),
        kind: kind(object).into(),
        labels: own,
        origin: origin(index),
        pods: Vec::new(),
    });
    let names: Vec<(PodName, u32)> = match kind(object) {
        "Pod" => vec![(PodName::Exact(name.into()), 1)],
        "StatefulSet" => (0..replicas).map(|i| (PodName::Exact(format!("{name}-{i}").into()), 1)).collect(),
        _ => vec![(PodName::Replicas { base: name.into(), first: 0 }, replicas)],
    };
    for (pod_name, count) in names {
        let id = cluster.pods.push(Pod {
            namespace,
            workload,
            name: pod_name,
            count,
            labels,
            ports: ports.clone().into(),
            addresses: if known.is_empty() { Addresses::Unknown } else { Addresses::Known(known.clone()) },
            host_network: template["spec"]["hostNetwork"] == true,
            node,
            bare,
            origin: origin(index),
        });
        cluster.workloads[workload].pods.push(id);
    }
}

fn int_or_string(value: &Value) -> Option<IntOrString> {
    match value {
        Value::Number(n) => Some(IntOrString::Int(i32::try_from(n.as_i64().unwrap()).unwrap())),
        Value::String(s) => Some(IntOrString::String(s.as_str().into())),
        _ => None,
    }
}

fn service(cluster: &mut Cluster, object: &Value) {
    let spec = &object["spec"];
    let ports = list(&spec["ports"])
        .iter()
        .map(|port| {
            let number = int_or_string(&port["port"]).unwrap();
            let IntOrString::Int(n) = number else { panic!("a number") };
            ServicePort {
                name: text(&port["name"]).into(),
                port: u16::try_from(n).unwrap(),
                protocol: protocol(&port["protocol"]),
                target: int_or_string(&port["targetPort"]).unwrap_or(number),
            }
        })
        .collect();
    let backends = if let Some(dns) = spec["externalName"].as_str() {
        Backends::ExternalName(dns.into())
    } else if spec["selector"].is_object() {
        let wrapped = serde_json::json!({"matchLabels": spec["selector"]});
        Backends::Selector(selector(&mut cluster.labels, &wrapped))
    } else {
        Backends::None
    };
    let service = Service {
        origin: origin(0),
        backends,
        ports,
        headless: spec["clusterIP"] == "None",
        cluster_ips: spec["clusterIP"].as_str().and_then(|ip| ip.parse().ok()).into_iter().collect(),
    };
    let namespace = cluster.namespace(&namespace_of(object)).unwrap();
    cluster.services.insert((namespace, text(&object["metadata"]["name"]).into()), service);
}

fn policy(cluster: &mut Cluster, object: &Value, index: usize) {
    let namespace = cluster.namespace(&namespace_of(object)).unwrap();
    let spec = &object["spec"];
    let types: Vec<&str> = list(&spec["policyTypes"]).iter().filter_map(Value::as_str).collect();
    let isolates = ByDirection {
        ingress: types.is_empty() || types.contains(&"Ingress"),
        egress: types.contains(&"Egress") || types.is_empty() && !list(&spec["egress"]).is_empty(),
    };
    let labels = &mut cluster.labels;
    let subject = PodMatch {
        namespaces: NamespaceMatch::One(namespace),
        pods: selector(labels, &spec["podSelector"]),
        perhaps: false,
    };
    let mut rules = |rules: &Value, field: &str, applies: bool| -> Vec<Rule> {
        let rules = if applies { list(rules) } else { &[] };
        rules
            .iter()
            .enumerate()
            .map(|(index, rule)| Rule {
                action: Action::Accept,
                peers: match list(&rule[field]) {
                    [] => Peers::Any,
                    peers => Peers::Of(peers.iter().map(|p| peer(labels, namespace, p)).collect()),
                },
                ports: match list(&rule["ports"]) {
                    [] => Ports::Any,
                    ports => Ports::Of(ports.iter().map(port).collect()),
                },
                index,
            })
            .collect()
    };
    let rules = ByDirection {
        ingress: rules(&spec["ingress"], "from", isolates.ingress),
        egress: rules(&spec["egress"], "to", isolates.egress),
    };
    let name = ObjectName {
        kind: kind(object).into(),
        namespace: cluster.namespaces[namespace].name.clone(),
        name: text(&object["metadata"]["name"]).into(),
    };
    cluster.policies.push(Policy {
        name,
        origin: origin(index),
        enforced_by: ProfileSet::ALL,
        tier: Tier::NetworkPolicy,
        priority: 0,
        subject,
        isolates,
        rules,
    });
}

fn peer(labels: &mut LabelTable, own: NamespaceId, peer: &Value) -> Peer {
    if peer["ipBlock"].is_object() {
        let except = list(&peer["ipBlock"]["except"]).iter().map(|n| n.as_str().unwrap().parse().unwrap());
        let cidr = peer["ipBlock"]["cidr"].as_str().unwrap().parse().unwrap();
        return Peer::IpBlock(IpBlock { cidr, except: except.collect() });
    }
    let namespaces = match &peer["namespaceSelector"] {
        Value::Null => NamespaceMatch::One(own),
        value => NamespaceMatch::Labels(selector(labels, value)),
    };
    Peer::Pods(PodMatch { namespaces, pods: selector(labels, &peer["podSelector"]), perhaps: false })
}

fn port(port: &Value) -> PortMatch {
    let protocol = protocol(&port["protocol"]);
    match int_or_string(&port["port"]) {
        None => PortMatch::Range { protocol, first: 1, last: u16::MAX },
        Some(IntOrString::Int(first)) => {
            let last = port["endPort"].as_u64().unwrap_or(u64::try_from(first).unwrap());
            PortMatch::Range {
                protocol,
                first: u16::try_from(first).unwrap(),
                last: u16::try_from(last).unwrap(),
            }
        }
        Some(IntOrString::String(name)) => PortMatch::Named { protocol, name },
    }
}

/// The three-tier application: everything denied, and a few policies that forget the egress side and DNS.
pub(crate) const THREE_TIER: &str = r#"
kind: Namespace
metadata: {name: multi-tier}
---
kind: Deployment
metadata: {name: frontend, namespace: multi-tier}
spec:
  replicas: 2
  template:
    metadata: {labels: {tier: frontend, pod-template-hash: abc}}
    spec: {containers: [{ports: [{name: http, containerPort: 80}]}]}
---
kind: Deployment
metadata: {name: api-server, namespace: multi-tier}
spec:
  replicas: 2
  template: {metadata: {labels: {tier: api}}, spec: {containers: [{ports: [{name: http, containerPort: 8000}, {name: admin, containerPort: 9000}]}]}}
---
kind: StatefulSet
metadata: {name: database, namespace: multi-tier}
spec: {replicas: 1, template: {metadata: {labels: {tier: database}}, spec: {containers: []}}}
---
kind: Deployment
metadata: {name: coredns, namespace: kube-system}
spec: {replicas: 2, template: {metadata: {labels: {k8s-app: kube-dns}}, spec: {containers: []}}}
---
kind: Service
metadata: {name: frontend, namespace: multi-tier}
spec: {clusterIP: 10.96.0.7, selector: {tier: frontend}, ports: [{name: web, port: 8080, targetPort: http}]}
---
kind: Service
metadata: {name: database, namespace: multi-tier}
spec: {clusterIP: None, selector: {tier: database}, ports: [{port: 5432}]}
---
kind: NetworkPolicy
metadata: {name: default-deny, namespace: multi-tier}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
kind: NetworkPolicy
metadata: {name: frontend-to-api, namespace: multi-tier}
spec:
  podSelector: {matchLabels: {tier: api}}
  ingress: [{from: [{podSelector: {matchLabels: {tier: frontend}}}], ports: [{port: 8000}]}]
---
kind: NetworkPolicy
metadata: {name: api-to-database, namespace: multi-tier}
spec:
  podSelector: {matchLabels: {tier: database}}
  ingress: [{from: [{podSelector: {matchLabels: {tier: api}}}], ports: [{port: 5432}]}]
---
kind: NetworkPolicy
metadata: {name: frontend-ingress, namespace: multi-tier}
spec:
  podSelector: {matchLabels: {tier: frontend}}
  ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 80}]}]
---
kind: NetworkPolicy
metadata: {name: allow-dns-egress, namespace: multi-tier}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - to: [{namespaceSelector: {matchLabels: {name: kube-system}}}]
    ports: [{port: 53, protocol: UDP}]
  - to: [{namespaceSelector: {}}]
    ports: [{port: 443}]
"#;

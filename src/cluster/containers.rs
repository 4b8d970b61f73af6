//! The ports that a pod's containers declare (W21, R34 to R37, D4).

use std::sync::Arc;

use super::{ContainerKind, DeclaredPort};
use crate::diagnostic::Code;
use crate::k8s::{Container, List, PodSpec};
use crate::net::Protocol;
use crate::policy::field::{FieldFinding, FieldPath, Quoted};
use crate::policy::{PORT_NUMBER, Validation, port_name_problems, port_number, report};

/// Validates the ports of all containers and collects them: sorted, without repetition.
pub(super) fn declared_ports(
    spec: &PodSpec,
    path: &FieldPath<'_>,
    rules: Validation,
    findings: &mut Vec<FieldFinding>,
) -> Arc<[DeclaredPort]> {
    let mut ports = Vec::new();
    let mut collect = |containers: Option<&List<Container>>, list: &FieldPath<'_>, init: bool| {
        for (i, container) in containers.into_iter().flat_map(|list| list.iter()).enumerate() {
            let kind = match container.restart_policy.as_deref() {
                _ if !init => ContainerKind::Regular,
                Some("Always") => ContainerKind::Sidecar,
                _ => ContainerKind::Init,
            };
            let path = list.index(i);
            restart_policy(container, init, &path, rules, findings);
            container_ports(container, kind, &path, &mut ports, findings);
        }
    };
    collect(spec.containers.as_ref(), &path.field("containers"), false);
    collect(spec.init_containers.as_ref(), &path.field("initContainers"), true);
    ports.sort_unstable();
    ports.dedup();
    let clash = |a: &DeclaredPort, b: &DeclaredPort| {
        !a.name.is_empty() && (&a.name, a.protocol) == (&b.name, b.protocol) && a.number != b.number
    };
    if let Some([DeclaredPort { name, protocol, .. }, _]) =
        ports.windows(2).find(|pair| clash(&pair[0], &pair[1]))
    {
        let message =
            format!("more than one container has a {protocol} port `{name}`, with different numbers");
        findings.push(FieldFinding::new(Code::AmbiguousName, &path.field("containers"), message));
    }
    ports.into()
}

/// Checks the restart policy of one container, which makes a sidecar of an init container.
fn restart_policy(
    container: &Container,
    init: bool,
    path: &FieldPath<'_>,
    rules: Validation,
    findings: &mut Vec<FieldFinding>,
) {
    let Some(policy) = container.restart_policy.as_deref() else { return };
    let path = path.field("restartPolicy");
    if !init && !rules.has_container_restart_policies() {
        findings.push(FieldFinding::forbidden(&path, "may not be set for non-init containers"));
    } else if !rules.init_restart_policies().contains(&policy) {
        findings.push(FieldFinding::unsupported(&path, policy, rules.init_restart_policies()));
    }
}

fn container_ports(
    container: &Container,
    kind: ContainerKind,
    path: &FieldPath<'_>,
    ports: &mut Vec<DeclaredPort>,
    findings: &mut Vec<FieldFinding>,
) {
    let list = path.field("ports");
    let written = container.ports.as_deref().unwrap_or_default();
    for (i, port) in written.iter().enumerate() {
        let path = list.index(i);
        let name = port.name.as_ref().filter(|name| !name.is_empty());
        let mut name_is_good = true;
        if let Some(name) = name {
            let problems = port_name_problems(name);
            name_is_good = problems.is_empty();
            report(problems, name, &path.field("name"), findings);
            if name_is_good && written[..i].iter().any(|earlier| earlier.name.as_ref() == Some(name)) {
                name_is_good = false;
                findings.push(FieldFinding::duplicate(&path.field("name"), Quoted(name)));
            }
        }
        let number = match port.container_port {
            None | Some(0) => {
                findings.push(FieldFinding::required(&path.field("containerPort"), ""));
                None
            }
            Some(number) => {
                let valid = port_number(number);
                if valid.is_none() {
                    findings.push(FieldFinding::invalid(&path.field("containerPort"), number, PORT_NUMBER));
                }
                valid
            }
        };
        let protocol = protocol(port.protocol.as_deref(), &path.field("protocol"), findings);
        if let (true, Some(number), Some(protocol)) = (name_is_good, number, protocol) {
            let name = name.cloned().unwrap_or_default();
            ports.push(DeclaredPort { name, protocol, number, container: kind });
        }
    }
}

/// A protocol of a container, Service or Endpoints port; TCP when absent or empty (D4).
pub(super) fn protocol(
    written: Option<&str>,
    path: &FieldPath<'_>,
    findings: &mut Vec<FieldFinding>,
) -> Option<Protocol> {
    let name = written.filter(|name| !name.is_empty()).unwrap_or("TCP");
    let protocol = Protocol::from_name(name);
    if protocol.is_none() {
        findings.push(FieldFinding::unsupported(path, name, &["SCTP", "TCP", "UDP"]));
    }
    protocol
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(spec: Value) -> (Vec<String>, Vec<String>) {
        let spec: PodSpec = serde_json::from_value(spec).unwrap();
        let mut findings = Vec::new();
        let ports = declared_ports(&spec, &FieldPath::new("spec"), Validation::default(), &mut findings);
        let ports = ports
            .iter()
            .map(|p| format!("{} {}/{} {:?}", p.name, p.number, p.protocol, p.container))
            .collect();
        (ports, findings.into_iter().map(|f| format!("{}: {}", f.path, f.message)).collect())
    }

    #[test]
    fn w21_containers_and_sidecars_are_told_apart() {
        let spec = json!({
            "containers": [{"ports": [
                {"containerPort": 80, "name": "http"}, {"containerPort": 53, "name": "dns", "protocol": "UDP"},
                {"containerPort": 9}]}],
            "initContainers": [
                {"restartPolicy": "Always", "ports": [{"containerPort": 15000, "name": "mesh"}]},
                {"ports": [{"containerPort": 1, "name": "setup"}]}],
        });
        let (ports, findings) = read(spec);
        assert_eq!(
            ports,
            [
                " 9/TCP Regular",
                "dns 53/UDP Regular",
                "http 80/TCP Regular",
                "mesh 15000/TCP Sidecar",
                "setup 1/TCP Init"
            ]
        );
        assert_eq!(findings, [""; 0]);
    }

    #[test]
    fn r34_one_name_twice() {
        let port = |number| json!({"containerPort": number, "name": "http"});
        let (ports, findings) = read(json!({"containers": [{"ports": [port(80), port(81)]}]}));
        assert_eq!(ports, ["http 80/TCP Regular"]);
        assert_eq!(findings, ["spec.containers[0].ports[1].name: Duplicate value: \"http\""]);

        let (ports, findings) = read(json!({"containers": [{"ports": [port(80)]}, {"ports": [port(81)]}]}));
        assert_eq!(ports, ["http 80/TCP Regular", "http 81/TCP Regular"]);
        assert_eq!(
            findings,
            ["spec.containers: more than one container has a TCP port `http`, with different numbers"]
        );

        let (ports, findings) = read(json!({"containers": [{"ports": [port(80)]}, {"ports": [port(80)]}]}));
        assert_eq!((ports.len(), findings.len()), (1, 0));
    }

    #[test]
    fn restart_policies_are_validated() {
        let problems = |spec: Value, rules: Validation| {
            let (spec, mut findings) = (serde_json::from_value(spec).unwrap(), Vec::new());
            declared_ports(&spec, &FieldPath::new("spec"), rules, &mut findings);
            findings.into_iter().map(|f| format!("{}: {}", f.path, f.message)).collect::<Vec<_>>()
        };
        let init = |policy: &str| json!({"initContainers": [{"restartPolicy": policy}]});
        let regular = |policy: &str| json!({"containers": [{"restartPolicy": policy}]});
        let newest = Validation::default();
        let older = Validation::of("1.34".parse().unwrap(), &crate::k8s::ObjectMeta::default());
        for policy in ["Always", "Never", "OnFailure"] {
            assert_eq!(problems(init(policy), newest), [""; 0]);
            assert_eq!(problems(regular(policy), newest), [""; 0]);
            assert_eq!(
                problems(regular(policy), older),
                ["spec.containers[0].restartPolicy: Forbidden: may not be set for non-init containers"]
            );
            assert_eq!(problems(init(policy), older).is_empty(), policy == "Always");
        }
        for policy in ["always", ""] {
            assert_eq!(
                problems(init(policy), newest),
                [format!(
                    "spec.initContainers[0].restartPolicy: Unsupported value: {policy:?}: supported values: \"Always\", \
                     \"Never\", \"OnFailure\""
                )]
            );
        }
    }

    #[test]
    fn ports_are_validated() {
        let cases = [
            (json!({"containerPort": 0}), "containerPort: Required value"),
            (
                json!({"containerPort": 65536}),
                "containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive",
            ),
            (
                json!({"containerPort": 1, "name": "80"}),
                "name: Invalid value: \"80\": must contain at least one letter (a-z)",
            ),
            (
                json!({"containerPort": 1, "protocol": "tcp"}),
                "protocol: Unsupported value: \"tcp\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
            ),
        ];
        for (port, expected) in cases {
            let (ports, findings) = read(json!({"containers": [{"ports": [port]}]}));
            assert_eq!(findings, [format!("spec.containers[0].ports[0].{expected}")]);
            assert!(ports.is_empty());
        }
    }
}

//! Ingresses: which Services of their namespace requests from outside are sent to.

use std::collections::BTreeMap;

use super::findings::Findings;
use super::objects::Objects;
use super::{BackendPort, Cluster, Ingress, NamespaceId};
use crate::diagnostic::Origin;
use crate::k8s::{self, IngressBackend, IntOrString};
use crate::policy::field::{FieldFinding, FieldPath};
use crate::policy::{PORT_NUMBER, Validation, port_name_problems, port_number, report};

/// All Ingresses. `cluster` has its namespaces already.
pub(super) fn ingresses(
    objects: &Objects<'_>,
    cluster: &Cluster,
    findings: &mut Findings,
) -> BTreeMap<(NamespaceId, Box<str>), Ingress> {
    let mut ingresses = BTreeMap::new();
    for item in &objects.ingresses {
        let namespace =
            cluster.namespace(item.id.namespace).expect("every namespace that an object names is there");
        let mut found = Vec::new();
        let ingress = ingress(item.object, item.id.origin, findings.validation(&item.id), &mut found);
        if findings.fields(&item.id, found) {
            ingresses.insert((namespace, (*item.id.name).into()), ingress);
        } else {
            findings.left_out(&item.id, "nothing is said about its backends");
        }
    }
    ingresses
}

/// An Ingress; backends that are no Services are nothing that podreach knows about.
pub(super) fn ingress(
    ingress: &k8s::Ingress,
    origin: &Origin,
    validation: Validation,
    found: &mut Vec<FieldFinding>,
) -> Ingress {
    let absent = k8s::IngressSpec::default();
    let spec = ingress.spec.as_deref().unwrap_or(&absent);
    let path = FieldPath::new("spec");
    let has_rules = spec.rules.as_deref().is_some_and(|rules| !rules.is_empty());
    if !has_rules && spec.default_backend.is_none() && spec.backend.is_none() {
        let shown = if spec.rules.is_some() { "[]" } else { "null" };
        let detail = "either `defaultBackend` or `rules` must be specified";
        found.push(FieldFinding::invalid(&path, shown, detail));
    }
    let mut backends = Vec::new();
    for (default, name) in [(&spec.default_backend, "defaultBackend"), (&spec.backend, "backend")] {
        backends.extend(
            default.as_ref().and_then(|written| backend(written, &path.field(name), validation, found)),
        );
    }
    let rules = path.field("rules");
    for (i, rule) in spec.rules.iter().flat_map(|rules| rules.iter()).enumerate() {
        let Some(http) = &rule.http else { continue };
        let (rule, absent) = (rules.index(i), IngressBackend::default());
        let (http_path, written) = (rule.field("http"), http.paths.as_deref().unwrap_or_default());
        let paths = http_path.field("paths");
        if written.is_empty() {
            found.push(FieldFinding::required(&paths, ""));
        }
        for (j, written) in written.iter().enumerate() {
            let path = paths.index(j);
            let written = written.backend.as_ref().unwrap_or(&absent);
            backends.extend(backend(written, &path.field("backend"), validation, found));
        }
    }
    backends.sort_unstable();
    backends.dedup();
    Ingress { origin: origin.clone(), backends }
}

/// The Service of a backend and its port, validated as the API server does it.
fn backend(
    written: &IngressBackend,
    path: &FieldPath<'_>,
    validation: Validation,
    found: &mut Vec<FieldFinding>,
) -> Option<(Box<str>, BackendPort)> {
    if written.resource.is_some() {
        if written.service.is_some() {
            let detail = "cannot set both resource and service backends";
            found.push(FieldFinding::invalid(path, "\"\"", detail));
        }
        return None;
    }
    let service_path = path.field("service");
    let port_path = service_path.field("port");
    let (name, name_path, ports) = match &written.service {
        None if written.service_name.is_none() && written.service_port.is_none() => {
            found.push(FieldFinding::invalid(path, "\"\"", "resource or service backend is required"));
            return None;
        }
        None => {
            let port = port(written.service_port.as_ref(), &path.field("servicePort"), found);
            (&written.service_name, path.field("serviceName"), [port, None])
        }
        Some(service) => {
            let written = service.port.clone().unwrap_or_default();
            let number = written.number.map(IntOrString::Int);
            let name = written.name.map(IntOrString::String);
            let number = port(number.as_ref(), &port_path.field("number"), found);
            let name = port(name.as_ref(), &port_path.field("name"), found);
            (&service.name, service_path.field("name"), [number, name])
        }
    };
    let name = name.as_deref().unwrap_or_default();
    if name.is_empty() {
        found.push(FieldFinding::required(&name_path, ""));
    } else {
        report(validation.service_name_problems(name), name, &name_path, found);
    }
    match ports {
        [None, None] => {
            found.push(FieldFinding::required(path, "port name or number is required"));
            None
        }
        [Some(_), Some(_)] => {
            found.push(FieldFinding::invalid(path, "\"\"", "cannot set both port name & port number"));
            None
        }
        [one, other] => one.or(other).map(|port| (name.into(), port)),
    }
}

/// A number or a name; `None` if there is neither.
fn port(
    written: Option<&IntOrString>,
    path: &FieldPath<'_>,
    found: &mut Vec<FieldFinding>,
) -> Option<BackendPort> {
    match written? {
        IntOrString::Int(0) => None,
        IntOrString::Int(number) => {
            let valid = port_number(*number);
            if valid.is_none() {
                found.push(FieldFinding::invalid(path, number, PORT_NUMBER));
            }
            Some(BackendPort::Number(valid.unwrap_or_default()))
        }
        IntOrString::String(name) if name.is_empty() => None,
        IntOrString::String(name) => {
            report(port_name_problems(name), name, path, found);
            Some(BackendPort::Name((**name).into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{cluster, errors};
    use super::*;

    fn ingress(spec: &Value) -> Value {
        json!({"kind": "Ingress", "metadata": {"name": "site", "namespace": "shop"}, "spec": spec})
    }

    fn path(backend: &Value) -> Value {
        ingress(&json!({"rules": [{"http": {"paths": [{"backend": backend}]}}]}))
    }

    fn service(port: &Value) -> Value {
        json!({"service": {"name": "web", "port": port}})
    }

    #[test]
    fn backends_are_services_and_their_ports() {
        let (eighty, http) = (service(&json!({"number": 80})), service(&json!({"name": "http"})));
        let bucket = json!({"resource": {"kind": "Bucket", "name": "x"}});
        let paths = json!([{"backend": http}, {"backend": eighty}, {"backend": http}, {"backend": bucket}]);
        let new =
            json!({"defaultBackend": eighty, "rules": [{"host": "a.example"}, {"http": {"paths": paths}}]});
        let old = json!({
            "backend": {"serviceName": "web", "servicePort": 80},
            "rules": [{"http": {"paths": [{"backend": {"serviceName": "web", "servicePort": "http"}}]}}],
        });
        for spec in [new, old] {
            let cluster = cluster(&[ingress(&spec)]);
            let ((namespace, name), found) = cluster.ingresses.first_key_value().unwrap();
            assert_eq!((&*cluster.namespaces[*namespace].name, &**name), ("shop", "site"));
            let expected =
                [("web".into(), BackendPort::Number(80)), ("web".into(), BackendPort::Name("http".into()))];
            assert_eq!(found.backends, expected);
        }
    }

    #[test]
    fn ingresses_are_validated() {
        let at = "spec.rules[0].http.paths[0].backend";
        let long = "must be no more than 15 characters";
        let cases = [
            (
                ingress(&json!({"rules": [{"http": {}}]})),
                "spec.rules[0].http.paths: Required value".to_owned(),
            ),
            (
                ingress(&json!({"defaultBackend": {"service": {"port": {"number": 1}}}})),
                "spec.defaultBackend.service.name: Required value".to_owned(),
            ),
            (
                ingress(&json!({"rules": []})),
                "spec: Invalid value: []: either `defaultBackend` or `rules` must be specified".to_owned(),
            ),
            (path(&json!({})), format!("{at}: Invalid value: \"\": resource or service backend is required")),
            (
                path(&json!({"service": {"name": "web", "port": {"number": 1}}, "resource": {}})),
                format!("{at}: Invalid value: \"\": cannot set both resource and service backends"),
            ),
            (path(&service(&json!({}))), format!("{at}: Required value: port name or number is required")),
            (
                path(&service(&json!({"name": "a", "number": 1}))),
                format!("{at}: Invalid value: \"\": cannot set both port name & port number"),
            ),
            (
                path(&service(&json!({"number": 65536}))),
                format!(
                    "{at}.service.port.number: Invalid value: 65536: must be between 1 and 65535, inclusive"
                ),
            ),
            (
                path(&service(&json!({"name": "a-name-too-long-for-it"}))),
                format!("{at}.service.port.name: Invalid value: \"a-name-too-long-for-it\": {long}"),
            ),
            (
                path(&json!({"serviceName": "web", "servicePort": -1})),
                format!("{at}.servicePort: Invalid value: -1: must be between 1 and 65535, inclusive"),
            ),
        ];
        for (object, expected) in cases {
            assert_eq!(errors(&[object]), [expected]);
        }
    }
}

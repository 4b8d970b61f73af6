use super::*;

fn read(text: impl Into<Vec<u8>>) -> Loaded {
    load(&[Input::Text { name: "t.yaml".to_owned(), bytes: text.into() }], Options::default())
}

/// Kinds and names of the objects, `!` before broken ones.
fn objects(loaded: &Loaded) -> Vec<String> {
    let show = |manifest: &Manifest| {
        let name = manifest.object.metadata().name.as_deref().unwrap_or_default();
        match &manifest.object {
            Object::Namespace(_) => format!("Namespace {name}"),
            Object::Node(_) => format!("Node {name}"),
            Object::Pod(_) => format!("Pod {name}"),
            Object::Service(_) => format!("Service {name}"),
            Object::Endpoints(_) => format!("Endpoints {name}"),
            Object::EndpointSlice(_) => format!("EndpointSlice {name}"),
            Object::Workload(workload) => format!("{} {name}", workload.kind),
            Object::NetworkPolicy(_) => format!("NetworkPolicy {name}"),
            Object::Unevaluated(policy) => format!("?{} {name}", policy.kind),
            Object::Broken(broken) => format!("!{} {name}", broken.kind),
        }
    };
    loaded.manifests.iter().map(show).collect()
}

/// `LINE:COLUMN code: path: message` of every finding.
fn findings(loaded: &Loaded) -> Vec<String> {
    let show = |finding: &Diagnostic| {
        let place =
            loaded.sources.position(finding).map_or(String::new(), |p| format!("{}:{} ", p.line, p.column));
        let path = if finding.path.is_empty() { String::new() } else { format!("{}: ", finding.path) };
        format!("{place}{}: {path}{}", finding.code.name(), finding.message)
    };
    loaded.diagnostics.iter().map(show).collect()
}

const POLICY: &str =
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n";

#[test]
fn everything_kubectl_prints() {
    let yaml = "\
apiVersion: v1
items:
- apiVersion: v1
  kind: Pod
  metadata:
    name: a
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata:
    name: b
  spec:
    podSelector: {}
kind: List
metadata:
  resourceVersion: \"\"
";
    let expected = ["Pod a", "NetworkPolicy b"];
    assert_eq!(objects(&read(yaml)), expected);
    assert_eq!(objects(&read(yaml.replace('\n', "\r\n"))), expected);
    assert_eq!(objects(&read(format!("\u{feff}{yaml}"))), expected);
    let indent =
        |line: &str| if line.starts_with(['-', ' ']) { format!("  {line}\n") } else { format!("{line}\n") };
    assert_eq!(objects(&read(yaml.lines().map(indent).collect::<String>())), expected, "indented dashes");
    let json = r#"{"apiVersion": "v1", "items": [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}},
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "b"}, "spec": {}}
    ], "kind": "List"}"#;
    assert_eq!(objects(&read(json)), expected);
    assert_eq!(objects(&read(format!("{json}\n{json}"))).len(), 4);
    assert_eq!(objects(&read(format!("---\n{json}\n---\n{yaml}"))).len(), 4);
}

#[test]
fn items_of_typed_lists_take_the_kind_of_the_list() {
    for text in [
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nitems:\n- metadata: {name: a}\n  spec: {podSelector: {}}\n",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nitems: [{metadata: {name: a}}]\n",
        r#"{"kind":"NetworkPolicyList","apiVersion":"networking.k8s.io/v1","items":[{"metadata":{"name":"a"}}]}"#,
        r#"{"kind":"List","apiVersion":"v1","items":[{"kind":"NetworkPolicyList","apiVersion":"networking.k8s.io/v1","items":[{"metadata":{"name":"a"}}]}]}"#,
    ] {
        let loaded = read(text);
        assert_eq!(objects(&loaded), ["NetworkPolicy a"], "{text}");
        let position = loaded.sources.locate(&loaded.manifests[0].origin, "metadata.name").unwrap();
        assert!(text[position.span].trim_matches('"') == "a", "{text}");
    }
}

#[test]
fn a_bad_document_hides_no_other() {
    let text = format!("{POLICY}---\na: [\n---\nfoo: {{{{ .Values.x }}}}\n---\n{POLICY}");
    let loaded = read(text);
    assert_eq!(objects(&loaded), ["NetworkPolicy p", "! ", "! ", "NetworkPolicy p"]);
    assert_eq!(loaded.diagnostics.len(), 2);
    assert!(loaded.diagnostics[1].help.as_deref().unwrap().contains("helm template"));
}

#[test]
fn all_problems_of_a_policy_at_once() {
    let text = format!(
        "{POLICY}spec:
  podselector: {{}}
  podSelector:
    matchLabels:
      a: 1
      b: yes
      c: x
      c: z
  ingress:
    from: []
  egress:
  - ports:
    - port: 80.5
      endPort: \"90\"
    - port: 99999999999
  policyTypes: Ingress
"
    );
    let loaded = read(text.clone());
    assert_eq!(
        findings(&loaded),
        [
            "5:3 unknown-field: spec.podselector: unknown field \"spec.podselector\"",
            "8:10 wrong-type: spec.podSelector.matchLabels.a: cannot unmarshal number into field of type string",
            "9:10 wrong-type: spec.podSelector.matchLabels.b: cannot unmarshal bool into field of type string",
            "11:7 duplicate-key: spec.podSelector.matchLabels.c: key \"c\" already set in map",
            "13:5 wrong-type: spec.ingress: cannot unmarshal object into field of type array",
            "16:13 wrong-type: spec.egress[0].ports[0].port: cannot unmarshal number into field of type int or string",
            "17:16 wrong-type: spec.egress[0].ports[0].endPort: cannot unmarshal string into field of type int32",
            "18:13 wrong-type: spec.egress[0].ports[1].port: cannot unmarshal number 99999999999 into field of type int32",
            "19:16 wrong-type: spec.policyTypes: cannot unmarshal string into field of type array",
        ]
    );
    assert_eq!(objects(&loaded), ["!NetworkPolicy p"]);
    assert_eq!(loaded.diagnostics[0].object.as_ref().unwrap().to_string(), "NetworkPolicy shop/p");
    let json: serde_json::Value = serde_yaml::from_str(&text.replace("      c: z\n", "")).unwrap();
    let same = read(serde_json::to_string_pretty(&json).unwrap());
    assert_eq!(objects(&same), ["!NetworkPolicy p"]);
    assert_eq!(same.diagnostics.len(), loaded.diagnostics.len() - 2, "serde_yaml takes `yes` for a string");
}

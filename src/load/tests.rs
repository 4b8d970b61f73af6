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
            Object::Ingress(_) => format!("Ingress {name}"),
            Object::Workload(workload) => format!("{} {name}", workload.kind),
            Object::NetworkPolicy(_) => format!("NetworkPolicy {name}"),
            Object::IstioMesh(mesh) => format!("mesh {name} {:?}", mesh.root_namespace),
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

#[test]
fn what_is_left_out_is_named() {
    let loaded = read(
        "\
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
---
replicas: 3
---
just text
---
apiVersion: v1
kind: Pod
metadata: {name: c, annotations: {config.kubernetes.io/local-config: \"true\"}}
",
    );
    assert_eq!(objects(&loaded), [""; 0]);
    assert_eq!(
        findings(&loaded),
        [
            "14:1 skipped: skipped Pod default/c: it is annotated `config.kubernetes.io/local-config: \"true\"`",
            "2:1 ignored-kind: ignored 2 objects of kind ConfigMap",
            "9:1 skipped: skipped 2 documents without apiVersion and kind",
        ]
    );
}

#[test]
fn an_input_without_objects_is_an_error() {
    for text in ["", "# nothing\n", "---\n---\n", "a: b\n", "{}", "[]", "- op: add\n  kind: x"] {
        let loaded = read(text);
        assert_eq!(loaded.diagnostics.last().unwrap().code, Code::NoObjects, "{text:?}");
        assert!(loaded.manifests.is_empty());
    }
    assert_eq!(load(&[], Options::default()).diagnostics.last().unwrap().code, Code::NoObjects);
}

#[test]
fn manifests_in_a_bare_list_are_an_error() {
    let loaded = read(format!("{POLICY}---\n- apiVersion: v1\n  kind: Pod\n"));
    let message = "cannot unmarshal array into an object: a list of manifests needs `kind: List` and `items`";
    assert_eq!(findings(&loaded), [format!("5:1 wrong-type: {message}")]);
    assert_eq!(objects(&loaded), ["NetworkPolicy p", "! "]);
}

#[test]
fn kinds_go_by_group_and_version() {
    let of = |api_version: &str, kind: &str, rest: &str| {
        let text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\n{rest}");
        let loaded = read(text.clone());
        // What YAML says, JSON says too.
        let json: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        let same = read(json.to_string());
        assert_eq!(objects(&same), objects(&loaded), "{text}");
        let codes = |loaded: &Loaded| loaded.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>();
        assert_eq!(codes(&same), codes(&loaded), "{text}");
        (objects(&loaded).join(", "), codes(&loaded).first().copied())
    };
    let template = "spec: {replicas: 2, template: {spec: {containers: []}}}";
    let table = [
        (of("v1", "Node", ""), ("Node x", None)),
        (of("v1", "ReplicationController", "spec: {selector: {a: b}}"), ("ReplicationController x", None)),
        (of("apps/v1", "Deployment", template), ("Deployment x", None)),
        (of("extensions/v1beta1", "DaemonSet", ""), ("DaemonSet x", Some(Code::RemovedApi))),
        (of("batch/v1", "CronJob", ""), ("CronJob x", None)),
        (of("discovery.k8s.io/v1", "EndpointSlice", ""), ("EndpointSlice x", None)),
        (of("networking.k8s.io/v1", "Ingress", ""), ("Ingress x", None)),
        (of("networking.k8s.io/v1beta1", "Ingress", ""), ("Ingress x", Some(Code::RemovedApi))),
        (of("networking.k8s.io/v1", "Ingress", "spec: {rules: 5}"), ("!Ingress x", Some(Code::WrongType))),
        (of("extensions/v1beta1", "NetworkPolicy", ""), ("NetworkPolicy x", Some(Code::RemovedApi))),
        (of("v1", "NetworkPolicy", ""), ("!NetworkPolicy x", Some(Code::InvalidValue))),
        (of("apps/v1", "Pod", ""), ("!Pod x", Some(Code::InvalidValue))),
        (of("crd.projectcalico.org/v1", "NetworkPolicy", "spec: {x: 1}"), ("?NetworkPolicy x", None)),
        (of("cilium.io/v2", "CiliumNetworkPolicy", "specs: [{x: 1}]"), ("?CiliumNetworkPolicy x", None)),
        (of("argoproj.io/v1alpha1", "Rollout", template), ("Rollout x", None)),
        (of("serving.knative.dev/v1", "Service", template), ("Service x", None)),
        (of("x.io/v1", "Odd", "spec: {replicas: many, template: {spec: {containers: []}}}"), ("Odd x", None)),
        (of("x.io/v1", "Odd", "spec: {template: {spec: {containers: 5}}}"), ("", Some(Code::IgnoredKind))),
        (of("apps/v1", "Deployment", "spec: 5"), ("!Deployment x", Some(Code::WrongType))),
    ];
    for (found, (expected, code)) in table {
        assert_eq!(found, (expected.to_owned(), code));
    }
    let loaded = read("kind: NetworkPolicy\nmetadata: {name: x}\n");
    assert_eq!(findings(&loaded), ["1:1 required-value: apiVersion: Required value"]);
    assert_eq!(objects(&loaded), ["!NetworkPolicy x"]);
}

#[test]
fn of_other_kinds_only_what_is_read_is_checked() {
    let good = "apiVersion: v1\nkind: Pod\nmetadata: {name: x, whatever: 5}\nspec: {whichNode: [], hostNetwork: null}\n";
    assert_eq!(findings(&read(good)), [""; 0]);
    let null = "apiVersion: v1\nkind: Pod\nmetadata:\nspec:\nstatus: ~\n";
    assert_eq!(objects(&read(null)), ["Pod "]);
    let bad = "\
apiVersion: v1
kind: Pod
metadata: {name: x}
spec:
  containers:
  - ports:
    - containerPort: \"80\"
";
    let expected =
        "spec.containers[0].ports[0].containerPort: cannot unmarshal string into field of type int32";
    assert_eq!(findings(&read(bad)), [format!("7:22 wrong-type: {expected}")]);
    let json: serde_json::Value = serde_yaml::from_str(bad).unwrap();
    let list = format!("{{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [\n{json}]}}");
    let loaded = read(list);
    assert!(findings(&loaded)[0].starts_with("2:"), "{:?}", findings(&loaded));
    assert!(findings(&loaded)[0].ends_with(expected), "{:?}", findings(&loaded));
    for twice in [
        "metadata: {name: x, name: y}",
        "metadata: {labels: {a: b, a: c}}",
        "spec: {a: 1, hostNetwork: true, hostNetwork: true}",
    ] {
        let loaded = read(format!("apiVersion: v1\nkind: Pod\n{twice}\n"));
        assert_eq!(loaded.diagnostics[0].code, Code::DuplicateKey, "{twice}");
        assert!(loaded.diagnostics[0].message.contains("already set in map"), "{twice}");
    }
    let enumeration = "apiVersion: batch/v1\nkind: Job\nspec: {completionMode: indexed}\n";
    assert_eq!(read(enumeration).diagnostics[0].code, Code::UnsupportedValue);
}

#[test]
fn bytes_that_are_no_text() {
    let table: &[(&[u8], u64)] = &[
        (b"a: b\xff\n", 4),
        (b"a: \0\n", 3),
        (b"\xff\xfea\0:\0", 0),
        (b"\xfe\xff\0a", 0),
        (b"\xef\xbb\xbfa\xc3", 4),
    ];
    for (bytes, offset) in table {
        let loaded = read(*bytes);
        let finding = &loaded.diagnostics[0];
        assert_eq!((finding.code, finding.offset), (Code::NotText, Some(*offset)), "{bytes:?}");
        assert_eq!(objects(&loaded), ["! "], "it could have been anything");
    }
}

#[test]
fn hostile_texts_end_in_an_error() {
    let lists = |n: usize| r#"{"kind":"List","apiVersion":"v1","items":["#.repeat(n) + &"]}".repeat(n);
    for text in [
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        "-".repeat(20 << 20),
        "- ".repeat(1 << 20),
        lists(100),
        format!("{POLICY}spec: {}{}\n", "[".repeat(100_000), "]".repeat(100_000)),
        format!(
            "{{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\",\"spec\":{}1{}}}",
            "{\"a\":".repeat(100_000),
            "}".repeat(100_000)
        ),
        format!(
            "{{\"apiVersion\":\"cilium.io/v2\",\"kind\":\"CiliumNetworkPolicy\",\"spec\":{}1{}}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        ),
    ] {
        let loaded = read(text.clone());
        let error = loaded.diagnostics.iter().any(|d| d.severity() == Severity::Error);
        assert!(error, "{}: {:?}", &text[..40], loaded.diagnostics);
        for finding in &loaded.diagnostics {
            loaded.sources.position(finding);
        }
    }
}

#[test]
fn positions_count_lines_and_characters() {
    let text = format!("\u{feff}# é\n{}  é: x\n", "\n".repeat(200_000));
    let source = Source::new("x".to_owned(), text.clone().into_bytes().into());
    assert_eq!(source.line_and_column(3), (1, 1), "the byte order mark is no column");
    assert_eq!(source.line_and_column(text.find('é').unwrap() + 2), (1, 4));
    assert_eq!(source.line_and_column(text.find('x').unwrap()), (200_002, 6));
    assert_eq!(source.line_and_column(usize::MAX), (200_003, 1));
    assert_eq!(Source::new(String::new(), Vec::new().into()).line_and_column(0), (1, 1));
}

#[test]
fn inputs_are_read_in_order() {
    let text = |name: &str, kind: &str| Input::Text {
        name: name.to_owned(),
        bytes: format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n").into_bytes(),
    };
    let loaded = load(
        &[text("a", "Pod"), Input::Path("/nonexistent.yaml".into()), text("b", "Service"), text("a", "Pod")],
        Options::default(),
    );
    assert_eq!(objects(&loaded), ["Pod a", "! ", "Service b", "Pod a"]);
    assert_eq!(findings(&loaded), ["1:1 unreadable: the path `/nonexistent.yaml` does not exist"]);
}

#[test]
fn a_list_that_cannot_be_cut_is_read_whole() {
    let pod = |name: &str, labels: &str| {
        format!("- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: {name}\n    labels: {labels}\n")
    };
    let list = |items: &str| format!("apiVersion: v1\nkind: List\nitems:\n{items}");
    let anchors = list(&(pod("a", "&l {x: web}") + &pod("b", "*l")));
    let loaded = read(anchors);
    assert_eq!(objects(&loaded), ["Pod a", "Pod b"]);
    assert_eq!(loaded.manifests[1].object.metadata().labels.as_ref().unwrap().get("x"), Some("web"));
    assert_eq!(&*loaded.manifests[1].origin.item, "items[1].");
    let quoted = list(&pod("a", "{x: \"y\n- z\"}"));
    assert_eq!(objects(&read(quoted)), ["Pod a"]);
    let bad = list(&(pod("a", "{}") + "- a: [\n"));
    let loaded = read(bad);
    assert_eq!(objects(&loaded), ["! "], "what does not parse is an error, whole");
    assert!(findings(&loaded)[0].starts_with("9:6 syntax: "), "{:?}", findings(&loaded));
}

#[test]
fn a_fault_in_a_list_too_long_to_be_read_whole_is_found_in_its_item() {
    let filler = format!("- {{apiVersion: v1, kind: Pod, metadata: {{name: a}}}} {}\n", "#".repeat(1 << 20));
    let text = format!("apiVersion: v1\nkind: List\nitems:\n{}- a: [\n", filler.repeat(65));
    assert!(findings(&read(text))[0].starts_with("69:6 syntax: "));
}

#[test]
fn large_files_are_mapped_and_mean_the_same() {
    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.yaml");
    // A megabyte is whole pages of any size, and one byte more or less is not.
    let sizes = [0, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1];
    for (start, end) in [("", ""), ("\u{feff}", "\u{e9}")] {
        for size in sizes {
            let mut bytes = if size == 0 { Vec::new() } else { format!("{start}{POD}#").into_bytes() };
            bytes.resize(size.max(bytes.len()).saturating_sub(end.len()), b'x');
            bytes.extend(end.bytes().take(size));
            for spoil in [None, Some(0xff), Some(0)] {
                if let (Some(byte), Some(last)) = (spoil, bytes.last_mut()) {
                    *last = byte;
                }
                std::fs::write(&path, &bytes).unwrap();
                let of_file = load(&[Input::Path(path.clone())], Options::default());
                let name = path.display().to_string();
                let of_text = load(&[Input::Text { name, bytes: bytes.clone() }], Options::default());
                assert_eq!(of_file.manifests, of_text.manifests);
                assert_eq!(of_file.diagnostics, of_text.diagnostics);
                let source = of_file.sources.get(crate::index::Id::from_index(0)).unwrap();
                assert_eq!(*source.bytes, *bytes);
            }
        }
    }
}

#[test]
fn objects_without_a_namespace_are_put_into_one() {
    let text = format!(
        "{}---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: space}}}}
---\n{{apiVersion: v1, kind: Pod, metadata: {{name: none}}}}
---\n{{apiVersion: v1, kind: Pod, metadata: {{name: empty, namespace: ''}}}}
---\n{{apiVersion: cilium.io/v2, kind: CiliumClusterwideNetworkPolicy, metadata: {{name: c}}, spec: {{}}}}
---\n{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {{name: d}}, spec: {{}}}}
---\n{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: broken}}, spec: {{egres: []}}}}
---\n{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: odd, namespace: 1}}, spec: {{}}}}\n",
        POLICY.to_owned() + "spec: {}\n",
    );
    let loaded = read(text).in_namespace("team");
    let namespaces: Vec<&str> = loaded
        .manifests
        .iter()
        .map(|manifest| manifest.object.metadata().namespace.as_deref().unwrap_or("-"))
        .collect();
    assert_eq!(namespaces, ["shop", "-", "team", "team", "-", "team", "team", "-"]);
    let named: Vec<String> =
        loaded.diagnostics.iter().filter_map(|found| Some(found.object.as_ref()?.to_string())).collect();
    assert_eq!(named, ["NetworkPolicy team/broken", "NetworkPolicy odd"]);
    let note = "1:1 no-namespace: 4 objects name no namespace: with `-n team` in `team`, not in `default`";
    let last = findings(&loaded).pop().unwrap();
    assert_eq!(last.split_once(' ').unwrap().1, note.split_once(' ').unwrap().1);
}

#[test]
fn what_was_applied_last_is_read_when_it_is_asked_for() {
    let object = |annotations: &str| {
        format!(
            "{{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {{\"name\": \"n\"{annotations}}}}}"
        )
    };
    let noted = r#", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"kind\":\"Namespace\"}"}"#;
    let list = |items: &str| format!("{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{items}]}}");
    let both = format!("{}, {}", object(""), object(noted));
    for text in [both.replace(", {", "\n---\n{"), list(&both), format!("# YAML\n{}", list(&list(&both)))] {
        let mut loaded = read(text.clone());
        let recalled: Vec<Option<String>> = loaded
            .manifests
            .iter_mut()
            .map(|manifest| {
                assert_eq!(manifest.object.metadata().annotations.clone().and_then(|a| a.last_applied), None);
                loaded.sources.recall(manifest);
                let annotations = manifest.object.metadata().annotations.as_ref()?;
                Some(annotations.last_applied.as_ref()?["kind"].to_string())
            })
            .collect();
        assert_eq!(recalled, [None, Some("\"Namespace\"".to_owned())], "{text}");
    }
}

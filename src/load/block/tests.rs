use proptest::prelude::*;

use super::*;
use crate::load::{Input, Loaded, Options, load};

fn load_text(text: &str, careful: bool) -> Loaded {
    let input = Input::Text { name: "t.yaml".to_owned(), bytes: text.as_bytes().to_vec() };
    load(&[input], Options { careful, ..Options::default() })
}

/// Both ways say the same of a text, positions and all.
fn assert_same(text: &str) {
    let (fast, careful) = (load_text(text, false), load_text(text, true));
    assert_eq!(fast.manifests, careful.manifests, "{text}");
    assert_eq!(fast.diagnostics, careful.diagnostics, "{text}");
}

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  annotations:
    config.kubernetes.io/local-config: \"false\"
    long: first line
      and the second
    quoted: 'it''s: one
      thing'
  creationTimestamp: null
  labels:
    app: web
    \"123\": \"yes\"
    0x10: 'a \"b\" \\'
  managedFields:
  - fieldsV1:
      f:metadata:
        f:labels:
          .: {}
          k:{\"port\":80,\"protocol\":\"TCP\"}: {}
    manager: kubectl
  name: a  # the name
spec:
  containers:
  - args:
    - -c
    - --flag=x:y
    - |2-
        deep
      less
    - >+

      folded

    - \"tab\\tquote\\\" \\u00e9\\
      on\"
    command: []
    env:
    - - nested
      - 1
    -
        name: x
    image: registry:5000/a@sha256:0
    name: app
    ports:
    - containerPort: 0x50
      name: http
    resources: {}
  # a comment
  hostNetwork: off
  nodeName:
status:
    conditions:
    - lastTransitionTime: \"2026-03-14T09:26:53Z\"
      message: it's up  # now
      observed: {}
      reason: One/Two
      status: \"True\"
      url: http://a:80/#b
    phase: Running
    podIPs:
      - ip: 10.0.0.1

      - ip: ~
";

const POLICY: &str = "\
# Source: chart/templates/policy.yaml
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata:
  name: p
  namespace: shop
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - podSelector:
        matchLabels:
          app: web
      namespaceSelector:
        matchExpressions:
        - key: env
          operator: In
          values:
          - prod
          - \"80\"
    - ipBlock:
        cidr: 10.0.0.0/8
        except:
        - 10.1.0.0/16
    ports:
    - port: http
      protocol: TCP
    - port: 80
      endPort: 90
";

const CONFIG: &str = "\
apiVersion: v1
kind: ConfigMap
data:
  a.conf: |
    # not a comment
    key = value

    more: text
  empty: \"\"
";

const WORKLOAD: &str = "\
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 3
  selector:
    matchLabels: {}
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: app
";

fn list(items: &[&str]) -> String {
    let mut text = "apiVersion: v1\nitems:\n".to_owned();
    for item in items {
        for (at, line) in item.trim_start_matches("---\n").lines().enumerate() {
            text.extend([if at == 0 { "- " } else { "  " }, line, "\n"]);
        }
    }
    text + "kind: List\nmetadata:\n  resourceVersion: \"\"\n"
}

#[test]
fn what_kubectl_prints_is_read_in_one_pass() {
    let policy = POLICY.replace("[Ingress, Egress]", "\n  - Ingress");
    for text in [POD, &policy, CONFIG, WORKLOAD] {
        assert!(read(text, false).is_some(), "{text}");
        assert_same(text);
        let item = list(&[text]);
        let item = &item["apiVersion: v1\nitems:\n".len()..item.find("kind: List").unwrap()];
        assert!(read(item, true).is_some() || text.starts_with('#'), "{item}");
    }
    assert_same(&list(&[POD, WORKLOAD, CONFIG, &policy]));
    assert_same(&[POD, WORKLOAD, "---\n", CONFIG, "---\n", &policy].concat());
}

#[test]
fn everything_else_is_left_to_the_careful_way() {
    let pod = |rest: &str| format!("apiVersion: v1\nkind: Pod\n{rest}");
    let table = [
        "metadata: {name: a}",
        "metadata: {} # x\n  name: a",
        "metadata:\n  name: &a x",
        "metadata:\n  name: *a",
        "metadata:\n  labels:\n    <<: {}",
        "metadata:\n  labels:\n    a: !!str 1",
        "metadata:\n  labels:\n    a: b: c",
        "metadata:\n  labels:\n    a: b:",
        "metadata:\n  labels:\n    a: 1",
        "metadata:\n  labels:\n    a: b\n    a: c",
        "metadata:\n  labels:\n    a: b # c\n      d",
        "metadata:\n  labels:\n    a: b\n   c: d",
        "metadata:\n  labels:\n    a: b\n     c: d",
        "metadata:\n  labels:\n  - a",
        "metadata:\n\tname: a",
        "metadata:\r\n  name: a",
        "metadata:\n  name: \"a\\x6\"",
        "metadata:\n  other: \"\\q\"",
        "metadata:\n  other: \"\\ud800\"",
        "metadata:\n  other: \"a",
        "metadata:\n  other: \"a\n  b\"",
        "metadata:\n  other: \"a\"b",
        "metadata:\n  other: \"a\"#b",
        "metadata:\n  other: .inf",
        "metadata:\n  other:\n    ~: a",
        "metadata:\n  other:\n    ? a\n    : b",
        "metadata:\n  other: - a",
        "metadata:\n  other:\n    a: b: c",
        "metadata:\n  other:\n    a: b:",
        "metadata:\n  other:\n    a: \"b\" c",
        "metadata:\n  other:\n    a: \"b\\\"",
        "metadata:\n  other:\n    a: b\n      c: d",
        "metadata:\n  other:\n    a: \"b\"\n      c",
        "metadata:\n  other:\n    a: {}\n      c",
        "metadata:\n  other:\n    null: a",
        "metadata:\n  other:\n    a b: c\n    --- : d\n    &a b: c",
        "metadata:\n  other: @a",
        "metadata:\n  other: |x\n    a",
        "metadata:\n  other: |0\n    a",
        "metadata:\n  other: |9\n    a",
        "metadata:\n  other: |\n      \n    a",
        "metadata:\n  other: |\n      a\n    b: c\n",
        "metadata:\n  other: \u{7}",
        "metadata:\n  other: \u{feff}",
        "metadata:\n  name: a\n...",
        "metadata:\n  name: a\nkind: Pod",
        "spec:\n  nodeName: |\n    a",
        "spec:\n  containers:\n  - name: a\n   name: b",
        "spec:\n  containers:\n  - a\n  b: c",
        "spec:\n  containers: a",
        "spec:\n  containers: {}",
        "spec: []",
        "spec:\n- a",
        "items:\n- a\nkind: List",
    ];
    for head in ["apiVersion: 1\nkind: ConfigMap", "apiVersion: v1\nkind: Yes", "apiVersion:\nkind: Pod"] {
        assert!(read(head, false).is_none(), "{head}");
        assert_same(head);
    }
    for rest in table {
        let text = pod(rest);
        assert!(read(&text, false).is_none(), "{text}");
        assert_same(&text);
        assert_same(&list(&[&text, POD]));
    }
    let levels: Vec<String> = (0..300).map(|at| format!("{}a:", " ".repeat(at))).collect();
    let deep = pod(&levels.join("\n"));
    assert!(read(&deep, false).is_none());
    assert_same(&deep);
    let wide = pod(&format!("metadata:\n  {}: b\n", "a".repeat(1100)));
    assert!(read(&wide, false).is_none());
    assert_same(&wide);
    assert!(read("kind: Pod\nmetadata: {}\napiVersion: v1", false).is_none(), "the head is late");
}

/// Something that means something to YAML.
fn token() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "\n",
        "\n  ",
        "\n    ",
        " ",
        "  ",
        "- ",
        "-",
        ": ",
        ":",
        "#",
        " # ",
        "'",
        "\"",
        "|",
        "|\n",
        ">-\n",
        "|2\n",
        "{}",
        "[]",
        "[",
        "{",
        ",",
        "~",
        "null",
        "yes",
        "80",
        "0x10",
        ".inf",
        "&a ",
        "*a",
        "!!str ",
        "<<: ",
        "\\",
        "\t",
        "\r",
        "\n---\n",
        "\n...\n",
        "\u{e9}",
        "\u{feff}",
        "\u{85}",
        "? ",
        "%",
        "@",
        "\nkind: Pod",
        "\nx: y",
        "\n  x: y",
        "\n      - a",
        "\n- a",
        "\n# c\n",
        "labels:\n",
        "a",
    ])
}

/// A change of a text at one of its places.
fn change(text: &str, place: prop::sample::Index, how: u8, token: &str) -> String {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let at = places[place.index(places.len())];
    let (before, after) = text.split_at(at);
    let line = before.rfind('\n').map_or(0, |feed| feed + 1);
    let line_end = after.find('\n').map_or(text.len(), |feed| at + feed + 1);
    match how {
        // Take a few characters away.
        0 => before.to_owned() + after.get(token.len()..).unwrap_or_default(),
        // Move a line in or out.
        1 => [&text[..line], " ", &text[line..]].concat(),
        2 => [&text[..line], text[line..].strip_prefix(' ').unwrap_or(&text[line..])].concat(),
        // Write a line twice, or not at all.
        3 => [&text[..line_end], &text[line..]].concat(),
        4 => [&text[..line], &text[line_end..]].concat(),
        _ => [before, token, after].concat(),
    }
}

proptest! {
    #[test]
    fn both_ways_say_the_same(
        base in prop::sample::select(vec![
            POD.to_owned(),
            POLICY.to_owned(),
            CONFIG.to_owned(),
            WORKLOAD.to_owned(),
            list(&[WORKLOAD, CONFIG]),
            [CONFIG, WORKLOAD].concat(),
        ]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..9_u8, token()), 0..4),
    ) {
        let text = changes.into_iter().fold(base, |text, (place, how, token)| change(&text, place, how, token));
        assert_same(&text);
    }
}

//! `podreach matrix` as a picture.

use std::path::Path;

use super::{SHOP, Session};
use crate::terminal;

/// As many namespaces as are asked for, with a pod in each, or all pods in one.
fn pods(namespaces: bool, count: usize) -> String {
    let pod = |i: usize| {
        let namespace = if namespaces { format!("ns-{i}") } else { "shop".to_owned() };
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{i}, namespace: {namespace}}}\n\
             spec: {{containers: [{{name: c}}]}}\n---\n"
        )
    };
    (0..count).map(pod).collect()
}

/// The names of the elements of a picture; it is well-formed.
fn elements(svg: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(svg);
    let mut found = Vec::new();
    let mut depth = 0;
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error} in {svg}")) {
            quick_xml::events::Event::Start(tag) => {
                depth += 1;
                found.push(String::from_utf8(tag.name().as_ref().to_vec()).unwrap());
            }
            quick_xml::events::Event::End(_) => depth -= 1,
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "{svg}");
    found
}

#[test]
fn every_pair_has_a_cell() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    let (status, svg, stderr) = session.run("matrix -f shop.yaml -o svg");
    assert_eq!(status, 0, "{stderr}");
    let cells = elements(&svg).iter().filter(|name| *name == "g").count();
    // Two pods and the addresses outside; not with themselves.
    assert_eq!(cells, 6, "{svg}");
    for part in [
        "<title>web -&gt; db: 5432/TCP; 9000/TCP unknown</title>",
        ">?</text>",
        ">open</text>",
        "<desc>2 pods in 2 workloads",
    ] {
        assert!(svg.contains(part), "{part} is missing in {svg}");
    }
    let (_, dot, _) = session.run("matrix -f shop.yaml -o dot");
    assert!(dot.contains("n1 -> n0 [label=\"5432/TCP; 9000/TCP unknown\"]"), "{dot}");
    let (_, mermaid, _) = session.run("matrix -f shop.yaml -o mermaid");
    assert!(mermaid.starts_with("flowchart LR\n"), "{mermaid}");
    assert_eq!(mermaid.matches("-->").count() + mermaid.matches("-.->").count(), dot.matches(" -> ").count());
}

#[test]
fn what_has_no_room_is_drawn_by_namespace() {
    let session = Session::new(&[("many.yaml", &pods(false, 70)), ("far.yaml", &pods(true, 70))]);
    let (status, stdout, stderr) = session.run("matrix -f many.yaml -o svg=a.svg -o ndjson");
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("the picture shows namespaces"), "{stderr}");
    assert!(stdout.contains("\"workload\":\"shop/p0\""), "only the picture does");
    let svg = std::fs::read_to_string(session.path("a.svg")).unwrap();
    assert_eq!(elements(&svg).iter().filter(|name| *name == "g").count(), 3, "{svg}");
    let (status, _, stderr) = session.run("matrix -f far.yaml -o svg");
    assert_eq!(status, 2);
    assert!(stderr.contains("room for 60 rows") && stderr.contains("-n, -l"), "{stderr}");
    let (status, _, stderr) = session.run("matrix -f far.yaml --from ns/ns-1 --to ns/ns-2 -o mermaid");
    assert_eq!(status, 0, "{stderr}");
    let (status, _, stderr) = session.run("matrix -f many.yaml --summary -o svg");
    assert_eq!(status, 2, "{stderr}");
}

#[test]
fn rows_without_connections_take_no_room() {
    let policy = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: few, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{podSelector: {matchLabels: {app: a}}}]}]
  egress: [{to: [{podSelector: {matchLabels: {app: a}}}]}]
---
";
    let labelled = |i: usize| format!("p{i}, namespace: shop, labels: {{app: a}}}}\n");
    let pods = pods(false, 70);
    let pods = [1, 2]
        .into_iter()
        .fold(pods, |pods, i| pods.replace(&format!("p{i}, namespace: shop}}\n"), &labelled(i)));
    let session = Session::new(&[("few.yaml", &format!("{policy}{pods}"))]);
    let (status, svg, stderr) = session.run("matrix -f few.yaml -o svg");
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("leaves out rows without connections"), "{stderr}");
    let cells = elements(&svg).iter().filter(|name| *name == "g").count();
    assert_eq!(cells, 2, "two pods and their two pairs: {svg}");
}

/// A rectangle: left, top, right, bottom.
type Place = [usize; 4];

/// The labels of the edges of a picture of `reach`, and its boxes.
fn places(svg: &str) -> (Vec<Place>, Vec<Place>) {
    let attribute = |line: &str, name: &str| -> usize {
        let (_, rest) = line.split_once(&format!(" {name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.parse().unwrap()
    };
    let (mut labels, mut boxes) = (Vec::new(), Vec::new());
    for line in svg.lines() {
        let at = || (attribute(line, "x"), attribute(line, "y"));
        if line.starts_with("<text class=\"label\"") {
            let text = line.split_once('>').unwrap().1.trim_end_matches("</text>");
            // What letters of a font of 12 pixels take at most.
            let wide = (text.chars().count() * 29).div_ceil(4);
            let (x, y) = at();
            labels.push([x, y - 10, x + wide, y + 2]);
        } else if line.starts_with("<rect class=\"") && !line.contains("\"back\"") {
            let (x, y) = at();
            boxes.push([x, y, x + attribute(line, "width"), y + attribute(line, "height")]);
        }
    }
    (labels, boxes)
}

#[test]
fn labels_of_chains_cover_nothing() {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let session = Session::new(&[]);
    let mut seen = 0;
    for entry in std::fs::read_dir(scenarios).unwrap() {
        let manifests = entry.unwrap().path().join("manifests");
        if !manifests.is_dir() {
            continue;
        }
        let input = manifests.display();
        let (_, csv, _) = session.run(&format!("matrix -f {input} -o csv"));
        let mut targets: Vec<&str> = csv.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
        // Workloads: what has a colon is IPv6 addresses.
        targets.retain(|target| target.contains(|c: char| c.is_ascii_lowercase()) && !target.contains(':'));
        targets.dedup();
        for target in targets.into_iter().take(3).chain(["internet"]) {
            for direction in ["--from", "--to"] {
                let line = format!("reach -f {input} {direction} {target} --hops 4 -o svg");
                let (status, svg, stderr) = session.run(&line);
                assert_eq!(status, 0, "{line}: {stderr}");
                elements(&svg);
                assert!(
                    svg.contains("<title>") && svg.contains("<desc>") && svg.contains("prefers-color-scheme")
                );
                let (labels, boxes) = places(&svg);
                for (i, a) in labels.iter().enumerate() {
                    for b in labels[..i].iter().chain(&boxes) {
                        let apart = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
                        assert!(apart, "{line}: {a:?} and {b:?}");
                    }
                }
                seen += labels.len();
            }
        }
    }
    assert!(seen > 500, "{seen}");
}

#[test]
fn only_a_terminal_gets_signs_of_unicode() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    let (_, piped, _) = session.run("matrix -f shop.yaml --color always");
    assert!(piped.is_ascii() && piped.contains('\u{1b}'), "{piped}");
    for (locale, terminal, unicode) in
        [("C.UTF-8", "xterm", true), ("C", "xterm", false), ("C.UTF-8", "dumb", false)]
    {
        let environment = [("LC_ALL", locale), ("TERM", terminal)];
        let Some(shown) = terminal::shown("matrix -f shop.yaml", session.folder.path(), &environment) else {
            return;
        };
        assert!(shown.contains("web"), "{shown}");
        assert_eq!(shown.contains('○') && shown.contains('┼'), unicode, "{environment:?}: {shown}");
        assert_eq!(shown.is_ascii(), !unicode, "{environment:?}: {shown}");
    }
    // The guide shows one.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("docs/guide/matrix.md")).unwrap();
    let grid: Vec<&str> = guide.lines().skip_while(|line| !line.contains('↓')).take(10).collect();
    let manifests = root.join("scenarios/three-tier-fixed/manifests");
    let line = format!("matrix --color never -f {}", manifests.display());
    let shown = terminal::shown(&line, root, &terminal::UNICODE).unwrap();
    let shown: Vec<&str> = shown.lines().skip_while(|line| !line.contains('↓')).take(10).collect();
    assert_eq!(shown, grid);
}

//! `podreach matrix` as a picture.

use super::{SHOP, Session};

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
fn only_a_terminal_gets_signs_of_unicode() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    let (_, piped, _) = session.run("matrix -f shop.yaml --color always");
    assert!(piped.is_ascii() && piped.contains('\u{1b}'), "{piped}");
    for (locale, terminal, unicode) in
        [("C.UTF-8", "xterm", true), ("C", "xterm", false), ("C.UTF-8", "dumb", false)]
    {
        let environment = [("LC_ALL", locale), ("TERM", terminal)];
        let Some(shown) = session.on_a_terminal("matrix -f shop.yaml", &environment) else { return };
        assert!(shown.contains("web"), "{shown}");
        assert_eq!(shown.contains('◆') && shown.contains('┼'), unicode, "{environment:?}: {shown}");
        assert_eq!(shown.is_ascii(), !unicode, "{environment:?}: {shown}");
    }
}

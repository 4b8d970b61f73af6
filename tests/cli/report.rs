//! `podreach report`, and the pages of `what-if` and `diff`.

use serde_json::Value;

use super::{SHOP, Session};

/// The text of a page between two others, where they occur first.
fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let rest = page.split_once(start).unwrap_or_else(|| panic!("{start} is missing")).1;
    rest.split_once(end).unwrap_or_else(|| panic!("{end} is missing")).0
}

fn data(page: &str) -> Value {
    serde_json::from_str(between(page, "<script type=\"application/json\" id=\"data\">", "</script>"))
        .unwrap()
}

#[test]
fn a_page_holds_everything_it_needs() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    let (status, page, stderr) = session.run("report -f shop.yaml -o html");
    assert_eq!(status, 0, "{stderr}");
    assert!(page.starts_with("<!doctype html>"), "{page}");
    let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
    assert!(policy.starts_with("default-src &#39;none&#39;; script-src &#39;sha256-"), "{policy}");
    for outside in ["http://", "https://", "<link", "<img", "<iframe", " src=", "@import", "url("] {
        let markup = page.replace("http://www.w3.org", "");
        assert!(!markup.contains(outside), "{outside} in the page");
    }
    let data = data(&page);
    assert_eq!(data["workloads"].as_array().unwrap().len(), 2, "{data:#}");
    assert!(data["policies"][0]["at"].as_str().unwrap().starts_with("shop.yaml:"), "{data:#}");
    assert!(data.get("changes").is_none());
    // The same input gives the same bytes.
    assert_eq!(session.run("report -f shop.yaml -o html").1, page);
}

#[test]
fn a_page_needs_its_format() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    let (status, _, stderr) = session.run("report -f shop.yaml");
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("-o html=FILE"), "{stderr}");
    let (status, _, stderr) = session.run("report -f shop.yaml -o json");
    assert_eq!(status, 2, "{stderr}");
    let (status, _, stderr) = session.run("matrix -f shop.yaml -o html");
    assert_eq!(status, 2, "{stderr}");
    let (status, _, stderr) = session.run("diff --before shop.yaml --after shop.yaml -o dot");
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("`diff` has no output `dot`"), "{stderr}");
}

#[test]
fn names_cannot_leave_the_page_s_data() {
    let hostile = SHOP.replace("app: web", "app: web, \"a\\u202e</script><script>alert(1)</script><!--\": x");
    let session = Session::new(&[("<script>alert(1)<!--.yaml", &hostile)]);
    let (status, page, stderr) = session.run("report --keep-going -f . -o html");
    assert_eq!(status, 0, "{stderr}");
    assert_eq!(page.matches("<script").count(), 2, "only the page's own");
    assert_eq!(page.matches("</script>").count(), 2, "only the page's own");
    assert!(!page.contains("<!--") && !page.contains('\u{202e}'));
    assert!(page.contains("&#60;script&#62;alert(1)"), "findings name what they are about");
    data(&page);
}

#[test]
fn a_page_of_a_change_has_both_sides() {
    let session = Session::new(&[("shop.yaml", SHOP)]);
    let (status, page, stderr) = session.run("what-if -f shop.yaml --delete netpol/shop/db -o html");
    assert_eq!(status, 1, "{stderr}");
    let changes = &data(&page)["changes"];
    assert_eq!(changes["edits"][0], "--delete netpol/shop/db", "{changes:#}");
    assert_eq!(changes["boxes"][0]["sign"], "more", "{changes:#}");
    assert!(changes["causes"][0].as_str().unwrap().contains("NetworkPolicy shop/db is gone"), "{changes:#}");
    assert!(page.contains("What would change"));
    // It is about the part that is no more, too, and never by pod.
    let (status, page, stderr) = session.run("what-if -f shop.yaml --delete ns/shop -n shop -o html");
    assert_eq!(status, 1, "{stderr}");
    assert_eq!(data(&page)["changes"]["parties"][0]["presence"], "gone");
    let (status, _, stderr) = session.run("what-if -f shop.yaml --delete netpol/shop/db --by pod -o html");
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("a page shows workloads and namespaces, and no single pods"), "{stderr}");
}

#[test]
fn a_page_of_a_part_knows_what_it_is_about() {
    let elsewhere = SHOP.replace("namespace: shop", "namespace: other");
    let session = Session::new(&[("a.yaml", SHOP), ("b.yaml", &elsewhere)]);
    let about = |command: &str| -> Vec<bool> {
        let (status, page, stderr) = session.run(command);
        assert_eq!(status, 0, "{stderr}");
        let workloads = data(&page)["workloads"].as_array().unwrap().clone();
        workloads.iter().map(|workload| workload["about"].as_bool().unwrap()).collect()
    };
    assert!(about("report -f . -o html").iter().all(|about| *about));
    let part = about("report -f . -n shop -o html");
    assert!(part.contains(&true) && part.contains(&false), "{part:?}");
}

#[test]
fn a_page_has_its_limit() {
    let namespace = |i| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: n{i}}}\n");
    let namespaces = (0..2_001).map(namespace).collect::<Vec<_>>().join("---\n");
    let session = Session::new(&[("many.yaml", &namespaces)]);
    let (status, _, stderr) = session.run("report -f many.yaml -o html");
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("a page has room for 2000 namespaces, and there are 2001"), "{stderr}");
}

/// The first view says of unknowns, policies and findings what the counts say.
#[test]
fn the_overview_agrees_with_itself() {
    const ISTIO: &str = "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n\
                         metadata: {name: only-get, namespace: shop}\nspec: {selector: {matchLabels: {app: web}}}\n";
    let open = SHOP.rsplit_once("---\n").unwrap().0;
    let session = Session::new(&[
        ("open.yaml", open),
        ("mesh.yaml", &[open, ISTIO].concat()),
        ("shop.yaml", SHOP),
        ("spare.yaml", &[open, "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: spare}\n"].concat()),
    ]);
    let page = |file: &str| session.run(&format!("report -f {file} -o html")).1;
    let doubts = |page: &str| between(page, "What is unknown, and why</h3>", "<h3>").to_owned();
    let figures = |page: &str| between(page, "<dl class=\"figures\">", "</dl>").to_owned();

    let mesh = page("mesh.yaml");
    assert!(doubts(&mesh).contains("2 pairs of pods are not decided"), "{}", doubts(&mesh));
    assert!(doubts(&mesh).contains("AuthorizationPolicy"), "{}", doubts(&mesh));
    assert!(figures(&mesh).contains("<dd>0</dd><dt>policies</dt>"), "{}", figures(&mesh));
    assert!(figures(&mesh).contains("<dd>1</dd><dt>policies not evaluated</dt>"), "{}", figures(&mesh));
    let row = |page: &str, namespace: &str| {
        between(page, &format!("<th scope=\"row\">{namespace}</th>"), "</tr>").to_owned()
    };
    let pods_and_policies =
        |pods, policies| format!("<td class=\"number\">{pods}</td><td class=\"number\">{policies}</td>");
    assert!(row(&mesh, "shop").starts_with(&pods_and_policies(2, 0)), "{}", row(&mesh, "shop"));

    let shop = page("shop.yaml");
    assert!(row(&shop, "shop").starts_with(&pods_and_policies(2, 1)), "{}", row(&shop, "shop"));
    assert!(!figures(&shop).contains("not evaluated"));

    let open = page("open.yaml");
    assert!(doubts(&open).contains("Nothing: the input decides every verdict."), "{}", doubts(&open));
    for view in ["<h3>Findings</h3>", "<h2 id=\"findings-title\">Findings</h2>"] {
        let said = between(&open, view, "</p>");
        assert!(said.contains("was not looked at") && !said.contains("None"), "{said}");
    }
    // Namespaces without pods are counted, so they are listed.
    let spare = page("spare.yaml");
    assert!(figures(&spare).contains("<dd>2</dd><dt>namespaces</dt>"), "{}", figures(&spare));
    assert!(row(&spare, "spare").starts_with(&pods_and_policies(0, 0)));
}

//! The files that are taken for input, and the messages about those that are not.

use std::fs;

use super::{BROKEN, SHOP, Session};

const SECRET: &str = "first line\nmachine x login y password s3cr3t\n";

fn folder(session: &Session, files: &[(&str, &[u8])]) {
    for (name, bytes) in files {
        let path = session.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_directory_that_is_to_be_rendered_is_an_error_and_says_how() {
    let session = Session::new(&[]);
    folder(
        &session,
        &[
            ("base/shop.yaml", SHOP.as_bytes()),
            ("base/kustomization.yaml", b"resources: [shop.yaml]\n"),
            (
                "overlay/Kustomization",
                b"resources: [../base]\npatches: [{path: patch.yaml}]\nnamespace: prod\n",
            ),
            (
                "overlay/patch.yaml",
                b"apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {x: 1}\n",
            ),
            (
                "flux/kustomization.yaml",
                b"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {path: x}\n",
            ),
            ("flux/shop.yaml", SHOP.as_bytes()),
        ],
    );
    let (status, _, stderr) = session.run("can -f base shop/web shop/db:5432");
    assert!(status == 0 && !stderr.contains("kustom"), "{stderr}");
    let (status, _, stderr) = session.run("can -f overlay shop/web shop/db:5432");
    assert!(status == 2 && stderr.contains("its kustomization has `patches`, `namespace`"), "{stderr}");
    assert!(stderr.contains("kubectl kustomize overlay | podreach ... -f -"), "{stderr}");
    assert!(stderr.contains("overlay/Kustomization:2"), "{stderr}");
    assert!(stderr.contains("`../base` belongs to the kustomization and is not in the input"), "{stderr}");
    let (status, _, stderr) = session.run("can -f base -f overlay shop/web shop/db:5432");
    assert!(status == 2 && !stderr.contains("not in the input"), "{stderr}");
    let duplicate = stderr.split("duplicate-object").nth(1).unwrap();
    assert!(duplicate.contains("kubectl kustomize base"), "{stderr}");
    let (status, _, stderr) = session
        .run("can -f base -f overlay --exclude Kustomization --exclude patch.yaml shop/web shop/db:5432");
    assert!(status == 0 && stderr.contains("left out `overlay/Kustomization` and 1 more"), "{stderr}");
    let (status, _, stderr) = session.run("can -f flux shop/web shop/db:5432");
    assert!(status == 0 && stderr.contains("did not read 1 object of kind Kustomization"), "{stderr}");
}

#[test]
fn one_encrypted_file_does_not_end_everything() {
    let session = Session::new(&[(".podreach.yaml", "exclude: '*.enc.yaml'\n")]);
    folder(
        &session,
        &[
            ("tree/shop.yaml", SHOP.as_bytes()),
            ("tree/a/oidc.yaml", b"\0GITCRYPT\0\xff"),
            ("tree/b/x.enc.yaml", b"\0GITCRYPT\0\xff"),
        ],
    );
    let question = "can -R -f tree shop/web shop/db:5432";
    let (status, _, stderr) = session.run(question);
    assert!(status == 2 && stderr.contains("`--exclude NAME` leaves it out"), "{stderr}");
    let (status, _, stderr) = session.run(&format!("{question} --exclude a/*.yaml --exclude *.enc.yaml"));
    assert!(status == 0 && stderr.contains("left out `tree/a/oidc.yaml` and 1 more"), "{stderr}");
    assert_eq!(session.run(&format!("{question} --keep-going")).0, 3);
}

#[test]
fn what_is_left_out_makes_nothing_unknown_that_it_cannot_touch() {
    for (bad, status) in [
        ("apiVersion: v1\nkind: Secret\ndata: [\n", 0),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 5}\ndata: [\n", 0),
        ("apiVersion: v1\nkind: NetworkPolicy\ndata: [\n", 3),
        ("data: [\n", 3),
        (
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, namespace: other}\nspec: 5\n",
            0,
        ),
        (
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, namespace: shop}\nspec: 5\n",
            3,
        ),
        ("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, namespace: 1234}\n", 3),
        (
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, namespace: x, namespace: y}\n",
            3,
        ),
    ] {
        let session = Session::new(&[("shop.yaml", SHOP), ("bad.yaml", bad)]);
        let question = "can -f shop.yaml -f bad.yaml shop/web shop/db:5432 --keep-going";
        let (found, stdout, stderr) = session.run(question);
        assert_eq!(found, status, "{bad}: {stdout}{stderr}");
    }
}

#[test]
fn many_errors_are_counted_and_long_values_are_cut() {
    let one = |n| format!("---\n{}", BROKEN.replace("name: bad", &format!("name: bad{n}")));
    let bad = (0..30).map(one).collect::<Vec<_>>().concat();
    let long = "v".repeat(100_000);
    let session = Session::new(&[
        ("bad.yaml", &bad),
        (
            "long.yaml",
            &format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: web, labels: {{a: {long}}}}}\n"),
        ),
    ]);
    let (status, _, stderr) = session.run("matrix -f bad.yaml");
    assert_eq!((status, stderr.matches("error[invalid-value]").count()), (2, 20));
    assert!(stderr.contains("and 10 more of invalid-value; `-o json` has all"), "{stderr}");
    let (_, stdout, _) = session.run("matrix -f bad.yaml -o json");
    assert_eq!(stdout.matches("invalid-value").count(), 30);
    let (status, _, stderr) = session.run("matrix -f long.yaml");
    assert!(status == 2 && stderr.len() < 2_000 && stderr.contains("vvv…\""), "{stderr}");
}

#[cfg(unix)]
#[test]
fn files_elsewhere_are_not_shown_through_links() {
    use std::os::unix::fs::symlink;

    let elsewhere = Session::new(&[("secret.yaml", SECRET), ("bad.yaml", &format!("a: [\n{SECRET}"))]);
    let session = Session::new(&[("shop.yaml", SHOP)]);
    fs::create_dir(session.path("in")).unwrap();
    fs::write(session.path("in/shop.yaml"), SHOP).unwrap();
    symlink(elsewhere.path("bad.yaml"), session.path("in/link.yaml")).unwrap();
    symlink(elsewhere.path("secret.yaml"), session.path("reachability.lock.yaml")).unwrap();
    for (line, says) in [
        ("matrix -f in", "`in/link.yaml` is a link that leads out of `in`"),
        ("matrix -R -f .", "`./in/link.yaml` is a link that leads out of `.`"),
        ("snapshot --check -f shop.yaml", "reachability.lock.yaml"),
    ] {
        let (status, stdout, stderr) = session.run(line);
        assert!(status == 2 && stderr.contains(says), "{line}: {stderr}");
        assert!(!format!("{stdout}{stderr}").contains("s3cr3t"), "{line}: {stderr}");
    }
    let (status, ..) = session.run("matrix -f in --exclude link.yaml");
    assert_eq!(status, 0);
}

//! Labels that controllers put on pods beside those of the template: the one table of whose keys may be whose.
//!
//! A key belongs to a domain: that of its prefix, without what stands before the last two names
//! (`serving.knative.dev/service` is `knative.dev`), or for keys without a prefix what the table says. A controller may add
//! the keys of Kubernetes' own domains, and those of the domain of its API group.

/// Domains whose keys any controller may add.
const COMMON: [&str; 2] = ["kubernetes.io", "k8s.io"];

/// Prefixes of keys that people write, in whichever domain they are.
const WRITTEN_BY_PEOPLE: [&str; 2] = ["app.kubernetes.io", "helm.sh"];

/// Keys without a prefix that controllers add, and whose they are.
const PLAIN: [(&str, &str); 9] = [
    ("controller-revision-hash", "kubernetes.io"),
    ("controller-uid", "kubernetes.io"),
    ("job-name", "kubernetes.io"),
    ("pod-template-generation", "kubernetes.io"),
    ("pod-template-hash", "kubernetes.io"),
    ("rollouts-pod-template-hash", "argoproj.io"),
    ("deployment", "openshift.io"),
    ("deploymentconfig", "openshift.io"),
    // The name of the revision, unless the template has the label.
    ("app", "knative.dev"),
];

/// The domain of a key; `None` if only people write it.
pub(super) fn domain_of_key(key: &str) -> Option<&str> {
    match key.split_once('/') {
        None => PLAIN.iter().find(|(plain, _)| *plain == key).map(|(_, domain)| *domain),
        Some((prefix, _)) if WRITTEN_BY_PEOPLE.contains(&prefix) => None,
        Some((prefix, _)) => Some(domain(prefix)),
    }
}

/// The domains whose keys a controller of an API group may add.
pub(super) fn domains_of_group(group: &str) -> impl Iterator<Item = &str> {
    let own = (!group.is_empty()).then(|| domain(group)).filter(|own| !COMMON.contains(own));
    COMMON.into_iter().chain(own)
}

/// The last two names of a DNS name.
fn domain(name: &str) -> &str {
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
    dots.nth(1).map_or(name, |at| &name[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_belong_to_domains() {
        for (key, expected) in [
            ("tier", None),
            ("app", Some("knative.dev")),
            ("pod-template-hash", Some("kubernetes.io")),
            ("deploymentconfig", Some("openshift.io")),
            ("topology.kubernetes.io/zone", Some("kubernetes.io")),
            ("app.kubernetes.io/name", None),
            ("helm.sh/chart", None),
            ("serving.knative.dev/service", Some("knative.dev")),
            ("kruise.io/x", Some("kruise.io")),
            ("local/x", Some("local")),
        ] {
            assert_eq!(domain_of_key(key), expected, "{key}");
        }
    }

    #[test]
    fn controllers_own_the_domain_of_their_group() {
        for (group, expected) in [
            ("apps.kruise.io", &["kubernetes.io", "k8s.io", "kruise.io"][..]),
            ("argoproj.io", &["kubernetes.io", "k8s.io", "argoproj.io"]),
            ("leaderworkerset.x-k8s.io", &["kubernetes.io", "k8s.io", "x-k8s.io"]),
            ("apps.k8s.io", &["kubernetes.io", "k8s.io"]),
            ("", &["kubernetes.io", "k8s.io"]),
        ] {
            assert_eq!(domains_of_group(group).collect::<Vec<_>>(), expected, "{group}");
        }
    }
}

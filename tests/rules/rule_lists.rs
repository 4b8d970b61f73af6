//! R12 to R17: what lists mean that are missing, null, empty, or hold several elements.

use super::check::check_spec;

#[test]
fn r12_no_rule_allows_nothing_and_an_empty_rule_everything() {
    for ingress in ["", "ingress: null,", "ingress: [],"] {
        check_spec(
            &format!("{{podSelector: {{}}, {ingress} policyTypes: [Ingress]}}"),
            "x/b -> x/a deny
             1.1.1.1 -> x/a deny
             w/a -> x/a deny
             x/a -> w/a allow",
        );
    }
    for egress in ["", "egress: null,", "egress: [],"] {
        check_spec(
            &format!("{{podSelector: {{}}, {egress} policyTypes: [Egress]}}"),
            "x/b -> x/a deny
             x/a -> 1.1.1.1 deny
             w/a -> x/a allow",
        );
    }
    check_spec(
        "{podSelector: {}, ingress: [{}], policyTypes: [Ingress, Egress]}",
        "w/a -> x/a allow
         1.1.1.1 -> x/a allow
         x/a -> 1.1.1.1 deny",
    );
    check_spec(
        "{podSelector: {}, egress: [{}], policyTypes: [Ingress, Egress]}",
        "x/a -> w/a allow
         x/a -> 1.1.1.1 allow
         1.1.1.1 -> x/a deny",
    );
}

#[test]
fn r13_no_peer_list_means_everybody_outside_included() {
    for from in ["", "from: null,", "from: [],"] {
        check_spec(
            &format!(
                "{{podSelector: {{}}, policyTypes: [Ingress], ingress: [{{{from} ports: [{{port: 80}}]}}]}}"
            ),
            "x/b -> x/a:80 allow
             w/b -> x/a:80 allow
             1.1.1.1 -> x/a:80 allow
             192.168.0.1 -> x/a:80 allow
             w/b -> x/a:81 deny
             1.1.1.1 -> x/a:81 deny",
        );
    }
    for to in ["", "to: null,", "to: [],"] {
        check_spec(
            &format!(
                "{{podSelector: {{}}, policyTypes: [Egress], egress: [{{{to} ports: [{{port: 80}}]}}]}}"
            ),
            "x/a -> x/b:80 allow
             x/a -> w/b:80 allow
             x/a -> 1.1.1.1:80 allow
             x/a -> w/b:81 deny
             x/a -> 1.1.1.1:81 deny",
        );
    }
}

#[test]
fn r14_one_matching_peer_is_enough() {
    let peers = "[{podSelector: {matchLabels: {pod: b}}},
                  {namespaceSelector: {matchLabels: {ns: w}}},
                  {ipBlock: {cidr: 1.1.1.1/32}}]";
    check_spec(
        &format!("{{podSelector: {{}}, ingress: [{{from: {peers}}}]}}"),
        "x/b -> x/a allow
         w/c -> x/a allow
         1.1.1.1 -> x/a allow
         x/c -> x/a deny
         z/b -> x/a deny
         1.1.1.2 -> x/a deny",
    );
    check_spec(
        &format!("{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: {peers}}}]}}"),
        "x/a -> x/b allow
         x/a -> w/c allow
         x/a -> 1.1.1.1 allow
         x/a -> x/c deny
         x/a -> z/b deny
         x/a -> 1.1.1.2 deny",
    );
}

#[test]
fn r15_no_port_list_means_every_port_of_every_protocol() {
    for ports in ["", ", ports: null", ", ports: []"] {
        check_spec(
            &format!("{{podSelector: {{}}, ingress: [{{from: [{{podSelector: {{}}}}]{ports}}}]}}"),
            "x/b -> x/a:1-65535/TCP allow
             x/b -> x/a:1-65535/UDP allow
             x/b -> x/a:1-65535/SCTP allow
             w/b -> x/a deny",
        );
        check_spec(
            &format!(
                "{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{{podSelector: {{}}}}]{ports}}}]}}"
            ),
            "x/a -> x/b allow
             x/a -> w/b deny",
        );
    }
}

#[test]
fn r16_one_matching_port_is_enough() {
    let ports = "ports: [{port: 80}, {port: 53, protocol: UDP}, {port: 8000, endPort: 8001}]";
    check_spec(
        &format!(
            "{{podSelector: {{}}, policyTypes: [Ingress, Egress], ingress: [{{{ports}}}], egress: [{{{ports}}}]}}"
        ),
        "w/a -> x/a:80 allow
         w/a -> x/a:53/UDP allow
         w/a -> x/a:8000-8001 allow
         w/a -> x/a:53/TCP deny
         w/a -> x/a:80/UDP deny
         w/a -> x/a:81-7999 deny
         w/a -> x/a:1-65535/SCTP deny
         x/a -> w/a:80 allow
         x/a -> w/a:53/UDP allow
         x/a -> w/a:53/TCP deny",
    );
}

#[test]
fn r17_a_rule_is_peers_and_ports_and_two_rules_never_mix() {
    let (x, w) = ("{podSelector: {}}", "{namespaceSelector: {matchLabels: {ns: w}}}");
    let rules = |peers: &str| {
        format!(
            "[{{{peers}: [{x}], ports: [{{port: 80}}, {{port: 81}}]}},
              {{{peers}: [{w}, {{ipBlock: {{cidr: 1.1.1.1/32}}}}], ports: [{{port: 90}}]}}]"
        )
    };
    check_spec(
        &format!("{{podSelector: {{}}, ingress: {}}}", rules("from")),
        "x/b -> x/a:80-81 allow
         x/b -> x/a:90 deny
         w/b -> x/a:90 allow
         w/b -> x/a:80-81 deny
         1.1.1.1 -> x/a:90 allow
         1.1.1.1 -> x/a:80 deny
         z/b -> x/a deny",
    );
    check_spec(
        &format!("{{podSelector: {{}}, policyTypes: [Egress], egress: {}}}", rules("to")),
        "x/a -> x/b:80-81 allow
         x/a -> x/b:90 deny
         x/a -> w/b:90 allow
         x/a -> w/b:80 deny
         x/a -> 1.1.1.1:90 allow
         x/a -> 1.1.1.1:80 deny",
    );
}

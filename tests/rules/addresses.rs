//! R40 to R48: blocks of addresses.

use super::check::{World, accepted, check, check_spec, grid, pod, policy, refused, stored};

/// A policy on all of x that admits these peers only.
fn from(peers: &str) -> String {
    format!("{{podSelector: {{}}, policyTypes: [Ingress], ingress: [{{from: {peers}}}]}}")
}

/// A policy on all of x that lets out to these peers only.
fn to(peers: &str) -> String {
    format!("{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: {peers}}}]}}")
}

#[test]
fn r40_a_block_is_about_the_address_of_the_other_end() {
    check_spec(
        &from("[{ipBlock: {cidr: 203.0.113.0/24}}]"),
        "203.0.113.0 -> x/a allow
         203.0.113.255 -> x/a allow
         203.0.112.255 -> x/a deny
         203.0.114.0 -> x/a deny
         x/b -> x/a deny
         x/a -> 203.0.113.1 allow",
    );
    check_spec(
        &to("[{ipBlock: {cidr: 203.0.113.0/24}}]"),
        "x/a -> 203.0.113.7 allow
         x/a -> 203.0.114.7 deny
         203.0.114.7 -> x/a allow",
    );
    // The subject's own address is not what a block is about.
    check_spec(
        &from("[{ipBlock: {cidr: 10.0.1.1/32}}]"),
        "x/a -> x/b allow
         1.1.1.1 -> x/a deny
         x/b -> x/a deny",
    );
    check_spec(
        &to("[{ipBlock: {cidr: 10.0.1.1/32}}]"),
        "x/b -> x/a allow
         x/a -> x/b deny
         x/a -> 1.1.1.1 deny",
    );
}

#[test]
fn r41_except_takes_addresses_out() {
    let block =
        "[{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.0/28, 203.0.113.8/29, 203.0.113.128/25]}}]";
    check_spec(
        &from(block),
        "203.0.113.0 -> x/a deny
         203.0.113.15 -> x/a deny
         203.0.113.16 -> x/a allow
         203.0.113.127 -> x/a allow
         203.0.113.128 -> x/a deny
         203.0.113.255 -> x/a deny",
    );
    check_spec(
        &to(block),
        "x/a -> 203.0.113.15 deny
         x/a -> 203.0.113.16 allow",
    );
}

#[test]
fn r42_an_excepted_address_may_be_allowed_elsewhere() {
    let hole = "{ipBlock: {cidr: 10.0.2.0/24, except: [10.0.2.0/30]}}";
    let back = "{ipBlock: {cidr: 10.0.2.2/32}}";
    let verdicts = "
        x/a -> w/b allow
        x/a -> w/a deny
        x/a -> 10.0.2.9 allow
        x/a -> 10.0.2.0 deny";
    check_spec(&to(&format!("[{hole}, {back}]")), verdicts);
    check_spec(&to(&format!("[{back}, {hole}]")), verdicts);
    let two_rules =
        format!("{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{back}]}}, {{to: [{hole}]}}]}}");
    check_spec(&two_rules, verdicts);
    let policies = [policy("x/p", &to(&format!("[{hole}]"))), policy("x/q", &to(&format!("[{back}]")))];
    check(&[grid(), policies.concat()], verdicts);
    check_spec(
        &to(&format!("[{hole}]")),
        "x/a -> w/b deny
         x/a -> 10.0.2.9 allow",
    );
    // By labels too.
    check_spec(
        &to(&format!("[{hole}, {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{pod: b}}}}}}]")),
        "x/a -> w/b allow
         x/a -> w/a deny",
    );
}

#[test]
fn r43_host_bits_are_masked() {
    let masked = from("[{ipBlock: {cidr: 192.168.8.5/24, except: [192.168.8.77/26]}}]");
    check(
        &[grid(), stored(&policy("x/p", &masked))],
        "192.168.8.0 -> x/a allow
         192.168.8.255 -> x/a allow
         192.168.8.63 -> x/a allow
         192.168.8.64 -> x/a deny
         192.168.8.127 -> x/a deny
         192.168.9.0 -> x/a deny",
    );
    let legacy = |cidr: &str| {
        let spec = from(&format!("[{{ipBlock: {{cidr: {cidr}}}}}]"));
        World::new(&[stored(&policy("x/p", &spec))]).codes().contains(&"legacy-cidr")
    };
    assert!(legacy("192.168.8.5/24"));
    assert!(!legacy("192.168.8.0/24"));
}

/// Pods of x: `four` and `six` have one address, `dual` has both.
fn families() -> String {
    [
        pod("x/four", "{app: f}", "status: {podIP: 10.0.1.1}"),
        pod("x/six", "{app: f}", "status: {podIP: 'fd00::1'}"),
        pod("x/dual", "{app: f}", "status: {podIP: 10.0.1.2, podIPs: [{ip: 10.0.1.2}, {ip: 'fd00::2'}]}"),
        pod("w/dual", "{app: f}", "status: {podIP: 'fd00::3', podIPs: [{ip: 'fd00::3'}, {ip: 10.0.1.3}]}"),
    ]
    .concat()
}

#[test]
fn r44_families_are_separate() {
    check(
        &[families(), policy("x/p", &from("[{ipBlock: {cidr: 0.0.0.0/0}}]"))],
        "1.1.1.1 -> x/dual allow
         2001:db8::1 -> x/dual deny
         1.1.1.1 -> x/four allow
         2001:db8::1 -> x/six deny
         w/dual -> x/four allow
         w/dual -> x/six deny",
    );
    check(
        &[families(), policy("x/p", &to("[{ipBlock: {cidr: '::/0'}}]"))],
        "x/dual -> 1.1.1.1 deny
         x/dual -> 2001:db8::1 allow
         x/six -> 2001:db8::1 allow
         x/four -> 1.1.1.1 deny",
    );
    check(
        &[families(), policy("x/p", &from("[{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: '::/0'}}]"))],
        "1.1.1.1 -> x/dual allow
         2001:db8::1 -> x/dual allow
         w/dual -> x/six allow
         x/four -> x/six deny",
    );
}

#[test]
fn r45_a_connection_uses_one_family() {
    let v4 = "[{ipBlock: {cidr: 0.0.0.0/0}}]";
    let v6 = "[{ipBlock: {cidr: '::/0'}}]";
    let ingress = |peers: &str| policy("w/in", &from(peers));
    let egress = |peers: &str| policy("x/out", &to(peers));
    // What one side allows in IPv4 and the other in IPv6 does not add up.
    check(
        &[families(), egress(v4), ingress(v6)],
        "x/dual -> w/dual deny
         x/four -> w/dual deny
         x/six -> w/dual deny
         x/dual -> x/four allow",
    );
    check(
        &[families(), egress(v4), ingress(v4)],
        "x/dual -> w/dual allow
         x/four -> w/dual allow
         x/six -> w/dual deny",
    );
    // In one of the two families is enough, and ports may differ between them.
    let ports = policy(
        "w/in",
        "{podSelector: {}, ingress: [
            {from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 80}]},
            {from: [{ipBlock: {cidr: '::/0'}}], ports: [{port: 443}]}]}",
    );
    check(
        &[families(), ports, egress(v6)],
        "x/dual -> w/dual:443 allow
         x/dual -> w/dual:80 deny
         1.1.1.1 -> w/dual:80 allow
         1.1.1.1 -> w/dual:443 deny",
    );
    // A selector means all addresses; without a common family there is no connection.
    check(
        &[families(), policy("x/p", &from("[{podSelector: {matchLabels: {app: f}}}]"))],
        "x/dual -> x/four allow
         x/dual -> x/six allow
         x/six -> x/dual allow
         x/four -> x/six deny
         w/dual -> x/dual deny",
    );
    check(
        &[families()],
        "x/six -> x/four deny
         2001:db8::1 -> x/four deny
         1.1.1.1 -> x/four allow
         x/six -> 1.1.1.1 deny",
    );
}

#[test]
fn r46_a_block_matches_addresses_of_pods() {
    check_spec(
        &to("[{ipBlock: {cidr: 10.0.2.0/24, except: [10.0.2.2/32]}}]"),
        "x/a -> w/a allow
         x/a -> w/b deny
         x/a -> w/c allow
         x/a -> z/a deny
         x/a -> x/b deny",
    );
    check_spec(
        &from("[{ipBlock: {cidr: 10.0.2.1/32}}]"),
        "w/a -> x/a allow
         w/b -> x/a deny",
    );
}

#[test]
fn r47_a_mapped_block_is_an_ipv4_block() {
    let spec = from("[{ipBlock: {cidr: '::ffff:10.0.0.0/104'}}]");
    check(
        &[families(), stored(&policy("x/p", &spec))],
        "10.200.0.1 -> x/four allow
         11.0.0.1 -> x/four deny
         w/dual -> x/four allow
         2001:db8::1 -> x/dual deny
         w/dual -> x/six deny",
    );
    assert!(World::new(&[stored(&policy("x/p", &spec))]).codes().contains(&"legacy-cidr"));
}

#[test]
fn v18_who_takes_which_form() {
    for (cidr, problem) in [
        ("192.168.8.5/24", "must not have bits set beyond the prefix length"),
        ("010.0.0.0/8", "must not have leading 0s in IP or prefix length"),
        ("'::ffff:10.0.0.0/104'", "must not have an IPv4-mapped IPv6 address"),
    ] {
        let written = policy("x/p", &from(&format!("[{{ipBlock: {{cidr: {cidr}}}}}]")));
        let found = World::new(std::slice::from_ref(&written)).diagnostics();
        let [refused] = &*found else { panic!("{found:?}") };
        assert!(refused.code.name() == "invalid-value" && refused.message.ends_with(problem), "{refused:?}");
        assert!(refused.help.as_ref().unwrap().contains("--kube-version 1.35"), "{refused:?}");
        for older in
            [World::new(std::slice::from_ref(&written)).of_version("1.35"), World::new(&[stored(&written)])]
        {
            assert!(older.codes().iter().all(|code| *code == "legacy-cidr"), "{:?}", older.diagnostics());
        }
    }
    // A warning of every server.
    let capitals = policy("x/p", &from("[{ipBlock: {cidr: '2001:DB8::/32'}}]"));
    assert_eq!(World::new(&[capitals]).codes(), ["legacy-cidr"]);
}

#[test]
fn r48_a_full_length_block_is_one_address_and_has_no_room_for_except() {
    check_spec(
        &from("[{ipBlock: {cidr: 203.0.113.7/32}}, {ipBlock: {cidr: '2001:db8::7/128'}}]"),
        "203.0.113.6 -> x/a deny
         203.0.113.7 -> x/a allow
         203.0.113.8 -> x/a deny",
    );
    check(
        &[families(), policy("x/p", &from("[{ipBlock: {cidr: '2001:db8::7/128'}}]"))],
        "2001:db8::7 -> x/six allow
         2001:db8::8 -> x/six deny",
    );
    for (cidr, except) in [
        ("203.0.113.7/32", "203.0.113.7/32"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("203.0.113.0/24", "203.0.0.0/16"),
        ("203.0.113.0/24", "203.0.114.0/28"),
        ("203.0.113.0/24", "'2001:db8::/64'"),
    ] {
        refused(
            &from(&format!("[{{ipBlock: {{cidr: {cidr}, except: [{except}]}}}}]")),
            "spec.ingress[0].from[0].ipBlock.except[0]",
            "must be a strict subset of `cidr`",
        );
    }
    accepted(&from("[{ipBlock: {cidr: 203.0.113.6/31, except: [203.0.113.6/32, 203.0.113.6/32]}}]"));
}

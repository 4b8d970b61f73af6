//! R18 to R21 and R30 to R32: numbers, ranges and protocols.

use super::check::{World, accepted, check, check_spec, grid, pod, policy, refused};
use super::profiles::enforcing;

/// A policy of x that admits these ports from everybody and lets nothing out but to them.
fn both_ways(ports: &str) -> String {
    let rules = format!("[{{ports: {ports}}}]");
    format!("{{podSelector: {{}}, policyTypes: [Ingress, Egress], ingress: {rules}, egress: {rules}}}")
}

#[test]
fn r18_an_empty_port_means_all_of_tcp() {
    for ports in ["[{}]", "[{port: null}]", "[null]"] {
        check_spec(
            &both_ways(ports),
            "w/a -> x/a:1-65535/TCP allow
             w/a -> x/a:1-65535/UDP deny
             w/a -> x/a:1-65535/SCTP deny
             x/a -> 1.1.1.1:1-65535/TCP allow
             x/a -> 1.1.1.1:53/UDP deny",
        );
    }
}

#[test]
fn r19_a_port_without_protocol_is_tcp() {
    for ports in ["[{port: 53}]", "[{port: 53, protocol: null}]"] {
        check_spec(
            &both_ways(ports),
            "w/a -> x/a:53/TCP allow
             w/a -> x/a:53/UDP deny
             w/a -> x/a:53/SCTP deny
             x/a -> w/a:53/TCP allow
             x/a -> w/a:53/UDP deny",
        );
    }
}

#[test]
fn r20_a_number_need_not_be_declared() {
    let silent = pod("x/silent", "{}", "status: {podIP: 10.0.1.9}");
    check(
        &[grid(), silent, policy("x/p", &both_ways("[{port: 7777}]"))],
        "w/a -> x/a:7777 allow
         w/a -> x/silent:7777 allow
         w/a -> x/a:80 deny
         w/a -> x/silent:7778 deny
         x/silent -> w/a:7777 allow
         x/silent -> w/a:80 deny",
    );
}

#[test]
fn r21_a_protocol_without_port_is_all_of_it_and_nothing_else() {
    check_spec(
        &both_ways("[{protocol: UDP}]"),
        "w/a -> x/a:1-65535/UDP allow
         w/a -> x/a:1-65535/TCP deny
         w/a -> x/a:1-65535/SCTP deny
         x/a -> w/a:1-65535/UDP allow
         x/a -> w/a:1-65535/TCP deny",
    );
}

#[test]
fn r30_end_port_is_in_the_range() {
    check_spec(
        &both_ways("[{port: 8000, endPort: 8100}]"),
        "w/a -> x/a:7999 deny
         w/a -> x/a:8000-8100 allow
         w/a -> x/a:8101-65535 deny
         w/a -> x/a:8000-8100/UDP deny
         x/a -> 1.1.1.1:8000-8100 allow
         x/a -> 1.1.1.1:8101 deny",
    );
    check_spec(
        &both_ways("[{port: 90, endPort: 90, protocol: UDP}]"),
        "w/a -> x/a:89/UDP deny
         w/a -> x/a:90/UDP allow
         w/a -> x/a:91/UDP deny",
    );
    check_spec(
        &both_ways("[{port: 1, endPort: 65535}]"),
        "w/a -> x/a:1-65535/TCP allow
         w/a -> x/a:1-65535/UDP deny",
    );
    // Ranges that overlap and that touch are one.
    check_spec(
        &both_ways("[{port: 10, endPort: 20}, {port: 15, endPort: 30}, {port: 31}]"),
        "w/a -> x/a:9 deny
         w/a -> x/a:10-31 allow
         w/a -> x/a:32 deny",
    );
}

#[test]
fn r31_end_port_needs_a_number_not_above_it() {
    let port = |port: &str| format!("{{podSelector: {{}}, ingress: [{{ports: [{port}]}}]}}");
    let path = "spec.ingress[0].ports[0].endPort";
    for (entry, message) in [
        ("{endPort: 90}", "may not be specified when `port` is not specified"),
        ("{port: web, endPort: 90}", "may not be specified when `port` is non-numeric"),
        ("{port: 91, endPort: 90}", "must be greater than or equal to `port`"),
        ("{port: 91, endPort: 65536}", "must be between 1 and 65535, inclusive"),
    ] {
        refused(&port(entry), path, message);
    }
    for number in ["0", "65536", "-1"] {
        let message = "must be between 1 and 65535, inclusive";
        refused(&port(&format!("{{port: {number}}}")), "spec.ingress[0].ports[0].port", message);
    }
    for entry in ["{port: 90, endPort: 90}", "{port: 1, endPort: 65535}", "{port: 65535}"] {
        accepted(&port(entry));
    }
}

#[test]
fn r32_every_profile_that_enforces_supports_end_port() {
    for profile in enforcing() {
        World::new(&[grid(), policy("x/p", &both_ways("[{port: 8000, endPort: 8100}]"))])
            .under(profile)
            .check(
                "w/a -> x/a:8000-8100 allow
             w/a -> x/a:7999 deny
             w/a -> x/a:8101 deny",
            );
    }
}

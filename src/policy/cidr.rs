//! Addresses and blocks, read as leniently as the API server reads them (R43, R47, V13, V18).
//!
//! Numbers may have leading zeros and are decimal all the same, host bits are masked, and IPv4 in IPv6 clothing is IPv4.
//! What newer API servers warn about is told apart from what they reject.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A block as it was meant, and what is odd about how it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParsedCidr {
    /// The block, host bits masked.
    pub net: IpNet,
    /// The address that was written, if it is not the first of the block.
    pub host: Option<IpAddr>,
    /// Leading zeros, or an IPv4 address in IPv6 form.
    pub non_standard: bool,
}

impl ParsedCidr {
    /// What newer API servers say about the way `text` is written (V18).
    pub fn oddities(&self, text: &str) -> Vec<String> {
        let mut oddities = Vec::new();
        if let Some(host) = self.host {
            oddities.push(format!(
                "CIDR value {text:?} is ambiguous in this context (should be \"{}\" or \"{}\"?)",
                self.net,
                IpNet::from(host),
            ));
        }
        if self.non_standard {
            oddities.push(format!(
                "non-standard CIDR value {text:?} will be considered invalid in a future Kubernetes release: use \"{}\"",
                self.net,
            ));
        }
        oddities
    }
}

/// Reads a block; `None` if the API server would not take it (V13).
pub fn parse_cidr(text: &str) -> Option<ParsedCidr> {
    let (address, length) = text.split_once('/')?;
    let prefix = decimal(length, 128)?;
    let zeros = has_leading_zero(length);
    if !address.contains(':') {
        let written = parse_ipv4(address)?;
        let net = Ipv4Net::new(written, u8::try_from(prefix).ok()?).ok()?.trunc();
        return Some(ParsedCidr {
            net: net.into(),
            host: (net.addr() != written).then_some(written.into()),
            non_standard: zeros || address.parse::<Ipv4Addr>().is_err(),
        });
    }
    let written = parse_ipv6(address)?;
    let net = Ipv6Net::new(written, u8::try_from(prefix).ok()?).ok()?.trunc();
    let mapped = written.to_ipv4_mapped();
    let net = match net.addr().to_ipv4_mapped() {
        Some(first) if net.prefix_len() >= 96 => {
            IpNet::from(Ipv4Net::new(first, net.prefix_len() - 96).expect("at most 128 - 96 bits"))
        }
        _ => net.into(),
    };
    let written = if net.addr().is_ipv4() { mapped.map(IpAddr::from) } else { Some(written.into()) };
    Some(ParsedCidr {
        net,
        host: written.filter(|&w| w != net.addr()),
        non_standard: zeros || mapped.is_some() || address.parse::<Ipv6Addr>().is_err(),
    })
}

/// Reads one address; `None` if the API server would not take it.
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        parse_ipv6(text).map(|a| IpAddr::from(a).to_canonical())
    } else {
        parse_ipv4(text).map(IpAddr::from)
    }
}

fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    // Quicker, and right whenever it takes the text.
    text.parse().ok().or_else(|| parse_padded_ipv4(text))
}

/// An IPv4 address whose numbers may have leading zeros.
fn parse_padded_ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        *octet = u8::try_from(decimal(parts.next()?, 255)?).ok()?;
    }
    parts.next().is_none().then(|| octets.into())
}

/// An IPv6 address; an IPv4 address at its end may have leading zeros too.
fn parse_ipv6(text: &str) -> Option<Ipv6Addr> {
    match text.rsplit_once(':') {
        Some((head, tail)) if tail.contains('.') => format!("{head}:{}", parse_ipv4(tail)?).parse().ok(),
        _ => text.parse().ok(),
    }
}

/// A decimal number up to `limit`, whatever the number of leading zeros.
fn decimal(text: &str, limit: u32) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = text.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    digits.parse().ok().filter(|&n| n <= limit)
}

fn has_leading_zero(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v13_what_is_a_block_and_what_is_not() {
        let good = [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("192.168.5.6/32", "192.168.5.6/32"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::/0", "::/0"),
            ("192.168.8.5/24", "192.168.8.0/24"),
            ("010.000.0.00/08", "10.0.0.0/8"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:a00:1/128", "10.0.0.1/32"),
            ("::ffff:10.0.0.0/90", "::ffc0:0:0/90"),
            ("::ffff:010.0.0.0/104", "10.0.0.0/8"),
        ];
        for (text, net) in good {
            assert_eq!(parse_cidr(text).map(|c| c.net.to_string()).as_deref(), Some(net), "{text}");
        }
        let bad = [
            "",
            "/",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0/8",
            "10.0.0.256/8",
            "a/8",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            " 10.0.0.0/8",
            "::/129",
            "fe80::1%eth0/64",
            "10.0.0.0/8/8",
            "1.2.3.4.5/8",
            "0x0a.0.0.0/8",
            "10.0.0.0/99999999999999999999",
        ];
        for text in bad {
            assert_eq!(parse_cidr(text), None, "{text}");
        }
    }

    #[test]
    fn v18_odd_forms_are_told() {
        let cases: [(&str, &[&str]); 6] = [
            ("10.0.0.0/8", &[]),
            ("::/0", &[]),
            (
                "192.168.8.5/24",
                &[
                    "CIDR value \"192.168.8.5/24\" is ambiguous in this context (should be \"192.168.8.0/24\" or \
                   \"192.168.8.5/32\"?)",
                ],
            ),
            (
                "010.0.0.0/8",
                &[
                    "non-standard CIDR value \"010.0.0.0/8\" will be considered invalid in a future Kubernetes release: \
                   use \"10.0.0.0/8\"",
                ],
            ),
            (
                "::ffff:10.0.0.0/104",
                &[
                    "non-standard CIDR value \"::ffff:10.0.0.0/104\" will be considered invalid in a future Kubernetes \
                   release: use \"10.0.0.0/8\"",
                ],
            ),
            (
                "2001:db8::1/32",
                &[
                    "CIDR value \"2001:db8::1/32\" is ambiguous in this context (should be \"2001:db8::/32\" or \
                   \"2001:db8::1/128\"?)",
                ],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_cidr(text).unwrap().oddities(text), expected, "{text}");
        }
    }

    #[test]
    fn r47_mapped_addresses_are_ipv4() {
        assert_eq!(parse_ip("::ffff:10.1.2.3"), Some("10.1.2.3".parse().unwrap()));
        assert_eq!(parse_ip("010.1.2.3"), Some("10.1.2.3".parse().unwrap()));
        assert_eq!(parse_ip("10.1.2.3.4"), None);
        assert_eq!(parse_ip("fe80::1%eth0"), None);
    }
}

//! Addresses and blocks, read as leniently as the API server reads them (R43, R47, V13, V18).
//!
//! Numbers may have leading zeros and are decimal all the same, host bits are masked, and IPv4 in IPv6 clothing is IPv4.
//! What newer API servers warn about is told apart from what they reject.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The spelling of an address; servers with strict addresses accept only the standard one (V18).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// In a way that every release takes.
    Standard,
    /// With leading zeros, which some programs take for octal numbers.
    LeadingZeros,
    /// An IPv4 address in IPv6 form.
    Mapped,
}

/// A block as it was meant, and how it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParsedCidr {
    /// The block, host bits masked.
    pub net: IpNet,
    /// The address that was written, if it is not the first of the block.
    pub host: Option<IpAddr>,
    /// The spelling of that address, or of the length.
    pub form: Form,
}

impl ParsedCidr {
    /// The rule of servers with strict addresses that the block breaks, if it breaks one (V18).
    pub(crate) fn fault(&self) -> Option<&'static str> {
        match (self.form, self.host) {
            (Form::LeadingZeros, _) => Some("must not have leading 0s in IP or prefix length"),
            (Form::Mapped, _) => Some("must not have an IPv4-mapped IPv6 address"),
            (Form::Standard, Some(_)) => Some("must not have bits set beyond the prefix length"),
            (Form::Standard, None) => None,
        }
    }

    /// Ways to write what may be meant.
    pub(crate) fn remedy(&self) -> String {
        match self.host {
            Some(host) => format!("write `{}`, or `{}` for the one address", self.net, IpNet::from(host)),
            None => format!("write `{}`", self.net),
        }
    }

    /// The warnings of servers that take a block written as `text` (V18).
    pub fn oddities(&self, text: &str) -> Vec<String> {
        let mut oddities = Vec::new();
        if let Some(host) = self.host {
            oddities.push(format!(
                "CIDR value {text:?} is ambiguous in this context (should be \"{}\" or \"{}\"?)",
                self.net,
                IpNet::from(host),
            ));
        }
        if self.form != Form::Standard {
            oddities.push(format!("non-standard CIDR value {text:?} is invalid: use \"{}\"", self.net));
        }
        if oddities.is_empty() && self.net.addr().is_ipv6() && self.net.to_string() != text {
            oddities.push(format!(
                "IPv6 CIDR value {text:?} should be in RFC 5952 canonical format (\"{}\")",
                self.net
            ));
        }
        oddities
    }
}

/// Reads a block; `None` if the API server would not take it (V13).
pub fn parse_cidr(text: &str) -> Option<ParsedCidr> {
    let (address, length) = text.split_once('/')?;
    let prefix = decimal(length, 128)?;
    let form = |zeros: bool, mapped: bool| match (zeros || has_leading_zero(length), mapped) {
        (true, _) => Form::LeadingZeros,
        (false, true) => Form::Mapped,
        (false, false) => Form::Standard,
    };
    if !address.contains(':') {
        let written = parse_ipv4(address)?;
        let net = Ipv4Net::new(written, u8::try_from(prefix).ok()?).ok()?.trunc();
        return Some(ParsedCidr {
            net: net.into(),
            host: (net.addr() != written).then_some(written.into()),
            form: form(address.parse::<Ipv4Addr>().is_err(), false),
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
        form: form(address.parse::<Ipv6Addr>().is_err(), mapped.is_some()),
    })
}

/// Reads one address; `None` if no API server would take it.
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    parse_ip_form(text).map(|(address, _)| address)
}

/// Reads one address, and how it is written.
pub fn parse_ip_form(text: &str) -> Option<(IpAddr, Form)> {
    if let Ok(address) = text.parse::<IpAddr>() {
        // What is written without a zone and without leading zeros.
        let canonical = address.to_canonical();
        return Some((canonical, if canonical == address { Form::Standard } else { Form::Mapped }));
    }
    let padded = if text.contains(':') {
        parse_ipv6(text).map(|address| IpAddr::from(address).to_canonical())
    } else {
        parse_padded_ipv4(text).map(IpAddr::from)
    };
    padded.map(|address| (address, Form::LeadingZeros))
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
        let cases: [(&str, &[&str]); 8] = [
            (
                "2001:DB8::/32",
                &[
                    "IPv6 CIDR value \"2001:DB8::/32\" should be in RFC 5952 canonical format (\"2001:db8::/32\")",
                ],
            ),
            (
                "::10.0.0.0/104",
                &[
                    "IPv6 CIDR value \"::10.0.0.0/104\" should be in RFC 5952 canonical format (\"::a00:0/104\")",
                ],
            ),
            ("10.0.0.0/8", &[]),
            ("::/0", &[]),
            (
                "192.168.8.5/24",
                &[
                    "CIDR value \"192.168.8.5/24\" is ambiguous in this context (should be \"192.168.8.0/24\" or \
                   \"192.168.8.5/32\"?)",
                ],
            ),
            ("010.0.0.0/8", &["non-standard CIDR value \"010.0.0.0/8\" is invalid: use \"10.0.0.0/8\""]),
            (
                "::ffff:10.0.0.0/104",
                &["non-standard CIDR value \"::ffff:10.0.0.0/104\" is invalid: use \"10.0.0.0/8\""],
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
    fn v18_strict_servers_name_one_fault() {
        let cases = [
            ("10.0.0.0/8", None),
            ("2001:DB8::/32", None),
            ("10.0.0.5/8", Some("must not have bits set beyond the prefix length")),
            ("010.0.0.5/8", Some("must not have leading 0s in IP or prefix length")),
            ("10.0.0.0/08", Some("must not have leading 0s in IP or prefix length")),
            ("::ffff:10.0.0.5/104", Some("must not have an IPv4-mapped IPv6 address")),
            ("::ffff:010.0.0.5/104", Some("must not have leading 0s in IP or prefix length")),
        ];
        for (text, fault) in cases {
            assert_eq!(parse_cidr(text).unwrap().fault(), fault, "{text}");
        }
        assert_eq!(
            parse_cidr("10.0.0.5/8").unwrap().remedy(),
            "write `10.0.0.0/8`, or `10.0.0.5/32` for the one address"
        );
        assert_eq!(parse_cidr("010.0.0.0/8").unwrap().remedy(), "write `10.0.0.0/8`");
    }

    #[test]
    fn v18_forms_of_addresses() {
        let form = |text| parse_ip_form(text).map(|(_, form)| form);
        for (text, expected) in [
            ("10.1.2.3", Some(Form::Standard)),
            ("2001:DB8::5", Some(Form::Standard)),
            ("::ffff:10.1.2.3", Some(Form::Mapped)),
            ("010.1.2.3", Some(Form::LeadingZeros)),
            ("::ffff:010.1.2.3", Some(Form::LeadingZeros)),
            ("fe80::1%eth0", None),
            ("10.1.2", None),
        ] {
            assert_eq!(form(text), expected, "{text}");
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

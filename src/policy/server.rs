//! The API servers whose rules differ from release to release, and which of them an object is held to.

use std::fmt;
use std::str::FromStr;

use super::validate::{dns_1035_label_problems, dns_label_problems};
use crate::k8s::ObjectMeta;

/// A release of Kubernetes: `1.N`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KubeVersion {
    minor: u16,
}

impl KubeVersion {
    /// The newest release that podreach knows.
    pub const NEWEST: Self = Self { minor: 37 };

    /// The first release that validates IP addresses and CIDRs strictly (V18).
    const STRICT_ADDRESSES: Self = Self { minor: 36 };
    /// The first release in which the name of a Service may begin with a digit.
    const RELAXED_SERVICE_NAMES: Self = Self { minor: 36 };
    /// The first release in which every container may have a `restartPolicy` of its own.
    const CONTAINER_RESTART_POLICIES: Self = Self { minor: 35 };
}

impl Default for KubeVersion {
    fn default() -> Self {
        Self::NEWEST
    }
}

impl fmt::Display for KubeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor)
    }
}

impl FromStr for KubeVersion {
    type Err = String;

    /// Reads `1.N` and what servers call themselves, such as `v1.35.2+k3s1`.
    fn from_str(text: &str) -> Result<Self, String> {
        let minor = text.strip_prefix('v').unwrap_or(text).strip_prefix("1.").and_then(|rest| {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let ended = matches!(rest.as_bytes().get(digits), None | Some(b'.' | b'+' | b'-'));
            rest[..digits].parse().ok().filter(|_| ended)
        });
        minor.map(|minor| Self { minor }).ok_or_else(|| "expected `1.N`, such as `1.35`".to_owned())
    }
}

/// The rules that one object is held to: those of a release, and whether the object has passed some release already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Validation {
    version: KubeVersion,
    stored: bool,
}

impl Validation {
    /// The rules for the object with this metadata. One that has a uid came out of a cluster: what newer servers refuse
    /// when it is created, they keep when it is there.
    pub fn of(version: KubeVersion, metadata: &ObjectMeta) -> Self {
        Self { version, stored: metadata.uid.as_ref().is_some_and(|uid| !uid.is_empty()) }
    }

    /// True if the object was stored by an API server.
    pub(crate) const fn is_stored(self) -> bool {
        self.stored
    }

    /// True if leading zeros, IPv4 in IPv6 form and host bits of CIDRs are refused (V18).
    pub(crate) fn has_strict_addresses(self) -> bool {
        !self.stored && self.version >= KubeVersion::STRICT_ADDRESSES
    }

    /// The problems with the name of a Service; since 1.36 it may begin with a digit, like `1s`.
    pub(crate) fn service_name_problems(self, name: &str) -> Vec<String> {
        if self.stored || self.version >= KubeVersion::RELAXED_SERVICE_NAMES {
            dns_label_problems(name)
        } else {
            dns_1035_label_problems(name)
        }
    }

    /// The restart policies that an init container may have.
    pub(crate) fn init_restart_policies(self) -> &'static [&'static str] {
        if self.has_container_restart_policies() { &["Always", "Never", "OnFailure"] } else { &["Always"] }
    }

    /// True if containers other than init containers may have a restart policy.
    pub(crate) fn has_container_restart_policies(self) -> bool {
        self.stored || self.version >= KubeVersion::CONTAINER_RESTART_POLICIES
    }
}

/// The help of whatever only newer servers refuse.
pub(crate) fn older_servers() -> String {
    format!(
        "`--kube-version 1.{}` validates as servers before {} do",
        KubeVersion::STRICT_ADDRESSES.minor - 1,
        KubeVersion::STRICT_ADDRESSES
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_servers_write_them() {
        for (text, minor) in
            [("1.35", 35), ("v1.36", 36), ("v1.35.2+k3s1", 35), ("1.31.4-eks-2d5f260", 31), ("1.99", 99)]
        {
            assert_eq!(text.parse(), Ok(KubeVersion { minor }), "{text}");
        }
        for text in ["", "1", "1.", "35", "2.1", "1.x", "1.35x", "1.99999", "latest"] {
            assert!(text.parse::<KubeVersion>().is_err(), "{text}");
        }
        assert_eq!(KubeVersion::NEWEST.to_string(), "1.37");
    }

    #[test]
    fn what_is_stored_is_held_to_the_old_rules() {
        let stored = ObjectMeta { uid: Some("u".into()), ..ObjectMeta::default() };
        let empty = ObjectMeta { uid: Some("".into()), ..ObjectMeta::default() };
        let version = |minor| KubeVersion { minor };
        assert!(Validation::of(version(36), &ObjectMeta::default()).has_strict_addresses());
        assert!(Validation::of(version(36), &empty).has_strict_addresses());
        assert!(!Validation::of(version(36), &stored).has_strict_addresses());
        assert!(!Validation::of(version(35), &ObjectMeta::default()).has_strict_addresses());
    }
}

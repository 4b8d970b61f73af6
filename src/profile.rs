//! Points that the API leaves open, settled by a CNI profile: one table of switches.
//!
//! The numbers I1 to I21 are those of `docs/profiles.md`. Only points on which CNIs give different verdicts have a
//! switch; a cell nobody knows takes the value of [`Profile::Spec`].

/// A network plugin, or the letter of the API.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Profile {
    /// The upstream end-to-end tests.
    Spec,
    /// Calico.
    Calico,
    /// Cilium.
    Cilium,
    /// Antrea.
    Antrea,
    /// OVN-Kubernetes, OpenShift.
    OvnKubernetes,
    /// kube-router.
    KubeRouter,
    /// kube-network-policies, kindnet.
    KubeNetworkPolicies,
    /// The AWS VPC CNI.
    AwsVpcCni,
    /// Flannel without a policy engine: nothing is enforced.
    Flannel,
}

/// The switches of one profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a point of its own on which plugins differ")]
pub struct Semantics {
    /// R64: whether policies have any effect.
    pub enforces: bool,
    /// I2: whether a `from` element that asks for the label of the hosts' namespace, and for nothing else, takes in
    /// hostNetwork pods and nodes.
    pub hosts_by_label: bool,
    /// I5: whether an ipBlock matches the addresses of pods.
    pub ip_block_matches_pods: bool,
    /// I14: what an egress rule's named port means on a pod that declares it with several numbers.
    pub ambiguous_egress_port: AmbiguousPort,
    /// I15: whose ports have names.
    pub named_ports: NamedPorts,
    /// I16: whether the named port of an egress rule resolves on pods of other namespaces too.
    pub egress_port_crosses_namespaces: bool,
    /// I19: whether pods without an owner are subject to policies.
    pub bare_pods_are_subjects: bool,
    /// K49, K64: set if names decide which of two policies of one tier and priority is asked first; else that is open.
    pub ties_by_name: bool,
}

/// I14.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AmbiguousPort {
    /// Every number the name stands for.
    Union,
    /// Nothing: the entry is skipped.
    Skipped,
}

/// I15.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NamedPorts {
    /// Containers and sidecars.
    ContainersAndSidecars,
    /// Containers, sidecars and ordinary init containers.
    AllContainers,
    /// `spec.containers` only.
    RegularContainers,
}

impl NamedPorts {
    /// True if names declared in this kind of container count.
    pub fn includes(self, kind: crate::k8s::ContainerKind) -> bool {
        use crate::k8s::ContainerKind::{Regular, Sidecar};
        match self {
            Self::AllContainers => true,
            Self::ContainersAndSidecars => matches!(kind, Regular | Sidecar),
            Self::RegularContainers => kind == Regular,
        }
    }
}

impl Profile {
    /// All profiles; the default is the first.
    pub const ALL: [Self; 9] = [
        Self::Spec,
        Self::Calico,
        Self::Cilium,
        Self::Antrea,
        Self::OvnKubernetes,
        Self::KubeRouter,
        Self::KubeNetworkPolicies,
        Self::AwsVpcCni,
        Self::Flannel,
    ];

    /// The name `--cni` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Calico => "calico",
            Self::Cilium => "cilium",
            Self::Antrea => "antrea",
            Self::OvnKubernetes => "ovn-kubernetes",
            Self::KubeRouter => "kube-router",
            Self::KubeNetworkPolicies => "kube-network-policies",
            Self::AwsVpcCni => "aws-vpc-cni",
            Self::Flannel => "flannel",
        }
    }

    /// The profile called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }

    /// The table.
    pub const fn semantics(self) -> Semantics {
        let spec = Semantics {
            enforces: true,
            hosts_by_label: false,
            ip_block_matches_pods: true,
            ambiguous_egress_port: AmbiguousPort::Union,
            named_ports: NamedPorts::ContainersAndSidecars,
            egress_port_crosses_namespaces: true,
            bare_pods_are_subjects: true,
            ties_by_name: false,
        };
        match self {
            Self::Spec | Self::Antrea => spec,
            Self::OvnKubernetes => Semantics { hosts_by_label: true, ..spec },
            Self::Calico => Semantics { named_ports: NamedPorts::AllContainers, ties_by_name: true, ..spec },
            Self::Cilium => Semantics {
                ip_block_matches_pods: false,
                ambiguous_egress_port: AmbiguousPort::Skipped,
                ..spec
            },
            Self::KubeRouter => Semantics { egress_port_crosses_namespaces: false, ..spec },
            Self::KubeNetworkPolicies => Semantics { named_ports: NamedPorts::RegularContainers, ..spec },
            Self::AwsVpcCni => Semantics { bare_pods_are_subjects: false, ..spec },
            Self::Flannel => Semantics { enforces: false, ..spec },
        }
    }
}

/// A set of profiles: who could enforce a policy kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProfileSet(u16);

impl ProfileSet {
    /// Every profile.
    pub const ALL: Self = Self(u16::MAX);

    /// No profile.
    pub const NONE: Self = Self(0);

    /// These profiles.
    pub const fn of(profiles: &[Profile]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < profiles.len() {
            bits |= 1 << profiles[i] as u16;
            i += 1;
        }
        Self(bits)
    }

    /// True if `profile` is one of them.
    pub const fn contains(self, profile: Profile) -> bool {
        self.0 >> profile as u16 & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k8s::ContainerKind;

    /// The profiles in which a switch differs from `spec`.
    fn where_differs<T: PartialEq>(switch: impl Fn(&Semantics) -> T) -> Vec<&'static str> {
        let spec = switch(&Profile::Spec.semantics());
        Profile::ALL.into_iter().filter(|p| switch(&p.semantics()) != spec).map(Profile::name).collect()
    }

    #[test]
    fn names_are_unique_and_found() {
        for profile in Profile::ALL {
            assert_eq!(Profile::from_name(profile.name()), Some(profile));
        }
        assert_eq!(Profile::from_name("Spec"), None);
        assert_eq!(Profile::ALL[0], Profile::Spec);
    }

    #[test]
    fn spec_is_the_letter_of_the_end_to_end_tests() {
        let spec = Semantics {
            enforces: true,
            hosts_by_label: false,
            ip_block_matches_pods: true,
            ambiguous_egress_port: AmbiguousPort::Union,
            named_ports: NamedPorts::ContainersAndSidecars,
            egress_port_crosses_namespaces: true,
            bare_pods_are_subjects: true,
            ties_by_name: false,
        };
        assert_eq!(Profile::Spec.semantics(), spec);
    }

    #[test]
    fn r64_only_flannel_enforces_nothing() {
        assert_eq!(where_differs(|s| s.enforces), ["flannel"]);
    }

    #[test]
    fn i02_ovn_kubernetes_knows_hosts_by_a_label() {
        assert_eq!(where_differs(|s| s.hosts_by_label), ["ovn-kubernetes"]);
    }

    #[test]
    fn i05_ip_blocks_match_pods_but_for_cilium() {
        assert_eq!(where_differs(|s| s.ip_block_matches_pods), ["cilium"]);
    }

    #[test]
    fn i14_cilium_skips_ambiguous_egress_ports() {
        assert_eq!(where_differs(|s| s.ambiguous_egress_port), ["cilium"]);
        assert_eq!(Profile::Cilium.semantics().ambiguous_egress_port, AmbiguousPort::Skipped);
    }

    #[test]
    fn i15_whose_ports_have_names() {
        use ContainerKind::{Init, Regular, Sidecar};
        assert_eq!(where_differs(|s| s.named_ports), ["calico", "kube-network-policies"]);
        let cases = [
            (Profile::Spec, [true, true, false]),
            (Profile::Calico, [true, true, true]),
            (Profile::KubeNetworkPolicies, [true, false, false]),
        ];
        for (profile, expected) in cases {
            let named_ports = profile.semantics().named_ports;
            assert_eq!(
                [Regular, Sidecar, Init].map(|kind| named_ports.includes(kind)),
                expected,
                "{profile:?}"
            );
        }
    }

    #[test]
    fn i16_kube_router_resolves_egress_ports_at_home_only() {
        assert_eq!(where_differs(|s| s.egress_port_crosses_namespaces), ["kube-router"]);
    }

    #[test]
    fn i19_aws_leaves_bare_pods_alone() {
        assert_eq!(where_differs(|s| s.bare_pods_are_subjects), ["aws-vpc-cni"]);
    }

    #[test]
    fn sets_hold_what_they_were_made_of() {
        let set = ProfileSet::of(&[Profile::Spec, Profile::Flannel]);
        let held: Vec<Profile> = Profile::ALL.into_iter().filter(|p| set.contains(*p)).collect();
        assert_eq!(held, [Profile::Spec, Profile::Flannel]);
        assert!(Profile::ALL.into_iter().all(|p| ProfileSet::ALL.contains(p)));
    }
}

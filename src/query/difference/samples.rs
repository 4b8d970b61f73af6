//! Some pods of each endpoint, by which it is found out what is responsible for its changes.

use super::ends::Parties;
use super::sight::{Changed, Sight};
use crate::cluster::PodId;
use crate::compile::{ClassId, Program, SignatureId};
use crate::diff;
use crate::net::{ByDirection, ByFamily};
use crate::set::Interner;

/// The most pods of a class that are looked at where they are not all alike.
pub(super) const PODS: usize = 4;

crate::define_id! { [pub(super)]
    /// The properties of a pod that matter whatever policies there are, in both inputs.
    FactsId,
}

/// Pods of one endpoint that neither input tells apart, and some of them in both.
pub(super) struct Sample {
    pub(super) classes: (ClassId, ClassId),
    pub(super) signatures: ByDirection<[SignatureId; 2]>,
    pub(super) pods: Vec<SampledPod>,
}

/// A pod that both inputs have.
#[derive(Clone, Copy)]
pub(super) struct SampledPod {
    /// In each input.
    pub(super) pods: [(PodId, u32); 2],
    pub(super) facts: FactsId,
}

/// The properties of a pod that matter whatever policies there are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Facts {
    families: ByFamily<bool>,
    bare: bool,
    /// Of a hostNetwork pod what selects it in each direction: it is exempt if nothing does in either.
    host: Option<ByDirection<SignatureId>>,
}

/// The properties of a pod that differ between the inputs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Became {
    Changed(Changed),
    /// Both it and its namespace changed: it hangs on each policy which of the two that sees.
    AllOf([PodId; 2]),
}

/// By endpoint.
pub(super) struct Samples {
    /// Pods that both inputs have.
    pub(super) of: Vec<Vec<Sample>>,
    /// Pods that one input has.
    pub(super) only: Vec<Vec<(usize, PodId)>>,
    facts: Interner<FactsId, ([Facts; 2], Became)>,
}

impl Samples {
    pub(super) fn new(programs: [&Program; 2], parties: &Parties<'_>, pairwise: &diff::Difference) -> Self {
        let mut samples = Self {
            of: parties.all.iter().map(|_| Vec::new()).collect(),
            only: vec![Vec::new(); parties.all.len()],
            facts: Interner::new(),
        };
        let mut sight = Sight::of_all(programs);
        for matched in pairwise.all(&programs[1].cluster) {
            for i in 0..parties.shown_of(matched.count).max(matched.count.min(2)) {
                let pods = [(matched.before.0, matched.before.1 + i), (matched.after.0, matched.after.1 + i)];
                samples.add(programs, parties, pods, &mut sight);
            }
        }
        for (input, pods) in [(0, &pairwise.vanished), (1, &pairwise.appeared)] {
            for (pod, range) in pods {
                for index in range.clone().take(parties.shown_of(range.end - range.start) as usize) {
                    if let Some(party) = parties.of_pod(input, *pod, index) {
                        samples.only[party as usize].push((input, *pod));
                    }
                }
            }
        }
        samples
    }

    /// A pod that both inputs have, unless it is another endpoint in each.
    fn add(
        &mut self,
        programs: [&Program; 2],
        parties: &Parties<'_>,
        pods: [(PodId, u32); 2],
        sight: &mut Sight<'_>,
    ) {
        let [was, is] = [0, 1].map(|input| parties.of_pod(input, pods[input].0, pods[input].1));
        let Some(is) = is.filter(|_| was == is) else { return };
        let classes = (programs[0].class_of[pods[0].0], programs[1].class_of[pods[1].0]);
        let samples = &mut self.of[is as usize];
        let place = samples.iter().position(|sample| sample.classes == classes).unwrap_or_else(|| {
            let signatures =
                [programs[0].classes[classes.0].signature, programs[1].classes[classes.1].signature];
            let signatures = ByDirection {
                ingress: signatures.map(|signature| signature.ingress),
                egress: signatures.map(|signature| signature.egress),
            };
            samples.push(Sample { classes, signatures, pods: Vec::new() });
            samples.len() - 1
        });
        if samples[place].pods.len() < PODS {
            let facts = [0, 1].map(|input| facts(programs[input], pods[input].0));
            let ids = pods.map(|(pod, _)| pod);
            let became = match sight.changed(ids) {
                Changed { pod: true, namespace: true } => Became::AllOf(ids),
                changed => Became::Changed(changed),
            };
            samples[place].pods.push(SampledPod { pods, facts: self.facts.intern_owned((facts, became)) });
        }
    }
}

fn facts(program: &Program, id: PodId) -> Facts {
    let (pod, class) = (&program.cluster.pods[id], &program.classes[program.class_of[id]]);
    Facts { families: class.families, bare: pod.bare, host: pod.host_network.then_some(class.signature) }
}

//! Some pods of each endpoint, by which it is found out what is responsible for its changes.

use super::ends::Parties;
use crate::cluster::PodId;
use crate::compile::{ClassId, Program};
use crate::diff;

/// How many pods of a class are looked at where they are not all alike.
pub(super) const PODS: usize = 4;

/// Pods of one endpoint that neither input tells apart, and some of them in both.
pub(super) struct Sample {
    pub(super) classes: (ClassId, ClassId),
    pub(super) pods: Vec<[(PodId, u32); 2]>,
}

/// By endpoint.
pub(super) struct Samples {
    /// Pods that both inputs have.
    pub(super) of: Vec<Vec<Sample>>,
    /// Pods that one input has.
    pub(super) only: Vec<Vec<(usize, PodId)>>,
}

impl Samples {
    pub(super) fn new(programs: [&Program; 2], parties: &Parties<'_>, pairwise: &diff::Difference) -> Self {
        let mut samples = Self {
            of: parties.all.iter().map(|_| Vec::new()).collect(),
            only: vec![Vec::new(); parties.all.len()],
        };
        for matched in pairwise.all() {
            for i in 0..parties.shown_of(matched.count).max(matched.count.min(2)) {
                let pods = [(matched.before.0, matched.before.1 + i), (matched.after.0, matched.after.1 + i)];
                samples.add(programs, parties, pods);
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
    fn add(&mut self, programs: [&Program; 2], parties: &Parties<'_>, pods: [(PodId, u32); 2]) {
        let [was, is] = [0, 1].map(|input| parties.of_pod(input, pods[input].0, pods[input].1));
        let Some(is) = is.filter(|_| was == is) else { return };
        let classes = (programs[0].class_of[pods[0].0], programs[1].class_of[pods[1].0]);
        let samples = &mut self.of[is as usize];
        match samples.iter_mut().find(|sample| sample.classes == classes) {
            Some(sample) if sample.pods.len() < PODS => sample.pods.push(pods),
            Some(_) => {}
            None => samples.push(Sample { classes, pods: vec![pods] }),
        }
    }
}

//! The sentences of `reach`; nothing is escaped here.

use super::Report;
use crate::net::{Direction, PortSet};
use crate::query::Endpoint;
use crate::query::reach::{Chain, Found};
use crate::render::carried::words;
use crate::render::text::count;
use crate::solve::End;

impl Report<'_> {
    pub(super) fn is_outgoing(&self) -> bool {
        self.answer.question.direction == Direction::Egress
    }

    /// `what shop/web reaches on 80/TCP within 3 hops`.
    pub(super) fn title(&self) -> String {
        let question = &self.answer.question;
        let target = &question.target.end;
        let on = question.ports.as_ref().map(|ports| format!(" on {ports}")).unwrap_or_default();
        let within =
            if question.hops > 1 { format!(" within {} hops", question.hops) } else { String::new() };
        let cni = self.context.profile.name();
        if self.is_outgoing() {
            format!("What {target} reaches{on}{within} (cni {cni})")
        } else {
            format!("Who reaches {target}{on}{within} (cni {cni})")
        }
    }

    /// `2 of 4 other workloads, perhaps 1 more; addresses outside`.
    pub(super) fn summary(&self) -> String {
        let answer = self.answer;
        let is_other = |found: &&Found| found.of > 0 && !self.is_target(found);
        let others = || answer.found.iter().filter(is_other);
        let sure = others().filter(|found| found.sure.is_some()).count();
        let perhaps = others().filter(|found| found.sure.is_none()).count();
        let mut parts = Vec::new();
        if !answer.question.external_only {
            let other = if answer.question.target.ends.pods.is_empty() { "" } else { "other " };
            let of = count(answer.others, &format!("{other}workload"), &format!("{other}workloads"));
            let more = if perhaps > 0 { format!(", perhaps {perhaps} more") } else { String::new() };
            parts.push(match sure {
                0 if perhaps == 0 => format!("none of {of}"),
                0 => format!("none of {of} surely, perhaps {perhaps}"),
                _ => format!("{sure} of {of}{more}"),
            });
        }
        let outside = || answer.found.iter().filter(|found| found.of == 0);
        parts.push(match outside().next() {
            None => "no address outside the cluster".into(),
            Some(_) if outside().any(|found| found.sure.is_some()) => "addresses outside the cluster".into(),
            Some(_) => "perhaps addresses outside the cluster".into(),
        });
        parts.join("; ")
    }

    /// True if it is a workload of the target, which does not count as another one.
    pub(super) fn is_target(&self, found: &Found) -> bool {
        let mut pods = self.answer.question.target.ends.pods.iter();
        pods.any(|(pod, _)| self.is_of(*pod, found.endpoint))
    }

    fn is_of(&self, pod: crate::cluster::PodId, endpoint: Endpoint) -> bool {
        endpoint == Endpoint::Workload(self.context.cluster.pods[pod].workload)
    }

    /// The heading of what was found after so many hops; `None` for what is only perhaps found.
    pub(super) fn heading(hops: Option<usize>) -> String {
        match hops {
            None => "Perhaps: the input does not decide it".into(),
            Some(1) => "1 hop: directly".into(),
            Some(2) => "2 hops: through one other pod".into(),
            Some(hops) => format!("{hops} hops: through {} other pods", hops - 1),
        }
    }

    /// The ports of a thing found: all it may do directly, or what the last hop next to it allows.
    pub(super) fn ports(&self, found: &Found) -> String {
        let chain = found.chain();
        match &found.direct {
            Some(direct) if chain.0.len() == 1 => words(direct, PortSet::to_string),
            _ => {
                let hop = &self.answer.hops[self.hops(chain).0];
                either(&hop.ports, &hop.unknown)
            }
        }
    }

    /// The hop at the far end of a chain, and the other ones from there to the target.
    pub(super) fn hops<'c>(&self, chain: &'c Chain) -> (usize, impl Iterator<Item = usize> + 'c) {
        let outgoing = self.is_outgoing();
        let (far, rest) =
            if outgoing { chain.0.split_last() } else { chain.0.split_first() }.expect("a chain has a hop");
        let count = rest.len();
        (*far, (0..count).map(move |i| rest[if outgoing { count - 1 - i } else { i }]))
    }

    /// The pods that a chain leads through, from the target's side: `via shop/api (8080/TCP [2, 3])`; empty for one hop.
    /// What leads there has its marks with it.
    pub(super) fn via(&self, chain: &Chain, marks: &mut dyn FnMut(usize) -> String) -> String {
        let mut through: Vec<String> = Vec::new();
        for place in self.hops(chain).1 {
            let hop = &self.answer.hops[place];
            let End::Pod(pod, _) = (if self.is_outgoing() { hop.to } else { hop.from }) else {
                continue;
            };
            let name = self.names.full(Endpoint::Workload(self.context.cluster.pods[pod].workload));
            through.push(format!("{name} ({}{})", either(&hop.ports, &hop.unknown), marks(place)));
        }
        if self.is_outgoing() {
            through.reverse();
        }
        if through.is_empty() { String::new() } else { format!("via {}", through.join(", then ")) }
    }

    /// `1 of 2 pods`, if it is not all of them.
    pub(super) fn share(found: &Found) -> String {
        if found.pods == found.of {
            String::new()
        } else {
            format!("{} of {}", found.pods, count(found.of, "pod", "pods"))
        }
    }
}

/// Allowed ports, or else those that are unknown.
fn either(ports: &PortSet, unknown: &PortSet) -> String {
    if ports.is_empty() { format!("{unknown} unknown") } else { ports.to_string() }
}

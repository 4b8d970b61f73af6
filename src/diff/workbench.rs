//! A compiled cluster whose policies can be changed and changed back, with the difference that each change makes.
//!
//! Owns what compiling and evaluating would otherwise throw away, so that a change costs what it touches.

use std::sync::Arc;

use super::{Difference, Standing, of_revision};
use crate::cluster::Cluster;
use crate::compile::{LiveProgram, Program, Revision};
use crate::policy::{Policy, PolicyId};
use crate::profile::Profile;
use crate::solve::{Evaluator, Memo};

/// See the module.
#[derive(Debug)]
pub(crate) struct Workbench {
    live: LiveProgram,
    /// Out while an evaluation uses it.
    memo: Option<Memo>,
    standing: Standing,
    /// Number of classes and signatures at first.
    size: usize,
}

impl Workbench {
    /// Compiles and prepares a cluster. It is copied with the first change if somebody else holds it, too.
    pub(crate) fn new(cluster: &Arc<Cluster>, profile: Profile) -> Self {
        let live = LiveProgram::new(cluster, profile);
        let (memo, size) = (Memo::new(&live.program.ports), live.size());
        let mut bench = Self { live, memo: Some(memo), standing: Standing::default(), size };
        bench.evaluate(|live, evaluator, standing| *standing = Standing::new(live, evaluator));
        bench
    }

    /// The program as it is now.
    pub(crate) fn program(&self) -> &Program {
        &self.live.program
    }

    /// Lowers a policy for the cluster.
    pub(crate) fn lower<R>(&mut self, lower: impl FnOnce(&mut Cluster) -> R) -> R {
        self.live.lower(lower)
    }

    /// Takes policies out of force and brings others in; `None` if that takes a fact about pods that the program was
    /// not compiled for. The revision is either kept or taken back before the next one.
    pub(crate) fn revise(&mut self, removed: Vec<PolicyId>, added: Vec<Policy>) -> Option<Revision> {
        let revision = self.live.revise(removed, added)?;
        self.evaluate(|live, evaluator, standing| standing.follow(live, evaluator, &revision, false));
        Some(revision)
    }

    /// The difference that the last revision made.
    pub(crate) fn difference(&mut self, revision: &Revision) -> Difference {
        self.evaluate(|live, evaluator, standing| of_revision(live, evaluator, standing, revision))
    }

    /// Lets a revision stand.
    pub(crate) fn keep(&mut self, revision: &Revision) {
        self.live.keep(revision);
    }

    /// Undoes the last revision.
    pub(crate) fn take_back(&mut self, revision: &Revision) {
        self.live.undo(revision);
        self.evaluate(|live, evaluator, standing| standing.follow(live, evaluator, revision, true));
        self.live.forget(revision);
    }

    /// True if changes told so many pods apart that starting anew is cheaper than going on.
    pub(crate) fn is_worn(&self) -> bool {
        self.live.size() > 2 * self.size + 4096
    }

    fn evaluate<R>(
        &mut self,
        ask: impl for<'p> FnOnce(&'p LiveProgram, &mut Evaluator<'p>, &mut Standing) -> R,
    ) -> R {
        let ports = self.live.take_ports();
        let memo = self.memo.take().expect("every evaluation gives it back");
        let mut evaluator = Evaluator::resume(&self.live.program, ports, memo);
        let answer = ask(&self.live, &mut evaluator, &mut self.standing);
        let (ports, memo) = evaluator.suspend();
        self.live.put_ports(ports);
        self.memo = Some(memo);
        answer
    }
}

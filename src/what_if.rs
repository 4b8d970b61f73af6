//! Changes to a cluster, and what they change: without building everything again where only policies change.
//!
//! A [`Simulation`] holds the objects of an input and everything made of them. Edits of NetworkPolicies and of cluster-wide
//! policies change the compiled program in place, at a cost that depends on what they touch, and their [`Difference`] comes
//! from the touched signatures alone; whatever else changes is built from scratch. Both ways give the same answer.
//!
//! Variants share all of the base: one is made by editing it, and undone by taking back what the edit changed. Nothing
//! the size of the cluster is ever copied.

mod apply;
mod change;
mod delete;
mod label;
mod merge;
mod objects;
mod policies;
mod scale;

use rustc_hash::FxHashMap;

use crate::cluster::{self, Options, lower_policy};
use crate::compile::{Program, Revision};
use crate::diagnostic::{Diagnostic, ObjectName, Severity};
use crate::diff::{self, Difference, Workbench};
use crate::load::Manifest;
use crate::policy::PolicyId;
use crate::profile::Profile;
use crate::solve::{Reachability, solve};

pub use crate::cluster::identity;
pub use change::{Change, ChangeError, Edit};
pub use objects::{Objects, Undo};
use policies::{Policies, PolicyEdits};

/// The effect of edits.
#[derive(Clone, Debug)]
pub struct Effect {
    /// The connections that changed.
    pub difference: Difference,
    /// Findings about the objects of the edits.
    pub diagnostics: Vec<Diagnostic>,
    /// True if the cluster was built anew. Then pods, namespaces and workloads have new numbers.
    pub rebuilt: bool,
}

/// A variant of the cluster, to be asked.
#[derive(Debug)]
pub struct Variant<'v> {
    /// The effect of the edits.
    pub effect: Effect,
    /// The program without the edits; if the cluster was not built anew, what it says of policies is that of `after`.
    pub before: &'v Program,
    /// The program with the edits.
    pub after: &'v Program,
}

impl<'v> Variant<'v> {
    /// The matrix with the edits.
    pub fn reachability(&self) -> Reachability<'v> {
        solve(self.after)
    }
}

/// A cluster that can be changed.
#[derive(Debug)]
pub struct Simulation {
    objects: Objects,
    policies: Policies,
    profile: Profile,
    findings: Vec<Diagnostic>,
    state: State,
}

/// Everything that is made of the objects.
#[derive(Debug)]
struct State {
    bench: Workbench,
    /// The number of each NetworkPolicy and each cluster-wide policy that is evaluated.
    policies: FxHashMap<ObjectName, PolicyId>,
}

impl Simulation {
    /// Builds, compiles and prepares the cluster that `manifests` describe.
    ///
    /// # Errors
    ///
    /// Everything there is to say about the input, if it has errors and is not to be evaluated all the same.
    pub fn new(
        manifests: Vec<Manifest>,
        options: Options,
        profile: Profile,
    ) -> Result<Self, Vec<Diagnostic>> {
        let (state, findings) = State::build(&manifests, &options, profile)?;
        let policies = Policies::new(&manifests);
        Ok(Self { objects: Objects::new(manifests, options), policies, profile, findings, state })
    }

    /// Findings about the input as it was at first.
    pub fn findings(&self) -> &[Diagnostic] {
        &self.findings
    }

    /// The program of the cluster as it is now.
    pub fn program(&self) -> &Program {
        self.state.bench.program()
    }

    /// The matrix of the cluster as it is now.
    pub fn reachability(&self) -> Reachability<'_> {
        solve(self.program())
    }

    /// Makes some edits, together, and keeps them.
    ///
    /// # Errors
    ///
    /// What is wrong with the edits; then nothing is changed.
    pub fn apply(&mut self, edits: &[Edit]) -> Result<Effect, Vec<Diagnostic>> {
        if let Some(policies) = self.policies.edits(edits, &self.objects.all, &self.state)
            && let Some(trial) = self.state.revise(&policies, self.objects.options())?
        {
            let effect = self.state.effect(&trial);
            self.state.keep(&trial, &policies);
            self.policies.follow(&mut self.objects.all, &policies);
            if self.state.bench.is_worn() {
                self.state = self.anew()?.0;
            }
            return Ok(effect);
        }
        self.policies.sweep(&mut self.objects.all);
        let undo = self.objects.edit(edits)?;
        match self.rebuilt(edits, &undo) {
            Ok((state, effect)) => {
                self.state = state;
                self.policies = Policies::new(&self.objects.all);
                Ok(effect)
            }
            Err(errors) => {
                self.objects.undo(undo);
                Err(errors)
            }
        }
    }

    /// Makes some edits, together, asks about the variant, and takes them back.
    ///
    /// # Errors
    ///
    /// What is wrong with the edits.
    pub fn try_out<R>(
        &mut self,
        edits: &[Edit],
        ask: impl FnOnce(Variant<'_>) -> R,
    ) -> Result<R, Vec<Diagnostic>> {
        if let Some(policies) = self.policies.edits(edits, &self.objects.all, &self.state)
            && let Some(trial) = self.state.revise(&policies, self.objects.options())?
        {
            let effect = self.state.effect(&trial);
            let program = self.state.bench.program();
            let answer = ask(Variant { effect, before: program, after: program });
            self.state.bench.take_back(&trial.revision);
            if self.state.bench.is_worn() {
                self.state = self.anew()?.0;
            }
            return Ok(answer);
        }
        self.policies.sweep(&mut self.objects.all);
        let undo = self.objects.edit(edits)?;
        let rebuilt = self.rebuilt(edits, &undo);
        self.objects.undo(undo);
        let (state, effect) = rebuilt?;
        Ok(ask(Variant { effect, before: self.program(), after: state.bench.program() }))
    }

    /// Everything from scratch.
    fn anew(&mut self) -> Result<(State, Vec<Diagnostic>), Vec<Diagnostic>> {
        self.policies.sweep(&mut self.objects.all);
        State::build(self.objects.manifests(), self.objects.options(), self.profile)
    }

    /// Everything from scratch, and how that differs from what was.
    fn rebuilt(&self, edits: &[Edit], undo: &Undo) -> Result<(State, Effect), Vec<Diagnostic>> {
        let (state, diagnostics) =
            State::build(self.objects.manifests(), self.objects.options(), self.profile)?;
        let difference = diff::between(&self.reachability(), &solve(state.bench.program()));
        let edited: Vec<ObjectName> = edits.iter().filter_map(Edit::object).collect();
        let concerns = |found: &Diagnostic| found.object.as_ref().is_some_and(|name| edited.contains(name));
        let about_edits = undo.notes.iter().cloned().chain(diagnostics.into_iter().filter(concerns));
        Ok((state, Effect { difference, diagnostics: about_edits.collect(), rebuilt: true }))
    }
}

/// Policies that were changed, and may be changed back.
#[derive(Debug)]
struct Trial {
    revision: Revision,
    diagnostics: Vec<Diagnostic>,
}

impl State {
    fn build(
        manifests: &[Manifest],
        options: &Options,
        profile: Profile,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let built = cluster::build(manifests, options);
        if !options.keep_going && has_errors(&built.diagnostics) {
            return Err(built.diagnostics);
        }
        let bench = Workbench::new(&built.cluster, profile);
        // Only one owner may change it.
        drop(built.cluster);
        let cluster = &bench.program().cluster;
        let evaluated = cluster.policies.enumerate().filter(|(_, policy)| policy.tier.is_evaluated());
        let policies = evaluated.map(|(id, policy)| (policy.name.clone(), id)).collect();
        Ok((Self { bench, policies }, built.diagnostics))
    }

    /// True if the namespace of a policy is there with or without it; a cluster-wide policy has none.
    fn stays(&self, policy: &ObjectName) -> bool {
        let cluster = &self.bench.program().cluster;
        policy.namespace.is_empty()
            || cluster.namespace(&policy.namespace).is_some_and(|id| {
                let namespace = &cluster.namespaces[id];
                namespace.origin.is_some() || namespace.pods.start < namespace.pods.end
            })
    }

    /// Changes policies; `None` if that takes building everything anew.
    fn revise(
        &mut self,
        edits: &PolicyEdits<'_>,
        options: &Options,
    ) -> Result<Option<Trial>, Vec<Diagnostic>> {
        let (mut lowered, mut diagnostics) = (Vec::new(), Vec::new());
        for (_, manifest) in edits {
            let Some(manifest) = manifest else { continue };
            let (policy, found) =
                self.bench.lower(|cluster| lower_policy(cluster, manifest, options.kube_version));
            diagnostics.extend(found);
            match policy {
                Some(policy) => lowered.push(policy),
                None if options.keep_going || !has_errors(&diagnostics) => return Ok(None),
                None => {}
            }
        }
        if has_errors(&diagnostics) {
            return Err(diagnostics);
        }
        let removed = edits.iter().filter_map(|(name, _)| self.policies.get(name).copied()).collect();
        let revision = self.bench.revise(removed, lowered);
        Ok(revision.map(|revision| Trial { revision, diagnostics }))
    }

    fn effect(&mut self, trial: &Trial) -> Effect {
        let difference = self.bench.difference(&trial.revision);
        Effect { difference, diagnostics: trial.diagnostics.clone(), rebuilt: false }
    }

    fn keep(&mut self, trial: &Trial, edits: &PolicyEdits<'_>) {
        self.bench.keep(&trial.revision);
        for (name, _) in edits {
            self.policies.remove(name);
        }
        for &id in &trial.revision.added {
            self.policies.insert(self.bench.program().cluster.policies[id].name.clone(), id);
        }
    }
}

fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|found| found.severity() == Severity::Error)
}

#[cfg(test)]
mod tests;

//! Changes to a cluster, and what they change: without building everything again where only policies change.
//!
//! A [`Simulation`] holds the objects of an input and everything made of them. Edits of NetworkPolicies change the
//! compiled program in place, at a cost that depends on what they touch, and their [`Difference`] comes from the touched
//! signatures alone; whatever else changes is built from scratch. Both ways give the same answer.
//!
//! Variants share all of the base: one is made by editing it, and undone by taking back what the edit changed. Nothing
//! the size of the cluster is ever copied.

use rustc_hash::FxHashMap;

use crate::cluster::{self, Options, identity, lower_policy};
use crate::compile::{LiveProgram, Program, Revision};
use crate::diagnostic::{Code, Diagnostic, ObjectName, Severity};
use crate::diff::{self, Difference, Standing};
use crate::k8s::Object;
use crate::load::Manifest;
use crate::policy::{PolicyId, Tier};
use crate::profile::Profile;
use crate::solve::{Evaluator, Memo, Reachability, solve};

/// One change of the input.
#[derive(Clone, PartialEq, Debug)]
pub enum Edit {
    /// Adds an object, or puts it in the place of the one with its kind, namespace and name.
    Apply(Box<Manifest>),
    /// Takes an object away. Kinds that share their name with a kind of Kubernetes carry their group.
    Delete(ObjectName),
}

/// What edits did.
#[derive(Clone, Debug)]
pub struct Effect {
    /// Which connections changed.
    pub difference: Difference,
    /// What there is to say about the objects of the edits.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether the cluster was built anew. Then pods, namespaces and workloads have new numbers.
    pub rebuilt: bool,
}

/// A variant of the cluster, to be asked.
#[derive(Debug)]
pub struct Variant<'v> {
    /// What the edits changed.
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
    options: Options,
    profile: Profile,
    findings: Vec<Diagnostic>,
    state: State,
}

/// Namespace and name of a NetworkPolicy.
type PolicyName = (Box<str>, Box<str>);

/// The objects of the input as they are now.
#[derive(Debug)]
struct Objects {
    all: Vec<Manifest>,
    /// Places in `all` of objects that were deleted, ascending: they are taken out when something reads all of it.
    gone: Vec<usize>,
    /// Where each NetworkPolicy stands; several times if the input repeats it.
    policies: FxHashMap<PolicyName, Vec<usize>>,
}

/// What is made of the objects.
#[derive(Debug)]
struct State {
    live: LiveProgram,
    /// Out while an evaluation uses it.
    memo: Option<Memo>,
    standing: Standing,
    /// The number of each NetworkPolicy that is evaluated.
    policies: FxHashMap<PolicyName, PolicyId>,
    /// How many classes and signatures there were at first.
    size: usize,
}

/// Edits of NetworkPolicies alone: what each name stands for in the end.
type PolicyEdits<'e> = Vec<(PolicyName, Option<&'e Manifest>)>;

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
        Ok(Self { objects: Objects::new(manifests), options, profile, findings, state })
    }

    /// What there is to say about the input as it was at first.
    pub fn findings(&self) -> &[Diagnostic] {
        &self.findings
    }

    /// The program of the cluster as it is now.
    pub fn program(&self) -> &Program {
        &self.state.live.program
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
        if let Some(policies) = self.objects.policy_edits(edits, &self.state)
            && let Some(trial) = self.state.revise(&policies, &self.options)?
        {
            let effect = self.state.effect(&trial);
            self.state.keep(&trial, &policies);
            self.objects.edit_policies(&policies);
            if self.state.is_worn() {
                self.objects.sweep();
                self.state = State::build(&self.objects.all, &self.options, self.profile)?.0;
            }
            return Ok(effect);
        }
        let undo = self.objects.edit(edits)?;
        match self.rebuilt(edits) {
            Ok((state, effect)) => {
                self.state = state;
                self.objects.index();
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
        if let Some(policies) = self.objects.policy_edits(edits, &self.state)
            && let Some(trial) = self.state.revise(&policies, &self.options)?
        {
            let effect = self.state.effect(&trial);
            let program = &self.state.live.program;
            let answer = ask(Variant { effect, before: program, after: program });
            self.state.take_back(&trial);
            if self.state.is_worn() {
                self.objects.sweep();
                self.state = State::build(&self.objects.all, &self.options, self.profile)?.0;
            }
            return Ok(answer);
        }
        let undo = self.objects.edit(edits)?;
        let rebuilt = self.rebuilt(edits);
        self.objects.undo(undo);
        let (state, effect) = rebuilt?;
        Ok(ask(Variant { effect, before: self.program(), after: &state.live.program }))
    }

    /// Everything from scratch, and how that differs from what was.
    fn rebuilt(&self, edits: &[Edit]) -> Result<(State, Effect), Vec<Diagnostic>> {
        let (state, diagnostics) = State::build(&self.objects.all, &self.options, self.profile)?;
        let difference = diff::between(&self.reachability(), &solve(&state.live.program));
        let edited: Vec<[Box<str>; 4]> = edits
            .iter()
            .filter_map(|edit| match edit {
                Edit::Apply(manifest) => identity(manifest),
                Edit::Delete(_) => None,
            })
            .collect();
        let concerns = |found: &ObjectName| {
            edited.iter().any(|[_, kind, namespace, name]| {
                (kind, namespace, name) == (&found.kind, &found.namespace, &found.name)
            })
        };
        let about_edits = diagnostics.into_iter().filter(|found| found.object.as_ref().is_some_and(concerns));
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
        let live = LiveProgram::new(&built.cluster, profile);
        // Only one owner may change it.
        drop(built.cluster);
        let program = &live.program;
        let evaluated = program.cluster.policies.enumerate().filter(|(_, p)| p.tier == Tier::NetworkPolicy);
        let policies = evaluated
            .map(|(id, policy)| ((policy.name.namespace.clone(), policy.name.name.clone()), id))
            .collect();
        let mut evaluator = Evaluator::new(program);
        let standing = Standing::new(&live, &mut evaluator);
        let (ports, memo) = evaluator.suspend();
        let size = size(program);
        let mut state = Self { live, memo: Some(memo), standing, policies, size };
        state.live.put_ports(ports);
        Ok((state, built.diagnostics))
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
            let (policy, found) = self.live.lower(|cluster| lower_policy(cluster, manifest));
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
        let Some(revision) = self.live.revise(removed, lowered) else { return Ok(None) };
        self.evaluate(|live, evaluator, standing| standing.follow(live, evaluator, &revision, false));
        Ok(Some(Trial { revision, diagnostics }))
    }

    fn effect(&mut self, trial: &Trial) -> Effect {
        let difference = self.evaluate(|live, evaluator, standing| {
            diff::of_revision(live, evaluator, standing, &trial.revision)
        });
        Effect { difference, diagnostics: trial.diagnostics.clone(), rebuilt: false }
    }

    fn keep(&mut self, trial: &Trial, edits: &PolicyEdits<'_>) {
        self.live.keep(&trial.revision);
        for (name, _) in edits {
            self.policies.remove(name);
        }
        for &id in &trial.revision.added {
            let name = &self.live.program.cluster.policies[id].name;
            self.policies.insert((name.namespace.clone(), name.name.clone()), id);
        }
    }

    fn take_back(&mut self, trial: &Trial) {
        self.live.undo(&trial.revision);
        self.evaluate(|live, evaluator, standing| standing.follow(live, evaluator, &trial.revision, true));
        self.live.forget(&trial.revision);
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

    /// Whether so many edits told pods apart that starting anew is cheaper than going on.
    fn is_worn(&self) -> bool {
        size(&self.live.program) > 2 * self.size + 4096
    }
}

fn size(program: &Program) -> usize {
    program.classes.len() + program.signatures.ingress.len() + program.signatures.egress.len()
}

fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|found| found.severity() == Severity::Error)
}

/// What takes edits of objects back: the places of objects, ascending, and what stood there.
struct Undo {
    taken: Vec<(usize, Manifest)>,
    replaced: Vec<(usize, Manifest)>,
    length: usize,
}

impl Objects {
    fn new(all: Vec<Manifest>) -> Self {
        let mut objects = Self { all, gone: Vec::new(), policies: FxHashMap::default() };
        objects.index();
        objects
    }

    fn index(&mut self) {
        self.policies.clear();
        for (place, manifest) in self.all.iter().enumerate() {
            if let Some(name) = policy_name(manifest) {
                self.policies.entry(name).or_default().push(place);
            }
        }
    }

    /// What each name stands for after the edits, if they are about NetworkPolicies alone, of namespaces that do not
    /// come and go with them, and if the objects that stand there now are evaluated.
    fn policy_edits<'e>(&self, edits: &'e [Edit], state: &State) -> Option<PolicyEdits<'e>> {
        let mut last: PolicyEdits<'e> = Vec::new();
        for edit in edits {
            let (name, manifest) = match edit {
                Edit::Apply(manifest) => (policy_name(manifest)?, Some(&**manifest)),
                Edit::Delete(name) if &*name.kind == "NetworkPolicy" => {
                    ((name.namespace.clone(), name.name.clone()), None)
                }
                Edit::Delete(_) => return None,
            };
            let cluster = &state.live.program.cluster;
            let namespace = &cluster.namespaces[cluster.namespace(&name.0)?];
            let stays = namespace.origin.is_some() || namespace.pods.start < namespace.pods.end;
            let places = self.policies.get(&name).map_or(0, Vec::len);
            let is_evaluated = state.policies.contains_key(&name);
            let is_there = match last.iter().find(|(other, _)| *other == name) {
                Some((_, last)) => last.is_some(),
                None => is_evaluated,
            };
            if !stays || places != usize::from(is_evaluated) || (manifest.is_none() && !is_there) {
                return None;
            }
            last.retain(|(other, _)| *other != name);
            last.push((name, manifest));
        }
        Some(last)
    }

    /// Follows edits of policies that were kept.
    fn edit_policies(&mut self, edits: &PolicyEdits<'_>) {
        for (name, manifest) in edits {
            let place = self.policies.get(name).map(|places| places[0]);
            match (place, manifest) {
                (Some(place), Some(manifest)) => self.all[place] = (*manifest).clone(),
                (None, Some(manifest)) => {
                    self.policies.insert(name.clone(), vec![self.all.len()]);
                    self.all.push((*manifest).clone());
                }
                (Some(place), None) => {
                    self.policies.remove(name);
                    let at = self.gone.partition_point(|&other| other < place);
                    self.gone.insert(at, place);
                }
                (None, None) => {}
            }
        }
    }

    /// Takes out what is gone.
    fn sweep(&mut self) {
        if !self.gone.is_empty() {
            let mut gone = std::mem::take(&mut self.gone).into_iter().peekable();
            let mut place = 0;
            self.all.retain(|_| {
                let is_gone = gone.next_if_eq(&place).is_some();
                place += 1;
                !is_gone
            });
            self.index();
        }
    }

    /// Edits any objects; the index of policies is out of date afterwards.
    fn edit(&mut self, edits: &[Edit]) -> Result<Undo, Vec<Diagnostic>> {
        self.sweep();
        let mut undo = Undo { taken: Vec::new(), replaced: Vec::new(), length: self.all.len() };
        let mut deleted: Vec<bool> = vec![false; self.all.len()];
        let mut missing = Vec::new();
        for edit in edits {
            let is_meant = |manifest: &Manifest| match edit {
                Edit::Apply(new) => identity(new).is_some_and(|new| identity(manifest) == Some(new)),
                Edit::Delete(name) => is_called(manifest, name),
            };
            let places: Vec<usize> =
                (0..self.all.len()).filter(|&place| !deleted[place] && is_meant(&self.all[place])).collect();
            match (edit, places.as_slice()) {
                (Edit::Apply(new), [first, repeated @ ..]) => {
                    let old = std::mem::replace(&mut self.all[*first], (**new).clone());
                    undo.replaced.push((*first, old));
                    for &place in repeated {
                        deleted[place] = true;
                    }
                }
                (Edit::Apply(new), []) => {
                    self.all.push((**new).clone());
                    deleted.push(false);
                }
                (Edit::Delete(name), []) => missing.push(
                    Diagnostic::new(
                        Code::InvalidValue,
                        format!("there is no {} `{}`", name.kind, name.path()),
                    )
                    .with_object(name.clone()),
                ),
                (Edit::Delete(_), places) => {
                    for &place in places {
                        deleted[place] = true;
                    }
                }
            }
        }
        let all = std::mem::take(&mut self.all);
        for (place, manifest) in all.into_iter().enumerate() {
            if deleted[place] {
                undo.taken.push((place, manifest));
            } else {
                self.all.push(manifest);
            }
        }
        if missing.is_empty() {
            return Ok(undo);
        }
        self.undo(undo);
        Err(missing)
    }

    fn undo(&mut self, undo: Undo) {
        let mut kept = std::mem::take(&mut self.all).into_iter();
        let mut taken = undo.taken.into_iter().peekable();
        for place in 0.. {
            match taken.next_if(|(other, _)| *other == place) {
                Some((_, manifest)) => self.all.push(manifest),
                None => match kept.next() {
                    Some(manifest) => self.all.push(manifest),
                    None => break,
                },
            }
        }
        for (place, manifest) in undo.replaced.into_iter().rev() {
            self.all[place] = manifest;
        }
        self.all.truncate(undo.length);
    }
}

/// Namespace and name of a NetworkPolicy that has one.
fn policy_name(manifest: &Manifest) -> Option<PolicyName> {
    if !matches!(manifest.object, Object::NetworkPolicy(_)) {
        return None;
    }
    identity(manifest).map(|[_, _, namespace, name]| (namespace, name))
}

fn is_called(manifest: &Manifest, name: &ObjectName) -> bool {
    let Some([group, kind, namespace, own]) = identity(manifest) else { return false };
    let is_kind = match &manifest.object {
        Object::Unevaluated(_) if &*kind == "NetworkPolicy" => false,
        _ => kind == name.kind,
    };
    (is_kind || *name.kind == *format!("{kind}.{group}")) && namespace == name.namespace && own == name.name
}

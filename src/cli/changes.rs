//! `--apply`, `--replace`, `--delete`, `--label`, `--scale`: changes of the input, for every verb that looks at what they do.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use podreach::cluster::{self, Built, Cluster};
use podreach::diagnostic::Diagnostic;
use podreach::load::{self, Input, Loaded, Manifest, Sources};
use podreach::what_if::{self, Change, ChangeError, Edit, Objects};
use rustc_hash::FxHashSet;

use super::error::Failure;
use super::progress::{Progress, Stage};
use super::settings::{Settings, input};
use super::stages::{self, Evaluable};

/// Made in this order, whatever the order in which they are typed.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Changes")]
pub(super) struct ChangeArgs {
    /// Add these objects, or put them in the place of those with their names: a file, a directory, or `-`; repeatable
    #[arg(long, value_name = "PATH")]
    pub(super) apply: Vec<PathBuf>,
    /// The same as `kubectl replace` does it: nothing stays of the objects that are there; repeatable
    #[arg(long, value_name = "PATH")]
    pub(super) replace: Vec<PathBuf>,
    /// Take this object away, with what is in it or belongs to it, such as `netpol/shop/web`; repeatable
    #[arg(long, value_name = "KIND/[NS/]NAME")]
    pub(super) delete: Vec<String>,
    /// Set labels, or take them off: `ns/shop env=prod`, `deploy/shop/web tier=front,env-`; repeatable
    #[arg(long, num_args = 2, value_names = ["KIND/[NS/]NAME", "KEY=VALUE|KEY-"])]
    pub(super) label: Vec<String>,
    /// Set how many pods a workload has, such as `deploy/shop/web=0`; repeatable
    #[arg(long, value_name = "KIND/NS/NAME=N")]
    pub(super) scale: Vec<String>,
}

impl ChangeArgs {
    /// True if no change was asked for.
    pub(super) fn is_empty(&self) -> bool {
        let Self { apply, replace, delete, label, scale } = self;
        apply.is_empty() && replace.is_empty() && delete.is_empty() && label.is_empty() && scale.is_empty()
    }
}

/// An input, and changes of it that were asked for.
#[derive(Debug)]
pub(super) struct Changes {
    /// The input without them. Its sources hold the texts of what is applied, too.
    pub(super) before: Evaluable,
    /// The changes in the order in which they are made, each with what was typed; a file that is applied is one change.
    pub(super) all: Vec<Change>,
    objects: Objects,
    /// Findings about changes that were reported already.
    said: Vec<Diagnostic>,
}

/// An input with some of the changes made.
#[derive(Debug)]
pub(super) struct Changed {
    /// The cluster.
    pub(super) cluster: Arc<Cluster>,
    /// Findings about the objects and the changes; those about the input itself come first.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Changes {
    /// Loads and builds the input, reads the changes, and says what there is to say about either.
    pub(super) fn load(
        args: &ChangeArgs,
        settings: &Settings,
        progress: &mut Progress,
    ) -> Result<Self, Failure> {
        let [applied, replaced] = inputs(args, settings)?;
        let typed = typed(args, settings).map_err(mistake)?;
        let mut all = Vec::new();
        let loaded = progress.stage(Stage::Load, || {
            let mut loaded = settings.placed(load::load(&settings.inputs, settings.load.clone()));
            for (inputs, change) in [(applied, Change::apply as fn(_, &_) -> _), (replaced, Change::replace)]
            {
                if inputs.is_empty() {
                    continue;
                }
                let Loaded { mut manifests, sources, mut diagnostics } = loaded;
                let more = settings.placed(load::load_beside(sources, &inputs, settings.load.clone()));
                diagnostics.extend(more.diagnostics);
                recall(&mut manifests, &more.manifests, &more.sources);
                let (files, findings) = change(more.manifests, &more.sources);
                diagnostics.extend(findings);
                all.extend(files);
                loaded = Loaded { manifests, sources: more.sources, diagnostics };
            }
            loaded
        });
        if let Some(change) = typed.iter().find(|change| change.edits.iter().any(|edit| undoes(edit, &all))) {
            return Err(Failure::usage(format!("`{}` takes away what `--apply` adds", change.typed))
                .with_help("changes are made together; to see one by itself, leave the other out"));
        }
        all.extend(typed);
        let (before, manifests) = stages::built(loaded, settings, progress)?;
        let objects = Objects::new(manifests, settings.build.clone());
        Ok(Self { before, all, objects, said: Vec::new() })
    }

    /// Builds the input with some of [`Self::all`] made, and says what there is to say that was not said before. The
    /// input stays as it was.
    pub(super) fn make(
        &mut self,
        which: Range<usize>,
        settings: &Settings,
        progress: &mut Progress,
    ) -> Result<Changed, Failure> {
        let made = self.objects.edit(self.all[which].iter().flat_map(|change| &change.edits));
        let undo = match made {
            Ok(undo) => undo,
            Err(errors) => return Err(self.refused(errors, settings)),
        };
        let Built { cluster, diagnostics } =
            progress.stage(Stage::Build, || cluster::build(self.objects.manifests(), self.objects.options()));
        let mut all = undo.notes.clone();
        self.objects.undo(undo);
        all.extend(diagnostics);
        let (known, news): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|finding| self.before.diagnostics.contains(finding) || self.said.contains(finding));
        let news = stages::told(news, &self.before.sources, settings)?;
        self.said.extend(news.iter().cloned());
        let diagnostics = known.into_iter().chain(news).collect();
        Ok(Changed { cluster, diagnostics })
    }

    /// The input as it was, the objects with all changes made, and how to build them; for those that go on changing
    /// them.
    pub(super) fn into_objects(
        mut self,
        settings: &Settings,
    ) -> Result<(Evaluable, Vec<Manifest>, cluster::Options), Failure> {
        match self.objects.edit(self.all.iter().flat_map(|change| &change.edits)) {
            Ok(_) => {
                let (manifests, options) = self.objects.into_parts();
                Ok((self.before, manifests, options))
            }
            Err(errors) => Err(self.refused(errors, settings)),
        }
    }

    fn refused(&self, errors: Vec<Diagnostic>, settings: &Settings) -> Failure {
        refused(errors, &self.before.sources, settings)
    }
}

/// Says why changes cannot be made.
pub(super) fn refused(errors: Vec<Diagnostic>, sources: &Sources, settings: &Settings) -> Failure {
    match stages::told(errors, sources, settings) {
        Err(failure) => failure,
        // With --keep-going an error about an object is none; a change that cannot be made always is.
        Ok(_) => Failure::Input,
    }
}

/// True if an edit deletes an object that `--apply` or `--replace` puts in place.
fn undoes(edit: &Edit, applied: &[Change]) -> bool {
    let Edit::Delete(name) = edit else { return false };
    applied.iter().flat_map(|change| &change.edits).any(|edit| edit.object().as_ref() == Some(name))
}

/// Fills in what was applied last to the objects of a live cluster that are applied again.
fn recall(manifests: &mut [Manifest], applied: &[Manifest], sources: &Sources) {
    let wanted: FxHashSet<[Box<str>; 4]> = applied.iter().filter_map(what_if::identity).collect();
    let live = manifests.iter_mut().filter(|manifest| manifest.object.metadata().uid.is_some());
    for manifest in live {
        if what_if::identity(manifest).is_some_and(|identity| wanted.contains(&identity)) {
            sources.recall(manifest);
        }
    }
}

/// The inputs that `--apply` and `--replace` name; at most one of all inputs is standard input.
fn inputs(args: &ChangeArgs, settings: &Settings) -> Result<[Vec<Input>; 2], Failure> {
    let named = [&args.apply, &args.replace].map(|paths| paths.iter().cloned().map(input).collect());
    let mut readers = settings.inputs.iter().map(|input| ("-f -", input)).chain(
        ["--apply -", "--replace -"]
            .into_iter()
            .zip(&named)
            .flat_map(|(flag, inputs): (_, &Vec<Input>)| inputs.iter().map(move |input| (flag, input))),
    );
    let mut from_stdin = readers.by_ref().filter(|(_, input)| **input == Input::Stdin).map(|(flag, _)| flag);
    match (from_stdin.next(), from_stdin.next()) {
        (Some(first), Some(second)) if first == second => {
            let message = format!("standard input can be read only once: `{first}` was given twice");
            Err(Failure::usage(message))
        }
        (Some(first), Some(second)) => {
            let message = format!("standard input can be read only once: `{first}` and `{second}`");
            Err(Failure::usage(message).with_help("write one of them to a file"))
        }
        _ => Ok(named),
    }
}

/// The changes that are typed, as opposed to read.
fn typed(args: &ChangeArgs, settings: &Settings) -> Result<Vec<Change>, ChangeError> {
    let namespace = settings.namespace.as_deref().unwrap_or("default");
    let delete = args.delete.iter().map(|text| Change::delete(text, namespace));
    let label = args.label.chunks(2).map(|pair| Change::label(&pair[0], &pair[1], namespace));
    let scale = args.scale.iter().map(|text| Change::scale(text, namespace));
    delete.chain(label).chain(scale).collect()
}

fn mistake(error: ChangeError) -> Failure {
    let failure = Failure::usage(error.to_string());
    match error.help {
        Some(help) => failure.with_help(help),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::GlobalArgs;
    use crate::cli::project::Project;

    fn settings(inputs: &[&str]) -> Settings {
        let filename = inputs.iter().map(PathBuf::from).collect();
        Settings::resolve(&GlobalArgs { filename, quiet: true, ..GlobalArgs::default() }, &Project::default())
            .unwrap()
    }

    fn load(args: &ChangeArgs, inputs: &[&str]) -> Result<Changes, String> {
        let settings = settings(inputs);
        Changes::load(args, &settings, &mut Progress::new(&settings)).map_err(|failure| failure.to_string())
    }

    const THREE_TIER: &str = "scenarios/three-tier/manifests";
    const FIXED: &str = "scenarios/three-tier-fixed/manifests";

    #[test]
    fn changes_are_made_together_or_one_by_one() {
        let args = ChangeArgs {
            apply: vec![FIXED.into()],
            replace: Vec::new(),
            delete: vec!["deploy/multi-tier/api-server".into()],
            label: vec!["ns/kube-system".into(), "name=kube-system".into()],
            scale: vec!["deploy/multi-tier/frontend=5".into()],
        };
        let settings = settings(&[THREE_TIER]);
        let refused = load(&args, &[THREE_TIER]).unwrap_err();
        assert_eq!(refused, "`--delete deploy/multi-tier/api-server` takes away what `--apply` adds");

        let args = ChangeArgs { apply: vec![format!("{FIXED}/policies.yaml").into()], ..args };
        let progress = &mut Progress::new(&settings);
        let mut changes = Changes::load(&args, &settings, progress).unwrap();
        let typed: Vec<&str> = changes.all.iter().map(|change| &*change.typed).collect();
        assert_eq!(
            typed,
            [
                "--apply scenarios/three-tier-fixed/manifests/policies.yaml",
                "--delete deploy/multi-tier/api-server",
                "--label ns/kube-system name=kube-system",
                "--scale deploy/multi-tier/frontend=5",
            ]
        );
        let before = changes.before.cluster.pod_count();
        let pods = [0..1, 1..2, 2..3, 3..4, 0..4]
            .map(|which| changes.make(which, &settings, progress).unwrap().cluster.pod_count());
        assert_eq!(pods, [before, before - 2, before, before + 3, before + 1]);
        let changed = changes.make(0..1, &settings, progress).unwrap();
        assert!(changed.cluster.policies.len() > changes.before.cluster.policies.len());
        // What is to be said is told every time, and printed once.
        assert_eq!(changed.diagnostics, changes.make(0..1, &settings, progress).unwrap().diagnostics);
        let (_, manifests, _) = changes.into_objects(&settings).unwrap();
        assert!(!manifests.is_empty());
    }

    #[test]
    fn standard_input_is_read_once() {
        let apply = |paths: &[&str]| ChangeArgs {
            apply: paths.iter().map(PathBuf::from).collect(),
            ..ChangeArgs::default()
        };
        assert!(apply(&[]).is_empty() && !apply(&["-"]).is_empty());
        let wrong = load(&apply(&["-", "-"]), &[THREE_TIER]).unwrap_err();
        assert_eq!(wrong, "standard input can be read only once: `--apply -` was given twice");
        let wrong = load(&apply(&["-"]), &["-"]).unwrap_err();
        assert_eq!(wrong, "standard input can be read only once: `-f -` and `--apply -`");
    }

    #[test]
    fn what_cannot_be_changed_is_an_error() {
        let delete = |text: &str| ChangeArgs { delete: vec![text.into()], ..ChangeArgs::default() };
        let settings = settings(&[THREE_TIER]);
        let mut changes = load(&delete("netpol/multi-tier/default-dney"), &[THREE_TIER]).unwrap();
        let made = changes.make(0..1, &settings, &mut Progress::new(&settings));
        assert_eq!(made.unwrap_err().to_string(), "the input has errors");
        let wrong = load(&delete("default-deny"), &[THREE_TIER]).unwrap_err();
        assert_eq!(wrong, "`--delete default-deny`: `default-deny` does not name an object");
        let wrong = load(
            &ChangeArgs { apply: vec!["no/such/file.yaml".into()], ..ChangeArgs::default() },
            &[THREE_TIER],
        );
        assert_eq!(wrong.unwrap_err(), "the input has errors");
    }
}

//! The objects of an input, which can be edited, and put back as they were.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::change::spelled;
use super::{Edit, apply, delete, label, scale};
use crate::cluster::{self, MorePods, Options, identity, namespace_of};
use crate::diagnostic::{Code, Diagnostic, ObjectName, nearest_by};
use crate::k8s::{Object, ResourceKind, Text};
use crate::load::Manifest;

/// The objects of an input as they are now, and what was said beside them.
#[derive(Debug)]
pub struct Objects {
    pub(super) all: Vec<Manifest>,
    options: Options,
}

/// The state that takes edits back.
#[derive(Debug)]
pub struct Undo {
    /// Findings about the edits: that one changes nothing, or that the API server would refuse it.
    pub notes: Vec<Diagnostic>,
    /// The places of objects, ascending, and what stood there.
    taken: Vec<(usize, Manifest)>,
    /// The same in the order in which they were replaced.
    replaced: Vec<(usize, Manifest)>,
    length: usize,
    options: Options,
}

impl Objects {
    /// The objects of an input, and how its cluster is built.
    pub fn new(manifests: Vec<Manifest>, options: Options) -> Self {
        Self { all: manifests, options }
    }

    /// The objects as they are now.
    pub fn manifests(&self) -> &[Manifest] {
        &self.all
    }

    /// The options to build them with: some changes cannot be written as objects.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The objects, and what to build them with.
    pub fn into_parts(self) -> (Vec<Manifest>, Options) {
        (self.all, self.options)
    }

    /// Makes edits, one after the other.
    ///
    /// # Errors
    ///
    /// What cannot be done, all of it; then nothing is changed. Objects that the API server would refuse are no concern of
    /// this: building the cluster finds them.
    pub fn edit<'e>(&mut self, edits: impl IntoIterator<Item = &'e Edit>) -> Result<Undo, Vec<Diagnostic>> {
        let mut draft = Draft::new(self);
        draft.options.changed = true;
        let mut errors = Vec::new();
        for edit in edits {
            if let Err(error) = draft.make(edit) {
                errors.push(*error);
            }
        }
        let undo = draft.finish();
        if errors.is_empty() {
            return Ok(undo);
        }
        self.undo(undo);
        Err(errors)
    }

    /// Takes the last edits back.
    pub fn undo(&mut self, undo: Undo) {
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
        self.options = undo.options;
    }
}

/// The reason why an edit cannot be made.
pub(super) type Refused = Box<Diagnostic>;

/// Objects that are being edited: each keeps its place until all edits are made.
pub(super) struct Draft<'o> {
    all: &'o mut Vec<Manifest>,
    pub(super) options: &'o mut Options,
    deleted: Vec<bool>,
    /// The places of the objects of each name.
    by_name: FxHashMap<Text, Vec<usize>>,
    /// The places of the pods and workloads of each namespace.
    by_namespace: FxHashMap<Text, Vec<usize>>,
    undo: Undo,
}

impl<'o> Draft<'o> {
    fn new(objects: &'o mut Objects) -> Self {
        let Objects { all, options } = objects;
        let undo = Undo {
            notes: Vec::new(),
            taken: Vec::new(),
            replaced: Vec::new(),
            length: all.len(),
            options: options.clone(),
        };
        let (by_name, by_namespace) = Default::default();
        let mut draft = Self { deleted: Vec::new(), all, options, by_name, by_namespace, undo };
        for place in 0..draft.all.len() {
            draft.index(place);
        }
        draft
    }

    /// Takes note of a new place.
    fn index(&mut self, place: usize) {
        let manifest = &self.all[place];
        self.deleted.push(false);
        if let Some(name) = &manifest.object.metadata().name {
            self.by_name.entry(name.clone()).or_default().push(place);
        }
        if matches!(manifest.object, Object::Pod(_) | Object::Workload(_)) {
            self.by_namespace.entry(namespace_of(manifest).into()).or_default().push(place);
        }
    }

    fn make(&mut self, edit: &Edit) -> Result<(), Refused> {
        match edit {
            Edit::Apply(manifest) => apply::apply(self, manifest),
            Edit::Replace(manifest) => apply::replace(self, manifest),
            Edit::Delete(name) => delete::delete(self, &self.meant(name)),
            Edit::Label(name, labels) => label::label(self, &self.meant(name), labels),
            Edit::Scale(name, count) => scale::scale(self, &self.meant(name), *count),
        }
    }

    fn finish(mut self) -> Undo {
        if self.deleted.contains(&true) {
            for (place, manifest) in std::mem::take(self.all).into_iter().enumerate() {
                if self.deleted[place] {
                    self.undo.taken.push((place, manifest));
                } else {
                    self.all.push(manifest);
                }
            }
        }
        self.undo
    }

    /// The objects that are there, with their places.
    pub(super) fn there(&self) -> impl Iterator<Item = (usize, &Manifest)> {
        self.all.iter().enumerate().filter(|(place, _)| !self.deleted[*place])
    }

    pub(super) fn object(&self, place: usize) -> &Manifest {
        &self.all[place]
    }

    /// The places of the objects that a name means: one, or more if the input repeats it. Of kinds that share the name, the
    /// first one that has such an object is meant.
    pub(super) fn find(&self, name: &ObjectName) -> Vec<usize> {
        let mut places = self.called(&name.name, |manifest| is_called(manifest, name));
        if places.len() > 1 {
            let rank = |place: usize| {
                identity(&self.all[place]).map(|[group, kind, ..]| ResourceKind::rank(&group, &kind))
            };
            let first = places.iter().filter_map(|&place| rank(place)).min();
            places.retain(|&place| rank(place) == first);
        }
        places
    }

    /// The places of objects of a name that are meant.
    pub(super) fn called(&self, name: &str, is_meant: impl Fn(&Manifest) -> bool) -> Vec<usize> {
        let places = self.by_name.get(name).into_iter().flatten().copied();
        places.filter(|&place| !self.deleted[place] && is_meant(&self.all[place])).collect()
    }

    /// The places of what a workload owns.
    pub(super) fn owned(&self, owner: &ObjectName) -> Vec<usize> {
        let places = self.by_namespace.get(&*owner.namespace).into_iter().flatten().copied();
        let there = places.filter(|&place| !self.deleted[place]);
        cluster::owned(there.map(|place| (place, &self.all[place])), owner)
    }

    pub(super) fn replace(&mut self, place: usize, object: Object) {
        let origin = self.all[place].origin.clone();
        self.put(place, Manifest { object, origin });
    }

    pub(super) fn put(&mut self, place: usize, manifest: Manifest) {
        let old = std::mem::replace(&mut self.all[place], manifest);
        self.undo.replaced.push((place, old));
    }

    pub(super) fn push(&mut self, manifest: Manifest) {
        self.all.push(manifest);
        self.index(self.all.len() - 1);
    }

    pub(super) fn remove(&mut self, place: usize) {
        self.deleted[place] = true;
    }

    pub(super) fn note(&mut self, note: Diagnostic) {
        self.undo.notes.push(note);
    }

    /// Takes back that there are more pods like ones that are not there any more.
    pub(super) fn forget_more(&mut self) {
        if self.options.more.is_empty() {
            return;
        }
        let mut more = std::mem::take(&mut self.options.more);
        more.retain(|more| {
            let MorePods { namespace, like, .. } = more;
            let pod = ObjectName { kind: "Pod".into(), namespace: namespace.clone(), name: like.clone() };
            !self.find(&pod).is_empty()
        });
        self.options.more = more;
    }

    /// The same name with a kind as objects of the input write it.
    fn meant(&self, name: &ObjectName) -> ObjectName {
        if ResourceKind::named(&name.kind).next().is_some()
            || self.there().any(|(_, manifest)| is_called(manifest, name))
        {
            return name.clone();
        }
        let kind = self
            .there()
            .map(|(_, manifest)| manifest.object.kind())
            .find(|kind| is_word_for(&name.kind, kind));
        ObjectName { kind: kind.map_or_else(|| name.kind.clone(), Into::into), ..name.clone() }
    }

    /// Says that there is no such object, and which ones there are.
    pub(super) fn missing(&self, name: &ObjectName, purpose: &str) -> Refused {
        let message = format!("there is no {} `{}` to {purpose}", name.kind, name.path());
        let found = Diagnostic::new(Code::BadChange, message).with_object(name.clone());
        let mut known: BTreeSet<ObjectName> = cluster::owners(self.there());
        known.extend(self.there().filter_map(|(_, manifest)| {
            let [group, kind, namespace, name] = identity(manifest)?;
            let kind = match &manifest.object {
                Object::Unevaluated(policy) => ResourceKind::unevaluated(&policy.api_version, &kind)
                    .map_or_else(|| format!("{kind}.{group}").into(), |kind| kind.unambiguous().into()),
                _ => kind,
            };
            Some(ObjectName { kind, namespace, name })
        }));
        if &*name.kind == "Namespace" {
            let mentioned = self.there().map(|(_, manifest)| namespace_of(manifest));
            known.extend(mentioned.filter(|namespace| !namespace.is_empty()).map(|namespace| ObjectName {
                kind: "Namespace".into(),
                namespace: "".into(),
                name: namespace.into(),
            }));
        }
        let same_kind = || known.iter().filter(|other| other.kind == name.kind);
        let elsewhere = same_kind().filter(|other| other.name == name.name).map(spelled);
        let mut near: Vec<String> = elsewhere.take(3).collect();
        for anywhere in [false, true] {
            if near.is_empty() {
                let there = same_kind().filter(|other| anywhere || other.namespace == name.namespace);
                near = nearest_by(&name.name, there.map(|other| (&*other.name, spelled(other))));
            }
        }
        if near.is_empty() {
            let here =
                known.iter().filter(|other| other.namespace == name.namespace && other.name == name.name);
            near = here.map(spelled).take(3).collect();
        }
        Box::new(match near.as_slice() {
            [] if same_kind().next().is_none() => {
                found.with_help(format!("the input holds no {} at all", name.kind))
            }
            [] => found,
            near => {
                let near: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
                found.with_help(format!("did you mean {}?", near.join(" or ")))
            }
        })
    }
}

/// True if a word is the name of a kind or its plural, in any case.
fn is_word_for(word: &str, kind: &str) -> bool {
    let (word, kind) = (word.to_lowercase(), kind.to_lowercase());
    let plural = kind.strip_suffix('y').map_or_else(|| format!("{kind}s"), |stem| format!("{stem}ies"));
    word == kind || word == plural
}

/// True if an object goes by a name. Kinds that share their name with a kind of Kubernetes carry their group.
fn is_called(manifest: &Manifest, name: &ObjectName) -> bool {
    let Some([group, kind, namespace, own]) = identity(manifest) else { return false };
    let is_kind = match &manifest.object {
        Object::Unevaluated(_) if &*kind == "NetworkPolicy" => false,
        _ => kind == name.kind,
    };
    (is_kind || *name.kind == *format!("{kind}.{group}")) && namespace == name.namespace && own == name.name
}

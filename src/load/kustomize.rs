//! Kustomizations: files that say how to render the directory they stand in.
//!
//! What `kustomize` would make of the directory is not made here. One that does more than to list files makes other objects
//! of them than they hold, so the directory read file by file is not what will be applied.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::node::{Cursor, Tree, Value};
use super::scalar::Scalar;
use crate::diagnostic::{Code, Diagnostic, Origin};
use crate::k8s::group;

/// The names that `kustomize` looks for.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The group of its own kinds.
const GROUP: &str = "kustomize.config.k8s.io";

/// Fields that leave the objects as they are.
const HARMLESS: [&str; 4] = ["apiVersion", "kind", "metadata", "resources"];

/// True if a file is a kustomization by its name.
pub(super) fn is_called_so(path: &Path) -> bool {
    path.file_name().is_some_and(|name| NAMES.iter().any(|known| name == *known))
}

/// True if a document in a file of that name is a kustomization: another API may have its own kind of that name.
pub(super) fn is_one(tree: &Tree<'_>) -> bool {
    let api_version = tree.root().get("apiVersion").and_then(Cursor::as_str);
    api_version.is_none_or(|api_version| group(api_version) == GROUP)
}

/// Advice on how to read the directory as it will be applied.
pub(super) fn help(directory: &Path) -> String {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    format!("render it first: `kubectl kustomize {} | podreach ... -f -`", directory.display())
}

/// An error if a kustomization does more than to list files.
pub(super) fn check(tree: &Tree<'_>, directory: &Path) -> Option<Diagnostic> {
    let root = tree.root();
    let is_set = |value: Cursor<'_, '_>| match value.value() {
        Value::Scalar(Scalar::Null) => false,
        Value::Scalar(Scalar::String(text)) => !text.is_empty(),
        Value::Scalar(_) => true,
        Value::Seq(items) => !items.is_empty(),
        Value::Map(entries) => !entries.is_empty(),
    };
    let effects: Vec<&str> = (root.entries().iter())
        .filter(|entry| !HARMLESS.contains(&&*entry.key) && is_set(root.at(entry.value)))
        .map(|entry| &*entry.key)
        .collect();
    let first = *effects.first()?;
    let names: Vec<String> = effects.iter().map(|effect| format!("`{effect}`")).collect();
    let message = format!(
        "the files of this directory are not what is applied: its kustomization has {}",
        names.join(", ")
    );
    Some(Diagnostic::new(Code::Kustomized, message).with_path(first).with_help(help(directory)))
}

/// The files and directories that a kustomization lists.
pub(super) fn resources(tree: &Tree<'_>) -> Vec<String> {
    let resources = tree.root().get("resources").and_then(Cursor::items);
    resources.into_iter().flatten().filter_map(|entry| entry.as_str().map(str::to_owned)).collect()
}

/// A kustomization of the input.
#[derive(Debug)]
pub(super) struct Kustomization {
    /// The directory that it says how to render.
    pub(super) directory: PathBuf,
    /// The files and directories that it lists.
    pub(super) resources: Vec<String>,
    /// Its place in the sources.
    pub(super) origin: Origin,
}

impl Kustomization {
    fn resources(&self) -> impl Iterator<Item = (&Self, usize)> {
        (0..self.resources.len()).map(move |number| (self, number))
    }
}

/// All kustomizations of an input.
#[derive(Debug, Default)]
pub(super) struct Kustomized(pub(super) Vec<Kustomization>);

impl Kustomized {
    /// The innermost directory with a kustomization that a file lies in.
    pub(super) fn around(&self, file: &str) -> Option<&Path> {
        let directories = self.0.iter().map(|kustomization| &*kustomization.directory);
        directories
            .filter(|directory| Path::new(file).starts_with(directory))
            .max_by_key(|directory| directory.components().count())
    }

    /// A warning for each thing they list that none of the files read is or lies in.
    pub(super) fn missing<'f>(&self, files: impl Iterator<Item = &'f str>) -> Vec<Diagnostic> {
        let real = |path: &Path| path.canonicalize().ok();
        let mut missing: Vec<_> = self.0.iter().flat_map(Kustomization::resources).collect();
        if !missing.is_empty() {
            let read: BTreeSet<PathBuf> = files.filter_map(|file| real(Path::new(file))).collect();
            let is_read =
                |path: PathBuf| read.range(path.clone()..).next().is_some_and(|file| file.starts_with(&path));
            missing.retain(|(kustomization, number)| {
                let path = kustomization.directory.join(&kustomization.resources[*number]);
                !real(&path).is_some_and(is_read)
            });
        }
        let warning = |(kustomization, number): (&Kustomization, usize)| {
            let resource = &kustomization.resources[number];
            let message = format!("`{resource}` belongs to the kustomization and is not in the input");
            Diagnostic::new(Code::NotRead, message)
                .with_origin(kustomization.origin.clone())
                .with_path(format!("resources[{number}]"))
                .with_help(help(&kustomization.directory))
        };
        missing.into_iter().map(warning).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::yaml;

    #[test]
    fn what_only_lists_files_changes_nothing() {
        for (text, effects) in [
            ("resources: [a.yaml]\n", None),
            (
                "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata: {name: x}\nresources: []\n",
                None,
            ),
            ("resources: [a.yaml]\nnamespace: shop\n", Some("`namespace`")),
            ("namespace: ''\npatches: []\nlabels:\n", None),
            ("patches: [{path: a.yaml}]\nnamePrefix: x-\n", Some("`patches`, `namePrefix`")),
            ("bases: [../base]\n", Some("`bases`")),
        ] {
            let tree = yaml::parse(text).unwrap().unwrap();
            let found = check(&tree, Path::new("")).map(|finding| finding.message);
            let expected = effects.map(|effects| {
                format!(
                    "the files of this directory are not what is applied: its kustomization has {effects}"
                )
            });
            assert_eq!(found, expected, "{text}");
        }
        assert_eq!(help(Path::new("")), "render it first: `kubectl kustomize . | podreach ... -f -`");
    }
}

//! What a user gives: values files in order, then single settings, each over those before.

use super::strvals::{self, SetError};
use super::{empty_node, load, overlay};
use crate::helm::yaml::{Data, Mark, Node, YamlError};

/// A values file.
#[derive(Clone, Debug)]
pub struct Layer {
    /// How it is called in messages and provenance, such as its path.
    pub name: String,
    /// Its text: YAML.
    pub text: Vec<u8>,
}

/// How the value of a [`Set`] is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetKind {
    /// `--set`: booleans, numbers and null are recognised.
    Typed,
    /// `--set-string`: always a text.
    String,
    /// `--set-json`: `path=JSON`, or one JSON object.
    Json,
    /// `--set-file`: the value is the contents of a file; given by [`Set::file`].
    File,
}

/// A setting on its own.
#[derive(Clone, Debug)]
pub struct Set {
    /// The text, such as `a.b[0]=c,d=e`.
    pub text: String,
    /// How it is read.
    pub kind: SetKind,
    /// For [`SetKind::File`]: the contents of the file that the text names.
    pub file: Option<String>,
    /// How it is called in messages and provenance.
    pub name: String,
}

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The name of the layer or setting; `values.yaml` of the chart for a default.
    pub source: String,
    /// The place in it; nothing for a setting.
    pub mark: Option<Mark>,
}

/// Why the user's values cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ValuesError {
    /// A values file is no YAML, or no mapping.
    #[error("failed to parse {name}: {error}")]
    Layer {
        /// The layer.
        name: String,
        /// What is wrong, and where.
        error: YamlError,
    },
    /// A setting is malformed.
    #[error("failed parsing {name} data: {error}")]
    Set {
        /// The setting.
        name: String,
        /// What is wrong.
        error: SetError,
    },
}

/// The user's values: read once, merged, and each layer kept for asking where something comes from.
#[derive(Clone, Debug)]
pub struct Layers {
    /// All layers merged.
    pub merged: Node,
    layers: Vec<(String, Node, bool)>,
}

impl Layers {
    /// Reads and merges: files in order, then settings in order.
    ///
    /// # Errors
    /// The first layer or setting that cannot be read.
    pub fn read(files: &[Layer], sets: &[Set]) -> Result<Layers, ValuesError> {
        let mut merged = empty_node();
        let mut layers = Vec::new();
        for layer in files {
            let node = load(&layer.text).map_err(|error| ValuesError::Layer { name: layer.name.clone(), error })?;
            if let Data::Map(entries) = node.data.clone() {
                overlay(&mut merged, entries);
            }
            layers.push((layer.name.clone(), node, true));
        }
        for set in sets {
            let mut alone = empty_node();
            for values in [&mut alone, &mut merged] {
                strvals::apply(values, set).map_err(|error| ValuesError::Set { name: set.name.clone(), error })?;
            }
            layers.push((set.name.clone(), alone, false));
        }
        Ok(Layers { merged, layers })
    }

    /// The values files that were read, in their order.
    pub fn files(&self) -> impl Iterator<Item = &Node> {
        self.layers.iter().filter(|(_, _, has_places)| *has_places).map(|(_, node, _)| node)
    }

    /// Where the value at a path was set: the last layer that has the whole path.
    pub fn origin(&self, path: &[&str]) -> Option<Origin> {
        self.layers.iter().rev().find_map(|(name, node, has_places)| {
            let mark = exact(node, path)?;
            Some(Origin { source: name.clone(), mark: has_places.then_some(mark) })
        })
    }
}

/// The place of the entry at a path, if the path is there.
pub(crate) fn exact(node: &Node, path: &[&str]) -> Option<Mark> {
    let (first, rest) = path.split_first()?;
    let (mark, next) = match &node.data {
        Data::Map(entries) => entries.get(first).map(|entry| (entry.key, &entry.value))?,
        Data::Seq(items) => first.parse::<usize>().ok().and_then(|i| items.get(i)).map(|item| (item.mark, item))?,
        _ => return None,
    };
    if rest.is_empty() { Some(mark) } else { exact(next, rest) }
}

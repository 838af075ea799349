//! References become texts: known where the value is known, a typed unknown where a step will tell it.

use super::diff::Walk;
use super::{Fields, Text};
use crate::graph::{Kind, NodeId};
use crate::model::{Part, Reference, Source, SourceKind, Template};
use crate::ports::sources::{About, Version};
use std::borrow::Cow;

/// The surroundings of a reference.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// What `{environment…}` means here; nothing outside of environments.
    pub environment: Option<EnvironmentScope>,
}

/// What `{environment…}` means.
#[derive(Clone, Debug, Default)]
pub(super) struct EnvironmentScope {
    pub name: String,
    pub namespace: String,
    pub cluster: String,
}

/// A text with the steps that must be done before it can be used.
pub(super) struct Resolved {
    pub text: Text,
    pub needs: Vec<u32>,
    /// A referenced node could not be planned.
    pub failed: bool,
}

impl Walk<'_> {
    /// The text that a template stands for here.
    pub fn resolve(&self, template: &Template, scope: &Scope) -> Resolved {
        let mut out = Resolved { text: Text::default(), needs: Vec::new(), failed: false };
        for part in &template.parts {
            match part {
                Part::Text(t) => out.text.push(Text::known(t.as_str())),
                Part::Ref(reference) => self.reference(reference, scope, &mut out),
            }
        }
        out
    }

    /// The text that a reference stands for here.
    pub fn resolve_reference(&self, reference: &Reference, scope: &Scope) -> Resolved {
        let mut out = Resolved { text: Text::default(), needs: Vec::new(), failed: false };
        self.reference(reference, scope, &mut out);
        out
    }

    fn reference(&self, reference: &Reference, scope: &Scope, out: &mut Resolved) {
        let field: Cow<'_, str> = match reference.fields.as_slice() {
            [] => "".into(),
            [(only, _)] => only.into(),
            several => several.iter().map(|(f, _)| f.as_str()).collect::<Vec<_>>().join(".").into(),
        };
        if let Some(text) = self.context(&reference.name, &field, scope) {
            out.text.push(Text::known(text));
            return;
        }
        let Some(id) = self.graph.find(&reference.name) else { return };
        if self.nodes[id.at()].failed {
            out.failed = true;
        }
        if let Kind::Secret(_) = self.graph.kind(id) {
            out.text.push(Text(vec![super::Piece::Secret(reference.name.to_string())]));
            return;
        }
        out.needs.extend(self.nodes[id.at()].done);
        out.text.push(self.field(id, &field));
    }

    fn context(&self, name: &str, field: &str, scope: &Scope) -> Option<String> {
        let of =
            |part: fn(&EnvironmentScope) -> &String| scope.environment.as_ref().map(part).cloned().unwrap_or_default();
        match (name, field) {
            ("environment", "" | "name") => Some(of(|e| &e.name)),
            ("environment", "namespace") => Some(of(|e| &e.namespace)),
            ("environment", "cluster") => Some(of(|e| &e.cluster)),
            ("candidate", "" | "name") => Some(self.candidate.name()),
            ("candidate", "id") => Some(self.candidate.id.to_string()),
            ("candidate", "short") => Some(self.candidate.id.short()),
            ("pipeline", _) => Some(self.graph.pipeline().name.value.to_string()),
            _ => None,
        }
    }

    /// A field of a node; the empty field is what the bare name stands for.
    pub fn field(&self, id: NodeId, field: &str) -> Text {
        let node = &self.nodes[id.at()];
        if let Some(value) = node.fields.get(field) {
            return Text::known(value.as_str());
        }
        let Some(step) = node.tells.and_then(|s| self.steps.get(s as usize)) else { return Text::known("") };
        if let (Kind::Build(_), "") = (self.graph.kind(id), field) {
            let mut text = Text::known(format!("{}@", node.fields.get("repository").map_or("", String::as_str)));
            text.push(self.field(id, "digest"));
            return text;
        }
        // A file that was written in a folder that goes is referred to by where it is kept.
        let is_file =
            self.graph.task(id).is_some_and(|t| t.outputs.iter().any(|o| o.name.value == field && o.path.is_some()));
        let field = &if is_file { format!("{field}.path") } else { field.to_string() };
        match step.outputs.get(field) {
            Some(value) => Text::known(value.as_str()),
            None => Text::unknown(step.id.clone(), field.as_str()),
        }
    }
}

/// The fields of a source at a version.
pub fn source_fields(source: &Source, version: &Version, about: About) -> Fields {
    let mut fields = Fields::new();
    let mut set = |name: &str, value: String| {
        fields.insert(name.to_string(), value);
    };
    let id = version.id.clone();
    let name = version.name.clone().unwrap_or_default();
    match &source.kind {
        SourceKind::Git { branch, .. } => {
            set("", id.clone());
            set("commit", id.clone());
            set("short", id.chars().take(7).collect());
            set("branch", branch.value.to_string());
            set("author", about.author.unwrap_or_default());
            set("subject", about.subject.unwrap_or_default());
        }
        SourceKind::Folder { .. } | SourceKind::Webhook | SourceKind::Unknown => {
            set("", id.clone());
            set("digest", id.clone());
            set("short", id.trim_start_matches("sha256:").chars().take(12).collect());
        }
        SourceKind::Image { repository, .. } => {
            set("", format!("{}@{id}", repository.value));
            set("digest", id);
            set("tag", name);
            set("repository", repository.value.to_string());
        }
        SourceKind::Helm { .. } => {
            set("", name.clone());
            set("version", name);
            set("digest", id);
        }
    }
    fields
}

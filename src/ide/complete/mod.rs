//! What can be written at a place.

mod references;
mod values;

use super::place::{Place, What, place};
use super::{Analysis, index};
use crate::model::spec::{Many, Spec};
use crate::source::{FileId, Span};
use std::fmt::Write as _;

/// Something that can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is called in the list.
    pub label: String,
    /// What it is.
    pub kind: ItemKind,
    /// A few words beside the label.
    pub detail: String,
    /// What is to be known about it, as Markdown.
    pub prose: String,
    /// What it replaces.
    pub replaces: Span,
    /// What stands there afterwards.
    pub text: String,
    /// The same with places to fill in, `${1:NAME}` and `$0`, for editors that know such.
    pub snippet: Option<String>,
}

/// The kinds of things that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A node.
    Node,
    /// The key of a property.
    Key,
    /// A name that is defined.
    Name,
    /// A field of something.
    Field,
    /// A word of the language, or of a list.
    Word,
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// What can be written at an offset of a file. What is typed already is not filtered by: the editor does that, as it likes.
pub fn complete(analysis: &Analysis, file: FileId, offset: u32) -> Vec<Item> {
    let Some(place) = place(analysis, file, offset) else { return Vec::new() };
    let list = List { analysis, place: &place };
    match place.what {
        What::Node(spec) => list.nodes(spec),
        What::Entry(spec, number) => {
            let mut items = spec.arg(number).map(|arg| list.values(spec, &arg.ty, Some(number))).unwrap_or_default();
            items.extend(list.keys(spec));
            items
        }
        What::Arg(spec, number) => {
            spec.arg(number).map(|arg| list.values(spec, &arg.ty, Some(number))).unwrap_or_default()
        }
        What::Prop(spec, ty) => list.values(spec, &ty, None),
    }
}

/// What is offered at one place.
struct List<'a> {
    analysis: &'a Analysis,
    place: &'a Place<'a>,
}

impl List<'_> {
    fn item(&self, label: impl Into<String>, kind: ItemKind) -> Item {
        let label = label.into();
        let (detail, prose) = (String::new(), String::new());
        Item { text: label.clone(), label, kind, detail, prose, replaces: self.place.replaces, snippet: None }
    }

    /// The nodes that may stand in a block: not those that stand there already and may not again.
    fn nodes(&self, within: &'static Spec) -> Vec<Item> {
        let there: Vec<&str> = match self.place.node {
            Some(node) => node.children().filter(|n| !self.is_here(n.name_span())).map(|n| n.name()).collect(),
            None => self.analysis.document.roots().filter(|n| !self.is_here(n.name_span())).map(|n| n.name()).collect(),
        };
        let chosen = |name: &str| {
            within.choices.iter().any(|c| c.of.contains(&name) && c.of.iter().any(|other| there.contains(other)))
        };
        let open = |child: &&crate::model::spec::Child| {
            let name = child.spec.name;
            let only_once = child.many.single() || name == "lockgate";
            let is_over = only_once && there.contains(&name);
            !is_over && !chosen(name)
        };
        let mut children: Vec<_> = within.children.iter().filter(open).collect();
        children.sort_by_key(|c| !matches!(c.many, Many::Needed | Many::Some));
        children.into_iter().map(|c| self.node(c.spec)).collect()
    }

    fn is_here(&self, span: Span) -> bool {
        span.file == self.place.replaces.file
            && span.start == self.place.replaces.start
            && !self.place.written.is_empty()
    }

    fn node(&self, spec: &'static Spec) -> Item {
        let mut prose = spec.prose.to_string();
        if !spec.example.is_empty() {
            let _ = write!(prose, "\n\n```kdl\n{}\n```", spec.example.trim());
        }
        let snippet = Some(snippet(spec));
        Item { detail: spec.usage(), prose, snippet, ..self.item(spec.name, ItemKind::Node) }
    }

    /// The keys of properties that are not there yet.
    fn keys(&self, spec: &'static Spec) -> Vec<Item> {
        let there: Vec<&str> = self.place.node.iter().flat_map(|n| n.props()).map(|p| p.key()).collect();
        let key = |prop: &crate::model::spec::Prop| {
            let mut prose = format!("{}: {}", prop.ty.words(), prop.prose);
            if let Some(default) = prop.default {
                let _ = write!(prose, "\n\nDefault: {default}");
            }
            let text = format!("{}=", prop.name);
            Item { detail: prop.ty.placeholder(), prose, text, ..self.item(prop.name, ItemKind::Key) }
        };
        spec.props.iter().filter(|p| !there.contains(&p.name)).map(key).collect()
    }

    /// The pipeline that the place is in.
    fn pipeline(&self) -> Option<crate::syntax::NodeId> {
        self.place.node.and_then(index::pipeline_of).map(|n| n.id())
    }
}

/// A node as it is usually written, with places to fill in.
fn snippet(spec: &'static Spec) -> String {
    let mut text = spec.name.to_string();
    let mut number = 0;
    for arg in spec.args.iter().filter(|a| a.required) {
        number += 1;
        let _ = write!(text, " ${{{number}:{}}}", arg.name);
    }
    for prop in spec.props.iter().filter(|p| p.required) {
        number += 1;
        let _ = write!(text, " {}=${{{number}:{}}}", prop.name, prop.ty.placeholder());
    }
    if !spec.children.is_empty() && spec.args.iter().all(|a| a.required) {
        text.push_str(" {\n\t$0\n}");
    }
    text
}

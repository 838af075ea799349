//! Values: names, words, time zones, rules, files, and what was said elsewhere in the same place.

use super::{Item, ItemKind, List};
use crate::check;
use crate::diag::codes;
use crate::ide::index::typed_entries;
use crate::ide::{each_node, paths, world};
use crate::model::environment::CLUSTER;
use crate::model::format::{self, Format};
use crate::model::spec::{Names, Spec, Ty};
use crate::syntax::{Entry, quoted};
use std::collections::BTreeSet;

/// How many values that were said elsewhere are offered.
const MOST_SAID: usize = 100;

impl List<'_> {
    /// What a value may be. `number` is that of an argument.
    pub(super) fn values(&self, spec: &'static Spec, ty: &Ty, number: Option<usize>) -> Vec<Item> {
        let in_reference = self.place.quoted && matches!(ty, Ty::Template | Ty::TemplateOrNumber | Ty::Any);
        if in_reference && self.place.written.contains('{') {
            let references = self.references();
            if !references.is_empty() {
                return references;
            }
        }
        match ty {
            Ty::Bool => ["#true", "#false"]
                .iter()
                .filter(|_| !self.place.quoted)
                .map(|w| self.item(*w, ItemKind::Word))
                .collect(),
            Ty::Word(words) => words.iter().map(|w| self.text(w.name, ItemKind::Word, w.prose)).collect(),
            Ty::Name(Names::Rule) => self.rules(),
            Ty::Name(names) => self.names_of(*names),
            Ty::Format(format) => self.formats(spec, format, number),
            Ty::Template => number.map_or_else(Vec::new, |n| self.files_of_source(spec, n)),
            Ty::Text if std::ptr::eq(spec, &CLUSTER) && number == Some(0) => self.more(world::contexts(), spec, number),
            Ty::Text => self.said(spec, number),
            Ty::TemplateOrNumber | Ty::Any | Ty::Count(..) => Vec::new(),
        }
    }

    /// A text as it is written here: in quotes where it needs some and has none.
    fn text(&self, text: &str, kind: ItemKind, prose: &str) -> Item {
        let written = if self.place.quoted { text.to_string() } else { quoted(text).into_owned() };
        Item { text: written, prose: prose.to_string(), ..self.item(text, kind) }
    }

    fn names_of(&self, names: Names) -> Vec<Item> {
        let here = self.place.node.map(|n| n.id());
        let symbols =
            self.analysis.index().of_pipeline(self.pipeline()).filter(|s| s.kind.is_a(names) && Some(s.node) != here);
        let item = |s: &crate::ide::Symbol| Item {
            detail: s.kind.word().to_string(),
            ..self.text(&s.name, ItemKind::Name, "")
        };
        symbols.map(item).collect()
    }

    fn rules(&self) -> Vec<Item> {
        let code = |c: &&'static crate::diag::Code| Item {
            detail: c.id.to_string(),
            ..self.text(c.name, ItemKind::Word, c.summary)
        };
        codes::ALL.iter().filter(|c| check::adjustable(c)).map(code).collect()
    }

    fn formats(&self, spec: &'static Spec, format: &'static Format, number: Option<usize>) -> Vec<Item> {
        let is = |other: &'static Format| std::ptr::eq(format, other);
        if is(&format::TIME_ZONE) {
            let names: BTreeSet<String> = jiff::tz::db().available().map(|n| n.to_string()).collect();
            return names.iter().map(|n| self.text(n, ItemKind::Word, "")).collect();
        }
        if is(&format::LOCAL_PATH) {
            return self.files(&self.analysis.root, "./");
        }
        if is(&format::PATH) {
            let context =
                self.place.node.and_then(|n| n.parent()).and_then(|p| p.children().find(|c| c.name() == "context"));
            let source = context.and_then(|c| self.source_named(c.arg(0)?.as_str()?));
            return source.map_or_else(Vec::new, |folder| self.files(&folder, ""));
        }
        if is(&format::BRANCH) {
            let url = self.place.node.and_then(|n| n.arg(0)?.as_str());
            return self.more(url.map_or_else(Vec::new, |url| world::branches(self.analysis, url)), spec, number);
        }
        // The name of something new is no name that is there.
        let is_name = number == Some(0) && spec.args.first().is_some_and(|a| a.name == "NAME");
        if is_name { Vec::new() } else { self.said(spec, number) }
    }

    /// The files of the source that is named in front of a path: `values config "…"`.
    fn files_of_source(&self, spec: &'static Spec, number: usize) -> Vec<Item> {
        let before = number.checked_sub(1);
        let is_path = before.and_then(|n| spec.args.get(n)).is_some_and(|a| matches!(a.ty, Ty::Name(Names::Source)));
        let name = before.and_then(|n| self.place.node?.arg(n)?.as_str()).filter(|_| is_path);
        let folder = name.and_then(|name| self.source_named(name));
        folder.map_or_else(Vec::new, |folder| self.files(&folder, ""))
    }

    fn source_named(&self, name: &str) -> Option<std::path::PathBuf> {
        let index = self.analysis.index();
        let symbol = index.of_pipeline(self.pipeline()).find(|s| s.kind.is_a(Names::Source) && s.name == name)?;
        paths::of_source(self.analysis, self.analysis.document.node(symbol.node)?)
    }

    fn files(&self, folder: &std::path::Path, prefix: &str) -> Vec<Item> {
        // `./` is offered where it is written, and where nothing is.
        let prefix = if self.place.written.is_empty() || self.place.written.starts_with('.') { prefix } else { "" };
        let item = |path: &String| {
            let kind = if path.ends_with('/') { ItemKind::Folder } else { ItemKind::File };
            self.text(&format!("{prefix}{}", path.trim_end_matches('/')), kind, "")
        };
        paths::below(folder).iter().map(item).collect()
    }

    /// Names of this machine, and behind them what was said elsewhere.
    fn more(&self, names: Vec<String>, spec: &'static Spec, number: Option<usize>) -> Vec<Item> {
        let mut items: Vec<Item> = names.iter().map(|name| self.text(name, ItemKind::Name, "")).collect();
        let said = self.said(spec, number).into_iter().filter(|i| !names.contains(&i.label));
        items.extend(said.collect::<Vec<_>>());
        items
    }

    /// What was said in the same place of other nodes: the groups of approvers, the namespaces.
    fn said(&self, spec: &'static Spec, number: Option<usize>) -> Vec<Item> {
        let key = self.key();
        let mut said = BTreeSet::new();
        each_node(&self.analysis.document, &mut |node, other| {
            if !std::ptr::eq(spec, other) || said.len() == MOST_SAID {
                return;
            }
            let args = node.args().enumerate().filter(|(n, _)| Some(*n) == number).filter_map(|(_, v)| v.as_str());
            said.extend(args.map(str::to_string));
            let props = typed_entries(node, other).filter_map(|(entry, _)| match entry {
                Entry::Prop(prop) if Some(prop.key()) == key => prop.value().as_str(),
                _ => None,
            });
            said.extend(props.map(str::to_string));
        });
        let here = |text: &&String| **text != self.place.written && !text.is_empty();
        said.iter().filter(here).map(|text| self.text(text, ItemKind::Word, "")).collect()
    }

    /// The key of the property whose value the place is.
    fn key(&self) -> Option<&str> {
        let start = self.place.replaces.start;
        let node = self.place.node?;
        node.props().find(|p| (p.span().start..=p.span().end).contains(&start)).map(|p| p.key())
    }
}

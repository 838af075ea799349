//! Highlighting queries for tree-sitter's grammar of KDL: the words of the language in their own colours.

use super::super::spec::{Spec, Ty};
use std::collections::BTreeSet;

/// The queries, on top of those that the grammar brings along.
pub(super) fn queries(pages: &[&'static Spec]) -> String {
    let mut words = Words::default();
    pages.iter().for_each(|spec| words.take(spec));
    // What makes something with a name, and what stands in it.
    let blocks: BTreeSet<&str> = pages.iter().map(|s| s.name).filter(|n| !n.is_empty()).collect();
    words.nodes.retain(|name| !blocks.contains(name));
    let list = |words: &BTreeSet<&str>| words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join("\n  ");
    format!(
        "; Written from the tables of the language; `UPDATE=1 cargo test grammar` writes it anew.\n\
         ; For tree-sitter-kdl, behind its own queries.\n\n\
         ; Nodes that make something\n\
         ((node (identifier) @keyword)\n (#any-of? @keyword\n  {}))\n\n\
         ; Nodes that say something of it\n\
         ((node (identifier) @function.builtin)\n (#any-of? @function.builtin\n  {}))\n\n\
         ; Properties\n\
         ((prop (identifier) @property)\n (#any-of? @property\n  {}))\n\n\
         ; Words that mean something of their own\n\
         ((value (string) @constant.builtin)\n (#any-of? @constant.builtin\n  {}))\n\n\
         ; Texts with references in braces\n\
         ((string) @string.special\n (#match? @string.special \"\\\\{{[A-Za-z][A-Za-z0-9_.-]*\\\\}}\"))\n",
        list(&blocks),
        list(&words.nodes),
        list(&words.props),
        list(&words.values)
    )
}

#[derive(Default)]
struct Words {
    nodes: BTreeSet<&'static str>,
    props: BTreeSet<&'static str>,
    values: BTreeSet<&'static str>,
    seen: BTreeSet<usize>,
}

impl Words {
    fn take(&mut self, spec: &'static Spec) {
        // A spec can hold itself.
        if !self.seen.insert(std::ptr::from_ref(spec) as usize) {
            return;
        }
        self.props.extend(spec.props.iter().map(|p| p.name));
        let types = spec.props.iter().map(|p| &p.ty).chain(spec.args.iter().map(|a| &a.ty));
        for ty in types {
            if let Ty::Word(words) = ty {
                self.values.extend(words.iter().map(|w| w.name));
            }
        }
        for child in spec.children {
            self.nodes.insert(child.spec.name);
            self.take(child.spec);
        }
    }
}

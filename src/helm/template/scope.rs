//! The named templates that are visible, and the parsed texts of `tpl`.

use super::ast::Template;
use crate::helm::value::Str;
use foldhash::{HashMap, HashMapExt as _};
use std::rc::Rc;

/// The named templates of a chart, or those that the text of a `tpl` adds to them.
#[derive(Default, Clone)]
pub(super) struct Scope {
    own: HashMap<Str, Rc<Template>>,
    parent: Option<Rc<Scope>>,
}

impl Scope {
    /// A scope inside another; what is defined in it stays in it.
    pub fn inside(parent: &Rc<Scope>) -> Scope {
        Scope { own: HashMap::new(), parent: Some(parent.clone()) }
    }

    /// The template of a name.
    pub fn get(&self, name: &[u8]) -> Option<&Rc<Template>> {
        self.own.get(name).or_else(|| self.parent.as_ref()?.get(name))
    }

    /// Defines a template. A later definition wins, but an empty one never replaces another.
    pub fn define(&mut self, template: Rc<Template>) {
        if !template.is_empty() || self.get(&template.name).is_none() {
            self.own.insert(template.name.clone(), template);
        }
    }
}

/// A text that was parsed: its own template, and those that it defines.
pub(super) struct Text {
    /// What executing the text executes.
    pub main: Rc<Template>,
    /// What it defines besides.
    pub defines: Vec<Rc<Template>>,
}

impl Text {
    /// From what the parser yields, the text's own template being the one of that name.
    pub fn new(name: &[u8], templates: Vec<Template>) -> Option<Text> {
        let mut main = None;
        let mut defines = Vec::new();
        for template in templates.into_iter().map(Rc::new) {
            match &*template.name == name {
                true => main = Some(template),
                false => defines.push(template),
            }
        }
        Some(Text { main: main?, defines })
    }
}

/// How many texts of `tpl` are remembered. More differ only where they are made from data; then remembering is no use.
const MAX_TEXTS: usize = 10_000;

/// The parsed texts of `tpl`: charts pass the same few again and again.
#[derive(Default)]
pub(super) struct TextCache {
    texts: HashMap<Str, Rc<Text>>,
}

impl TextCache {
    /// A text parsed before.
    pub fn get(&self, text: &[u8]) -> Option<Rc<Text>> {
        self.texts.get(text).cloned()
    }

    /// Remembers a text.
    pub fn put(&mut self, text: Str, parsed: Rc<Text>) {
        if self.texts.len() < MAX_TEXTS {
            self.texts.insert(text, parsed);
        }
    }
}

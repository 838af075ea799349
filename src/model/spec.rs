//! What a node may have: one [`Spec`] a node, beside its struct and its decoding.
//!
//! From the specs come the checking of shapes (`shape`), completion, hover, the pages in `grammar/` and
//! `lockgate grammar --json`. A spec is plain data, so that all of these say the same.

use super::format::Format;
use crate::diag::Diagnostic;
use crate::syntax::Node;

/// What a node may have.
#[derive(Debug)]
pub struct Spec {
    /// The name of the node.
    pub name: &'static str,
    /// What it is, in a sentence or two.
    pub prose: &'static str,
    /// The arguments in their order; required ones first.
    pub args: &'static [Arg],
    /// What may follow the arguments, any number of times.
    pub more: Option<Arg>,
    /// The properties.
    pub props: &'static [Prop],
    /// Set where the names of properties are the user's own, as in `env`.
    pub own: Option<Own>,
    /// The nodes in its block; none: it has no block.
    pub children: &'static [Child],
    /// Groups of children that exclude one another.
    pub choices: &'static [Choice],
    /// What a table cannot say.
    pub also: Option<fn(Node<'_>, &mut Vec<Diagnostic>)>,
    /// A few lines of it as one would write them.
    pub example: &'static str,
}

impl Spec {
    /// A node that has nothing yet.
    pub const fn new(name: &'static str, prose: &'static str) -> Spec {
        let (args, props, children, choices) = (&[], &[], &[], &[]);
        Spec { name, prose, args, more: None, props, own: None, children, choices, also: None, example: "" }
    }

    /// The child of that name.
    pub fn child(&self, name: &str) -> Option<&'static Child> {
        self.children.iter().find(|c| c.spec.name == name)
    }

    /// The property of that name; not one of the user's own.
    pub fn prop(&self, name: &str) -> Option<&'static Prop> {
        self.props.iter().find(|p| p.name == name)
    }

    /// The argument at that place, counted from 0.
    pub fn arg(&self, at: usize) -> Option<&Arg> {
        self.args.get(at).or(self.more.as_ref())
    }

    /// How it is written, in one line: `git URL [branch=NAME]`.
    pub fn usage(&self) -> String {
        let mut words = vec![self.name.to_string()];
        let brackets = |required: bool, text: String| if required { text } else { format!("[{text}]") };
        words.extend(self.args.iter().map(|a| brackets(a.required, a.name.to_string())));
        words.extend(self.more.iter().map(|a| format!("[{}…]", a.name)));
        words.extend(self.props.iter().map(|p| brackets(p.required, format!("{}={}", p.name, p.ty.placeholder()))));
        words.extend(self.own.iter().map(|o| format!("{}={}…", o.name, o.ty.placeholder())));
        if !self.children.is_empty() {
            words.push("{ … }".to_string());
        }
        words.join(" ")
    }
}

/// An argument.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// What it is called where one speaks of it, in capitals.
    pub name: &'static str,
    /// What it may be.
    pub ty: Ty,
    /// Whether it must stand.
    pub required: bool,
    /// What it is for.
    pub prose: &'static str,
}

impl Arg {
    /// An argument that must stand.
    pub const fn new(name: &'static str, ty: Ty, prose: &'static str) -> Arg {
        Arg { name, ty, required: true, prose }
    }

    /// The same, and it may be left out.
    pub const fn optional(self) -> Arg {
        Arg { required: false, ..self }
    }
}

/// A property.
#[derive(Clone, Copy, Debug)]
pub struct Prop {
    /// The key.
    pub name: &'static str,
    /// What it may be.
    pub ty: Ty,
    /// Whether it must stand.
    pub required: bool,
    /// What is meant when it does not stand, as one would say it.
    pub default: Option<&'static str>,
    /// What it is for.
    pub prose: &'static str,
}

impl Prop {
    /// A property that may be left out.
    pub const fn new(name: &'static str, ty: Ty, prose: &'static str) -> Prop {
        Prop { name, ty, required: false, default: None, prose }
    }

    /// The same, and it must stand.
    pub const fn required(self) -> Prop {
        Prop { required: true, ..self }
    }

    /// The same, with what is meant when it does not stand.
    pub const fn default(self, default: &'static str) -> Prop {
        Prop { default: Some(default), ..self }
    }
}

/// Properties whose names are the user's own.
#[derive(Clone, Copy, Debug)]
pub struct Own {
    /// What such a name is called where one speaks of it, in capitals.
    pub name: &'static str,
    /// The grammar of the name, if it has one.
    pub key: Option<&'static Format>,
    /// What its value may be.
    pub ty: Ty,
    /// What it is for.
    pub prose: &'static str,
}

/// A node in a block.
#[derive(Clone, Copy, Debug)]
pub struct Child {
    /// What it may have.
    pub spec: &'static Spec,
    /// How often it may stand.
    pub many: Many,
}

impl Child {
    /// A node that may stand once.
    pub const fn once(spec: &'static Spec) -> Child {
        Child { spec, many: Many::Once }
    }

    /// A node that must stand once.
    pub const fn needed(spec: &'static Spec) -> Child {
        Child { spec, many: Many::Needed }
    }

    /// A node that may stand any number of times.
    pub const fn any(spec: &'static Spec) -> Child {
        Child { spec, many: Many::Any }
    }

    /// A node that must stand, and may stand again.
    pub const fn some(spec: &'static Spec) -> Child {
        Child { spec, many: Many::Some }
    }
}

/// How often a child may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Many {
    /// Once or not at all.
    Once,
    /// Exactly once.
    Needed,
    /// Any number of times.
    Any,
    /// Once or more.
    Some,
}

impl Many {
    /// Whether it may stand only once.
    pub fn single(self) -> bool {
        matches!(self, Many::Once | Many::Needed)
    }

    /// Whether it must stand.
    pub fn needed(self) -> bool {
        matches!(self, Many::Needed | Many::Some)
    }

    /// The same in words, for the reference.
    pub fn words(self) -> &'static str {
        match self {
            Many::Once => "at most once",
            Many::Needed => "exactly once",
            Many::Any => "any number",
            Many::Some => "once or more",
        }
    }
}

/// Children of which one may stand.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Their names.
    pub of: &'static [&'static str],
    /// Whether one of them must stand.
    pub needed: bool,
    /// What the choice is about: "what is watched".
    pub about: &'static str,
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Ty {
    /// Any text; a brace is a brace.
    Text,
    /// A text in which references are read.
    Template,
    /// A text in which references are read, or a number, taken as it is written.
    TemplateOrNumber,
    /// A text in which references are read, a number, a truth value or nothing.
    Any,
    /// `#true` or `#false`.
    Bool,
    /// A whole number from the one to the other.
    Count(i64, i64),
    /// One of these words.
    Word(&'static [Word]),
    /// The name of a node of that kind.
    Name(Names),
    /// A text with a grammar of its own.
    Format(&'static Format),
}

/// A word with a meaning.
#[derive(Debug)]
pub struct Word {
    /// The word.
    pub name: &'static str,
    /// What it means.
    pub prose: &'static str,
}

/// A word and what it means.
pub const fn word(name: &'static str, prose: &'static str) -> Word {
    Word { name, prose }
}

/// The kinds of node that can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// A source.
    Source,
    /// A release.
    Release,
    /// An environment.
    Environment,
    /// A secret.
    Secret,
    /// An environment, a task or a build.
    Step,
    /// A rule, by its code or its name.
    Rule,
}

impl Names {
    /// The kind in words.
    pub fn words(self) -> &'static str {
        match self {
            Names::Source => "source",
            Names::Release => "release",
            Names::Environment => "environment",
            Names::Secret => "secret",
            Names::Step => "environment, task or build",
            Names::Rule => "rule",
        }
    }
}

impl Ty {
    /// What stands for such a value in a usage line.
    pub fn placeholder(&self) -> String {
        match self {
            Ty::Text | Ty::Template => "TEXT".to_string(),
            Ty::TemplateOrNumber | Ty::Any => "VALUE".to_string(),
            Ty::Bool => "#true".to_string(),
            Ty::Count(..) => "N".to_string(),
            Ty::Word(words) => words.iter().map(|w| w.name).collect::<Vec<_>>().join("|"),
            Ty::Name(Names::Step) => "NAME".to_string(),
            Ty::Name(names) => names.words().to_uppercase(),
            Ty::Format(format) => format.placeholder.to_string(),
        }
    }

    /// What it is in words, with its article.
    pub fn words(&self) -> String {
        match self {
            Ty::Text => "a text".to_string(),
            Ty::Template => "a text, in which references are read".to_string(),
            Ty::TemplateOrNumber => "a text, in which references are read, or a number".to_string(),
            Ty::Any => "a text, in which references are read, a number, `#true`, `#false` or `#null`".to_string(),
            Ty::Bool => "`#true` or `#false`".to_string(),
            Ty::Count(least, i64::MAX) => format!("a whole number from {least}"),
            Ty::Count(least, most) => format!("a whole number from {least} to {most}"),
            Ty::Word(words) => one_of(words.iter().map(|w| w.name)),
            Ty::Name(names @ (Names::Environment | Names::Step)) => format!("the name of an {}", names.words()),
            Ty::Name(names) => format!("the name of a {}", names.words()),
            Ty::Format(format) => format.is.to_string(),
        }
    }
}

/// Words as a choice: "`a`, `b` or `c`".
pub fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|w| format!("`{w}`")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

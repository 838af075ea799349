//! A parsed template.
//!
//! Positions are byte offsets into the source, as Go's are: the executor needs them only for errors. Functions and
//! variables are resolved while parsing, so executing looks no name up but fields.

use super::func::FuncSpec;
use crate::helm::value::{Str, Value};
use std::rc::Rc;

/// The text some templates were parsed from.
#[derive(Debug)]
pub struct Source {
    /// The name the text was parsed under.
    pub name: Str,
    /// The text.
    pub text: Str,
}

impl Source {
    /// Line, from 1, and column in bytes, from 0, of an offset.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let column = match memchr::memrchr(b'\n', before) {
            Some(newline) => before.len() - newline - 1,
            None => before.len(),
        };
        (line, column)
    }
}

/// A named template.
pub struct Template {
    /// Its name.
    pub name: Str,
    /// Where it was written.
    pub source: Rc<Source>,
    /// Its body.
    pub body: Vec<Node>,
    /// How many variables are alive at most, `$` among them.
    pub slots: usize,
}

impl Template {
    /// Whether there is nothing but white space: such a definition never replaces another.
    pub fn is_empty(&self) -> bool {
        self.body.iter().all(|node| match node {
            Node::Text(text) => self.source.text.get(text.clone()).is_none_or(is_blank),
            _ => false,
        })
    }
}

/// Go's `bytes.TrimSpace` leaves nothing of it.
fn is_blank(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.trim().is_empty())
}

/// A piece of a template's body.
pub enum Node {
    /// Plain text: a range of the source.
    Text(std::ops::Range<usize>),
    /// `{{ "text" }}`: what charts write around braces that are not theirs.
    Literal(Str),
    /// `{{ pipeline }}`
    Action(Action),
    /// `{{ if }}`
    If(Branch),
    /// `{{ with }}`
    With(Branch),
    /// `{{ range }}`
    Range(Branch),
    /// `{{ template }}`, and what remains of a `{{ block }}`.
    Template(Invocation),
    /// `{{ break }}`
    Break,
    /// `{{ continue }}`
    Continue,
}

/// A pipeline whose value is printed.
pub struct Action {
    /// Where.
    pub pos: usize,
    /// The pipeline.
    pub pipe: Pipe,
}

/// `if`, `with` or `range`, with its two bodies.
pub struct Branch {
    /// Where.
    pub pos: usize,
    /// The condition, the new dot, or what is ranged over.
    pub pipe: Pipe,
    /// The body.
    pub body: Vec<Node>,
    /// After `else`.
    pub otherwise: Vec<Node>,
}

/// A call of a named template.
pub struct Invocation {
    /// Where.
    pub pos: usize,
    /// The name.
    pub name: Str,
    /// The new dot.
    pub pipe: Option<Pipe>,
}

/// Commands, each taking the value of the one before as its last argument.
pub struct Pipe {
    /// Where.
    pub pos: usize,
    /// The variables are assigned, not declared.
    pub assign: bool,
    /// The variables that get the value.
    pub variables: Vec<Variable>,
    /// The commands, at least one.
    pub commands: Vec<Command>,
}

/// A function, method or operand, with arguments.
pub struct Command {
    /// Where.
    pub pos: usize,
    /// The first says what to do.
    pub words: Vec<Expr>,
}

/// A use of a variable.
pub struct Variable {
    /// With its `$`.
    pub name: Str,
    /// Its place among the variables of the template.
    pub slot: usize,
}

/// An operand.
pub struct Expr {
    /// Where.
    pub pos: usize,
    /// What.
    pub kind: ExprKind,
}

/// The kinds of operands.
pub enum ExprKind {
    /// `.`
    Dot,
    /// `nil`
    Nil,
    /// `true`, `false`
    Bool(bool),
    /// A number or character constant.
    Number(Box<Number>),
    /// A string constant.
    String {
        /// As written: a range of the source.
        quoted: std::ops::Range<usize>,
        /// What it stands for.
        text: Str,
    },
    /// `.a.b`
    Field(Vec<Str>),
    /// `$x.a.b`
    Variable(Variable, Vec<Str>),
    /// `(pipeline).a.b`, and fields of anything else.
    Chain(Box<Expr>, Vec<Str>),
    /// `(pipeline)`
    Pipe(Box<Pipe>),
    /// A function by its name.
    Function(&'static FuncSpec),
}

/// A number, as each of the types that can hold it: Go's ideal constants.
pub struct Number {
    /// As written: a range of the source.
    pub written: std::ops::Range<usize>,
    /// As an integer.
    pub int: Option<i64>,
    /// As a float.
    pub float: Option<f64>,
    /// What it is where no type is asked for; nothing if it overflows.
    pub ideal: Option<Value>,
}

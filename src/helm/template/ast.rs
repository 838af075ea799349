//! A parsed template.
//!
//! Positions are byte offsets into the source, as Go's are: the executor needs them only for errors. Functions and
//! variables are resolved while parsing, so executing looks no name up but fields. Large charts have a hundred thousand nodes, so
//! they are small: what is long or rare stands in a box.

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

/// A piece of a source: its first byte, and the one behind its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it begins.
    pub start: u32,
    /// Where it is over.
    pub end: u32,
}

impl Source {
    /// The bytes of a piece.
    pub fn get(&self, piece: Piece) -> &[u8] {
        self.text.get(piece.start as usize..piece.end as usize).unwrap_or_default()
    }

    /// Line, from 1, and column in bytes, from 0, of an offset.
    pub fn line_column(&self, offset: u32) -> (usize, usize) {
        let before = self.text.get(..offset as usize).unwrap_or(&self.text);
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
    pub body: Rc<[Node]>,
    /// How many variables are alive at most, `$` among them.
    pub slots: u32,
}

impl Template {
    /// Whether there is nothing but white space: such a definition never replaces another.
    pub fn is_empty(&self) -> bool {
        self.body.iter().all(|node| match node {
            Node::Text(text) => is_blank(self.source.get(*text)),
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
    /// Plain text.
    Text(Piece),
    /// `{{ "text" }}`: what charts write around braces that are not theirs.
    Literal(Str),
    /// `{{ pipeline }}`
    Action(Action),
    /// `{{ if }}`
    If(Box<Branch>),
    /// `{{ with }}`
    With(Box<Branch>),
    /// `{{ range }}`
    Range(Box<Branch>),
    /// `{{ template }}`, and what remains of a `{{ block }}`.
    Template(Box<Invocation>),
    /// `{{ break }}`
    Break,
    /// `{{ continue }}`
    Continue,
}

/// A pipeline whose value is printed.
pub struct Action {
    /// Where.
    pub pos: u32,
    /// The pipeline.
    pub pipe: Pipe,
}

/// `if`, `with` or `range`, with its two bodies.
pub struct Branch {
    /// Where.
    pub pos: u32,
    /// The condition, the new dot, or what is ranged over.
    pub pipe: Pipe,
    /// The body.
    pub body: Box<[Node]>,
    /// After `else`.
    pub otherwise: Box<[Node]>,
}

/// A call of a named template.
pub struct Invocation {
    /// Where.
    pub pos: u32,
    /// The name.
    pub name: Str,
    /// The new dot.
    pub pipe: Option<Pipe>,
}

/// Commands, each taking the value of the one before as its last argument.
pub struct Pipe {
    /// Where.
    pub pos: u32,
    /// The variables are assigned, not declared.
    pub assign: bool,
    /// The variables that get the value.
    pub variables: Box<[Variable]>,
    /// The commands, at least one.
    pub commands: Box<[Command]>,
}

/// A function, method or operand, with arguments.
pub struct Command {
    /// Where.
    pub pos: u32,
    /// The first says what to do.
    pub words: Box<[Expr]>,
}

/// A use of a variable.
pub struct Variable {
    /// Where its name is written, with its `$`.
    pub name: Piece,
    /// Its place among the variables of the template; that of `$` itself is 0.
    pub slot: u32,
}

/// An operand.
pub struct Expr {
    /// Where.
    pub pos: u32,
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
        /// As written.
        quoted: Piece,
        /// What it stands for.
        text: Str,
    },
    /// `.a.b`
    Field(Box<[Str]>),
    /// `$x.a.b`
    Variable(Variable, Box<[Str]>),
    /// `(pipeline).a.b`, and fields of anything else.
    Chain(Box<Expr>, Box<[Str]>),
    /// `(pipeline)`
    Pipe(Box<Pipe>),
    /// A function by its name.
    Function(&'static FuncSpec),
}

/// A number, as each of the types that can hold it: Go's ideal constants.
pub struct Number {
    /// As written.
    pub written: Piece,
    /// As an integer.
    pub int: Option<i64>,
    /// As a float.
    pub float: Option<f64>,
    /// What it is where no type is asked for; nothing if it overflows.
    pub ideal: Option<Value>,
}

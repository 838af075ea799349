//! The source of a node as Go prints it in errors: from the tree, so normalised, not as written.

use super::ast::{Action, Command, Expr, ExprKind, Invocation, Piece, Pipe, Source};
use super::format::quote;
use crate::helm::value::Str;
use std::borrow::Cow;

/// A piece of a source as a text.
pub(super) fn written(source: &Source, piece: Piece) -> Cow<'_, str> {
    String::from_utf8_lossy(source.get(piece))
}

fn fields(names: &[Str]) -> String {
    names.iter().map(|name| format!(".{name}")).collect()
}

impl Expr {
    /// As Go's `Node.String`.
    pub(super) fn show(&self, source: &Source) -> String {
        match &self.kind {
            ExprKind::Dot => ".".to_string(),
            ExprKind::Nil => "nil".to_string(),
            ExprKind::Bool(b) => b.to_string(),
            ExprKind::Number(number) => written(source, number.written).into_owned(),
            ExprKind::String { quoted, .. } => written(source, *quoted).into_owned(),
            ExprKind::Field(names) => fields(names),
            ExprKind::Variable(variable, names) => format!("{}{}", written(source, variable.name), fields(names)),
            ExprKind::Chain(inner, names) => format!("{}{}", inner.show_operand(source), fields(names)),
            ExprKind::Pipe(pipe) => pipe.show(source),
            ExprKind::Function(spec) => spec.name.to_string(),
        }
    }

    /// The same, a pipeline in parentheses.
    fn show_operand(&self, source: &Source) -> String {
        match &self.kind {
            ExprKind::Pipe(pipe) => format!("({})", pipe.show(source)),
            _ => self.show(source),
        }
    }
}

impl Command {
    /// As Go's `Node.String`.
    pub(super) fn show(&self, source: &Source) -> String {
        self.words.iter().map(|word| word.show_operand(source)).collect::<Vec<_>>().join(" ")
    }
}

impl Pipe {
    /// As Go's `Node.String`.
    pub(super) fn show(&self, source: &Source) -> String {
        let names: Vec<_> = self.variables.iter().map(|variable| written(source, variable.name)).collect();
        let sign = if self.assign { " = " } else { " := " };
        let commands: Vec<_> = self.commands.iter().map(|command| command.show(source)).collect();
        match names.is_empty() {
            true => commands.join(" | "),
            false => format!("{}{sign}{}", names.join(", "), commands.join(" | ")),
        }
    }
}

impl Action {
    /// As Go's `Node.String`.
    pub(super) fn show(&self, source: &Source) -> String {
        format!("{{{{{}}}}}", self.pipe.show(source))
    }
}

impl Invocation {
    /// As Go's `Node.String`.
    pub(super) fn show(&self, source: &Source) -> String {
        let pipe = self.pipe.as_ref().map(|pipe| format!(" {}", pipe.show(source))).unwrap_or_default();
        format!("{{{{template {}{pipe}}}}}", quote(&self.name))
    }
}

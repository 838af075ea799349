//! Executing templates. Follows `text/template/exec.go`: what is evaluated when, and in which words it fails.

mod call;
mod entry;
mod eval;
mod methods;
mod walk;

use super::ast::{Action, Command, Expr, Invocation, Pipe, Template};
use super::{Context, Place, Reason, TemplateError};
use crate::helm::value::Value;
use std::rc::Rc;

/// Boxed: an error is rare and large.
type Run<T> = Result<T, Box<TemplateError>>;

/// The execution of one named template.
struct Exec<'e, 'a> {
    ctx: &'e mut Context<'a>,
    template: &'e Template,
    out: &'e mut Vec<u8>,
    /// The variables, by slot.
    variables: Vec<Value>,
    /// The arguments of the calls under way.
    arguments: Vec<Value>,
    /// The node being evaluated: errors are reported there.
    at: At<'e>,
}

/// A node, for errors.
#[derive(Clone, Copy)]
enum At<'e> {
    Action(&'e Action),
    Command(&'e Command),
    Expr(&'e Expr),
    Invocation(&'e Invocation),
    Pipe(&'e Pipe),
    /// None yet.
    Start,
}

/// Runs a template: appends to `out`. `data` is `.` and `$`.
fn run(ctx: &mut Context<'_>, template: &Rc<Template>, data: Value, out: &mut Vec<u8>) -> Run<()> {
    let mut variables = vec![Value::Missing; template.slots as usize];
    if let Some(dollar) = variables.first_mut() {
        *dollar = data.clone();
    }
    let mut exec = Exec { ctx, template, out, variables, arguments: Vec::new(), at: At::Start };
    exec.ctx.used.depth += 1;
    let limit = exec.ctx.env.limits.depth;
    let result = match exec.ctx.used.depth > limit {
        true => Err(exec.fail(Reason::Limit(format!("exceeded maximum template depth ({limit})")))),
        false => super::with_stack(|| exec.walk(&data, &template.body)),
    };
    ctx.used.depth -= 1;
    result.map(|_| ())
}

impl Exec<'_, '_> {
    /// An error of the executor at the current node.
    fn error(&self, message: impl Into<String>) -> Box<TemplateError> {
        self.fail(Reason::Exec(message.into()))
    }

    fn fail(&self, reason: Reason) -> Box<TemplateError> {
        let source = &self.template.source;
        let (offset, expression) = match self.at {
            At::Action(node) => (Some(node.pos), node.show(source)),
            At::Command(node) => (Some(node.pos), node.show(source)),
            At::Expr(node) => (Some(node.pos), node.show(source)),
            At::Invocation(node) => (Some(node.pos), node.show(source)),
            At::Pipe(node) => (Some(node.pos), node.show(source)),
            At::Start => (None, String::new()),
        };
        let (line, column) = source.line_column(offset.unwrap_or_default());
        Box::new(TemplateError {
            place: Place { file: source.name.to_string(), line, column: offset.map(|_| column) },
            executing: self.template.name.to_string(),
            expression,
            reason,
        })
    }

    /// Counts a step against the bound.
    fn step(&mut self) -> Run<()> {
        self.ctx.used.steps += 1;
        let limit = self.ctx.env.limits.steps;
        match self.ctx.used.steps > limit {
            true => {
                Err(self
                    .fail(Reason::Limit(format!("the templates take more than {limit} steps, the bound of a render"))))
            }
            false => Ok(()),
        }
    }

    /// Counts what was written against the bound.
    fn charge(&mut self, bytes: usize) -> Run<()> {
        match self.ctx.charge(bytes) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.fail(Reason::Limit(error.to_string()))),
        }
    }
}

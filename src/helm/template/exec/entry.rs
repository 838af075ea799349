//! The ways into the executor: whole files, `include`, `tpl`.

use super::run;
use crate::helm::template::ast::Template;
use crate::helm::template::format::{NO_VALUE, quote};
use crate::helm::template::scope::{Scope, Text};
use crate::helm::template::{Context, FuncError, TemplateError, parse};
use crate::helm::value::{Str, Value};
use memchr::memmem;
use std::rc::Rc;

/// The name of the template that all others belong to, and of the texts of `tpl`: Helm's.
const ROOT: &str = "gotpl";

impl Context<'_> {
    /// Parses a file and adds what it defines, itself under its name. Of equal names the later wins, except that an empty
    /// definition never replaces another; so the order of calls matters.
    pub fn add_template(&mut self, name: &str, text: &[u8]) -> Result<(), Box<TemplateError>> {
        let file = parse::parse(&Str::from(name), &Str::from(text), self.registry, &mut self.names)?;
        self.define(file.templates.into_iter().map(Rc::new));
        Ok(())
    }

    /// Adds what a file defines, parsed before.
    pub(crate) fn define(&mut self, templates: impl IntoIterator<Item = Rc<Template>>) {
        let scope = Rc::make_mut(&mut self.scope);
        templates.into_iter().for_each(|template| scope.define(template));
    }

    /// Whether a template of this name is defined.
    pub fn has_template(&self, name: &str) -> bool {
        self.scope.get(name.as_bytes()).is_some()
    }

    /// Executes a file, `data` being its dot: the text, without the `<no value>` of missing values.
    pub fn execute(&mut self, name: &str, data: &Value) -> Result<Vec<u8>, Box<TemplateError>> {
        let Some(template) = self.scope.get(name.as_bytes()).cloned() else {
            let message =
                format!("no template {} associated with template {}", quote(name.as_bytes()), quote(ROOT.as_bytes()));
            return Err(Box::new(TemplateError::syntax(name, 0, message)));
        };
        let mut out = Vec::new();
        run(self, &template, root(data), &mut out)?;
        Ok(without_no_value(out))
    }

    /// The function `include`: executes a named template, at most [`include_recursion`] times inside itself.
    ///
    /// [`include_recursion`]: crate::helm::template::Limits::include_recursion
    pub fn include(&mut self, name: &[u8], data: &Value) -> Result<Value, FuncError> {
        let Some(template) = self.scope.get(name).cloned() else {
            let text =
                format!("template: no template {} associated with template {}", quote(name), quote(ROOT.as_bytes()));
            return Err(FuncError::Message(text));
        };
        let including = self.including.entry(template.name.clone()).or_default();
        if *including > self.env.limits.include_recursion {
            let name = String::from_utf8_lossy(name);
            return Err(FuncError::Limit(format!(
                "rendering template has a nested reference name: {name}: unable to execute template"
            )));
        }
        *including += 1;
        let mut out = Vec::new();
        let result = run(self, &template, root(data), &mut out);
        if let Some(including) = self.including.get_mut(&template.name) {
            *including -= 1;
        }
        result.map_err(|inner| FuncError::Template { context: String::new(), inner })?;
        Ok(Value::from(out))
    }

    /// The function `tpl`: parses and executes a text. What it defines is visible only inside. The result is without the
    /// `<no value>` of missing values.
    pub fn tpl(&mut self, text: &[u8], data: &Value) -> Result<Value, FuncError> {
        if memmem::find(text, b"{{").is_none() {
            self.charge(text.len())?;
            return Ok(Value::from(without_no_value(text.to_vec())));
        }
        let parsed = self.parse_text(text)?;
        let outer = self.scope.clone();
        if !parsed.defines.is_empty() {
            let mut scope = Scope::inside(&outer);
            parsed.defines.iter().for_each(|template| scope.define(template.clone()));
            self.scope = Rc::new(scope);
        }
        let mut out = Vec::new();
        let result = run(self, &parsed.main, root(data), &mut out);
        self.scope = outer;
        result.map_err(|inner| {
            let context = format!("error during tpl function execution for {}: ", quote(text));
            FuncError::Template { context, inner }
        })?;
        Ok(Value::from(without_no_value(out)))
    }

    fn parse_text(&mut self, text: &[u8]) -> Result<Rc<Text>, FuncError> {
        if let Some(parsed) = self.texts.get(text) {
            return Ok(parsed);
        }
        let text = Str::from(text);
        let failed = |inner| {
            let context = format!("cannot parse template {}: ", quote(&text));
            FuncError::Template { context, inner }
        };
        let file = parse::parse(&Str::from(ROOT), &text, self.registry, &mut self.names).map_err(failed)?;
        let parsed = Text::new(ROOT.as_bytes(), file.templates).map(Rc::new);
        let parsed = parsed.ok_or_else(|| FuncError::from("a text without a template"))?;
        self.texts.put(text, parsed.clone());
        Ok(parsed)
    }
}

/// Nil as the data of a template is a missing value: its fields are missing, not an error.
fn root(data: &Value) -> Value {
    match data {
        Value::Nil => Value::Missing,
        data => data.clone(),
    }
}

/// Removes every `<no value>`.
fn without_no_value(text: Vec<u8>) -> Vec<u8> {
    let finder = memmem::Finder::new(NO_VALUE);
    let Some(first) = finder.find(&text) else { return text };
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_slice();
    let mut next = Some(first);
    while let Some((kept, after)) = next.and_then(|at| rest.split_at_checked(at)) {
        out.extend_from_slice(kept);
        rest = after.get(NO_VALUE.len()..).unwrap_or_default();
        next = finder.find(rest);
    }
    out.extend_from_slice(rest);
    out
}

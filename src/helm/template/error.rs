//! What went wrong in a template: where, through which includes, and in the words Go and Helm use.

use std::fmt;

/// Why a function failed.
#[derive(Debug, Clone, PartialEq)]
pub enum FuncError {
    /// An ordinary error; the executor words it `error calling NAME: TEXT`.
    Message(String),
    /// Wrong arguments, worded as the executor words them: without `error calling`.
    Arguments(String),
    /// The author of the chart says no: `fail`, `required`. Helm shows only this text and the place.
    Refused(String),
    /// A template executed by the function (`include`, `tpl`) failed; `context` comes before its own words, and may be "".
    Template {
        /// Such as `error during tpl function execution for "…": `.
        context: String,
        /// The error of the inner template.
        inner: Box<TemplateError>,
    },
    /// A bound of the render was reached, not a fault of the one call.
    Limit(String),
}

impl FuncError {
    /// The error of a call with the wrong number of arguments, as Go words it.
    pub fn arguments(name: &str, want: usize, got: usize) -> FuncError {
        FuncError::Arguments(format!("wrong number of args for {name}: want {want} got {got}"))
    }
}

impl fmt::Display for FuncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FuncError::Message(text)
            | FuncError::Arguments(text)
            | FuncError::Refused(text)
            | FuncError::Limit(text) => f.write_str(text),
            FuncError::Template { context, inner } => write!(f, "{context}{inner}"),
        }
    }
}

impl From<String> for FuncError {
    fn from(text: String) -> FuncError {
        FuncError::Message(text)
    }
}

impl From<&str> for FuncError {
    fn from(text: &str) -> FuncError {
        FuncError::Message(text.to_string())
    }
}

/// A place in a template file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The name the text was parsed under: `chart/templates/file.yaml`; `gotpl` for the text of a `tpl`.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// Bytes since the start of the line, as Go counts them; nothing for a syntax error, where Go gives none.
    pub column: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "{}:{}:{}", self.file, self.line, column),
            None => write!(f, "{}:{}", self.file, self.line),
        }
    }
}

/// Why a template failed at a place.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// The text is not a template.
    Syntax(String),
    /// The executor can't do what is written there.
    Exec(String),
    /// A bound of the render was reached.
    Limit(String),
    /// A function failed.
    Call {
        /// Its name.
        function: String,
        /// Its error; with [`FuncError::Template`], the error of the template it executed.
        error: FuncError,
    },
    /// A template failed that was called with `{{ template }}`.
    Inner(Box<TemplateError>),
}

/// An error of parsing or executing a template. Displays in Go's words.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateError {
    /// Where.
    pub place: Place,
    /// The named template that was executing; "" for a syntax error.
    pub executing: String,
    /// The source of the expression, as Go prints it; "" where there is none.
    pub expression: String,
    /// Why.
    pub reason: Reason,
}

impl TemplateError {
    /// A syntax error.
    pub fn syntax(file: &str, line: usize, message: impl Into<String>) -> TemplateError {
        TemplateError {
            place: Place { file: file.to_string(), line, column: None },
            executing: String::new(),
            expression: String::new(),
            reason: Reason::Syntax(message.into()),
        }
    }

    /// The error of the template that this one executed, if that is why it failed.
    pub fn inner(&self) -> Option<&TemplateError> {
        match &self.reason {
            Reason::Inner(inner) | Reason::Call { error: FuncError::Template { inner, .. }, .. } => Some(inner),
            _ => None,
        }
    }

    /// This error and those inside it: the template stack, outermost first.
    pub fn stack(&self) -> Vec<&TemplateError> {
        std::iter::successors(Some(self), |error| error.inner()).collect()
    }

    /// The innermost error: where it really happened.
    pub fn root(&self) -> &TemplateError {
        std::iter::successors(Some(self), |error| error.inner()).last().unwrap_or(self)
    }

    /// What `fail` or `required` said, if that is the cause.
    pub fn refusal(&self) -> Option<&str> {
        match &self.root().reason {
            Reason::Call { error: FuncError::Refused(text), .. } => Some(text),
            _ => None,
        }
    }

    /// Whether a bound of the render was reached.
    pub fn is_limit(&self) -> bool {
        matches!(&self.root().reason, Reason::Limit(_) | Reason::Call { error: FuncError::Limit(_), .. })
    }

    /// The words for the innermost cause, without places.
    pub fn message(&self) -> String {
        match &self.root().reason {
            Reason::Syntax(text) | Reason::Exec(text) | Reason::Limit(text) => text.clone(),
            Reason::Call { error: error @ FuncError::Message(_), function } => {
                format!("error calling {function}: {error}")
            }
            Reason::Call { error, .. } => error.to_string(),
            Reason::Inner(inner) => inner.to_string(),
        }
    }

    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "template: {}: ", self.place)?;
        match (self.executing.is_empty(), self.expression.is_empty()) {
            (true, _) => Ok(()),
            (false, true) => write!(f, "executing {:?}: ", self.executing),
            (false, false) => write!(f, "executing {:?} at <{}>: ", self.executing, self.expression),
        }
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in self.stack() {
            // Go tells nothing of the templates around one called with `{{ template }}`.
            if !matches!(error.reason, Reason::Inner(_)) {
                error.head(f)?;
            }
            match &error.reason {
                Reason::Syntax(text) | Reason::Exec(text) | Reason::Limit(text) => f.write_str(text)?,
                Reason::Call { function, error: FuncError::Template { context, .. } } => {
                    write!(f, "error calling {function}: {context}")?;
                }
                Reason::Call { function, error } => write!(f, "error calling {function}: {error}")?,
                Reason::Inner(_) => {}
            }
        }
        Ok(())
    }
}

impl std::error::Error for TemplateError {}

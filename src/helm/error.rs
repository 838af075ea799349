//! Why a chart does not render.

use super::manifest::ManifestError;
use super::template::{Lookup, Place, TemplateError};
use super::values::{Mismatch, SchemaErrors, ValuesError};

/// Why a chart does not render. Displays in Helm's words; [`RenderError::place`] says where.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The user's values cannot be read.
    #[error(transparent)]
    Values(#[from] ValuesError),
    /// The values do not fit the chart's structure.
    #[error(transparent)]
    Coalesce(#[from] Mismatch),
    /// The values break a schema.
    #[error("values don't meet the specifications of the schema(s) in the following chart(s):\n{0}")]
    Schema(#[from] SchemaErrors),
    /// The release cannot have this name.
    #[error(
        "release name {0:?}: invalid release name, must match regex \
         ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53"
    )]
    ReleaseName(String),
    /// Chart.yaml names charts that are not there.
    #[error("found in Chart.yaml, but missing in charts/ directory: {}", .0.join(", "))]
    MissingDependencies(Vec<String>),
    /// A library has nothing to install.
    #[error("library charts are not installable: {0}")]
    Library(String),
    /// The chart wants another Kubernetes.
    #[error("chart requires kubeVersion: {range} which is incompatible with Kubernetes {version}")]
    KubeVersion {
        /// What the chart allows.
        range: String,
        /// What there is.
        version: String,
    },
    /// The answer to a `lookup` is no JSON.
    #[error("lookup of {question:?}: {error}")]
    Lookup {
        /// What was asked.
        question: Lookup,
        /// What is wrong.
        error: String,
    },
    /// A template cannot be parsed or executed.
    #[error("{}", helms_words(.0))]
    Template(Box<TemplateError>),
    /// What a template wrote is no object.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// What `helm template` prints for an error of a template.
fn helms_words(error: &TemplateError) -> String {
    match error.refusal() {
        Some(text) => format!("execution error at ({}): {text}", error.place),
        None => error.to_string(),
    }
}

impl RenderError {
    /// The innermost place in a template, for errors that have one.
    pub fn place(&self) -> Option<&Place> {
        match self {
            RenderError::Template(error) => Some(&error.root().place),
            _ => None,
        }
    }

    /// The template stack, outermost first: each place and the expression there.
    pub fn stack(&self) -> Vec<(&Place, &str)> {
        match self {
            RenderError::Template(error) => error.stack().iter().map(|e| (&e.place, e.expression.as_str())).collect(),
            _ => Vec::new(),
        }
    }
}

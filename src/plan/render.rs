//! The window of planning to the `helm` room: files and values in, a bundle out.

use crate::ports::bundle::Bundle;
use crate::diag::Code;
use crate::digest::Digest;
use crate::model::{SetKind, SetTo};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The files of a chart by path.
pub type ChartFiles = Arc<BTreeMap<String, Arc<[u8]>>>;

/// A values file.
#[derive(Clone, Debug)]
pub struct Values {
    /// Its path, for messages.
    pub path: String,
    /// Its content.
    pub content: Arc<[u8]>,
}

/// One value over all files.
#[derive(Clone, Debug)]
pub struct Set {
    /// The path in the values.
    pub path: String,
    /// What it becomes; texts have no references left.
    pub to: SetTo,
    /// How it is read.
    pub kind: SetKind,
}

/// What is to be rendered.
#[derive(Clone, Debug)]
pub struct Request {
    /// The chart.
    pub chart: ChartFiles,
    /// Values files, later ones over earlier ones.
    pub values: Vec<Values>,
    /// Single values over all files.
    pub sets: Vec<Set>,
    /// The name of the release.
    pub name: String,
    /// The namespace.
    pub namespace: String,
    /// Whether Helm 3's rules hold where Helm 4's differ.
    pub helm3: bool,
    /// What random functions draw from, so that plan and apply of one candidate agree.
    pub seed: Digest,
}

/// Why something cannot be rendered.
#[derive(Clone, Debug)]
pub struct RenderFault {
    /// The kind.
    pub code: &'static Code,
    /// What happened, with the chart's file and line.
    pub message: String,
    /// How to go on.
    pub help: Option<String>,
}

/// Renders a release.
pub fn render(request: &Request) -> Result<Bundle, Vec<RenderFault>> {
    let message = format!("release {} cannot be rendered", request.name);
    Err(vec![RenderFault { code: &crate::diag::codes::RENDER_FAILED, message, help: None }])
}

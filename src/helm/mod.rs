//! Helm charts: chart and values in, manifests out, byte for byte what Helm writes. Pure: no IO, no clock, no async.
//!
//! ```text
//! files ─chart→ Chart ─┐
//! layers ─values→ Map ─┴─render→ [template text] ─manifest→ [Manifest]
//! ```
//! [`render`] is the entry. `template` is Go's `text/template`, `functions` what charts call, `yaml` and `json` what Go makes
//! of them, `value` the data that flows through.

mod before;
pub mod capabilities;
pub mod chart;
pub mod error;
mod files;
pub mod functions;
pub mod json;
pub mod manifest;
pub mod order;
mod provenance;
pub mod record;
mod render;
pub mod semver;
pub mod template;
mod unknowns;
pub mod value;
pub mod values;
pub mod yaml;

pub use before::remembering;
pub use capabilities::KubeVersion;
pub use chart::{Chart, ChartError};
pub use error::RenderError;
pub use manifest::{Hook, HookEvent, Manifest};
pub use provenance::{Cause, Explanation, explain};
pub use render::{Release, Rendered, Request, check_values, render, render_and_tell};
pub use template::Lookup;
pub use unknowns::{UnknownField, UnknownValue};
pub use values::{Layer, Set, SetKind};

/// Which Helm to be like, where they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HelmVersion {
    /// Helm 3: a null in a chart's defaults stays.
    V3,
    /// Helm 4.
    #[default]
    V4,
}

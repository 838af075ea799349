//! The API: what programs, and the command line with `--server`, ask and say. Everything is JSON; what people are shown on a
//! terminal can be had as text, too, as it would be shown there.

pub mod act;
pub mod docs;
pub mod feed;
pub mod read;
pub mod stream;

use super::fault::Refusal;
use super::routes::Shared;
use crate::app::{Failure, Keeper};
use crate::report::{Clock, Style, Typed};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;

/// How something is to be shown.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Shown {
    /// `text` for people; JSON otherwise.
    #[serde(default)]
    pub format: String,
    /// How many columns a line of text may take.
    pub width: Option<usize>,
    /// Whether text is coloured.
    #[serde(default)]
    pub color: bool,
    /// The time zone of whoever reads.
    pub zone: Option<String>,
    /// What they typed before the command, to tell what to type next.
    pub typed: Option<String>,
}

impl Shown {
    fn is_text(&self) -> bool {
        self.format == "text"
    }

    fn style(&self) -> Style {
        Style { width: self.width.unwrap_or(80).clamp(20, 1000), color: self.color, unicode: true }
    }

    fn clock(&self, now: i64) -> Clock {
        let zone = self.zone.as_deref().and_then(|z| jiff::tz::TimeZone::get(z).ok());
        Clock { now, zone: zone.unwrap_or(jiff::tz::TimeZone::UTC) }
    }

    fn typed(&self, person: &str) -> Typed {
        let program = "lockgate".to_string();
        let flags = self.typed.clone().unwrap_or_default();
        Typed { program, flags, person: person.to_string(), is_own_word: true }
    }
}

/// The pipeline of that name.
fn keeper(site: &Shared, name: &str) -> Result<Arc<Keeper>, Refusal> {
    site.keeper(name).ok_or_else(Refusal::absent)
}

/// Does something that blocks, on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    let failed = |_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "a fault of Lockgate; it is in the server's log");
    tokio::task::spawn_blocking(what).await.map_err(failed)
}

/// An environment of a pipeline.
fn environment(keeper: &Keeper, name: &str) -> Result<String, Failure> {
    crate::app::names::environment(&keeper.session(), name)
}

fn text(body: String) -> Response {
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

fn json(body: String) -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

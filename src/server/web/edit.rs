//! The page of an edit of the pipeline file, and what its forms say.

use super::super::fault::Refusal;
use super::super::pages::{self, address};
use super::super::routes::Shared;
use super::super::site::Person;
use super::say::{is_meant, reason_of, refused};
use super::{answer, blocking, filled_in, keeper, look, on_to};
use crate::app::Keeper;
use crate::digest::Digest;
use crate::run::Saying;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};
use maud::Markup;
use serde::Deserialize;
use std::sync::Arc;

/// What the form says.
#[derive(Debug, Deserialize)]
pub struct Word {
    csrf: String,
    file: Digest,
    #[serde(default)]
    reason: String,
}

type Said = Result<Form<Word>, FormRejection>;

/// The page.
pub async fn page(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
) -> Result<Response, Refusal> {
    let page = blocking(move || make(&site, &keeper(&site, &pipeline)?, &person, None)).await?;
    Ok(answer(StatusCode::OK, page))
}

fn make(site: &Shared, keeper: &Arc<Keeper>, person: &Person, said: Option<&str>) -> Result<Markup, Refusal> {
    let texts = keeper.proposed().and_then(|p| p.texts);
    Ok(look(site, keeper, Some(person), |look| pages::edit::html(look, texts.as_deref(), said))?)
}

/// Yes.
pub async fn approve(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    said: Said,
) -> Result<Response, Refusal> {
    decide(site, person, pipeline, said, false).await
}

/// No.
pub async fn reject(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    said: Said,
) -> Result<Response, Refusal> {
    decide(site, person, pipeline, said, true).await
}

async fn decide(site: Shared, person: Person, pipeline: String, said: Said, no: bool) -> Result<Response, Refusal> {
    let word = filled_in(said)?;
    is_meant(&person, &word.csrf)?;
    let reason = reason_of(&word.reason, no)?;
    let here = address(&["p", &pipeline, "edit"]);
    let page = blocking(move || {
        let keeper = keeper(&site, &pipeline)?;
        let file = word.file;
        let what = if no { Saying::RejectEdit { file } } else { Saying::ApproveEdit { file } };
        let records = keeper.say(&person.word(what, reason))?;
        let Some(why) = refused(&records) else { return Ok(None) };
        make(&site, &keeper, &person, Some(&why)).map(Some)
    });
    Ok(match page.await? {
        None => on_to(&here),
        Some(page) => answer(StatusCode::CONFLICT, page),
    })
}

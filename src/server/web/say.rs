//! What forms say: a yes or a no, to exactly what was looked at.

use super::super::fault::Refusal;
use super::super::pages::{self, address};
use super::super::routes::Shared;
use super::super::site::Person;
use super::super::tokens;
use super::{answer, blocking, filled_in, keeper, look, on_to};
use crate::digest::Digest;
use crate::run::{Event, Record, Saying};
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};
use serde::Deserialize;

/// What the form of a gate says.
#[derive(Debug, Deserialize)]
pub struct Word {
    csrf: String,
    subplan: Digest,
    candidate: Digest,
    #[serde(default)]
    reason: String,
}

type Said = Result<Form<Word>, FormRejection>;
type At = Path<(String, String)>;

/// Yes.
pub async fn approve(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    at: At,
    said: Said,
) -> Result<Response, Refusal> {
    decide(site, person, at, said, false).await
}

/// No.
pub async fn reject(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    at: At,
    said: Said,
) -> Result<Response, Refusal> {
    decide(site, person, at, said, true).await
}

async fn decide(
    site: Shared,
    person: Person,
    Path((pipeline, environment)): At,
    said: Said,
    no: bool,
) -> Result<Response, Refusal> {
    let word = filled_in(said)?;
    is_meant(&person, &word.csrf)?;
    let reason = reason_of(&word.reason, no)?;
    let here = address(&["p", &pipeline, "gates", &environment]);
    let page = blocking(move || {
        let keeper = keeper(&site, &pipeline)?;
        let is_known = keeper.session().graph.pipeline().environments.iter().any(|e| e.name.value == environment);
        if !is_known {
            return Err(Refusal::absent());
        }
        // Somebody who saw another candidate rejects nothing: a no is final.
        let moved = keeper.state(|s| {
            let standing = s.memory.environments.get(&environment).and_then(|p| p.standing.as_ref());
            standing.is_none_or(|s| s.candidate != word.candidate || s.subplan != word.subplan)
        });
        let what = match no {
            true => Saying::Reject { environment: environment.clone() },
            false => Saying::Approve { environment: environment.clone(), subplan: Some(word.subplan) },
        };
        let why = if no && moved {
            Some(
                "What stands at the gate is not what you looked at any more. This is what stands there now."
                    .to_string(),
            )
        } else {
            refused(&keeper.say(&person.word(what, reason))?)
        };
        let Some(why) = why else { return Ok(None) };
        let page = look(&site, &keeper, Some(&person), |look| pages::gate::html(look, &environment, Some(&why)))?;
        Ok(Some(page.ok_or_else(Refusal::absent)?))
    });
    Ok(match page.await? {
        None => on_to(&here),
        Some(page) => answer(StatusCode::CONFLICT, page),
    })
}

/// What somebody says is why, in a sentence of bounded length.
pub(super) fn reason_of(said: &str, is_needed: bool) -> Result<Option<String>, Refusal> {
    let reason = said.trim().to_string();
    if reason.len() > 4 * pages::gate::REASON || (is_needed && reason.is_empty()) {
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "say why, in a sentence"));
    }
    Ok((!reason.is_empty()).then_some(reason))
}

/// Why something was refused, if it was.
pub(super) fn refused(records: &[Record]) -> Option<String> {
    records.iter().find_map(|r| match &r.event {
        Event::Refused { reason, .. } => Some(format!("That was refused: {reason}.")),
        _ => None,
    })
}

/// Whether a form comes from a page that this person was shown.
pub(super) fn is_meant(person: &Person, csrf: &str) -> Result<(), Refusal> {
    let refusal = || {
        let refusal = Refusal::new(StatusCode::FORBIDDEN, "the form does not come from a page of this server");
        Err(refusal.help("load the page again"))
    };
    match &person.csrf {
        Some(own) if tokens::same(own.as_bytes(), csrf.as_bytes()) => Ok(()),
        // Whoever brings a token along is no browser that somebody could make send it.
        None if person.name != "anyone" => Ok(()),
        _ => refusal(),
    }
}

//! What people with the right to operate say on a page: the page that asks, and the form that says it.

use super::super::fault::Refusal;
use super::super::pages::word::{About, What, html};
use super::super::pages::{Look, address};
use super::super::routes::Shared;
use super::super::site::Person;
use super::say::{is_meant, reason_of, refused};
use super::{answer, blocking, filled_in, keeper, look, on_to};
use crate::app::keeper::Hastened;
use crate::app::{Failure, Keeper, names};
use crate::run::{Record, Saying};
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};
use maud::Markup;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// How long a page waits for a run to begin before it goes on without.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the address says.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    about: String,
    of: Option<String>,
}

/// What the form says.
#[derive(Debug, Deserialize)]
pub struct Said {
    csrf: String,
    #[serde(default)]
    about: String,
    of: Option<String>,
    #[serde(default)]
    reason: String,
}

type At = Path<(String, String)>;

/// The page that asks.
pub async fn ask(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path((pipeline, what)): At,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let what = What::of(&what).ok_or_else(Refusal::absent)?;
    let about = About { name: asked.about, of: asked.of.filter(|of| !of.is_empty()) };
    let page = blocking(move || page(&site, &keeper(&site, &pipeline)?, &person, what, &about, None)).await?;
    Ok(answer(StatusCode::OK, page))
}

fn page(
    site: &Shared,
    keeper: &Arc<Keeper>,
    person: &Person,
    what: What,
    about: &About,
    said: Option<&str>,
) -> Result<Markup, Refusal> {
    let make = |look: &Look<'_>| html(look, what, about, said);
    look(site, keeper, Some(person), make)?.ok_or_else(Refusal::absent)
}

/// Says it.
pub async fn say(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path((pipeline, what)): At,
    said: Result<Form<Said>, FormRejection>,
) -> Result<Response, Refusal> {
    let what = What::of(&what).ok_or_else(Refusal::absent)?;
    let form = filled_in(said)?;
    is_meant(&person, &form.csrf)?;
    let reason = reason_of(&form.reason, what.needs_reason())?;
    let about = About { name: form.about, of: form.of.filter(|of| !of.is_empty()) };
    let keeper = keeper(&site, &pipeline)?;
    let then = match what {
        What::Cancel => address(&["p", &pipeline, "runs", &about.name]),
        _ => address(&["p", &pipeline]),
    };
    let why = match what {
        What::Apply => hastened(&site, &keeper, &person).await?,
        _ => {
            let (keeper, person, about) = (keeper.clone(), person.clone(), about.clone());
            blocking(move || Ok(refused(&spoken(&keeper, &person, what, &about, reason)?))).await?
        }
    };
    let Some(why) = why else { return Ok(on_to(&then)) };
    let status = if what == What::Apply { StatusCode::OK } else { StatusCode::CONFLICT };
    Ok(answer(status, blocking(move || page(&site, &keeper, &person, what, &about, Some(&why))).await?))
}

/// Has everything looked at now; says why nothing is done, where that is known soon.
async fn hastened(site: &Shared, keeper: &Arc<Keeper>, person: &Person) -> Result<Option<String>, Refusal> {
    let stopped = || Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the pipeline is not looked after any more");
    let asked = keeper.hasten(&person.name, Vec::new());
    let Ok(answered) = tokio::time::timeout(PATIENCE, asked).await else { return Ok(None) };
    match answered.map_err(|_| stopped())?? {
        Hastened::Run(_) => Ok(None),
        Hastened::Nothing(reason) => {
            let (site, name, call, why) =
                (site.clone(), person.name.clone(), format!("apply {}", keeper.name), reason.clone());
            blocking(move || Ok(site.audit(&name, &call, &why)?)).await?;
            Ok(Some(format!("No run: {reason}.")))
        }
    }
}

/// Says it to the state. Blocks, for as long as a commit takes.
fn spoken(
    keeper: &Keeper,
    person: &Person,
    what: What,
    about: &About,
    reason: Option<String>,
) -> Result<Vec<Record>, Refusal> {
    if what == What::Cancel {
        let run = about.name.parse().map_err(|_| Refusal::absent())?;
        return Ok(keeper.cancel(&person.name, run)?);
    }
    let saying = saying(keeper, what, about)?;
    Ok(keeper.say(&person.word(saying, reason))?)
}

fn saying(keeper: &Keeper, what: What, about: &About) -> Result<Saying, Failure> {
    let (name, of) = (about.name.as_str(), about.of.as_deref());
    let environment = || names::environment(&keeper.session(), name);
    let source = || names::source(&keeper.session(), name);
    Ok(match what {
        What::Hold => Saying::Hold { environment: environment()? },
        What::Release => Saying::Release { environment: environment()? },
        What::Rollback => {
            let environment = environment()?;
            let wanted = |of| keeper.state(|s| names::candidate(&s.memory, &environment, of));
            Saying::Rollback { candidate: of.map(wanted).transpose()?, environment }
        }
        What::Pin => {
            let source = source()?;
            Saying::Pin { head: keeper.state(|s| names::version(&s.memory, &source, of))?, source }
        }
        What::Unpin => Saying::Unpin { source: source()? },
        What::Ban => {
            let source = source()?;
            Saying::Ban { version: keeper.state(|s| names::version_to_ban(&s.memory, &source, of))?, source }
        }
        What::Unban => {
            let (source, of) = (source()?, of.unwrap_or_default());
            Saying::Unban { version: keeper.state(|s| names::version_to_unban(&s.memory, &source, of))?, source }
        }
        What::Done | What::Again | What::Apply | What::Cancel => {
            Saying::Resolve { step: name.to_string(), done: what == What::Done }
        }
    })
}

//! What is said. Each call leaves its rows in the journal before it is answered, and a refusal leaves one, too.

use super::{blocking, environment, keeper};
use crate::app::keeper::Hastened;
use crate::app::{Failure, Keeper, names};
use crate::digest::Digest;
use crate::report::history;
use crate::run::{Event, Record, Saying};
use crate::server::fault::Refusal;
use crate::server::routes::Shared;
use crate::server::site::Person;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

type Body<T> = Result<Json<T>, JsonRejection>;

/// How long a reason may be.
const REASON: usize = 4096;

/// What came of something that was said.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Said {
    /// The events that followed, in words.
    pub events: Vec<Told>,
}

/// An event in words.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Told {
    /// Its number in the journal.
    pub number: u64,
    /// What it is about.
    pub about: String,
    /// What happened.
    pub text: String,
}

/// A yes.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// The environment.
    pub environment: String,
    /// The hash of what was looked at; when something else stands there by now, nothing is approved.
    #[schema(value_type = String)]
    pub subplan: Digest,
    /// Why.
    pub reason: Option<String>,
}

/// Something about an environment.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The environment.
    pub environment: String,
    /// Why.
    pub reason: Option<String>,
}

/// A rollback.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// The environment.
    pub environment: String,
    /// The candidate: its short name or the beginning of its id; the one before, unless said.
    pub candidate: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// Something about a version of a source.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfSource {
    /// The source.
    pub source: String,
    /// The version: its name or the beginning of its id.
    pub version: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// What became of a step.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// The step.
    pub step: String,
    /// Whether it counts as done; otherwise it runs again.
    pub done: bool,
}

/// A run that is to stop.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// The number of the run.
    pub run: u64,
}

/// What is to be done now.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Apply {
    /// Nodes that run anew even though nothing changed.
    #[serde(default)]
    pub rerun: Vec<String>,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Applied {
    /// The run that has begun, if one has.
    pub run: Option<u64>,
    /// Why none has.
    pub reason: Option<String>,
}

fn body<T>(body: Body<T>) -> Result<T, Refusal> {
    body.map(|Json(b)| b).map_err(|rejection| Refusal::new(rejection.status(), rejection.body_text()))
}

fn reason(reason: Option<String>) -> Result<Option<String>, Refusal> {
    match reason {
        Some(text) if text.len() > REASON => {
            let message = format!("the reason has {} bytes, and {REASON} are the limit", text.len());
            Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, message))
        }
        reason => Ok(reason.filter(|r| !r.trim().is_empty())),
    }
}

/// Who must say why.
fn needed(why: Option<String>) -> Result<Option<String>, Refusal> {
    let missing = || Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "say why: `reason` is empty");
    reason(why)?.map(Some).ok_or_else(missing)
}

/// Says something, and tells what came of it. It is on the disk by then. A refusal leaves its row, too.
pub async fn say(
    keeper: Arc<Keeper>,
    person: &Person,
    what: Saying,
    why: Option<String>,
) -> Result<Vec<Record>, Refusal> {
    let word = person.word(what, why);
    accepted(blocking(move || keeper.say(&word)).await??)
}

/// The records, unless they are of a refusal.
fn accepted(records: Vec<Record>) -> Result<Vec<Record>, Refusal> {
    match records.iter().find_map(|r| if let Event::Refused { reason, .. } = &r.event { Some(reason) } else { None }) {
        Some(reason) => Err(Refusal::new(StatusCode::CONFLICT, reason.clone())),
        None => Ok(records),
    }
}

async fn answer(
    keeper: Arc<Keeper>,
    person: &Person,
    what: Saying,
    why: Option<String>,
) -> Result<Json<Said>, Refusal> {
    Ok(said(&say(keeper, person, what, why).await?))
}

/// Events in words.
fn said(records: &[Record]) -> Json<Said> {
    let told = |record: &Record| {
        let told = history::told(record);
        Told { number: record.number, about: told.about, text: told.text }
    };
    Json(Said { events: records.iter().map(told).collect() })
}

/// Approves what was looked at; where something else stands there by now, says what differs.
pub async fn approval(keeper: Arc<Keeper>, person: &Person, asked: Approve) -> Result<Vec<Record>, Refusal> {
    let name = environment(&keeper, &asked.environment)?;
    let why = reason(asked.reason)?;
    let what = Saying::Approve { environment: name.clone(), subplan: Some(asked.subplan) };
    let result = say(keeper.clone(), person, what, why).await;
    result.map_err(|mut refusal| {
        let standing = keeper.state(|s| s.memory.environments.get(&name).and_then(|p| p.standing.clone()));
        if let Some(standing) = standing.filter(|s| s.subplan != asked.subplan) {
            refusal.problem.differs =
                standing.contents.iter().map(|(what, value)| format!("{what}: {value} now")).collect();
            refusal.problem.help = Some(format!("look again: what stands there now is {}", standing.subplan));
        }
        refusal
    })
}

/// `approve`
pub async fn approve(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    asked: Body<Approve>,
) -> Result<Json<Said>, Refusal> {
    let keeper = keeper(&site, &pipeline)?;
    Ok(said(&approval(keeper, &person, body(asked)?).await?))
}

/// A word about an edit of the pipeline file.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AboutEdit {
    /// The digest of what was looked at; when another edit waits by now, nothing is said to it.
    #[schema(value_type = String)]
    pub file: Digest,
    /// Why.
    pub reason: Option<String>,
}

/// `edit/approve`
pub async fn approve_edit(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    asked: Body<AboutEdit>,
) -> Result<Json<Said>, Refusal> {
    let (keeper, asked) = (keeper(&site, &pipeline)?, body(asked)?);
    answer(keeper, &person, Saying::ApproveEdit { file: asked.file }, reason(asked.reason)?).await
}

/// `edit/reject`
pub async fn reject_edit(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    asked: Body<AboutEdit>,
) -> Result<Json<Said>, Refusal> {
    let (keeper, asked) = (keeper(&site, &pipeline)?, body(asked)?);
    answer(keeper, &person, Saying::RejectEdit { file: asked.file }, needed(asked.reason)?).await
}

/// `reject`
pub async fn reject(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    asked: Body<About>,
) -> Result<Json<Said>, Refusal> {
    let (keeper, asked) = (keeper(&site, &pipeline)?, body(asked)?);
    let environment = environment(&keeper, &asked.environment)?;
    answer(keeper, &person, Saying::Reject { environment }, needed(asked.reason)?).await
}

/// `withdraw`
pub async fn withdraw(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    asked: Body<About>,
) -> Result<Json<Said>, Refusal> {
    let (keeper, asked) = (keeper(&site, &pipeline)?, body(asked)?);
    let environment = environment(&keeper, &asked.environment)?;
    let what = Saying::Withdraw { environment, by: person.name.clone() };
    answer(keeper, &person, what, reason(asked.reason)?).await
}

/// `hold`
pub async fn hold(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    asked: Body<About>,
) -> Result<Json<Said>, Refusal> {
    let (keeper, asked) = (keeper(&site, &pipeline)?, body(asked)?);
    let environment = environment(&keeper, &asked.environment)?;
    answer(keeper, &person, Saying::Hold { environment }, needed(asked.reason)?).await
}

/// `release`
pub async fn release(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    asked: Body<About>,
) -> Result<Json<Said>, Refusal> {
    let (keeper, asked) = (keeper(&site, &pipeline)?, body(asked)?);
    let environment = environment(&keeper, &asked.environment)?;
    answer(keeper, &person, Saying::Release { environment }, reason(asked.reason)?).await
}

/// `rollback`
pub async fn rollback(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    asked: Body<Rollback>,
) -> Result<Json<Said>, Refusal> {
    let (keeper, asked) = (keeper(&site, &pipeline)?, body(asked)?);
    let environment = environment(&keeper, &asked.environment)?;
    let candidate = match &asked.candidate {
        Some(text) => Some(keeper.state(|s| names::candidate(&s.memory, &environment, text))?),
        None => None,
    };
    answer(keeper, &person, Saying::Rollback { environment, candidate }, needed(asked.reason)?).await
}

fn source(keeper: &Keeper, name: &str) -> Result<String, Failure> {
    names::source(&keeper.session(), name)
}

/// `pin`
pub async fn pin(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    asked: Body<OfSource>,
) -> Result<Json<Said>, Refusal> {
    let (keeper, asked) = (keeper(&site, &pipeline)?, body(asked)?);
    let source = source(&keeper, &asked.source)?;
    let head = keeper.state(|s| names::version(&s.memory, &source, asked.version.as_deref()))?;
    answer(keeper, &person, Saying::Pin { source, head }, reason(asked.reason)?).await
}

/// `unpin`
pub async fn unpin(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    asked: Body<OfSource>,
) -> Result<Json<Said>, Refusal> {
    let (keeper, asked) = (keeper(&site, &pipeline)?, body(asked)?);
    let source = source(&keeper, &asked.source)?;
    answer(keeper, &person, Saying::Unpin { source }, reason(asked.reason)?).await
}

/// `ban`
pub async fn ban(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    asked: Body<OfSource>,
) -> Result<Json<Said>, Refusal> {
    let (keeper, asked) = (keeper(&site, &pipeline)?, body(asked)?);
    let source = source(&keeper, &asked.source)?;
    let version = keeper.state(|s| names::version_to_ban(&s.memory, &source, asked.version.as_deref()))?;
    answer(keeper, &person, Saying::Ban { source, version }, needed(asked.reason)?).await
}

/// `unban`
pub async fn unban(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    asked: Body<OfSource>,
) -> Result<Json<Said>, Refusal> {
    let (keeper, asked) = (keeper(&site, &pipeline)?, body(asked)?);
    let source = source(&keeper, &asked.source)?;
    let version =
        keeper.state(|s| names::version_to_unban(&s.memory, &source, asked.version.as_deref().unwrap_or_default()))?;
    answer(keeper, &person, Saying::Unban { source, version }, reason(asked.reason)?).await
}

/// `resolve`
pub async fn resolve(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    asked: Body<Resolve>,
) -> Result<Json<Said>, Refusal> {
    let (keeper, asked) = (keeper(&site, &pipeline)?, body(asked)?);
    answer(keeper, &person, Saying::Resolve { step: asked.step, done: asked.done }, None).await
}

/// `cancel`
pub async fn cancel(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    asked: Body<Cancel>,
) -> Result<Json<Said>, Refusal> {
    let (keeper, asked) = (keeper(&site, &pipeline)?, body(asked)?);
    let records = blocking(move || keeper.cancel(&person.name, asked.run)).await??;
    Ok(said(&accepted(records)?))
}

/// `apply`
pub async fn apply(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path(pipeline): Path<String>,
    asked: Body<Apply>,
) -> Result<Json<Applied>, Refusal> {
    let (keeper, asked) = (keeper(&site, &pipeline)?, body(asked)?);
    let stopped = || Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the pipeline is not looked after any more");
    let hastened = keeper.hasten(&person.name, asked.rerun).await.map_err(|_| stopped())??;
    // A run stands in the journal by itself; that somebody asked in vain stands in the register.
    Ok(Json(match hastened {
        Hastened::Run(run) => Applied { run: Some(run), reason: None },
        Hastened::Nothing(reason) => {
            let (site, name, why) = (site.clone(), person.name.clone(), reason.clone());
            blocking(move || site.audit(&name, &format!("apply {}", keeper.name), &why)).await??;
            Applied { run: None, reason: Some(reason) }
        }
    }))
}

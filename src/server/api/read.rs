//! What is asked.

use super::{Shown, blocking, environment, json, keeper, text};
use crate::app::Keeper;
use crate::app::names;
use crate::plan::Plan;
use crate::plan::candidate::name_of;
use crate::report::history::{self, Weight};
use crate::report::measures::delivery;
use crate::report::{Clock, board, gate as at_gate, plan as plans, why as reasons, words};
use crate::run::Record;
use crate::run::gate::unmet;
use crate::server::fault::Refusal;
use crate::server::routes::Shared;
use crate::server::site::Person;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json as value};
use std::sync::Arc;

/// The most events that are given at once.
const MOST: u32 = 10_000;
/// How many events are looked through for those of a name: in a fraction of a second.
const SEARCHED: u64 = 50_000;
/// The header that says where older events have not been looked through.
const OLDER: &str = "lockgate-older";

/// Who asks.
pub async fn whoami(Extension(person): Extension<Person>) -> Json<Value> {
    let scopes: Vec<&str> = person.scopes.iter().map(|s| s.word()).collect();
    Json(value!({"name": person.name, "role": person.role.word(), "groups": person.groups, "scopes": scopes}))
}

/// The pipelines.
pub async fn pipelines(State(site): State<Shared>) -> Json<Value> {
    let one = |keeper: &Arc<Keeper>| {
        let (environments, latest) = (names::environments(&keeper.session()), keeper.state(|s| s.memory.latest));
        keeper.see(|view| {
            value!({
                "name": keeper.name,
                "environments": environments,
                "candidate": latest,
                "candidate_name": latest.map(name_of),
                "running": view.running,
                "ready": view.ready,
                "quarantined": view.stopped,
                "fault": view.fault.as_ref().and_then(|f| f.diagnostics.first()).map(|d| d.message.clone()),
                "file_fault": view.file_fault.as_ref().and_then(|f| f.diagnostics.first()).map(|d| d.message.clone()),
                "next": view.next.map(Clock::rfc3339),
            })
        })
    };
    let faulty = |one: &super::super::site::Faulty| {
        let first = one.failure.diagnostics.first().map(|d| d.message.clone());
        value!({"file": one.path, "fault": first, "summary": crate::report::diagnostics::summary(&one.failure.diagnostics)})
    };
    let faulty: Vec<Value> = site.faulty().iter().map(faulty).collect();
    let mut all = value!({"version": 1, "pipelines": site.keepers().iter().map(one).collect::<Vec<_>>()});
    if !faulty.is_empty() {
        all["faulty"] = faulty.into();
    }
    Json(all)
}

/// What each environment has.
pub async fn status(
    State(site): State<Shared>,
    Path(pipeline): Path<String>,
    Query(shown): Query<Shown>,
) -> Result<Response, Refusal> {
    let keeper = keeper(&site, &pipeline)?;
    let (clock, environments) = (shown.clock(site.now()), names::environments(&keeper.session()));
    let asked = keeper.clone();
    let untold = blocking(move || asked.untold()).await??;
    let untold: String = untold.iter().map(|u| format!("{}\n", crate::report::layout::one_line(&u.text()))).collect();
    let state = keeper.snapshot();
    let rows = board::rows(&environments, &state, &clock);
    Ok(match shown.is_text() {
        true => text(board::text(&keeper.name, &rows, &state, &clock, shown.style()) + &untold),
        false => json(board::json(&keeper.name, &rows, &state)),
    })
}

/// The sources.
pub async fn sources(State(site): State<Shared>, Path(pipeline): Path<String>) -> Result<Json<Value>, Refusal> {
    let keeper = keeper(&site, &pipeline)?;
    let one = |(name, source): (&String, &crate::app::keeper::SourceView)| {
        value!({
            "name": name,
            "version": source.head.as_ref().map(|h| h.version.id.clone()),
            "head": source.head.as_ref().map(words::head),
            "looked": source.looked.map(Clock::rfc3339),
            "next": source.next.map(Clock::rfc3339),
            "fault": source.fault,
        })
    };
    Ok(Json(keeper.see(|view| value!({"version": 1, "sources": view.sources.iter().map(one).collect::<Vec<_>>()}))))
}

/// How a plan is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct PlanQuery {
    /// Whether everything is looked at now.
    #[serde(default)]
    fresh: bool,
}

/// The plan that was made last, or one that is made now.
async fn planned(keeper: &Arc<Keeper>, fresh: bool) -> Result<Arc<Plan>, Refusal> {
    if let Some(plan) = keeper.see(|v| v.plan.clone()).filter(|_| !fresh) {
        return Ok(plan);
    }
    let asked = keeper.clone();
    let looked = blocking(move || asked.plan(&[])).await??;
    Ok(Arc::new(looked.plan))
}

/// What would happen, and why.
pub async fn plan(
    State(site): State<Shared>,
    Path(pipeline): Path<String>,
    Query(query): Query<PlanQuery>,
    Query(shown): Query<Shown>,
) -> Result<Response, Refusal> {
    let keeper = keeper(&site, &pipeline)?;
    let plan = planned(&keeper, query.fresh).await?;
    if !shown.is_text() {
        return Ok(json(plans::json::text(&plan)));
    }
    Ok(text(plans::text(&plan, &keeper.snapshot().memory, shown.style())))
}

/// What an environment waits for.
pub async fn why(
    State(site): State<Shared>,
    Extension(person): Extension<Person>,
    Path((pipeline, name)): Path<(String, String)>,
    Query(shown): Query<Shown>,
) -> Result<Response, Refusal> {
    let keeper = keeper(&site, &pipeline)?;
    let name = environment(&keeper, &name)?;
    let plan = planned(&keeper, false).await?;
    let none = || Refusal::new(StatusCode::NOT_FOUND, format!("{name} is not in the plan"));
    let environment = plan.environment(&name).ok_or_else(none)?;
    let clock = shown.clock(site.now());
    let memory = &keeper.snapshot().memory;
    if shown.is_text() {
        let typed = shown.typed(&person.name);
        return Ok(text(reasons::text(&plan, environment, memory, &clock, &typed, shown.style())));
    }
    let unmet = unmet(&plan, environment, memory, clock.now);
    let unmet: Vec<Value> = unmet
        .iter()
        .map(|u| value!({"what": u.what, "earliest": u.earliest.map(Clock::rfc3339), "text": at_gate::one_unmet(u, &clock)}))
        .collect();
    let body = value!({
        "version": 1,
        "environment": name,
        "candidate": environment.candidate,
        "candidate_name": name_of(environment.candidate),
        "verdict": environment.verdict,
        "reasons": environment.reasons,
        "unmet": unmet,
    });
    Ok(json(body.to_string()))
}

/// What stands at a gate.
pub async fn gate(
    State(site): State<Shared>,
    Path((pipeline, name)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let keeper = keeper(&site, &pipeline)?;
    let name = environment(&keeper, &name)?;
    let standing = keeper.state(|s| s.memory.environments.get(&name).and_then(|p| p.standing.clone()));
    let standing =
        standing.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, format!("nothing waits at the gate of {name}")))?;
    let plan = planned(&keeper, false).await?;
    let clock = Clock { now: site.now(), zone: jiff::tz::TimeZone::UTC };
    let missing: Vec<String> = at_gate::missing(&standing, &clock).iter().map(at_gate::approvals).collect();
    let planned = plan.environment(&name).filter(|e| e.subplan == Some(standing.subplan));
    let approvals: Vec<Value> = standing
        .approvals
        .iter()
        .map(|a| value!({"by": a.by, "at": Clock::rfc3339(a.at), "reason": a.reason}))
        .collect();
    Ok(Json(value!({
        "version": 1,
        "environment": name,
        "candidate": standing.candidate,
        "candidate_name": name_of(standing.candidate),
        "subplan": standing.subplan,
        "since": Clock::rfc3339(standing.since),
        "contents": standing.contents,
        "changes": planned.map(|e| serde_json::to_value(&e.changes).unwrap_or_default()),
        "approvals": approvals,
        "missing": missing,
        "rejected": standing.rejected.map(|r| value!({"by": r.by, "reason": r.reason, "at": Clock::rfc3339(r.at)})),
    })))
}

/// An edit that waits.
pub async fn edit(State(site): State<Shared>, Path(pipeline): Path<String>) -> Result<Json<Value>, Refusal> {
    let keeper = keeper(&site, &pipeline)?;
    let waits = keeper.state(|s| s.memory.edit.clone());
    let waits = waits.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "no edit of the pipeline file waits"))?;
    let clock = Clock { now: site.now(), zone: jiff::tz::TimeZone::UTC };
    let missing = |s: &crate::plan::memory::Standing| {
        at_gate::missing(s, &clock).iter().map(at_gate::approvals).collect::<Vec<_>>()
    };
    let gates: Vec<Value> = waits
        .gates
        .iter()
        .map(|(name, s)| value!({"environment": name, "missing": missing(s), "approved_by": s.approvals.iter().map(|a| &a.by).collect::<Vec<_>>()}))
        .collect();
    Ok(Json(value!({
        "version": 1,
        "file": waits.file,
        "since": Clock::rfc3339(waits.since),
        "weakens": waits.weakens,
        "gates": gates,
        "rejected": waits.rejected.map(|r| value!({"by": r.by, "reason": r.reason})),
    })))
}

/// Which part of what happened is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct HistoryQuery {
    /// What it is about: an environment, a source, a step.
    name: Option<String>,
    /// Events behind that number.
    after: Option<u64>,
    /// Events before that number.
    before: Option<u64>,
    /// How many, the newest where `after` is not said.
    number: Option<u32>,
    /// Also every step that began and ended.
    #[serde(default)]
    steps: bool,
}

/// What happened.
pub async fn history(
    State(site): State<Shared>,
    Path(pipeline): Path<String>,
    Query(query): Query<HistoryQuery>,
    Query(shown): Query<Shown>,
) -> Result<Response, Refusal> {
    let keeper = keeper(&site, &pipeline)?;
    let number = query.number.unwrap_or(if shown.is_text() { 30 } else { 1000 }).min(MOST);
    let style = shown.style();
    let weight = if query.steps || !shown.is_text() { Weight::Detail } else { Weight::Main };
    let asked = keeper.clone();
    let (records, older) = blocking(move || chosen(&asked, &query, number, weight)).await??;
    let mut response = text(match shown.is_text() {
        true if records.is_empty() && older.is_none() => "Nothing has happened yet.\n".to_string(),
        true => {
            let unseen = older.map(|before| {
                format!("… what is before event {before} was not looked through; `--before {before}` goes on\n")
            });
            unseen.unwrap_or_default() + &history::text(&records, &shown.clock(site.now()), style)
        }
        false => records.iter().map(history::json).collect(),
    });
    if let Some(before) = older {
        response.headers_mut().insert(OLDER, before.into());
    }
    Ok(response)
}

/// The records that are asked for: read backwards in pieces, until there are enough. With the number before which those of a name
/// were not looked for, where there were not enough behind it.
fn chosen(
    keeper: &Keeper,
    query: &HistoryQuery,
    number: u32,
    weight: Weight,
) -> Result<(Vec<Record>, Option<u64>), crate::ports::PortError> {
    let wanted =
        |r: &Record| query.name.as_ref().is_none_or(|n| history::is_about(r, n)) && history::told(r).weight >= weight;
    let most = usize::try_from(number).unwrap_or(usize::MAX);
    if let Some(after) = query.after {
        let mut records = keeper.records(after, MOST)?;
        records.retain(|r| wanted(r));
        records.truncate(most);
        return Ok((records, None));
    }
    let mut upto = keeper.state(|s| s.number).min(query.before.map_or(u64::MAX, |before| before.saturating_sub(1)));
    let floor = query.name.as_ref().map_or(0, |_| upto.saturating_sub(SEARCHED));
    let mut found = match query.name.as_deref().filter(|n| history::stands_in(n)) {
        Some(name) => keeper.newest_with(floor + 1..upto + 1, name, most, wanted)?,
        None => {
            let mut found: Vec<Record> = Vec::new();
            while upto > floor && found.len() < most {
                let most = u32::try_from(upto - floor).unwrap_or(u32::MAX).min(number.clamp(100, 1000));
                let piece = keeper.records_upto(upto, most)?;
                // What was before was cut off, and what comes in its place is known already.
                upto = piece.last().map_or(0, |oldest| oldest.number - 1);
                found.extend(piece.into_iter().filter(wanted));
            }
            found.truncate(most);
            found
        }
    };
    found.reverse();
    let older = Some(floor + 1).filter(|_| floor > 0 && found.len() < most);
    Ok((found, older))
}

/// How many days are asked for.
#[derive(Debug, Default, Deserialize)]
pub struct MeasuresQuery {
    /// How many; 30 unless said, and at most 90.
    days: Option<u32>,
}

/// How delivery goes.
pub async fn measures(
    State(site): State<Shared>,
    Path(pipeline): Path<String>,
    Query(query): Query<MeasuresQuery>,
    Query(shown): Query<Shown>,
) -> Result<Response, Refusal> {
    let keeper = keeper(&site, &pipeline)?;
    let days = query.days.unwrap_or(delivery::DAYS).clamp(1, delivery::MOST_DAYS);
    let (asked, of) = (site.clone(), keeper.clone());
    let summaries = blocking(move || asked.measured.delivery(&of, asked.now(), days)).await??;
    Ok(match shown.is_text() {
        true => text(delivery::text(&summaries, days, shown.style())),
        false => json(delivery::json(&keeper.name, &summaries, days)),
    })
}

/// Webhooks that came in.
pub async fn deliveries(State(site): State<Shared>, Path(pipeline): Path<String>) -> Result<Json<Value>, Refusal> {
    let keeper = keeper(&site, &pipeline)?;
    let (register, name) = (site.register.clone(), keeper.name.clone());
    let deliveries = blocking(move || register.deliveries(&name, 200)).await??;
    let one = |d: &crate::adapters::sqlite::register::Delivery| {
        value!({
            "source": d.source, "provider": d.provider, "delivery": d.delivery,
            "at": Clock::rfc3339(d.at), "outcome": d.outcome,
        })
    };
    Ok(Json(value!({"version": 1, "deliveries": deliveries.iter().map(one).collect::<Vec<_>>()})))
}

/// What people and programs were told, and who could not be.
pub async fn notices(State(site): State<Shared>, Path(pipeline): Path<String>) -> Result<Json<Value>, Refusal> {
    let keeper = keeper(&site, &pipeline)?;
    let (notices, untold) = blocking(move || {
        Ok::<_, crate::ports::PortError>((crate::app::telling::newest(&keeper.folder, 200)?, keeper.untold()?))
    })
    .await??;
    let one = |n: &crate::adapters::sqlite::outbox::Notice| {
        let letter: Value = serde_json::from_str(&n.body).unwrap_or_default();
        value!({
            "id": n.id, "notify": n.receiver, "event": n.event, "number": n.number, "title": letter["title"],
            "since": Clock::rfc3339(n.since), "sent": n.sent.map(Clock::rfc3339), "tried": n.tried,
            "next": n.due.map(Clock::rfc3339), "fault": n.fault,
        })
    };
    let untold: Vec<Value> = untold
        .iter()
        .map(|u| value!({"notify": u.receiver, "waiting": u.waiting, "given_up": u.given_up, "since": Clock::rfc3339(u.since), "fault": u.fault}))
        .collect();
    Ok(Json(value!({"version": 1, "untold": untold, "notices": notices.iter().map(one).collect::<Vec<_>>()})))
}

/// Who did what to the server.
pub async fn audit(State(site): State<Shared>) -> Result<Json<Value>, Refusal> {
    let register = site.register.clone();
    let rows = blocking(move || register.audits(1000)).await??;
    let one = |a: &crate::adapters::sqlite::register::Audit| value!({"at": Clock::rfc3339(a.at), "by": a.person, "call": a.call, "outcome": a.outcome});
    Ok(Json(value!({"version": 1, "audit": rows.iter().map(one).collect::<Vec<_>>()})))
}

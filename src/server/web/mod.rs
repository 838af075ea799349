//! The pages as they are asked for: what is read for each, what forms say, what follows.
//!
//! Every page is made on a thread that may block, of the state as it stands, and of what was, which is read on from where the
//! last page left off: what a page costs does not grow with the journal.

pub(super) mod door;
mod dress;
mod edit;
mod live;
mod logs;
mod say;
mod see;
mod seen;
mod word;

pub use dress::dress;
pub use seen::Seen;

use super::fault::Refusal;
use super::pages::{Look, Turn, Viewer, headers};
use super::routes::{Method, Proof, Right, Route, Shared};
use super::site::Person;
use super::tokens::Scope;
use crate::app::Keeper;
use crate::app::keeper::View;
use crate::ports::PortError;
use crate::report::Clock;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maud::Markup;
use std::sync::Arc;

const fn page(path: &'static str, about: &'static str, handler: fn() -> axum::routing::MethodRouter<Shared>) -> Route {
    Route { method: Method::Get, path, right: Right::Scope(Scope::Read), proof: Proof::Form, about, handler }
}

const fn form(
    path: &'static str,
    right: Right,
    about: &'static str,
    handler: fn() -> axum::routing::MethodRouter<Shared>,
) -> Route {
    Route { method: Method::Post, path, right, proof: Proof::Form, about, handler }
}

/// The routes of pages and forms.
pub static ROUTES: &[Route] = &[
    page("/", "The board; with several pipelines, a line for each.", || get(see::index)),
    page("/live", "That something happened, as server-sent events.", || get(live::index)),
    page("/p/{pipeline}", "The board of a pipeline.", || get(see::board)),
    page("/p/{pipeline}/live", "That something happened, as server-sent events.", || get(live::pipeline)),
    page("/p/{pipeline}/candidates", "The last candidates.", || get(see::candidates)),
    page("/p/{pipeline}/candidates/{candidate}", "A candidate, and how far it came.", || get(see::candidate)),
    page("/p/{pipeline}/gates/{environment}", "What stands at a gate, exactly.", || get(see::gate)),
    page("/p/{pipeline}/runs", "The last runs.", || get(see::runs)),
    page("/p/{pipeline}/runs/{run}", "A run.", || get(see::run)),
    page("/p/{pipeline}/runs/{run}/log/{step}", "What a step printed.", || get(see::log)),
    page("/p/{pipeline}/runs/{run}/log/{step}/live", "What a step prints, as server-sent events.", || get(live::log)),
    page("/p/{pipeline}/history", "What happened.", || get(see::history)),
    page("/p/{pipeline}/file", "The pipeline file, with what is wrong with it.", || get(see::file)),
    form(
        "/p/{pipeline}/gates/{environment}/approve",
        Right::Scope(Scope::Approve),
        "Says yes to exactly what was looked at.",
        || post(say::approve),
    ),
    form(
        "/p/{pipeline}/gates/{environment}/reject",
        Right::Scope(Scope::Approve),
        "Says no to exactly what was looked at.",
        || post(say::reject),
    ),
    page("/p/{pipeline}/edit", "An edit of the pipeline file that makes gates weaker, and waits.", || get(edit::page)),
    form("/p/{pipeline}/edit/approve", Right::Scope(Scope::Approve), "Says yes to exactly that edit.", || {
        post(edit::approve)
    }),
    form("/p/{pipeline}/edit/reject", Right::Scope(Scope::Approve), "Says no to that edit.", || post(edit::reject)),
    Route {
        method: Method::Get,
        path: "/p/{pipeline}/say/{what}",
        right: Right::Scope(Scope::Operate),
        proof: Proof::Form,
        about: "Where somebody confirms what they are about to say: apply, hold, rollback and the like.",
        handler: || get(word::ask),
    },
    form("/p/{pipeline}/say/{what}", Right::Scope(Scope::Operate), "Says it.", || post(word::say)),
    Route {
        method: Method::Get,
        path: "/login",
        right: Right::Anyone,
        proof: Proof::Form,
        about: "Where people sign in.",
        handler: || get(door::page),
    },
    form("/login", Right::Anyone, "Signs in with a token.", || post(door::enter)),
    form("/logout", Right::Anyone, "Signs out.", || post(door::leave)),
    Route {
        method: Method::Get,
        path: "/assets/{name}",
        right: Right::Anyone,
        proof: Proof::Form,
        about: "The stylesheet, the script and the mark.",
        handler: || get(see::asset),
    },
];

/// Reads what was, for the first page that somebody opens. Blocks.
pub(super) fn warm(site: &Shared) {
    for keeper in site.keepers().iter() {
        if let Err(error) = site.seen.of(keeper) {
            tracing::warn!(pipeline = %keeper.name, "what was cannot be read: {error}");
        }
    }
}

/// A page as it is answered.
fn answer(status: StatusCode, page: Markup) -> Response {
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = (status, [(header::CONTENT_TYPE, kind)], page.into_string()).into_response();
    guarded(&mut response, headers::PAGE);
    response
}

/// Adds what every answer to a browser says.
fn guarded(response: &mut Response, kept: &'static str) {
    let all = response.headers_mut();
    for (name, value) in headers::HEADERS {
        all.insert(*name, HeaderValue::from_static(value));
    }
    all.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
}

/// A way on, after something was changed.
fn on_to(address: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(value) = HeaderValue::from_str(address) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    guarded(&mut response, headers::PAGE);
    response
}

/// What a form says, if it is one of ours.
fn filled_in<T>(form: Result<Form<T>, FormRejection>) -> Result<T, Refusal> {
    let wrong = |_| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "the form is not one of this server's");
    form.map(|Form(said)| said).map_err(wrong)
}

/// Somebody, as pages know them.
fn viewer(site: &Shared, person: Option<&Person>) -> Viewer {
    let person = person.filter(|p| p.name != "anyone");
    Viewer {
        name: person.map(|p| p.name.clone()),
        groups: person.and_then(|p| p.groups.clone()),
        also: person.map(|p| p.also.clone()).unwrap_or_default(),
        csrf: person.and_then(|p| p.csrf.clone()).unwrap_or_default(),
        may_decide: person.is_some_and(|p| p.may(Scope::Approve)),
        may_operate: person.is_some_and(|p| p.may(Scope::Operate)),
        several: site.keepers().len() + site.faulty().len() > 1,
    }
}

/// What the button says with which people sign in elsewhere, where they can.
fn provider(site: &Shared) -> Option<String> {
    let config = site.config();
    let issuer = &config.oidc.as_ref()?.issuer;
    let host = issuer.split("://").nth(1).unwrap_or(issuer).split('/').next().unwrap_or_default();
    Some(host.to_string())
}

/// Whether people reach the server by an address that nobody can listen to.
fn is_secure(site: &Shared) -> bool {
    site.config().url.as_deref().is_some_and(|url| url.starts_with("https:"))
}

/// Does something that blocks, on a thread of its own.
async fn blocking<T: Send + 'static>(what: impl FnOnce() -> Result<T, Refusal> + Send + 'static) -> Result<T, Refusal> {
    let failed = |_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "a fault of Lockgate; it is in the server's log");
    tokio::task::spawn_blocking(what).await.map_err(failed)?
}

/// A pipeline by its name.
fn keeper(site: &Shared, name: &str) -> Result<Arc<Keeper>, Refusal> {
    site.keeper(name).ok_or_else(Refusal::absent)
}

/// Makes something of a pipeline as it is seen now. Blocks.
fn look<T>(
    site: &Shared,
    keeper: &Arc<Keeper>,
    person: Option<&Person>,
    make: impl FnOnce(&Look<'_>) -> T,
) -> Result<T, PortError> {
    // Before everything else: what changes while the page is made is told to it later.
    let print = live::print(std::slice::from_ref(keeper));
    let past = site.seen.of(keeper)?;
    let (session, view) = (keeper.session(), keeper.view());
    let (turns, mut trouble, viewer) = (turns(&view), trouble(&view), viewer(site, person));
    trouble.extend(keeper.untold()?.iter().map(crate::app::telling::Untold::text));
    let clock = Clock { now: site.now(), zone: jiff::tz::TimeZone::system() };
    let state = keeper.snapshot();
    Ok(make(&Look {
        graph: &session.graph,
        state: &state,
        plan: view.plan.as_deref(),
        trouble: &trouble,
        past: &past,
        turns: &turns,
        clock: &clock,
        viewer: &viewer,
        seen: &print,
    }))
}

fn turns(view: &View) -> Vec<Turn> {
    let turn = |(name, source): (&String, &crate::app::keeper::SourceView)| {
        let by = if source.looking.is_some() { "looked at since" } else { "looked at" };
        let at = source.looking.or(source.next);
        (at.is_some() || source.fault.is_some()).then(|| Turn {
            source: name.clone(),
            by: by.to_string(),
            at,
            fault: source.fault.clone(),
        })
    };
    let mut turns: Vec<Turn> = view.sources.iter().filter_map(turn).collect();
    turns.sort_by_key(|t| t.at);
    turns
}

/// What people should know besides: why there is no plan, why the newest file does not count, why nothing goes on.
fn trouble(view: &View) -> Vec<String> {
    let first = |f: &crate::app::Failure| f.diagnostics.first().map(|d| d.message.clone()).unwrap_or_default();
    let stopped = view.stopped.iter().map(|why| format!("Nothing goes on until the server starts again: {why}"));
    let file = view
        .file_fault
        .iter()
        .map(|f| format!("The newest pipeline file does not count, and the one before goes on: {}", first(f)));
    let plan = view.fault.iter().map(|f| format!("What would happen cannot be told: {}", first(f)));
    stopped.chain(file).chain(plan).collect()
}

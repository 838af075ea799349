//! The one table of routes: what there is, who may use it, and who answers. The router, the description of the API and the page
//! of rights all come from it, so that no route can be without a right.

use super::api::{act, docs, feed, read, stream};
use super::site::{Person, Site};
use super::tokens::Scope;
use super::{health, hooks, metrics, oidc};
use axum::Router;
use axum::routing::{MethodRouter, get, post};
use std::sync::Arc;

/// What all handlers are given.
pub type Shared = Arc<Site>;

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// It reads.
    Get,
    /// It changes something.
    Post,
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Whoever reaches the server.
    Anyone,
    /// Whoever has signed the request, which the handler verifies: no person.
    Signed,
    /// People with that scope, and the role that it takes.
    Scope(Scope),
}

impl Right {
    /// Whether somebody may; nobody is whoever has not logged in.
    pub fn admits(self, person: Option<&Person>) -> bool {
        match self {
            Right::Anyone | Right::Signed => true,
            Right::Scope(scope) => person.is_some_and(|p| p.may(scope)),
        }
    }
}

/// How forms and programs prove that a browser was not made to send a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A browser says the word of its session in the header `x-csrf-token`.
    Header,
    /// The handler looks into the form.
    Form,
}

/// A route.
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path.
    pub path: &'static str,
    /// Who may use it.
    pub right: Right,
    /// How a browser proves that it means it, where something is changed.
    pub proof: Proof,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// Who answers.
    pub handler: fn() -> MethodRouter<Shared>,
}

const fn reads(path: &'static str, about: &'static str, handler: fn() -> MethodRouter<Shared>) -> Route {
    Route { method: Method::Get, path, right: Right::Scope(Scope::Read), proof: Proof::Header, about, handler }
}

const fn acts(path: &'static str, scope: Scope, about: &'static str, handler: fn() -> MethodRouter<Shared>) -> Route {
    Route { method: Method::Post, path, right: Right::Scope(scope), proof: Proof::Header, about, handler }
}

const fn open(path: &'static str, about: &'static str, handler: fn() -> MethodRouter<Shared>) -> Route {
    Route { method: Method::Get, path, right: Right::Anyone, proof: Proof::Header, about, handler }
}

const fn signed(path: &'static str, about: &'static str, handler: fn() -> MethodRouter<Shared>) -> Route {
    Route { method: Method::Post, path, right: Right::Signed, proof: Proof::Header, about, handler }
}

/// All routes.
pub static ROUTES: &[Route] = &[
    open("/healthz", "Whether the process lives.", || get(health::alive)),
    Route {
        method: Method::Get,
        path: "/metrics",
        right: Right::Scope(Scope::Metrics),
        proof: Proof::Header,
        about: "What is measured, for Prometheus. `metrics anyone` in the configuration opens it.",
        handler: || get(metrics::metrics),
    },
    open("/readyz", "Whether all pipelines are looked after.", || get(health::ready)),
    open("/login/oidc", "Sends somebody to sign in with OpenID Connect.", || get(oidc::begin)),
    open("/login/oidc/callback", "Where they come back to.", || get(oidc::callback)),
    reads("/api/v1/openapi.json", "What this page describes, for programs.", || get(docs::openapi)),
    reads("/api/v1/whoami", "Who asks, and what they may do.", || get(read::whoami)),
    reads("/api/v1/pipelines", "The pipelines, and how each of them is.", || get(read::pipelines)),
    reads("/api/v1/pipelines/{pipeline}/status", "What each environment has, and what waits there.", || {
        get(read::status)
    }),
    reads(
        "/api/v1/pipelines/{pipeline}/sources",
        "The sources: what was seen when, and when each is looked at next.",
        || get(read::sources),
    ),
    reads(
        "/api/v1/pipelines/{pipeline}/plan",
        "What would happen, and why. `fresh=true` looks at everything now.",
        || get(read::plan),
    ),
    reads("/api/v1/pipelines/{pipeline}/why/{environment}", "What an environment waits for.", || get(read::why)),
    reads(
        "/api/v1/pipelines/{pipeline}/gate/{environment}",
        "What stands at a gate, exactly: what an approval would be of.",
        || get(read::gate),
    ),
    reads(
        "/api/v1/pipelines/{pipeline}/edit",
        "An edit of the pipeline file that makes gates weaker, and waits.",
        || get(read::edit),
    ),
    acts("/api/v1/pipelines/{pipeline}/edit/approve", Scope::Approve, "Says yes to exactly that edit.", || {
        post(act::approve_edit)
    }),
    acts("/api/v1/pipelines/{pipeline}/edit/reject", Scope::Approve, "Says no to that edit.", || {
        post(act::reject_edit)
    }),
    reads("/api/v1/pipelines/{pipeline}/history", "What happened.", || get(read::history)),
    reads("/api/v1/pipelines/{pipeline}/deliveries", "Webhooks that came in, and what came of each.", || {
        get(read::deliveries)
    }),
    reads(
        "/api/v1/pipelines/{pipeline}/measures",
        "How delivery goes: how often, how fast, how often in vain, how long until well. `days=30`.",
        || get(read::measures),
    ),
    reads("/api/v1/pipelines/{pipeline}/notices", "Who was told of what, and who could not be.", || get(read::notices)),
    reads("/api/v1/pipelines/{pipeline}/log", "What a step printed. `follow=true` goes on until it has ended.", || {
        get(stream::log)
    }),
    reads("/api/v1/pipelines/{pipeline}/events", "Everything that happens from now on, as server-sent events.", || {
        get(stream::events)
    }),
    acts(
        "/api/v1/pipelines/{pipeline}/apply",
        Scope::Operate,
        "Looks at everything now, and does what is to be done.",
        || post(act::apply),
    ),
    acts("/api/v1/pipelines/{pipeline}/approve", Scope::Approve, "Says yes to exactly what stands at a gate.", || {
        post(act::approve)
    }),
    acts("/api/v1/pipelines/{pipeline}/reject", Scope::Approve, "Says no to what stands at a gate.", || {
        post(act::reject)
    }),
    acts("/api/v1/pipelines/{pipeline}/withdraw", Scope::Approve, "Takes one's own yes back.", || post(act::withdraw)),
    acts("/api/v1/pipelines/{pipeline}/hold", Scope::Operate, "Leaves an environment alone.", || post(act::hold)),
    acts("/api/v1/pipelines/{pipeline}/release", Scope::Operate, "Goes on with an environment that is held.", || {
        post(act::release)
    }),
    acts("/api/v1/pipelines/{pipeline}/rollback", Scope::Operate, "Brings an older candidate back.", || {
        post(act::rollback)
    }),
    acts("/api/v1/pipelines/{pipeline}/pin", Scope::Operate, "Keeps a source at a version.", || post(act::pin)),
    acts("/api/v1/pipelines/{pipeline}/unpin", Scope::Operate, "Lets a source move again.", || post(act::unpin)),
    acts("/api/v1/pipelines/{pipeline}/ban", Scope::Operate, "Never uses a version of a source.", || post(act::ban)),
    acts("/api/v1/pipelines/{pipeline}/unban", Scope::Operate, "Uses a version of a source again.", || {
        post(act::unban)
    }),
    acts(
        "/api/v1/pipelines/{pipeline}/resolve",
        Scope::Operate,
        "Says what became of a step that was cut off.",
        || post(act::resolve),
    ),
    acts(
        "/api/v1/pipelines/{pipeline}/cancel",
        Scope::Operate,
        "Stops a run: nothing new of it begins. Asked again, its running programs are stopped.",
        || post(act::cancel),
    ),
    reads("/badge/{pipeline}/{environment}", "A badge that says what an environment has.", || get(feed::badge)),
    reads("/feed/{pipeline}", "What happened, as a feed in Atom.", || get(feed::feed)),
    signed(
        "/hooks/{pipeline}/{source}",
        "A hint that a source has moved, of whoever knows the secret of its trigger.",
        || post(hooks::hint),
    ),
    signed(
        "/webhooks/webhook/{source}",
        "Artifacts for a source of the kind `webhook`, as a deployer is sent them.",
        hooks::artifacts_route,
    ),
    Route {
        method: Method::Get,
        path: "/api/v1/audit",
        right: Right::Scope(Scope::Admin),
        proof: Proof::Header,
        about: "Who did what to the server itself.",
        handler: || get(read::audit),
    },
];

/// All routes: those for programs, and those for people with a browser.
pub fn all() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(super::web::ROUTES)
}

/// The router of all routes, each behind its right. What is not in the table is not there.
pub fn router(site: &Shared) -> Router {
    let mut router = Router::<Shared>::new();
    for route in all() {
        let guard = super::guard::Guard { site: site.clone(), right: route.right, proof: route.proof };
        let handler = (route.handler)().layer(axum::middleware::from_fn_with_state(guard, super::guard::guard));
        router = router.route(route.path, handler);
    }
    let absent = super::guard::absent;
    let dressed = axum::middleware::from_fn_with_state(site.clone(), super::web::dress);
    // Which methods a path has would tell that there is something.
    let silent = axum::middleware::map_response(async |mut response: axum::response::Response| {
        response.headers_mut().remove(axum::http::header::ALLOW);
        response
    });
    let router = router.fallback(absent).method_not_allowed_fallback(absent).layer(dressed).with_state(site.clone());
    // That header is set outside of a router's own layers.
    Router::new().fallback_service(router).layer(silent)
}

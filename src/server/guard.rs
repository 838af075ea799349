//! Before every handler: who asks, whether they may, and whether a browser means it.

use super::fault::Refusal;
use super::listen::Peer;
use super::routes::{Proof, Right, Shared};
use super::site::{ANYONE, Person};
use super::tokens::{self, Scope};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The name of the cookie with which a browser says who it is.
pub const COOKIE: &str = "lockgate";

/// How many wrong logins a minute one address may send.
const WRONG: &str = "wrong logins of";

/// What stands before a route.
#[derive(Clone)]
pub struct Guard {
    /// The site.
    pub site: Shared,
    /// Who may.
    pub right: Right,
    /// How a browser proves that it means it.
    pub proof: Proof,
}

/// Lets a request through to its handler, with the [`Person`] who asks, or refuses it.
pub async fn guard(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let peer = peer(&request);
    // Who has signed a request is no person, and what stands where a token would is the signer's own.
    let asked = match guard.right {
        Right::Signed => Ok(None),
        _ => who(&guard.site, request.headers(), &peer).await,
    };
    let person = match asked {
        Ok(person) => person,
        Err(refusal) => return refusal.into_response(),
    };
    let is_open = guard.right == Right::Scope(Scope::Metrics) && guard.site.config().anyone_measures;
    if !is_open && !guard.right.admits(person.as_ref()) {
        // Whoever is known hears what they would hear of nothing; whoever is not is asked who they are, for everything.
        return if person.is_some_and(|p| p.name != ANYONE) { Refusal::absent() } else { Refusal::unknown() }
            .into_response();
    }
    let counted = person.as_ref().map_or_else(|| peer.clone(), |p| p.name.clone());
    if guard.right != Right::Signed && guard.site.is_too_many(&counted) {
        return Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many requests in one minute").into_response();
    }
    let csrf = person.as_ref().and_then(|p| p.csrf.as_deref());
    if let Some(csrf) = csrf.filter(|_| is_change(request.method()) && guard.right != Right::Signed)
        && !is_meant(request.headers(), csrf, guard.proof)
    {
        let refusal = Refusal::new(StatusCode::FORBIDDEN, "the request does not come from a page of this server");
        return refusal.help("load the page again").into_response();
    }
    if let Some(person) = person {
        request.extensions_mut().insert(person);
    }
    next.run(request).await
}

/// What is not there. Whoever is not known learns nothing of what there is.
pub async fn absent(State(site): State<Shared>, request: Request) -> Refusal {
    let peer = peer(&request);
    match who(&site, request.headers(), &peer).await {
        Ok(Some(person)) if person.name != ANYONE => Refusal::absent(),
        Ok(_) => Refusal::unknown(),
        Err(refusal) => refusal,
    }
}

fn peer(request: &Request) -> String {
    request.extensions().get::<ConnectInfo<Peer>>().map_or_else(|| "somewhere".to_string(), |p| p.0.address())
}

fn is_change(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a browser was not made to send a request by a page of somebody else's.
fn is_meant(headers: &HeaderMap, csrf: &str, proof: Proof) -> bool {
    let said = headers.get("x-csrf-token").and_then(|v| v.to_str().ok()).unwrap_or_default();
    match proof {
        Proof::Header => tokens::same(said.as_bytes(), csrf.as_bytes()),
        // The handler compares the word; here only what a browser says of itself counts.
        Proof::Form => {
            let site = headers.get("sec-fetch-site").and_then(|v| v.to_str().ok());
            site.is_none_or(|s| matches!(s, "same-origin" | "none"))
        }
    }
}

/// Who asks: by a token, by a browser's cookie, or nobody. A login that does not count is refused, and not taken for none.
pub async fn who(site: &Shared, headers: &HeaderMap, peer: &str) -> Result<Option<Person>, Refusal> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let token = bearer.and_then(|b| b.strip_prefix("Bearer ").or_else(|| b.strip_prefix("bearer ")));
    let token = token.map(|t| t.trim().to_string());
    let cookie = cookie(headers, COOKIE).map(str::to_string);
    let (asked, wrong) = (site.clone(), format!("{WRONG} {peer}"));
    if token.is_none() && cookie.is_none() {
        return Ok(site.config().anyone_reads.then(Person::anyone));
    }
    let is_token = token.is_some();
    let found = tokio::task::spawn_blocking(move || match token {
        Some(token) => asked.of_token(&token),
        None => cookie.and_then(|c| asked.of_browser(&c)),
    });
    let found = found.await.map_err(|_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "a fault of Lockgate"))?;
    match found {
        Some(person) => Ok(Some(person)),
        None if site.is_too_many(&wrong) => {
            Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many wrong logins in one minute"))
        }
        None if is_token => Err(Refusal::unknown()),
        // An old cookie is no attack: whoever has it is asked who they are where that matters.
        None => Ok(site.config().anyone_reads.then(Person::anyone)),
    }
}

/// The value of a cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|v| v.to_str().ok());
    all.flat_map(|line| line.split(';')).filter_map(|c| c.trim().split_once('=')).find(|(n, _)| *n == name).map(|c| c.1)
}

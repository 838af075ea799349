//! Refusals as pages, for those who ask for pages: the same words, and the way on.

use super::super::guard;
use super::super::pages::{fault, login};
use super::super::routes::Shared;
use super::{answer, on_to, viewer};
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

/// How long a refusal may be.
const LONGEST: usize = 64 << 10;

/// Lets a request through, and dresses its refusal.
pub async fn dress(State(site): State<Shared>, request: Request, next: Next) -> Response {
    let accepts = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !accepts.contains("text/html") {
        return next.run(request).await;
    }
    let (headers, method) = (request.headers().clone(), request.method().clone());
    let path = request.uri().path_and_query().map(|p| p.as_str().to_string()).unwrap_or_default();
    let response = next.run(request).await;
    let status = response.status();
    let is_refusal = (status.is_client_error() || status.is_server_error())
        && response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_none_or(|v| v.as_bytes().starts_with(b"application/json") || v.as_bytes().starts_with(b"text/plain"));
    if !is_refusal {
        return response;
    }
    if status == StatusCode::UNAUTHORIZED {
        let to = if method == Method::GET && login::is_ours(&path) { path } else { "/".to_string() };
        return on_to(&login::address_for(&to));
    }
    let person = guard::who(&site, &headers, "a page").await.ok().flatten();
    let viewer = viewer(&site, person.as_ref());
    if status == StatusCode::NOT_FOUND || status == StatusCode::METHOD_NOT_ALLOWED {
        return answer(StatusCode::NOT_FOUND, fault::absent(&viewer));
    }
    let body = to_bytes(response.into_body(), LONGEST).await.unwrap_or_default();
    let said: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let word = |name: &str| said.as_ref().and_then(|s| s.get(name)).and_then(|v| v.as_str()).unwrap_or_default();
    let (error, help) = (word("error"), word("help"));
    let why = match (error.is_empty(), help.is_empty()) {
        (true, _) => "It could not be done.".to_string(),
        (false, true) => format!("{error}."),
        (false, false) => format!("{error}; {help}."),
    };
    let back = headers.get(header::REFERER).and_then(|v| v.to_str().ok()).and_then(own_path);
    answer(status, fault::refused(&viewer, "That cannot be done", &why, back))
}

/// The path of an address of ours.
fn own_path(address: &str) -> Option<&str> {
    let rest = address.split_once("://")?.1;
    rest.find('/').and_then(|at| rest.get(at..))
}

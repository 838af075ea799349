//! Signing in and out with a browser.

use super::super::fault::Refusal;
use super::super::guard::{COOKIE, cookie};
use super::super::pages::login::{self, Offer, is_ours};
use super::super::routes::Shared;
use super::super::site::{Claims, Person, SESSION};
use super::super::tokens;
use super::{answer, blocking, filled_in, on_to, viewer};
use crate::adapters::sqlite::register::Browser;
use axum::extract::rejection::FormRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::{Extension, Form};
use serde::Deserialize;

/// Where somebody wanted to go.
#[derive(Debug, Default, Deserialize)]
pub struct On {
    to: Option<String>,
}

/// The page where people sign in.
pub async fn page(State(site): State<Shared>, person: Option<Extension<Person>>, Query(on): Query<On>) -> Response {
    let person = person.map(|Extension(p)| p);
    answer(StatusCode::OK, login::html(&viewer(&site, person.as_ref()), &offer(&site, on.to, None)))
}

fn offer(site: &Shared, to: Option<String>, fault: Option<String>) -> Offer {
    let hint = site.local.as_ref().map(|_| {
        "The terminal in which the server was started says the token. It counts until the server stops.".to_string()
    });
    Offer { provider: super::provider(site), to, fault, hint }
}

/// What the form says.
#[derive(Debug, Deserialize)]
pub struct Entry {
    token: String,
    to: Option<String>,
}

/// Signs in with a token.
pub async fn enter(
    State(site): State<Shared>,
    headers: HeaderMap,
    said: Result<Form<Entry>, FormRejection>,
) -> Result<Response, Refusal> {
    let entry = filled_in(said)?;
    is_ours_to_send(&headers)?;
    let token = entry.token.trim().to_string();
    if token.len() > login::TOKEN {
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "that is no token"));
    }
    let (asked, before) = (site.clone(), cookie(&headers, COOKIE).map(tokens::name_of));
    let made = blocking(move || {
        let Some(person) = asked.of_token(&token) else { return Ok(None) };
        let scopes = person.scopes.iter().map(|s| s.word().to_string()).collect();
        let claims = Claims { groups: None, also: Vec::new(), scopes: Some(scopes) };
        Ok(Some(begin(&asked, &person.name, &claims, before.as_deref(), "with a token")?))
    });
    match made.await? {
        Some(cookie) => {
            let mut response = on_to(entry.to.as_deref().filter(|to| is_ours(to)).unwrap_or("/"));
            set(&mut response, &site, &cookie, SESSION / 1000);
            Ok(response)
        }
        None => {
            let fault = "That token does not count here: it is mistyped, has expired, or was taken back.".to_string();
            let page = login::html(&viewer(&site, None), &offer(&site, entry.to, Some(fault)));
            Ok(answer(StatusCode::UNAUTHORIZED, page))
        }
    }
}

/// Keeps a browser that somebody signed in with, `how` being said in the audit, and gives what its cookie says. The login
/// `before` of that browser ends. Blocks.
pub(in super::super) fn begin(
    site: &Shared,
    name: &str,
    claims: &Claims,
    before: Option<&str>,
    how: &str,
) -> Result<String, Refusal> {
    let failed = |e: std::io::Error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("nothing random: {e}"));
    let (cookie, csrf) = (tokens::random_word::<40>().map_err(failed)?, tokens::random_word::<40>().map_err(failed)?);
    if let Some(before) = before {
        site.register.remove_browser(before)?;
    }
    let now = site.now();
    let browser = Browser {
        id: tokens::name_of(&cookie),
        person: name.to_string(),
        claims: serde_json::to_string(claims).unwrap_or_default(),
        csrf,
        created: now,
        expires: now + SESSION,
    };
    site.register.add_browser(&browser)?;
    site.audit(name, "login", &format!("signed in {how}"))?;
    Ok(cookie)
}

/// Signs out.
pub async fn leave(
    State(site): State<Shared>,
    person: Option<Extension<Person>>,
    headers: HeaderMap,
    Form(said): Form<std::collections::BTreeMap<String, String>>,
) -> Result<Response, Refusal> {
    if let Some(Extension(person)) = person {
        super::say::is_meant(&person, said.get("csrf").map(String::as_str).unwrap_or_default())?;
    }
    let (asked, id) = (site.clone(), cookie(&headers, COOKIE).map(tokens::name_of));
    blocking(move || Ok(id.map(|id| asked.register.remove_browser(&id)).transpose()?)).await?;
    let mut response = on_to("/login");
    set(&mut response, &site, "", 0);
    Ok(response)
}

/// Sets the cookie with which a browser says who it is.
pub(in super::super) fn set(response: &mut Response, site: &Shared, value: &str, seconds: i64) {
    set_cookie(response, site, COOKIE, value, seconds);
}

/// Sets a cookie: no script reads it, and no page of somebody else's sends it with a form.
pub(in super::super) fn set_cookie(response: &mut Response, site: &Shared, name: &str, value: &str, seconds: i64) {
    let secure = if super::is_secure(site) { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// A login that a page of somebody else's sends is refused: it would sign people in as somebody else.
fn is_ours_to_send(headers: &HeaderMap) -> Result<(), Refusal> {
    let site = headers.get("sec-fetch-site").and_then(|v| v.to_str().ok());
    if site.is_none_or(|s| matches!(s, "same-origin" | "none")) {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::FORBIDDEN, "the form does not come from a page of this server"))
}

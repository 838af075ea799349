//! A login with OpenID Connect: the authorization code flow with PKCE, a nonce and a state that is bound to the browser. Whoever
//! comes back is who the provider says, of the groups that its claim says.

use super::config::Oidc;
use super::fault::Refusal;
use super::guard::{COOKIE, cookie};
use super::pages::login::is_ours;
use super::routes::Shared;
use super::site::{Claims, SESSION, Site};
use super::tokens;
use super::web::door;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

/// How long somebody may take at the provider.
const PATIENCE: Duration = Duration::from_secs(600);
/// How many may be there at once; the oldest have to begin again.
const AWAY: usize = 1000;
/// How large an answer of the provider may be.
const LIMIT: usize = 1 << 20;
/// The cookie that binds a login to the browser that began it.
const BOUND: &str = "lockgate-login";

/// Logins that have begun, by their state.
#[derive(Default)]
pub struct Away(Mutex<HashMap<String, Begun>>);

/// A login that has begun.
struct Begun {
    at: Instant,
    verifier: PkceCodeVerifier,
    nonce: Nonce,
    to: String,
}

impl Away {
    fn keep(&self, state: String, begun: Begun) {
        let mut all = self.0.lock();
        all.retain(|_, b| b.at.elapsed() < PATIENCE);
        if all.len() >= AWAY
            && let Some(oldest) = all.iter().min_by_key(|(_, b)| b.at).map(|(s, _)| s.clone())
        {
            all.remove(&oldest);
        }
        all.insert(state, begun);
    }

    /// A login that has begun; it comes back once.
    fn take(&self, state: &str) -> Option<Begun> {
        let mut all = self.0.lock();
        all.remove(state).filter(|b| b.at.elapsed() < PATIENCE)
    }
}

/// What went wrong while the provider was asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unreached(String);

fn trouble(what: &str, error: &dyn std::error::Error) -> Refusal {
    let mut text = format!("{what}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    tracing::warn!("a login did not succeed: {text}");
    // What exactly the provider says is for whoever runs the server.
    Refusal::new(StatusCode::BAD_GATEWAY, format!("{what} did not succeed")).help("it is in the server's log")
}

fn channel() -> Result<Channel, Refusal> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A provider that redirects a back channel is not the one that was configured.
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(10));
    client.build().map(Channel).map_err(|e| trouble("asking the provider", &e))
}

/// The way to the provider that no browser takes.
struct Channel(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Channel {
    type Error = Unreached;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unreached>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(ask(&self.0, request))
    }
}

async fn ask(client: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, Unreached> {
    let failed = |e: reqwest::Error| Unreached(e.to_string());
    let (parts, body) = request.into_parts();
    let asked = client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
    let response = asked.send().await.map_err(failed)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut stream = response.bytes_stream();
    let mut body = Vec::new();
    while let Some(piece) = futures_util::StreamExt::next(&mut stream).await {
        body.extend_from_slice(&piece.map_err(failed)?);
        if body.len() > LIMIT {
            return Err(Unreached(format!("it answers with more than {LIMIT} bytes")));
        }
    }
    let mut answer = HttpResponse::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

fn secret(oidc: &Oidc) -> Result<Option<ClientSecret>, Refusal> {
    let missing = |e: crate::ports::PortError| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, e.message);
    let secret = oidc.secret.as_ref().map(|at| at.read("the secret of this server"));
    Ok(secret.transpose().map_err(missing)?.map(ClientSecret::new))
}

/// Where the provider sends people back to.
fn back(site: &Site, headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or("localhost");
    let base = site.config().url.clone().unwrap_or_else(|| format!("http://{host}"));
    format!("{base}/login/oidc/callback")
}

async fn metadata(oidc: &Oidc, channel: &Channel) -> Result<CoreProviderMetadata, Refusal> {
    let issuer = IssuerUrl::new(oidc.issuer.clone()).map_err(|e| trouble("the configured issuer", &e))?;
    CoreProviderMetadata::discover_async(issuer, channel).await.map_err(|e| trouble("asking the provider", &e))
}

/// Where somebody wanted to go.
#[derive(Debug, Default, Deserialize)]
pub struct On {
    to: Option<String>,
}

/// `GET /login/oidc`: sends somebody to the provider. It is a link and no form, since browsers hold what a form is redirected to
/// against `form-action` of the page's policy, and a provider may send people on to places that nobody here knows. A page of
/// somebody else's that leads here only has people sign in as themselves: whoever comes back has to have begun in this browser.
pub async fn begin(State(site): State<Shared>, headers: HeaderMap, Query(on): Query<On>) -> Result<Response, Refusal> {
    let config = site.config();
    let oidc = config.oidc.as_ref().ok_or_else(Refusal::absent)?;
    let channel = channel()?;
    let metadata = metadata(oidc, &channel).await?;
    let back = RedirectUrl::new(back(&site, &headers)).map_err(|e| trouble("the URL of this server", &e))?;
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new(oidc.client.clone()), secret(oidc)?)
        .set_redirect_uri(back);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let mut request =
        client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random);
    for scope in &oidc.scopes {
        request = request.add_scope(Scope::new(scope.clone()));
    }
    let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
    let to = on.to.filter(|to| is_ours(to));
    let begun = Begun { at: Instant::now(), verifier, nonce, to: to.unwrap_or_else(|| "/".to_string()) };
    site.away.keep(state.secret().clone(), begun);
    let mut response = see_other(url.as_str())?;
    door::set_cookie(&mut response, &site, BOUND, state.secret(), PATIENCE.as_secs().try_into().unwrap_or(0));
    Ok(response)
}

/// What the provider sends somebody back with.
#[derive(Debug, Default, Deserialize)]
pub struct Returned {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

/// `GET /login/oidc/callback`: somebody comes back.
pub async fn callback(
    State(site): State<Shared>,
    headers: HeaderMap,
    Query(returned): Query<Returned>,
) -> Result<Response, Refusal> {
    let config = site.config();
    let oidc = config.oidc.as_ref().ok_or_else(Refusal::absent)?;
    let stale =
        || Refusal::new(StatusCode::FORBIDDEN, "this login did not begin here, or took too long").help("sign in again");
    let state = returned.state.as_deref().ok_or_else(stale)?;
    let bound = cookie(&headers, BOUND).unwrap_or_default();
    if !tokens::same(bound.as_bytes(), state.as_bytes()) {
        return Err(stale());
    }
    let begun = site.away.take(state).ok_or_else(stale)?;
    if let Some(error) = returned.error {
        let error: String = error.chars().take(100).collect();
        return Err(Refusal::new(StatusCode::FORBIDDEN, format!("the provider says: {error}")));
    }
    let code = returned.code.ok_or_else(stale)?;
    let channel = channel()?;
    let metadata = metadata(oidc, &channel).await?;
    let back = RedirectUrl::new(back(&site, &headers)).map_err(|e| trouble("the URL of this server", &e))?;
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new(oidc.client.clone()), secret(oidc)?)
        .set_redirect_uri(back);
    let exchange = client.exchange_code(AuthorizationCode::new(code)).map_err(|e| trouble("the login", &e))?;
    let answer = exchange.set_pkce_verifier(begun.verifier).request_async(&channel).await;
    let answer = answer.map_err(|e| trouble("the login", &e))?;
    let none = || Refusal::new(StatusCode::BAD_GATEWAY, "the provider does not say who it was");
    let token = answer.id_token().ok_or_else(none)?;
    // Signature, issuer, audience, time and nonce.
    token.claims(&client.id_token_verifier(), &begun.nonce).map_err(|e| trouble("the login", &e))?;
    let said = payload(&token.to_string()).ok_or_else(none)?;
    let text = |key: &str| said.get(key).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_string);
    let name = text(&oidc.name).or_else(|| text("sub")).ok_or_else(none)?;
    if config.users.contains_key(&name) || name == super::site::ANYONE || name.len() > 200 {
        let message = format!("`{name}` is a user of this server and signs in with a token");
        return Err(Refusal::new(StatusCode::FORBIDDEN, message));
    }
    let verified = said.get("email_verified").and_then(Value::as_bool).unwrap_or(true);
    let also = text("email").filter(|_| verified).into_iter().chain(text("name")).collect();
    let claims = Claims { groups: Some(groups(&said, &oidc.groups)), also, scopes: None };
    let (kept, before) = (site.clone(), cookie(&headers, COOKIE).map(tokens::name_of));
    let value = super::api::blocking(move || keep(&kept, &name, &claims, before.as_deref())).await??;
    let mut response = see_other(&begun.to)?;
    door::set(&mut response, &site, &value, SESSION / 1000);
    door::set_cookie(&mut response, &site, BOUND, "", 0);
    Ok(response)
}

/// What a token says, which was verified.
fn payload(token: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?).ok()
}

/// The groups of a claim: a list, or one text with spaces.
fn groups(said: &Value, claim: &str) -> Vec<String> {
    match said.get(claim) {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).take(1000).map(str::to_string).collect(),
        Some(Value::String(text)) => text.split_whitespace().take(1000).map(str::to_string).collect(),
        _ => Vec::new(),
    }
}

/// Keeps who has come back. Blocks.
fn keep(site: &Shared, name: &str, claims: &Claims, before: Option<&str>) -> Result<String, Refusal> {
    let value = door::begin(site, name, claims, before, "with OpenID Connect")?;
    site.recount_of(name, claims.groups.as_deref().unwrap_or_default())?;
    Ok(value)
}

fn see_other(to: &str) -> Result<Response, Refusal> {
    let wrong = |_| Refusal::new(StatusCode::BAD_GATEWAY, "the way on cannot be said");
    let to = HeaderValue::from_str(to).map_err(wrong)?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response())
}

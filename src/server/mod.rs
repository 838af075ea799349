//! The server: a door. It keeps pipelines going day and night, takes hints from outside, and answers people and programs.
//!
//! ```text
//! connection ─listen→ request ─guard→ Person ─handler→ Keeper       one table of routes, each with its right
//! webhook ─hooks→ register ─hint→ Keeper                            answered once it is on the disk; a hint and nothing else
//! Keeper ─records→ server-sent events
//! ```
//!
//! It decides nothing: what somebody may do to a pipeline is judged by [`run`](crate::run), whoever they are; here it is only
//! made sure who they are.

pub mod api;
pub mod config;
pub mod metrics;
pub mod pages;
pub mod routes;
pub mod site;
pub mod tokens;
pub mod web;

mod fault;
mod guard;
mod health;
mod hooks;
mod listen;
mod oidc;
mod start;
mod telling;
mod token;
mod upkeep;

pub use token::token;

use crate::app::Failure;
use crate::app::serving::Serving;
use crate::diag::{Diagnostic, codes};
use crate::ports::{Fault, PortError};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use routes::Shared;
use std::future::IntoFuture;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

/// For how long pipelines come before pages: a look may hang.
const WARM: Duration = Duration::from_secs(10);

/// Serves until somebody stops it. What is said meanwhile goes to `told`: where it listens, and how to log in.
pub fn serve(serving: &Serving, told: &dyn Fn(&str)) -> Result<(), Failure> {
    if let Err(why) = crate::adapters::shell::apart::begin() {
        tracing::debug!("programs are started by whoever wants them: {why}");
    }
    let failed = |e: std::io::Error| {
        Failure::plain(Diagnostic::new(&codes::LIMIT_REACHED, format!("a server cannot begin: {e}")))
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("server").build().map_err(failed)?;
    let result = runtime.block_on(serve_on(serving, told));
    // A look that hangs is nobody's business any more.
    runtime.shutdown_background();
    result
}

async fn serve_on(serving: &Serving, told: &dyn Fn(&str)) -> Result<(), Failure> {
    let config = start::config(serving)?;
    let listener = bind(&start::address(serving, &config)?).await?;
    let at = listener.local_addr().map_err(|e| unreachable("its own address", &e))?;
    let limits = config.limits.clone();
    let start::Started { site, behind, login } = start::start(serving, config, at)?;
    told(&format!("listening on http://{at}\n"));
    introduce(&site, at);
    drop(tokio::spawn(warm(site.clone())));
    if let Some(token) = login {
        // What stands behind the sign of a link is not sent: the page takes it from there, and forgets it.
        told(&format!("sign in at http://{at}/login#{token}\n"));
        told("the part behind `#` is a token for programs, too; it counts until the server stops\n");
    }
    let (closing, closed) = tokio::sync::watch::channel(false);
    let stopping = signals(site.clone(), serving.clone(), closing);
    let app = layers(routes::router(&site), &limits);
    let service = app.into_make_service_with_connect_info::<listen::Peer>();
    let mut begin_end = closed.clone();
    let server =
        axum::serve(listen::Limited::new(listener, limits.connections), service).with_graceful_shutdown(async move {
            let _ = begin_end.wait_for(|c| *c).await;
        });
    let server = tokio::spawn(server.into_future());
    let mut end = closed.clone();
    let _ = end.wait_for(|c| *c).await;
    // Those who follow events would follow them for ever.
    let _ = tokio::time::timeout(Duration::from_secs(2), server).await;
    wait(&behind, limits.grace).await;
    stopping.abort();
    Ok(())
}

/// Reads what was, so that whoever opens the first page need not wait for it; once the first looks are done, which is what
/// pipelines wait for.
async fn warm(site: Shared) {
    let until = tokio::time::Instant::now() + WARM;
    let is_ready = || site.keepers().iter().all(|keeper| keeper.see(|view| view.ready));
    while !is_ready() && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(tokio::task::spawn_blocking(move || web::warm(&site)));
}

/// Tells whoever comes to the state while the server holds it where to go, and its owner what is wrong with the way there.
fn introduce(site: &Shared, at: std::net::SocketAddr) {
    let url = site.config().url.clone();
    if !at.ip().is_loopback() && !url.as_deref().is_some_and(|u| u.starts_with("https://")) {
        tracing::warn!(
            "this server can be reached from elsewhere without TLS, and so tokens can be read on the way: put what speaks TLS \
             before it, and say `url \"https://…\"` in its configuration"
        );
    }
    // Who listens everywhere is reached here, too.
    let near = if at.ip().is_unspecified() { format!("localhost:{}", at.port()) } else { at.to_string() };
    let address = url.unwrap_or_else(|| format!("http://{near}"));
    for keeper in site.keepers().iter() {
        // Nothing depends on it but a message.
        let _ = crate::adapters::sqlite::tell_address(&keeper.folder, &address);
    }
}

async fn bind(address: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|e| unreachable(address, &e))
}

fn unreachable(address: &str, error: &std::io::Error) -> Failure {
    let what = PortError::new(Fault::Unavailable, format!("nothing can listen on `{address}`: {error}"))
        .help("name a free address and port: `--listen 127.0.0.1:8080`");
    Failure::of(&what, "the server")
}

/// What all answers go through: bounds of size and time, and headers that tell browsers to do nothing on their own.
fn layers(router: Router, limits: &config::Limits) -> Router {
    let header = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    router
        .layer(DefaultBodyLimit::max(limits.body))
        .layer(RequestBodyLimitLayer::new(limits.artifacts))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, limits.timeout))
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("x-frame-options", "DENY"))
        .layer(header("referrer-policy", "no-referrer"))
        .layer(header("cache-control", "no-store"))
        .layer(header("content-security-policy", "default-src 'none'; frame-ancestors 'none'"))
}

/// Listens to signals: to stop, gracefully the first time; and to read the configuration anew.
fn signals(site: Shared, serving: Serving, closing: tokio::sync::watch::Sender<bool>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let listen = |kind: SignalKind| signal(kind).ok();
        let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt()), listen(SignalKind::terminate()));
        let mut hangup = listen(SignalKind::hangup());
        let mut asked = 0;
        loop {
            tokio::select! {
                () = next(&mut interrupt) => asked += 1,
                () = next(&mut terminate) => asked += 1,
                () = next(&mut hangup) => {
                    let (site, serving) = (site.clone(), serving.clone());
                    let _ = tokio::task::spawn_blocking(move || start::reload(&site, &serving)).await;
                    continue;
                }
            }
            if asked > 1 {
                std::process::exit(130);
            }
            tracing::info!("stopping: nothing new begins, and what runs comes to its end; again: leave at once");
            site.stop();
            let _ = closing.send(true);
        }
    })
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Waits for what runs, for as long as it may take. What is not done by then is handed on: it stands in the journal.
async fn wait(behind: &start::Threads, grace: Duration) {
    let until = tokio::time::Instant::now() + grace + Duration::from_secs(2);
    while behind.lock().iter().any(|b| !b.is_over()) && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

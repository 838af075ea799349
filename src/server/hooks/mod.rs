//! Webhooks. One carries no authority and no content: it hastens a look at the source that is configured. It is answered once
//! it is on the disk, and what came of it stands beside it.
//!
//! Whoever cannot prove that they know the secret hears the same, whether the pipeline, the source or the secret is wrong.

mod artifacts;
mod batch;
mod provider;

pub use batch::Batch;
pub use provider::Provider;

use super::api::blocking;
use super::fault::Refusal;
use super::routes::Shared;
use super::tokens::{nobodys, random_word, same};
use crate::adapters::sqlite::register::{Delivery, Taken};
use crate::app::Keeper;
use crate::model::{SourceKind, TriggerKind};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{MethodRouter, post};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For how long the value of a secret is kept in mind: a program may have to be asked for it.
const KEPT: Duration = Duration::from_secs(30);

/// Secrets, and when they were asked for.
type Lately = (Instant, Arc<[String]>);

/// The secrets that were asked for lately: by pipeline and source.
#[derive(Default)]
pub struct Secrets(Mutex<HashMap<(String, String), Lately>>);

impl Secrets {
    /// The secrets that sign webhooks of a source; none where it takes none. Blocks where a program is asked.
    fn of(&self, keeper: &Keeper, source: &str) -> Arc<[String]> {
        let key = (keeper.name.clone(), source.to_string());
        let mut kept = self.0.lock();
        if let Some((_, secrets)) = kept.get(&key).filter(|(at, _)| at.elapsed() < KEPT) {
            return secrets.clone();
        }
        let session = keeper.session();
        let found = session.graph.pipeline().sources.iter().find(|s| s.name.value == source);
        let names = found.iter().flat_map(|s| &s.triggers).filter_map(|t| match &t.kind {
            TriggerKind::Webhook(secret) => Some(secret.value.clone()),
            _ => None,
        });
        let secrets: Arc<[String]> = names.filter_map(|n| session.secret(&n).ok()).filter(|s| !s.is_empty()).collect();
        // Names of sources that nobody has are not kept.
        if found.is_some() {
            kept.insert(key, (Instant::now(), secrets.clone()));
        }
        secrets
    }
}

/// A token in the address, for those who can send nothing else.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    token: Option<String>,
}

fn unproven() -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "nothing here is proven by what was sent")
        .help("sign the body with the secret of the trigger, or send it as this sender does")
}

fn refused(site: &Shared) -> Refusal {
    site.webhooks.refused_one();
    unproven()
}

/// `POST /hooks/{pipeline}/{source}`: a hint.
pub async fn hint(
    State(site): State<Shared>,
    Path((pipeline, source)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let keeper = site.keeper(&pipeline);
    let (secrets, of) = (keeper_secrets(&site, keeper.clone(), source.clone()).await?, Provider::of(&headers, &body));
    let asked = asked.token.as_deref();
    let is_proven = |secret: &String| of.verify(&headers, &body, secret, asked);
    // Where there is no secret, one that nobody has takes as long.
    let proven = if secrets.is_empty() {
        of.verify(&headers, &body, nobodys(), asked);
        false
    } else {
        // All are tried, so that the time does not tell which one it was.
        secrets.iter().filter(|s| is_proven(s)).count() > 0
    };
    let keeper = keeper.filter(|_| proven).ok_or_else(|| refused(&site))?;
    let name = match of.delivery(&headers, &body) {
        Some(name) => name,
        None => unnamed()?,
    };
    take(&site, &keeper, &source, of.word(), name).await
}

/// A name for what has none: it counts for itself.
fn unnamed() -> Result<String, Refusal> {
    random_word::<26>().map_err(|e| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, format!("no name can be made: {e}")))
}

async fn keeper_secrets(site: &Shared, keeper: Option<Arc<Keeper>>, source: String) -> Result<Arc<[String]>, Refusal> {
    let Some(keeper) = keeper else { return Ok(Arc::new([])) };
    let site = site.clone();
    blocking(move || site.secrets.of(&keeper, &source)).await
}

/// Writes a delivery down and hints. It is on the disk when this is answered.
async fn take(
    site: &Shared,
    keeper: &Keeper,
    source: &str,
    provider: &str,
    name: String,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    if site.is_stopping() {
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server stops; send it again"));
    }
    let delivery = Delivery {
        id: 0,
        pipeline: keeper.name.clone(),
        source: source.to_string(),
        provider: provider.to_string(),
        delivery: name.clone(),
        at: site.now(),
        outcome: None,
    };
    match site.batch.take(delivery).await? {
        Taken::New(id) => {
            site.webhooks.new_one();
            keeper.hint(source, Some(id));
            Ok((StatusCode::ACCEPTED, Json(json!({"delivery": name, "from": provider, "known": false}))))
        }
        Taken::Known => {
            site.webhooks.known_one();
            Ok((StatusCode::OK, Json(json!({"delivery": name, "from": provider, "known": true}))))
        }
    }
}

/// The route of the artifacts, whose bodies may be larger than others.
pub fn artifacts_route() -> MethodRouter<Shared> {
    post(artifacts).layer(DefaultBodyLimit::disable())
}

/// `POST /webhooks/webhook/{source}`: artifacts, as a deployer is sent them. They are the version.
async fn artifacts(
    State(site): State<Shared>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let wrong = |why: String| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, why);
    let payload = artifacts::Payload::read(&body);
    let said = payload.as_ref().ok().and_then(|p| p.secret()).map(str::to_string);
    let mut proven = Vec::new();
    for keeper in site.keepers().iter().filter(|k| is_webhook(k, &source)) {
        let secrets = keeper_secrets(&site, Some(keeper.clone()), source.clone()).await?;
        let is = |secret: &&String| {
            Provider::Generic.verify(&headers, &body, secret, None)
                || said.as_ref().is_some_and(|s| same(s.as_bytes(), secret.as_bytes()))
        };
        if secrets.iter().filter(is).count() > 0 {
            proven.push(keeper.clone());
        }
    }
    if proven.is_empty() {
        return Err(refused(&site));
    }
    let files = payload.and_then(|p| p.files()).map_err(wrong)?;
    let name = Provider::Generic.delivery(&headers, &body);
    let mut answer = Err(unproven());
    for keeper in proven {
        let (kept, of, content) = (keeper.clone(), source.clone(), files.clone());
        // Kept before it is promised.
        let version = blocking(move || kept.session().receive(&of, &content)).await??;
        let name = match &name {
            Some(name) => name.clone(),
            None => unnamed()?,
        };
        answer = take(&site, &keeper, &source, "artifacts", name).await.map(|(status, Json(mut body))| {
            if let Some(body) = body.as_object_mut() {
                body.insert("version".to_string(), version.id.clone().into());
                // What the old deployer answers with.
                body.insert("eventId".to_string(), body.get("delivery").cloned().unwrap_or_default());
                body.insert("eventProcessed".to_string(), true.into());
            }
            (status, Json(body))
        });
    }
    answer
}

fn is_webhook(keeper: &Keeper, source: &str) -> bool {
    let session = keeper.session();
    session.graph.pipeline().sources.iter().any(|s| s.name.value == source && s.kind == SourceKind::Webhook)
}

//! Letting old things go, as `keep` of the configuration says, on a thread of its own.

use super::routes::Shared;
use std::time::Duration;

/// How long after the start it is done first, when everybody has something better to do.
const FIRST: Duration = Duration::from_secs(60);
/// How often it is done.
const EVERY: Duration = Duration::from_secs(3600);
/// How often it is looked whether the server stops.
const NAP: Duration = Duration::from_secs(1);

/// Begins.
pub(super) fn begin(site: &Shared) -> std::io::Result<()> {
    let site = site.clone();
    let work = move || {
        let mut wait = FIRST;
        while sleep(&site, wait) {
            prune(&site);
            wait = EVERY;
        }
    };
    std::thread::Builder::new().name("upkeep".to_string()).spawn(work).map(|_| ())
}

/// Sleeps; whether the server goes on.
fn sleep(site: &Shared, time: Duration) -> bool {
    let until = std::time::Instant::now() + time;
    while std::time::Instant::now() < until && !site.is_stopping() {
        std::thread::sleep(NAP);
    }
    !site.is_stopping()
}

fn prune(site: &Shared) {
    let (keep, now) = (site.config().keep, site.now());
    let audited = now.saturating_sub(i64::try_from(keep.audit.as_millis()).unwrap_or(i64::MAX));
    if let Err(error) = site.register.tidy(now, audited) {
        tracing::error!("the register cannot be tidied: {error}");
    }
    for keeper in site.keepers().iter() {
        match keeper.prune(&keep) {
            Ok(pruned) if pruned == Default::default() => {}
            Ok(pruned) => tracing::info!(pipeline = %keeper.name, "let go: {}", pruned.text()),
            Err(error) => tracing::error!(pipeline = %keeper.name, "old things cannot be let go: {error}"),
        }
    }
}

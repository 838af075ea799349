//! What only the real thing can tell: a cluster, a registry, an engine. Runs where `LOCKGATE_LIVE=1` says that they are there,
//! and says so where it does not run.

mod kube;

use std::sync::atomic::{AtomicU32, Ordering};

/// Whether live tests run; a line says that one does not.
pub(crate) fn is_live(test: &str) -> bool {
    let live = std::env::var_os("LOCKGATE_LIVE").is_some_and(|v| v == "1");
    if !live {
        eprintln!(
            "skipped: {test} (it needs a cluster, an engine and a registry; LOCKGATE_LIVE=1 says that they are there)"
        );
    }
    live
}

/// A name that no other test, and no run of before, has used.
pub(crate) fn unique(prefix: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}-{:x}-{:x}{number}", time.as_millis() & 0xfff_ffff, std::process::id() & 0xffff)
}

//! What only the real thing can tell: a cluster, a registry, an engine. Runs where `LOCKGATE_LIVE=1` says that they are there,
//! and says so where it does not run.

mod away;
mod chart_tests;
#[cfg(feature = "server")]
mod day;
mod deploys;
mod docker;
#[cfg(feature = "server")]
mod inside;
mod jobs;
mod kube;
mod record;
mod registry;
mod rollout;
mod scenes;

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

/// A file of the folder beside the project that has what live tests need.
pub(crate) fn shared(path: &str) -> Option<std::path::PathBuf> {
    let above = crate::lab::repository().ancestors().skip(1).take(2);
    above.map(|folder| folder.join("shared").join(path)).find(|path| path.exists())
}

/// The registry that the cluster pulls from.
pub(crate) fn registry() -> String {
    std::env::var("REGISTRY").ok().filter(|r| !r.is_empty()).unwrap_or_else(|| "127.0.0.1:5000".to_string())
}

/// A runnable image of the test registry, put there when it is first asked for: a shell and the usual programs.
pub(crate) fn busybox() -> String {
    static IMAGE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let name = IMAGE.get_or_init(|| {
        let script = shared("cluster/cluster.sh").expect("the cluster's script");
        let made = std::process::Command::new(script).args(["image", "live/busybox:1"]).output().expect("a program");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        format!("{}/live/busybox:1", registry())
    });
    name.clone()
}

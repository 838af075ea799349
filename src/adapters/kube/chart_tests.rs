//! The tests that charts bring: their hooks for the moment `test`, run as other hooks are, with their logs in the log of the
//! verification.

use super::client::Cluster;
use super::diary::Diary;
use super::hooks::Hooks;
use super::rollout::Within;
use super::{pull, wanted};
use crate::ports::PortError;
use crate::ports::bundle::{Bundle, Hook, TEST};
use crate::ports::places::{Target, Testing};

/// Runs them one after the other, until one fails.
pub(super) async fn run(cluster: &Cluster, testing: &Testing<'_>, diary: &Diary<'_>) -> Result<(), PortError> {
    let Target::Cluster { namespace, pull_secret, .. } = testing.target else { return Ok(()) };
    let stop = || diary.is_stopped();
    let say = |line: &str| diary.line(line);
    let within = Within { deadline: diary.deadline(), stop: &stop, say: &say };
    for bundle in testing.bundles {
        diary.check()?;
        // The secret itself came with the deploy.
        let pull = pull_secret.as_ref().map(|_| pull::name(&bundle.release));
        let hooks = tests_of(bundle, pull.as_deref());
        if hooks.is_empty() {
            diary.line(format!("{} brings no tests", bundle.release));
        }
        Hooks { all: &hooks, namespace, key: testing.key }.run(cluster, TEST, within).await?;
    }
    Ok(())
}

fn tests_of(bundle: &Bundle, pull: Option<&str>) -> Vec<Hook> {
    let is_test = |hook: &&Hook| hook.is_of(TEST);
    let mut hooks: Vec<Hook> = bundle.hooks.iter().filter(is_test).cloned().collect();
    for hook in &mut hooks {
        wanted::add_pull_secret(&hook.object.kind, &mut hook.object.body, pull);
    }
    hooks
}

//! Environments in memory: folders and clusters alike.

use super::{Deed, Ledger, Power};
use crate::digest::Digest;
use crate::ports::bundle::{Bundle, Hook, TEST};
use crate::ports::places::{Deployment, Ended, Places, Rehearsal, Seen, Target, Testing, plainly};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Environments in memory.
#[derive(Debug)]
pub struct FakePlaces {
    ledger: Ledger,
    power: Power,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    deployed: BTreeMap<(Target, String), Deployed>,
    faults: BTreeMap<Target, VecDeque<PortError>>,
    /// How the next tests of a release fail.
    tests: BTreeMap<String, VecDeque<PortError>>,
    /// The tests that were run, with their keys.
    tested: BTreeSet<(Target, String, Digest)>,
}

#[derive(Debug)]
struct Deployed {
    digest: Digest,
    candidate: Digest,
    bundle: Bundle,
    drift: BTreeMap<String, String>,
}

impl FakePlaces {
    /// Environments in which nothing is.
    pub fn new(ledger: Ledger, power: Power) -> FakePlaces {
        FakePlaces { ledger, power, inner: Mutex::default() }
    }

    /// The rendered objects that a place has of a release.
    pub fn bundle(&self, target: &Target, release: &str) -> Option<Bundle> {
        self.inner.lock().deployed.get(&(target.clone(), release.to_string())).map(|deployed| deployed.bundle.clone())
    }

    /// The candidate that a place has of a release.
    pub fn candidate(&self, target: &Target, release: &str) -> Option<Digest> {
        self.inner.lock().deployed.get(&(target.clone(), release.to_string())).map(|deployed| deployed.candidate)
    }

    /// Changes an object behind our back, with words for how.
    pub fn meddle(&self, target: &Target, release: &str, object: &str, how: &str) {
        if let Some(deployed) = self.inner.lock().deployed.get_mut(&(target.clone(), release.to_string())) {
            deployed.drift.insert(object.to_string(), how.to_string());
        }
    }

    /// Lets the next deploy to a place fail like that, before it changes anything. Several are taken one after the other.
    pub fn fail(&self, target: &Target, fault: PortError) {
        self.inner.lock().faults.entry(target.clone()).or_default().push_back(fault);
    }
}

impl Places for FakePlaces {
    fn look(&self, target: &Target, release: &str, _: Option<&Bundle>) -> Result<Seen, PortError> {
        self.power.check()?;
        let inner = self.inner.lock();
        let found = inner.deployed.get(&(target.clone(), release.to_string()));
        let seen = |deployed: &Deployed| Seen {
            bundle: Some(deployed.digest),
            drift: deployed.drift.iter().map(|(object, how)| (object.clone(), how.clone())).collect(),
        };
        Ok(found.map(seen).unwrap_or_default())
    }

    fn rehearse(&self, target: &Target, bundle: &Bundle, _: &[String]) -> Result<Rehearsal, PortError> {
        self.power.check()?;
        let inner = self.inner.lock();
        let found = inner.deployed.get(&(target.clone(), bundle.release.clone()));
        let mut objects = plainly(found.map(|d| &d.bundle), bundle);
        for (object, how) in found.iter().flat_map(|d| &d.drift) {
            // What somebody changed is another object than it was.
            let changed = objects.iter_mut().find(|o| o.object == *object).and_then(|o| o.before.as_mut());
            if let Some(before) = changed {
                *before = serde_json::json!({ "changed": how });
            }
        }
        Ok(Rehearsal { bundle: found.map(|d| d.digest), objects })
    }

    fn deploy(&self, deployment: &Deployment<'_>) -> Ended {
        self.bring(deployment).into()
    }

    fn test(&self, testing: &Testing<'_>) -> Ended {
        testing.bundles.iter().try_for_each(|bundle| self.run_tests(testing, bundle)).into()
    }
}

impl FakePlaces {
    /// Lets the next test of a release fail like that.
    pub fn fail_test(&self, release: &str, fault: PortError) {
        self.inner.lock().tests.entry(release.to_string()).or_default().push_back(fault);
    }

    fn run_tests(&self, testing: &Testing<'_>, bundle: &Bundle) -> Result<(), PortError> {
        self.power.boundary()?;
        let Testing { target, key, .. } = *testing;
        let mut inner = self.inner.lock();
        if !inner.deployed.contains_key(&(target.clone(), bundle.release.clone())) {
            let message = format!("{} is not deployed in {target}", bundle.release);
            return Err(PortError::new(Fault::NotFound, message));
        }
        if let Some(fault) = inner.tests.get_mut(&bundle.release).and_then(VecDeque::pop_front) {
            return Err(fault);
        }
        let is_test = |hook: &&Hook| hook.is_of(TEST);
        for hook in bundle.hooks.iter().filter(is_test) {
            // One that was run with this key is there, and is not run again.
            if inner.tested.insert((target.clone(), hook.object.id(), key)) {
                let to = format!("{target} {}", hook.object.id());
                self.ledger.record(&self.power, Deed::Test, to, key.to_string());
            }
        }
        drop(inner);
        self.power.boundary()
    }

    fn bring(&self, deployment: &Deployment<'_>) -> Result<(), PortError> {
        self.power.boundary()?;
        let Deployment { target, bundle, digest, candidate, .. } = *deployment;
        let mut inner = self.inner.lock();
        if let Some(fault) = inner.faults.get_mut(target).and_then(VecDeque::pop_front) {
            return Err(fault);
        }
        let place = (target.clone(), bundle.release.clone());
        let is_none = bundle.objects.is_empty() && bundle.hooks.is_empty();
        let changed = match inner.deployed.get(&place) {
            None => !is_none,
            Some(before) => is_none || before.digest != digest || !before.drift.is_empty(),
        };
        if is_none {
            inner.deployed.remove(&place);
        } else {
            let deployed = Deployed { digest, candidate, bundle: bundle.clone(), drift: BTreeMap::new() };
            inner.deployed.insert(place, deployed);
        }
        drop(inner);
        if changed {
            self.ledger.record(&self.power, Deed::Deploy, format!("{target} {}", bundle.release), digest.to_string());
        }
        self.power.boundary()
    }
}

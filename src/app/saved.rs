//! Saved plans: self-contained, hashed, without a secret. Applying one does exactly it, or refuses and says what moved.

use super::{Failure, Loaded};
use crate::diag::{Diagnostic, codes};
use crate::digest::Digest;
use crate::plan::{Action, EnvironmentPlan, Plan};
use crate::ports::sources::Head;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The word at the beginning of every saved plan, and its version.
const FORM: &str = "lockgate-plan-1";

/// How large a saved plan may be.
const LIMIT: u64 = 256 << 20;

/// A plan as it is saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedPlan {
    /// What this is.
    pub form: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// The path of the pipeline file it was made of.
    pub file: PathBuf,
    /// All texts of the pipeline file.
    pub texts: Vec<(PathBuf, String)>,
    /// The exact version of each source.
    pub heads: BTreeMap<String, Head>,
    /// Nodes that run anew.
    pub rerun: Vec<String>,
    /// The steps: what becomes of them, and their keys.
    pub steps: BTreeMap<String, SavedStep>,
    /// The environments.
    pub environments: BTreeMap<String, SavedEnvironment>,
    /// The hash of the plan.
    pub hash: Digest,
}

/// A step as it is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedStep {
    /// What becomes of it.
    pub action: Action,
    /// Its key; nothing while an input is unknown.
    pub key: Option<Digest>,
}

/// An environment as it is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedEnvironment {
    /// The hash that an approval is given to.
    pub subplan: Option<Digest>,
    /// What of the sub-plan is which.
    pub contents: BTreeMap<String, String>,
    /// The objects that change.
    pub objects: Vec<String>,
    /// What is there and is not as it was left.
    pub drift: BTreeMap<String, String>,
    /// What names each of the objects that change as it is, where the place was asked: a cluster.
    #[serde(default)]
    pub stamps: Option<BTreeMap<String, Digest>>,
}

impl SavedPlan {
    /// The plan as it is saved.
    pub fn new(plan: &Plan, loaded: &Loaded, rerun: &[String]) -> SavedPlan {
        let step = |s: &crate::plan::Step| (s.id.to_string(), SavedStep { action: s.action, key: s.key });
        let environment = |e: &crate::plan::EnvironmentPlan| {
            let objects = e.changes.iter().map(|c| c.object.clone()).collect();
            (
                e.name.clone(),
                SavedEnvironment {
                    subplan: e.subplan,
                    contents: e.contents.clone(),
                    objects,
                    drift: e.drift.clone(),
                    stamps: is_rehearsed(e).then(|| stamps(e)),
                },
            )
        };
        SavedPlan {
            form: FORM.to_string(),
            pipeline: plan.pipeline.clone(),
            file: std::path::absolute(&loaded.path).unwrap_or_else(|_| loaded.path.clone()),
            texts: loaded.texts(),
            heads: plan.heads(),
            rerun: rerun.to_vec(),
            steps: plan.steps.iter().map(step).collect(),
            environments: plan.environments.iter().map(environment).collect(),
            hash: plan.hash,
        }
    }

    /// Writes it: a line that names its digest, then JSON.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let body = serde_json::to_string(self).unwrap_or_default();
        let text = format!("{FORM} {}\n{body}\n", Digest::of(&body));
        let failed = |e: std::io::Error| {
            Failure::plain(Diagnostic::new(
                &codes::PLAN_UNREADABLE,
                format!("the plan cannot be written to {}: {e}", path.display()),
            ))
        };
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)?;
        file.persist(path).map_err(|e| failed(e.error))?;
        Ok(())
    }

    /// Whether a file begins as a saved plan does.
    pub fn is_one(path: &Path) -> bool {
        let mut start = [0; FORM.len()];
        let read =
            |mut f: std::fs::File| std::io::Read::read_exact(&mut f, &mut start).map(|()| start == FORM.as_bytes());
        path.is_file() && std::fs::File::open(path).and_then(read).unwrap_or(false)
    }

    /// Reads it, and checks that it is as it was written.
    pub fn read(path: &Path) -> Result<SavedPlan, Failure> {
        let bad = |what: String| {
            Failure::plain(Diagnostic::new(
                &codes::PLAN_UNREADABLE,
                format!("the saved plan {} {what}", path.display()),
            ))
        };
        let size = std::fs::metadata(path).map_err(|e| bad(format!("cannot be read: {e}")))?.len();
        if size > LIMIT {
            return Err(bad(format!("has {size} bytes, and {LIMIT} are the limit")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| bad(format!("cannot be read: {e}")))?;
        let (head, body) = text.split_once('\n').ok_or_else(|| bad("is cut off".into()))?;
        let body = body.trim_end_matches('\n');
        if head != format!("{FORM} {}", Digest::of(body)) {
            return Err(bad("is not as it was written: its digest does not fit".into()));
        }
        serde_json::from_str(body).map_err(|e| bad(format!("cannot be read: {e}")))
    }

    /// The steps that are done in it.
    pub fn done(&self) -> BTreeSet<String> {
        let done = self.steps.iter().filter(|(_, step)| step.action == Action::Reuse);
        done.map(|(id, _)| id.clone()).collect()
    }

    /// What is not as it was when the plan was made; nothing when the plan made now is the same. In a cluster or branch, where
    /// others are at work as well, only what it changes has to be as it was.
    pub fn moved(&self, now: &Plan) -> Vec<String> {
        let mut moved = Vec::new();
        for environment in &now.environments {
            let Some(then) = self.environments.get(&environment.name) else { continue };
            let Some(stamps) = &then.stamps else { continue };
            for object in &then.objects {
                match (stamps.get(object), environment.stamps.get(object)) {
                    (a, b) if a == b => {}
                    (None, Some(_)) => {
                        moved.push(format!("environment {}: {object} is there by now", environment.name))
                    }
                    (Some(_), None) => moved.push(format!("environment {}: {object} is gone", environment.name)),
                    _ => moved.push(format!("environment {}: {object} is not as it was", environment.name)),
                }
            }
        }
        if self.hash == now.hash || !moved.is_empty() {
            return moved;
        }
        for environment in &now.environments {
            let Some(then) = self.environments.get(&environment.name) else { continue };
            for (what, value) in &environment.contents {
                match then.contents.get(what) {
                    Some(old) if old == value => {}
                    Some(_) if what == "instead of" => {
                        moved.push(format!("environment {} has another candidate by now", environment.name));
                    }
                    Some(old) => {
                        moved.push(format!("environment {}: {what} was {old} and is {value}", environment.name))
                    }
                    None => moved.push(format!("environment {}: {what} is new", environment.name)),
                }
            }
            if then.stamps.is_some() {
                continue;
            }
            let touched = environment.changes.iter().map(|c| &c.object).filter(|o| !then.objects.contains(o));
            let drifted = environment.drift.iter().filter(|(o, how)| then.drift.get(*o) != Some(*how)).map(|(o, _)| o);
            let restored = then.drift.keys().filter(|o| !environment.drift.contains_key(*o));
            let objects: BTreeSet<&String> = touched.chain(drifted).chain(restored).collect();
            moved
                .extend(objects.into_iter().map(|o| format!("environment {}: {o} is not as it was", environment.name)));
        }
        for step in &now.steps {
            let then = self.steps.get(&*step.id);
            let known = |s: &SavedStep| s.key.zip(step.key).is_none_or(|(a, b)| a == b) && s.action == step.action;
            if moved.is_empty() && !then.is_some_and(known) {
                moved.push(format!(
                    "{} was {} and is {}",
                    step.id,
                    then.map_or("not there", |s| word(s.action)),
                    word(step.action)
                ));
            }
        }
        if moved.is_empty() && !self.differs_elsewhere_alone(now) {
            moved.push("the plan made now is another one".to_string());
        }
        moved
    }

    /// Whether all that is decided is the same, so that what differs is what others did to objects that this plan does not
    /// change.
    fn differs_elsewhere_alone(&self, now: &Plan) -> bool {
        let same = |e: &EnvironmentPlan| self.environments.get(&e.name).is_some_and(|then| then.subplan == e.subplan);
        let clusters = now.environments.iter().any(is_rehearsed);
        let steps = now
            .steps
            .iter()
            .all(|s| self.steps.get(&*s.id).is_some_and(|then| then.key == s.key && then.action == s.action));
        clusters && steps && now.steps.len() == self.steps.len() && now.environments.iter().all(same)
    }
}

/// Whether it is a place in which others are at work as well.
fn is_rehearsed(environment: &EnvironmentPlan) -> bool {
    environment.target.rehearses()
}

/// What names the objects that change as they are.
fn stamps(environment: &EnvironmentPlan) -> BTreeMap<String, Digest> {
    let changed = environment.changes.iter().filter_map(|c| environment.stamps.get_key_value(&c.object));
    changed.map(|(object, stamp)| (object.clone(), *stamp)).collect()
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Reuse => "done already",
        Action::Run => "to be run",
        Action::Maybe => "not known yet",
    }
}

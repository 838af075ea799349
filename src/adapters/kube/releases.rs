//! Helm's records of a release in a cluster: what was deployed there before, by us or by Helm, and what is now.

use super::around::text;
use super::client::{At, Cluster};
use super::kinds::Resource;
use crate::digest::Digest;
use crate::helm::record::{Entry, HISTORY, Record, RecordedHook, SECRET_TYPE, Status, secret_name};
use crate::ports::bundle::{Bundle, Origin};
use crate::ports::{Fault, PortError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

/// The label that says which bundle a record of ours is of.
const BUNDLE: &str = "lockgate.dev/bundle";
/// A release that Helm began so long ago and has not ended is stuck: Helm itself gives up after 5 minutes.
const STUCK: i64 = 10 * 60;

/// What is done with a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It was not there.
    Install,
    /// It was.
    Upgrade,
    /// It goes back to what it was.
    Rollback {
        /// The revision that it goes back to.
        to: u32,
    },
}

impl Moment {
    /// The end of its hooks' names: `install`.
    pub fn word(self) -> &'static str {
        match self {
            Moment::Install => "install",
            Moment::Upgrade => "upgrade",
            Moment::Rollback { .. } => "rollback",
        }
    }

    fn pending(self) -> Status {
        match self {
            Moment::Install => Status::PendingInstall,
            Moment::Upgrade => Status::PendingUpgrade,
            Moment::Rollback { .. } => Status::PendingRollback,
        }
    }

    fn done(self) -> String {
        match self {
            Moment::Install => "Install complete".to_string(),
            Moment::Upgrade => "Upgrade complete".to_string(),
            Moment::Rollback { to } => format!("Rollback to {to}"),
        }
    }
}

/// A record with its Secret.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What it says.
    pub record: Record,
    /// The bundle, where it is a record of ours.
    bundle: Option<String>,
}

/// A release in a namespace of a cluster.
pub struct Release<'a> {
    cluster: &'a Cluster,
    namespace: String,
    name: String,
    /// Its records, the oldest first.
    pub stored: Vec<Stored>,
}

/// A deploy that was begun.
pub struct Begun {
    /// What it is.
    pub moment: Moment,
    /// Its number.
    pub revision: u32,
    record: Record,
    bundle: Digest,
}

impl<'a> Release<'a> {
    /// Reads what is there of a release. A record that cannot be read is said and left as it is.
    pub async fn read(
        cluster: &'a Cluster,
        namespace: &str,
        name: &str,
        say: &(dyn Fn(&str) + Sync),
    ) -> Result<Release<'a>, PortError> {
        let labels = format!("owner=helm,name={name}");
        let mut stored = Vec::new();
        for secret in cluster.list(&secrets(), Some(namespace), &labels).await? {
            let data = STANDARD.decode(text(&secret, "/data/release")).unwrap_or_default();
            match Record::decode(&data) {
                Ok(record) => {
                    let label = secret.pointer("/metadata/labels").and_then(|l| l.get(BUNDLE)).and_then(Value::as_str);
                    stored.push(Stored { record, bundle: label.map(str::to_string) });
                }
                Err(error) => say(&format!("Helm's record {} is left out: {error}", text(&secret, "/metadata/name"))),
            }
        }
        stored.sort_by_key(|s| s.record.revision());
        Ok(Release { cluster, namespace: namespace.to_string(), name: name.to_string(), stored })
    }

    /// The record of what runs: the last one that was deployed.
    pub fn deployed(&self) -> Option<&Stored> {
        self.stored.iter().rev().find(|s| s.record.status() == Status::Deployed)
    }

    /// The record of what Helm, not we, has deployed: what is taken over from it.
    pub fn helms(&self) -> Option<&Record> {
        self.deployed().filter(|s| s.bundle.is_none()).map(|s| &s.record)
    }

    /// Begins a deploy: writes that it is under way. One that was begun with the same bundle and did not come to its end
    /// goes on under its number; one that somebody else left unfinished is marked as failed.
    ///
    /// # Errors
    /// Helm is at work on the release right now.
    pub async fn begin(
        &mut self,
        bundle: &Bundle,
        digest: Digest,
        say: &(dyn Fn(&str) + Sync),
    ) -> Result<Begun, PortError> {
        let now = Timestamp::now();
        if let Some(last) = self.stored.last().filter(|s| s.record.status().is_pending()).cloned() {
            if last.bundle.as_deref() == Some(label(digest).as_str()) {
                let revision = last.record.revision();
                say(&format!("revision {revision} of release `{}` was begun before and goes on", self.name));
                let moment = self.moment(digest, Some(revision));
                return Ok(Begun { moment, revision, record: last.record, bundle: digest });
            }
            self.repair(&last, now, say).await?;
        }
        let moment = self.moment(digest, None);
        let revision = self.stored.last().map_or(0, |s| s.record.revision()) + 1;
        let record = Record::new(&Entry {
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            revision,
            status: moment.pending(),
            first_deployed: self
                .stored
                .first()
                .map(|s| s.record.first_deployed().to_string())
                .filter(|t| !t.is_empty()),
            now: now.to_string(),
            description: format!("Preparing {}", moment.word()),
            ..entry(bundle)
        });
        self.make(&record, digest).await?;
        Ok(Begun { moment, revision, record, bundle: digest })
    }

    /// What a deploy of that bundle is. `own` is the record of this very deploy, where there is one.
    fn moment(&self, digest: Digest, own: Option<u32>) -> Moment {
        let before = || self.stored.iter().rev().filter(|s| Some(s.record.revision()) != own);
        if !before().any(|s| matches!(s.record.status(), Status::Deployed | Status::Superseded)) {
            return if before().next().is_some() { Moment::Upgrade } else { Moment::Install };
        }
        let label = label(digest);
        // What ran well before what runs now.
        let older =
            before().find(|s| s.record.status() == Status::Superseded && s.bundle.as_deref() == Some(label.as_str()));
        match older {
            Some(older) => Moment::Rollback { to: older.record.revision() },
            None => Moment::Upgrade,
        }
    }

    /// Ends what somebody left unfinished.
    async fn repair(&mut self, last: &Stored, now: Timestamp, say: &(dyn Fn(&str) + Sync)) -> Result<(), PortError> {
        let (status, revision) = (last.record.status().word(), last.record.revision());
        let since = last.record.last_deployed();
        let age = since.parse::<Timestamp>().map_or(i64::MAX, |at| now.as_second() - at.as_second());
        if last.bundle.is_none() && age < STUCK {
            let message = format!(
                "Helm is at work on release `{}` in namespace `{}`: revision {revision} is {status} since {since}",
                self.name, self.namespace
            );
            let help = format!(
                "wait until it has ended; what is still {status} after {} minutes counts as stuck and is repaired",
                STUCK / 60
            );
            return Err(PortError::new(Fault::Unavailable, message).help(help));
        }
        say(&format!(
            "release `{}` was stuck: revision {revision} is {status} since {since}, and is marked as failed",
            self.name
        ));
        let words = format!("Stuck in {status}; marked as failed by Lockgate");
        let record = last.record.clone().with_status(Status::Failed, Some(&words));
        self.write(&record, None).await?;
        if let Some(stored) = self.stored.last_mut() {
            stored.record = record;
        }
        Ok(())
    }

    /// Ends a deploy. Where it went well, what was deployed before is superseded, and of the oldest records those go that
    /// are more than Helm keeps.
    pub async fn end(&mut self, begun: Begun, failed: Option<&str>) -> Result<(), PortError> {
        let (status, words) = match failed {
            None => (Status::Deployed, begun.moment.done()),
            Some(why) => (Status::Failed, format!("{} failed: {why}", capital(begun.moment.word()))),
        };
        let record = begun.record.with_status(status, Some(&words));
        self.write(&record, Some(begun.bundle)).await?;
        if failed.is_some() {
            return Ok(());
        }
        for stored in &self.stored {
            if stored.record.revision() != begun.revision && stored.record.status() == Status::Deployed {
                let record = stored.record.clone().with_status(Status::Superseded, None);
                self.write(&record, None).await?;
            }
        }
        let old = self.stored.iter().map(|s| s.record.revision()).filter(|r| *r != begun.revision);
        let too_many = (old.clone().count() + 1).saturating_sub(HISTORY);
        for revision in old.take(too_many) {
            self.cluster.delete(&self.at(revision), None).await?;
        }
        Ok(())
    }

    /// Drops all records: the release is gone.
    pub async fn forget(&self) -> Result<(), PortError> {
        for stored in &self.stored {
            self.cluster.delete(&self.at(stored.record.revision()), None).await?;
        }
        Ok(())
    }

    fn at(&self, revision: u32) -> At {
        secrets().at(&self.namespace, &secret_name(&self.name, revision))
    }

    /// Writes a record that is new; over one of the same number where somebody was quicker.
    async fn make(&self, record: &Record, bundle: Digest) -> Result<(), PortError> {
        let (at, body) = self.secret(record, Some(bundle))?;
        match self.cluster.create(&at, &body).await {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.code == 409 => Ok(self.cluster.merge(&at, &changes(&body)).await.map(drop)?),
            Err(refusal) => Err(refusal.error),
        }
    }

    /// Writes a record over the one of the same number; makes it anew where somebody took that away.
    async fn write(&self, record: &Record, bundle: Option<Digest>) -> Result<(), PortError> {
        let (at, body) = self.secret(record, bundle)?;
        match self.cluster.merge(&at, &changes(&body)).await {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.code == 404 => Ok(self.cluster.create(&at, &body).await.map(drop)?),
            Err(refusal) => Err(refusal.error),
        }
    }

    /// The Secret of a record, and where it lies.
    fn secret(&self, record: &Record, bundle: Option<Digest>) -> Result<(At, Value), PortError> {
        let failed = |e| {
            let message = format!("Helm's record of release `{}` cannot be written: {e}", self.name);
            PortError::new(Fault::Limit, message)
        };
        let mut labels = json!(record.labels());
        labels["modifiedAt"] = json!(Timestamp::now().as_second().to_string());
        if let Some(bundle) = bundle {
            labels[BUNDLE] = json!(label(bundle));
        }
        let data = json!({"release": STANDARD.encode(record.encode().map_err(failed)?)});
        let at = self.at(record.revision());
        let body = json!({
            "apiVersion": "v1", "kind": "Secret", "type": SECRET_TYPE,
            "metadata": {"name": at.name, "namespace": self.namespace, "labels": labels}, "data": data,
        });
        Ok((at, body))
    }
}

/// What of a record's Secret changes with it.
fn changes(secret: &Value) -> Value {
    json!({"metadata": {"labels": secret["metadata"]["labels"]}, "data": secret["data"]})
}

/// A digest as a label: at most 63 characters.
fn label(digest: Digest) -> String {
    digest.hex().chars().take(40).collect()
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// What a record says about a bundle.
fn entry(bundle: &Bundle) -> Entry {
    let origin = bundle.origin.clone().unwrap_or_else(|| plain(&bundle.chart));
    // What lies in `crds/` is no part of a release to Helm: removing the release must not remove it.
    let is_part = |template: &str| !template.contains("/crds/") || template.contains("/templates/");
    let objects = bundle.objects.iter().filter(|o| is_part(&o.template));
    Entry {
        name: String::new(),
        namespace: String::new(),
        revision: 0,
        status: Status::Unknown,
        first_deployed: None,
        now: String::new(),
        description: String::new(),
        notes: bundle.notes.clone(),
        chart: origin.chart,
        defaults: origin.defaults,
        values: origin.values,
        objects: objects.map(|o| (o.template.clone(), o.text.clone())).collect(),
        hooks: bundle
            .hooks
            .iter()
            .map(|hook| RecordedHook {
                name: hook.object.name.clone(),
                kind: hook.object.kind.clone(),
                path: hook.object.template.clone(),
                manifest: hook.object.text.clone(),
                events: hook.events.clone(),
                weight: hook.weight,
                delete: hook.delete.clone(),
            })
            .collect(),
    }
}

/// The chart's name and version out of `app-1.2.0`, for bundles that say no more.
fn plain(chart: &str) -> Origin {
    let is_number = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    let mut cuts = chart.match_indices('-').filter_map(|(at, _)| chart.split_at_checked(at));
    let cut = cuts.find_map(|(name, rest)| Some((name, rest.strip_prefix('-').filter(|rest| is_number(rest))?)));
    let (name, version) = cut.unwrap_or((chart, "0.0.0"));
    Origin { chart: json!({"name": name, "version": version, "apiVersion": "v2"}), ..Origin::default() }
}

fn secrets() -> Resource {
    Resource::known("v1", "Secret", "secrets", true)
}

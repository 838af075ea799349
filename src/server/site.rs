//! What all requests share: the pipelines, who is who, and the bounds.

use super::config::{Config, Role, User};
use super::hooks::{Batch, Secrets};
use super::oidc::Away;
use super::tokens::{self, Scope};
use crate::adapters::sqlite::register::{Audit, Register};
use crate::app::{Failure, Keeper};
use crate::plan::memory::Moment;
use crate::ports::PortError;
use crate::run::{Saying, Word};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For how long a token that was verified need not be verified again; hashing is slow on purpose. Whether it was taken back is
/// asked each time.
const VERIFIED: Duration = Duration::from_secs(600);
/// How many verified tokens and how many people's requests are kept in mind.
const KEPT: usize = 10_000;
/// How long a browser stays logged in.
pub const SESSION: i64 = 12 * 3_600_000;

/// Who looks where anyone may.
pub const ANYONE: &str = "anyone";

/// What all requests share.
pub struct Site {
    /// The pipelines that are kept going, in the order they were named.
    keepers: RwLock<Arc<Vec<Arc<Keeper>>>>,
    /// Pipeline files that could not be taken in yet.
    faulty: Mutex<Vec<Faulty>>,
    /// What the server remembers.
    pub register: Arc<Register>,
    /// Who is served without logging in: whoever started a server of their own machine.
    pub local: Option<String>,
    /// What was, as pages tell it.
    pub seen: super::web::Seen,
    /// Where webhooks are written down.
    pub batch: Batch,
    /// The secrets of webhooks that were asked for lately.
    pub secrets: Secrets,
    /// What happened, for `/metrics`.
    pub measured: super::metrics::Measured,
    /// Webhooks that came in.
    pub webhooks: super::metrics::Webhooks,
    /// Logins that have begun at a provider.
    pub away: Away,
    config: RwLock<Arc<Config>>,
    verified: Mutex<HashMap<String, Instant>>,
    counted: Mutex<HashMap<String, (Instant, u32)>>,
    /// Set when the server stops: it is not ready any more.
    stopping: std::sync::atomic::AtomicBool,
}

/// A pipeline file that is not served, since it is at fault.
#[derive(Clone, Debug)]
pub struct Faulty {
    /// The file, as it was named.
    pub path: std::path::PathBuf,
    /// What is wrong with it.
    pub failure: Failure,
}

/// Somebody who asks for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The groups they are of; nothing where groups are not known, on a machine of one's own.
    pub groups: Option<Vec<String>>,
    /// Other names of theirs.
    pub also: Vec<String>,
    /// What they may use this login for.
    pub scopes: Vec<Scope>,
    /// What forms of their browser must say; nothing where there is no browser that sends its cookie unasked.
    pub csrf: Option<String>,
}

impl Person {
    /// Whoever is not logged in, where anyone may look.
    pub fn anyone() -> Person {
        let scopes = vec![Scope::Read];
        Person { name: ANYONE.into(), role: Role::Viewer, groups: Some(vec![]), also: vec![], scopes, csrf: None }
    }

    /// Whether they may do what asks for that scope.
    pub fn may(&self, scope: Scope) -> bool {
        let role = match scope {
            Scope::Read | Scope::Approve | Scope::Metrics => Role::Viewer,
            Scope::Operate => Role::Developer,
            Scope::Admin => Role::Admin,
        };
        self.role >= role && self.scopes.contains(&scope)
    }

    /// Something that they say.
    pub fn word(&self, what: Saying, reason: Option<String>) -> Word {
        Word { by: self.name.clone(), groups: self.groups.clone(), also: self.also.clone(), reason, what }
    }
}

impl Site {
    /// The site of these pipelines.
    pub fn new(
        keepers: Vec<Arc<Keeper>>,
        register: Arc<Register>,
        config: Config,
        local: Option<String>,
    ) -> std::io::Result<Site> {
        let measured = super::metrics::Measured::default();
        measured.begin(&keepers);
        Ok(Site {
            measured,
            webhooks: super::metrics::Webhooks::default(),
            batch: Batch::begin(register.clone())?,
            secrets: Secrets::default(),
            away: Away::default(),
            keepers: RwLock::new(Arc::new(keepers)),
            faulty: Mutex::default(),
            register,
            local,
            seen: super::web::Seen::default(),
            config: RwLock::new(Arc::new(config)),
            verified: Mutex::default(),
            counted: Mutex::default(),
            stopping: std::sync::atomic::AtomicBool::new(false),
        })
    }

    /// The configuration as it is now.
    pub fn config(&self) -> Arc<Config> {
        self.config.read().clone()
    }

    /// Takes a new configuration. Approvals of people who are not of their group any more do not count from then on.
    pub fn reconfigure(&self, config: Config) -> Result<(), PortError> {
        *self.config.write() = Arc::new(config);
        self.recount()
    }

    /// The pipelines that are kept going, in the order they were named; behind them those that were mended.
    pub fn keepers(&self) -> Arc<Vec<Arc<Keeper>>> {
        self.keepers.read().clone()
    }

    /// The pipeline of that name.
    pub fn keeper(&self, name: &str) -> Option<Arc<Keeper>> {
        self.keepers().iter().find(|k| k.name == name).cloned()
    }

    /// Takes in pipelines of a file that could not be taken in before.
    pub fn join(&self, more: Vec<Arc<Keeper>>) {
        let mut keepers = self.keepers.write();
        *keepers = Arc::new(keepers.iter().cloned().chain(more).collect());
    }

    /// The pipeline files that could not be taken in, and why.
    pub fn faulty(&self) -> Vec<Faulty> {
        self.faulty.lock().clone()
    }

    /// Says what is wrong with a pipeline file; nothing when it was mended.
    pub fn set_faulty(&self, path: &std::path::Path, failure: Option<Failure>) {
        let mut all = self.faulty.lock();
        let at = all.iter().position(|f| f.path == path);
        match (at.and_then(|at| all.get_mut(at)), failure) {
            (Some(known), Some(failure)) => known.failure = failure,
            (None, Some(failure)) => all.push(Faulty { path: path.to_path_buf(), failure }),
            (_, None) => all.retain(|f| f.path != path),
        }
    }

    /// The time.
    pub fn now(&self) -> Moment {
        jiff::Timestamp::now().as_millisecond()
    }

    /// Whether the server stops.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// The server stops.
    pub fn stop(&self) {
        self.stopping.store(true, std::sync::atomic::Ordering::Relaxed);
        self.keepers().iter().for_each(|k| k.stop());
    }

    /// Writes down what somebody did to what is of no pipeline.
    pub fn audit(&self, person: &str, call: &str, outcome: &str) -> Result<(), PortError> {
        let row = Audit { at: self.now(), person: person.into(), call: call.into(), outcome: outcome.into() };
        self.register.audit(&row)
    }

    /// Whose token it is, if it counts. Takes the same time for all that do not; blocks while it hashes.
    pub fn of_token(&self, token: &str) -> Option<Person> {
        let (id, secret) = tokens::parts(token).unwrap_or(("", ""));
        let config = self.config();
        let kept = self.token(&config, id);
        let hash = kept.as_ref().map_or(tokens::nobodys(), |t| t.hash.as_str());
        let name = format!("{} {hash}", tokens::name_of(secret));
        if !self.is_verified(&name) {
            if !tokens::verify(secret, hash) {
                return None;
            }
            self.set_verified(name);
        }
        let token = kept.filter(|t| t.revoked.is_none() && t.expires.is_none_or(|e| e > self.now()))?;
        let scopes = Scope::list(&token.scopes);
        Some(Person { scopes, ..self.person(&config, &token.person)? })
    }

    /// A token of the configuration or of the register.
    fn token(&self, config: &Config, id: &str) -> Option<crate::adapters::sqlite::register::Token> {
        let configured = config.users.values().find_map(|u| Some((u, u.tokens.iter().find(|t| t.id == id)?)));
        if let Some((user, token)) = configured {
            return Some(crate::adapters::sqlite::register::Token {
                id: id.to_string(),
                person: user.name.clone(),
                hash: token.hash.clone(),
                scopes: token.scopes.clone(),
                note: String::new(),
                created: 0,
                expires: token.expires,
                revoked: None,
            });
        }
        self.register.token(id).ok().flatten()
    }

    /// Somebody whom the configuration names.
    pub fn person(&self, config: &Config, name: &str) -> Option<Person> {
        if self.local.as_deref() == Some(name) {
            return Some(self.owner(name));
        }
        config.users.get(name).map(|user| of_user(config, user))
    }

    /// The one person of a machine of their own: as on its command line, groups are not known and everyone is taken at their
    /// word.
    fn owner(&self, name: &str) -> Person {
        let scopes = Scope::ALL.to_vec();
        Person { name: name.to_string(), role: Role::Admin, groups: None, also: vec![], scopes, csrf: None }
    }

    /// Whose browser it is, if it counts.
    pub fn of_browser(&self, cookie: &str) -> Option<Person> {
        let browser = self.register.browser(&tokens::name_of(cookie)).ok().flatten()?;
        if browser.expires <= self.now() {
            return None;
        }
        let config = self.config();
        let claims: Claims = serde_json::from_str(&browser.claims).unwrap_or_default();
        let person = match claims.groups {
            // Who came from elsewhere is of the groups that were said there.
            Some(groups) => of_claims(&config, &browser.person, groups, claims.also),
            None => {
                let scopes = claims.scopes.map(|s| Scope::list(&s)).unwrap_or_else(|| Scope::ALL.to_vec());
                Person { scopes, ..self.person(&config, &browser.person)? }
            }
        };
        Some(Person { csrf: Some(browser.csrf), ..person })
    }

    fn is_verified(&self, name: &str) -> bool {
        self.verified.lock().get(name).is_some_and(|at| at.elapsed() < VERIFIED)
    }

    fn set_verified(&self, name: String) {
        let mut verified = self.verified.lock();
        if verified.len() >= KEPT {
            verified.clear();
        }
        verified.insert(name, Instant::now());
    }

    /// Counts a request of somebody; whether there were too many in this minute.
    pub fn is_too_many(&self, who: &str) -> bool {
        let most = self.config().limits.requests;
        let mut counted = self.counted.lock();
        if counted.len() >= KEPT {
            counted.retain(|_, (since, _)| since.elapsed() < Duration::from_secs(60));
        }
        let (since, count) = counted.entry(who.to_string()).or_insert((Instant::now(), 0));
        if since.elapsed() >= Duration::from_secs(60) {
            (*since, *count) = (Instant::now(), 0);
        }
        *count += 1;
        *count > most
    }

    /// Takes approvals back of people who are not of the group any more for which they gave them.
    pub fn recount(&self) -> Result<(), PortError> {
        if self.local.is_some() {
            return Ok(());
        }
        let config = self.config();
        // Of people who came from elsewhere it is known when they come again.
        let groups = |by: &str| config.users.get(by).map(|user| user.groups.clone());
        self.withdraw(&groups)
    }

    /// The same of one who came from elsewhere, of whom it was just said which groups they are of.
    pub fn recount_of(&self, name: &str, groups: &[String]) -> Result<(), PortError> {
        self.withdraw(&|by| (by == name).then(|| groups.to_vec()))
    }

    /// Takes the approvals back of those who have lost a group that they had; of whom nothing is known nothing is taken back.
    fn withdraw(&self, groups: &dyn Fn(&str) -> Option<Vec<String>>) -> Result<(), PortError> {
        for keeper in self.keepers().iter() {
            let approvals: Vec<_> = keeper.state(|s| {
                let standing = s.memory.environments.iter().filter_map(|(e, p)| Some((e, p.standing.as_ref()?)));
                standing.flat_map(|(e, s)| s.approvals.iter().map(|a| (e.clone(), a.clone()))).collect()
            });
            for (environment, approval) in approvals {
                let (Some(then), Some(now)) = (approval.groups, groups(&approval.by)) else { continue };
                if then.iter().any(|g| !now.contains(g)) {
                    let reason = Some(format!("{} left a group", approval.by));
                    let what = Saying::Withdraw { environment, by: approval.by };
                    keeper.say(&Word { by: "lockgate".into(), groups: None, also: vec![], reason, what })?;
                }
            }
        }
        Ok(())
    }
}

/// What is said of somebody who logged in with a browser.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Claims {
    /// The groups that a provider says; nothing where the configuration says.
    pub groups: Option<Vec<String>>,
    /// Other names that a provider says.
    #[serde(default)]
    pub also: Vec<String>,
    /// What the token that was logged in with may be used for.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
}

fn of_user(config: &Config, user: &User) -> Person {
    Person {
        name: user.name.clone(),
        role: config.role(user.role, &user.groups),
        groups: Some(user.groups.clone()),
        also: user.also.clone(),
        scopes: Scope::ALL.to_vec(),
        csrf: None,
    }
}

/// Somebody whom a provider vouches for. That a user of the same name is configured gives them nothing.
fn of_claims(config: &Config, name: &str, groups: Vec<String>, also: Vec<String>) -> Person {
    let role = config.role(Role::Viewer, &groups);
    Person { name: name.into(), role, groups: Some(groups), also, scopes: Scope::ALL.to_vec(), csrf: None }
}

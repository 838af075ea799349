//! A session with one pipeline and its state.

use super::telling::{self, Teller, Telling, Voice};
use super::{Failure, Loaded, SavedPlan, load, unmoved, world};
use crate::adapters::seen::Seen;
use crate::adapters::sqlite::Sqlite;
use crate::diag::{Diagnostic, codes};
use crate::engine::{Book, Call, Driver, Finish, SharedBook, World, book, observe};
use crate::graph::Graph;
use crate::plan::beside::Beside;
use crate::plan::{Answer, Memory, Observed, Options, Plan, Query};
use crate::ports::PortError;
use crate::ports::sources::{Head, Version};
use crate::run::{Event, Record, RunOutcome, Saying, State, Word};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::mpsc::UnboundedReceiver;

/// How a session is opened.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The pipeline file or its folder; the nearest one upwards unless said.
    pub path: Option<PathBuf>,
    /// The folder of the state; `.lockgate` next to the file unless said.
    pub state: Option<PathBuf>,
    /// The pipeline, where the file has several.
    pub pipeline: Option<String>,
    /// Who speaks; the user of the operating system unless said.
    pub person: Option<String>,
    /// How many steps may run at once; 4 unless said.
    pub parallel: Option<usize>,
}

/// How many steps run at once unless said otherwise.
pub const PARALLEL: usize = 4;

/// How a plan is applied.
pub struct ApplyOptions<'a> {
    /// Nodes to run anew.
    pub rerun: Vec<String>,
    /// Told of every event that was written, with the plan.
    pub watch: &'a mut dyn FnMut(&Plan, &[Record]),
    /// Asked before a completed plan goes on.
    pub consent: &'a mut dyn FnMut(&Plan, &Plan) -> bool,
    /// What is called to the run from outside.
    pub calls: &'a mut UnboundedReceiver<Call>,
}

/// What came of applying.
pub struct Applied {
    /// How it ended.
    pub outcome: RunOutcome,
    /// The plan as it was at the end.
    pub plan: Plan,
    /// The state afterwards.
    pub state: State,
    /// Who could not be told of what happened.
    pub untold: Vec<telling::Untold>,
}

/// A plan that was just made, with what was seen for it.
pub struct Looked {
    /// The plan.
    pub plan: Plan,
    /// What was seen.
    pub observed: Observed,
    /// What it was made under.
    pub options: Options,
}

/// One pipeline with its state.
pub struct Session {
    /// The pipeline file.
    pub loaded: Loaded,
    /// The graph of the pipeline.
    pub graph: Arc<Graph>,
    /// The folder of the state.
    pub folder: PathBuf,
    /// Who speaks.
    pub person: String,
    pub(super) seen: Arc<Seen>,
    parallel: usize,
    world: World,
    saved: Option<SavedPlan>,
    telling: Option<Telling>,
}

impl Session {
    /// Opens the pipeline of a file.
    pub fn open(settings: &Settings) -> Result<Session, Failure> {
        let began = SystemTime::now();
        let path = load::find(settings.path.as_deref())?;
        if SavedPlan::is_one(&path) {
            return Session::of_saved(SavedPlan::read(&path)?, settings, began);
        }
        Session::new(load::load(&path), None, settings, began)
    }

    /// Opens the pipeline of a saved plan: its texts are those of the plan, wherever the file is by now.
    fn of_saved(saved: SavedPlan, settings: &Settings, began: SystemTime) -> Result<Session, Failure> {
        let texts = saved.texts.clone();
        let loaded = load::load_with(&saved.file, &mut |path| {
            let found = texts.iter().find(|(name, _)| path.ends_with(name)).map(|(_, text)| text.clone().into_bytes());
            found.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))
        });
        let settings = Settings { pipeline: Some(saved.pipeline.clone()), ..settings.clone() };
        Session::new(loaded, Some(saved), &settings, began)
    }

    /// Opens the pipeline of a file with these texts, whatever it holds by now.
    pub fn of_texts(settings: &Settings, texts: &[(PathBuf, String)]) -> Result<Session, Failure> {
        let path = load::find(settings.path.as_deref())
            .or_else(|failure| texts.first().map(|t| t.0.clone()).ok_or(failure))?;
        Session::new(load::load_texts(&path, texts), None, settings, SystemTime::now())
    }

    fn new(
        loaded: Loaded,
        saved: Option<SavedPlan>,
        settings: &Settings,
        began: SystemTime,
    ) -> Result<Session, Failure> {
        let graph = choose(&loaded, settings.pipeline.as_deref())?;
        let several = loaded.checked()?.graphs().len() > 1;
        let mut folder = load::state_of(settings.state.as_deref(), &loaded.root);
        if several {
            folder = folder.join(&graph.pipeline().name.value);
        }
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        let parallel = settings.parallel.unwrap_or(PARALLEL).max(1);
        let seen = Arc::new(Seen::open(&loaded.root, unmoved::file(&folder), began));
        let world = world::open(&loaded.root, &folder, parallel, &seen);
        let person = settings.person.clone().unwrap_or_else(current_user);
        Ok(Session { loaded, graph, folder, person, seen, parallel, world, saved, telling: None })
    }

    /// Has those told whom the pipeline names, of what this session does from now on.
    pub fn telling(mut self, telling: Telling) -> Session {
        self.telling = Some(telling);
        self
    }

    /// The pipeline as it is told of.
    pub(super) fn voice(&self) -> Voice {
        Voice { graph: self.graph.clone(), world: self.world.clone(), folder: self.folder.clone() }
    }

    /// Begins to tell of what is written into that book.
    fn tell(&self, book: &SharedBook, before: u64) -> Result<Option<Teller>, PortError> {
        let Some(telling) = self.telling.clone().filter(|_| !self.graph.pipeline().notifies.is_empty()) else {
            return Ok(None);
        };
        let voice = self.voice();
        Teller::start(telling, book.clone(), before, move || voice.clone()).map(Some)
    }

    /// Sends the run that has just ended to whoever collects traces. One that cannot be sent is nobody's fault.
    #[cfg(feature = "otel")]
    fn trace(&self, run: u64, number: u64) {
        let name = &self.graph.pipeline().name.value;
        let sent = super::traces::Traces::of_environment(name, &self.folder).map(|traces| traces.send(run, number));
        if let Some(Err(error)) = sent {
            tracing::warn!(pipeline = %name, run, "no trace was sent: {error}");
        }
    }

    /// Ends telling, and says who could not be told.
    fn told(&self, teller: Option<Teller>, number: u64) -> Result<Vec<telling::Untold>, PortError> {
        match teller {
            Some(teller) => {
                teller.stop(telling::PATIENCE);
                telling::untold(&self.folder, self.now())
            }
            None => telling::pass_over(&self.voice(), number).map(|()| Vec::new()),
        }
    }

    /// The state as it is, read without holding it.
    pub fn state(&self) -> Result<State, Failure> {
        let mut journal = Sqlite::open_for_reading(&self.folder).map_err(|e| Failure::of(&e, "the state"))?;
        book::read(&mut journal).map(|(state, _)| state).map_err(|e| Failure::of(&e, "the state"))
    }

    /// Whether it is of a saved plan.
    pub(super) fn is_saved(&self) -> bool {
        self.saved.is_some()
    }

    /// The events behind a number, read without holding the state.
    pub fn records(&self, after: u64) -> Result<Vec<Record>, Failure> {
        let journal = Sqlite::open_for_reading(&self.folder).map_err(|e| Failure::of(&e, "the state"))?;
        let mut book = Book::open(Box::new(journal)).map_err(|e| Failure::of(&e, "the state"))?;
        book.records(after).map_err(|e| Failure::of(&e, "the state"))
    }

    /// Rendered objects that are kept, for somebody who wants to see what was deployed.
    pub fn bundle(&self, digest: crate::digest::Digest) -> Result<Option<Arc<crate::ports::bundle::Bundle>>, Failure> {
        crate::engine::observe::bundle_of(&self.world, digest).map_err(|e| Failure::of(&e, "the kept objects"))
    }

    /// The folder of the logs.
    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// Where a step of a run writes its log.
    pub fn log_of(&self, run: u64, step: &str, attempt: u32) -> PathBuf {
        self.world.workshop.log(run, step, attempt).0
    }

    /// The time now, in milliseconds since 1970.
    pub fn now(&self) -> i64 {
        self.world.clock.now()
    }

    /// The plan. Reads, and changes nothing.
    pub fn plan(&self, rerun: &[String]) -> Result<Plan, Failure> {
        self.plan_of(&self.state()?, rerun)
    }

    /// The plan for a state that was read.
    pub fn plan_of(&self, state: &State, rerun: &[String]) -> Result<Plan, Failure> {
        self.look(&state.memory, rerun).map(|looked| looked.plan)
    }

    /// Saves a plan.
    pub fn save(&self, plan: &Plan, rerun: &[String], path: &Path) -> Result<(), Failure> {
        SavedPlan::new(plan, &self.loaded, rerun).write(path)
    }

    fn look(&self, memory: &Memory, rerun: &[String]) -> Result<Looked, Failure> {
        self.look_at(memory, &BTreeMap::new(), rerun, &Beside::new())
    }

    /// Looks at the world and plans, beside runs that go on. Of a source whose head is handed in nobody is asked for it.
    pub fn look_at(
        &self,
        memory: &Memory,
        heads: &BTreeMap<String, Head>,
        rerun: &[String],
        beside: &Beside,
    ) -> Result<Looked, Failure> {
        for node in rerun {
            if self.graph.find(node).is_none() {
                let known = self.graph.nodes().map(|(id, _)| self.graph.name(id));
                let mut diagnostic =
                    Diagnostic::new(&codes::UNKNOWN_NAME, format!("there is nothing named `{node}` to run anew"));
                if let Some(near) = crate::diag::did_you_mean(node, known) {
                    diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
                }
                return Err(Failure::plain(diagnostic));
            }
        }
        let saved = self.saved.as_ref();
        let options = Options {
            root: self.loaded.root.clone(),
            file: self.loaded.digest,
            versions: saved.map(|s| s.heads.clone()),
            rerun: saved.map_or_else(|| rerun.to_vec(), |s| s.rerun.clone()),
            done: saved.map(SavedPlan::done).unwrap_or_default(),
            beside: beside.clone(),
            goes_on: false,
        };
        let mut observed = Observed::default();
        for (source, head) in heads {
            observed.insert(Query::Head { source: source.clone() }, Ok(Answer::Head(head.clone())));
        }
        let plan = observe::observe(&self.world, &self.graph, memory, &mut observed, &options);
        unmoved::note(self, &observed);
        self.seen.end();
        if crate::diag::any_error(&plan.diagnostics) {
            return Err(Failure { diagnostics: plan.diagnostics, sources: self.loaded.sources.clone() });
        }
        Ok(Looked { plan, observed, options })
    }

    /// The newest version of a source, asked for now. `last` are the heads that counted last.
    pub fn head(&self, source: &str, last: &BTreeMap<String, Head>) -> Result<Head, PortError> {
        let memory = Memory { heads: last.clone(), ..Memory::default() };
        self.world.sources.head(&crate::engine::head_query(&self.world, &self.graph, &memory, source)?)
    }

    /// Takes in what was sent under the name of a source.
    pub fn receive(&self, source: &str, files: &dyn crate::ports::files::Files) -> Result<Version, PortError> {
        self.world.sources.receive(source, files)
    }

    /// Takes the programs of a run back that have not begun.
    pub(super) fn recall(&self, run: u64) {
        self.world.shell.recall(run);
    }

    /// The value of a secret of the pipeline.
    pub fn secret(&self, name: &str) -> Result<String, PortError> {
        crate::engine::secret_value(&self.world, &self.graph, name)
    }

    /// Opens the book of the state to write; nobody else may have it.
    pub fn write(&self) -> Result<Book, Failure> {
        let journal = Sqlite::open_for_writing(&self.folder).map_err(|e| Failure::of(&e, "the state"))?;
        Book::open(Box::new(journal)).map_err(|e| Failure::of(&e, "the state"))
    }

    /// Plans and applies; a session of a saved plan applies exactly that, or refuses.
    pub async fn apply(&self, options: ApplyOptions<'_>) -> Result<Applied, Failure> {
        let book = SharedBook::new(self.write()?);
        let looked = self.look(&book.lock().state.memory, &options.rerun)?;
        self.seen.keep(None);
        if let Some(moved) = self.saved.as_ref().map(|s| s.moved(&looked.plan)).filter(|m| !m.is_empty()) {
            let message = format!("the saved plan does not fit any more: {}", moved.join("; "));
            return Err(Failure::plain(
                Diagnostic::new(&codes::PLAN_STALE, message).help("nothing was changed; plan again"),
            ));
        }
        let before = book.lock().state.number;
        let teller = self.tell(&book, before).map_err(|e| Failure::of(&e, "the outbox"))?;
        if let Some(wake) = teller.as_ref().map(Teller::wake) {
            book.lock().watch(Box::new(move |_| wake.look()));
        }
        let finish = self.carry_out(&book, looked, &self.person, options).await;
        let number = book.lock().state.number;
        #[cfg(feature = "otel")]
        self.trace(book.lock().state.runs, number);
        let untold = self.told(teller, number).map_err(|e| Failure::of(&e, "the outbox"))?;
        let Finish { outcome, plan, .. } = finish.map_err(|e| Failure::of(&e, "the run"))?;
        let state = std::mem::take(&mut book.lock().state);
        Ok(Applied { outcome, plan, state, untold })
    }

    /// Carries a plan out that was just made.
    pub async fn carry_out(
        &self,
        book: &SharedBook,
        looked: Looked,
        by: &str,
        options: ApplyOptions<'_>,
    ) -> Result<Finish, PortError> {
        let Looked { plan, mut observed, options: plan_options } = looked;
        let driver = Driver {
            world: &self.world,
            graph: &self.graph,
            book,
            observed: &mut observed,
            options: plan_options,
            limit: self.parallel,
            by: by.to_string(),
            watch: options.watch,
            consent: options.consent,
            calls: options.calls,
        };
        driver.run(plan).await
    }

    /// Says something: an approval, a hold. What follows is written before this returns; a refusal is, too.
    pub fn say(&self, what: Saying, reason: Option<String>) -> Result<Vec<Record>, Failure> {
        let mut book = self.write()?;
        let word = Word { by: self.person.clone(), groups: None, also: Vec::new(), reason, what };
        let now = self.world.clock.now();
        let events = crate::run::said(&book.state.memory, &book.state.intents, &word, now);
        let before = book.state.number;
        let records = book.say(now, 0, events).map_err(|e| Failure::of(&e, "the state"))?;
        if self.telling.is_some() {
            let teller = self.tell(&SharedBook::new(book), before).map_err(|e| Failure::of(&e, "the outbox"))?;
            if let Some(teller) = teller {
                teller.stop(telling::PATIENCE);
            }
        }
        if let Some(Event::Refused { reason, .. }) = records.first().map(|r| &r.event) {
            return Err(Failure::plain(Diagnostic::new(&codes::REFUSED, reason.clone())));
        }
        Ok(records)
    }
}

fn choose(loaded: &Loaded, wanted: Option<&str>) -> Result<Arc<Graph>, Failure> {
    let checked = loaded.checked()?;
    let names = || checked.graphs().iter().map(|g| g.pipeline().name.value.clone()).collect::<Vec<_>>().join(", ");
    let unknown = |message: String| {
        Failure::plain(Diagnostic::new(&codes::UNKNOWN_NAME, message).help(format!("there are: {}", names())))
    };
    let found = match (wanted, checked.graphs()) {
        (Some(name), _) => checked.find(name).ok_or_else(|| unknown(format!("there is no pipeline named `{name}`")))?,
        (None, [only]) => only,
        (None, []) => return Err(unknown(format!("{} has no pipeline", loaded.path.display()))),
        (None, _) => {
            return Err(unknown(format!("{} has several pipelines; say which with --pipeline", loaded.path.display())));
        }
    };
    Ok(found.clone())
}

/// The name of the operating system's user.
pub fn current_user() -> String {
    let uid = rustix::process::getuid().as_raw();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line =
        passwd.lines().map(|l| l.split(':').collect::<Vec<_>>()).find(|f| f.get(2) == Some(&uid.to_string().as_str()));
    let name = line.and_then(|f| f.first().map(ToString::to_string));
    name.or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| format!("uid-{uid}"))
}

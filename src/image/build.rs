//! From a Dockerfile to a recipe: which stages count, what FROM starts from, and one instruction after another.

use super::base::Base;
use super::config::{EPOCH, History, ImageConfig};
use super::context::Context;
use super::copy::Inputs;
use super::dockerfile::{Dockerfile, Instruction, Pos, Stage, Unexpandable, Word, expand};
use super::limits;
use super::recipe::{Note, Recipe};
use super::run::Run;
use super::stage::FileSystem;
use crate::ports::files::Entry;
use crate::ports::images::Platform;
use crate::ports::{Fault, Place, PortError};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

/// What FROM calls the image that has nothing.
const SCRATCH: &str = "scratch";
/// The search path of an image that sets none, as Docker has it.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An order to build.
pub struct Request<'a> {
    /// The files.
    pub context: &'a Context<'a>,
    /// What to do with them.
    pub dockerfile: &'a Dockerfile,
    /// Build arguments.
    pub args: &'a BTreeMap<String, String>,
    /// The stage wanted; none for the last.
    pub target: Option<&'a str>,
    /// Labels besides those of the Dockerfile.
    pub labels: &'a BTreeMap<String, String>,
    /// What it is to run on.
    pub platform: Platform,
}

/// An image that FROM names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseRef {
    /// Its name, variables replaced.
    pub text: String,
    /// What it is to run on.
    pub platform: Platform,
    /// Where FROM stands.
    pub place: Place,
}

/// The images that the build starts from, each once. `scratch`, earlier stages and stages that the target does not
/// need are not among them.
pub fn bases(request: &Request<'_>) -> Result<Vec<BaseRef>, Vec<PortError>> {
    let plan = Stages::new(request)?;
    let mut found: Vec<BaseRef> = Vec::new();
    for (at, start) in &plan.starts {
        let Start::Image { text, platform } = start else { continue };
        let Some(stage) = request.dockerfile.stages.get(*at) else { continue };
        if !found.iter().any(|base| base.text == *text && base.platform == *platform) {
            let place = request.dockerfile.place(stage.base.pos);
            found.push(BaseRef { text: text.clone(), platform: platform.clone(), place });
        }
    }
    Ok(found)
}

/// The recipe of the image, on top of these bases by the texts of their [`BaseRef`]s; or all that is wrong.
pub fn recipe(request: &Request<'_>, bases: &BTreeMap<String, Base>) -> Result<Recipe, Vec<PortError>> {
    build(request, Some(bases))
}

/// The files that a build would read, when its bases are not at hand. What depends on a base is taken as empty.
pub fn inputs(request: &Request<'_>) -> Result<Vec<Entry>, Vec<PortError>> {
    build(request, None).map(|recipe| recipe.inputs)
}

fn build(request: &Request<'_>, bases: Option<&BTreeMap<String, Base>>) -> Result<Recipe, Vec<PortError>> {
    let plan = Stages::new(request)?;
    let mut errors = Vec::new();
    let mut inputs = Inputs::new();
    let mut done: BTreeMap<usize, Run<'_>> = BTreeMap::new();
    for (&at, start) in &plan.starts {
        let Some(stage) = request.dockerfile.stages.get(at) else { continue };
        let mut run = match begin(request, stage, start, bases, &done) {
            Ok(run) => run,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        run.set_global(&plan.global);
        for step in &stage.steps {
            let limit = |error: &PortError| error.fault == Fault::Limit;
            errors.extend(run.step(step, at, &done, &mut inputs));
            if errors.len() >= limits::FAULTS || errors.last().is_some_and(limit) {
                return Err(errors);
            }
        }
        done.insert(at, run);
    }
    let target = done.remove(&plan.target);
    let Some(run) = target.filter(|_| errors.is_empty()) else { return Err(errors) };
    let mut notes = notes(request);
    notes.extend(run.notes(&request.platform));
    inputs.extend(request.context.own_files().map(|entry| (entry.path.clone(), entry.clone())));
    Ok(run.finish(request.labels, inputs.into_values().collect(), notes))
}

/// What the file says besides, and build arguments that nothing takes.
fn notes(request: &Request<'_>) -> Vec<Note> {
    let file = request.dockerfile;
    let remark = |(pos, message): &(Pos, String)| Note { message: message.clone(), place: Some(file.place(*pos)) };
    let declared: BTreeSet<&str> = file
        .args
        .iter()
        .chain(file.stages.iter().flat_map(|stage| &stage.steps))
        .filter_map(|step| if let Instruction::Arg(pairs) = &step.instruction { Some(pairs) } else { None })
        .flat_map(|pairs| pairs.iter().map(|(name, _)| name.text.as_str()))
        .collect();
    let unused = request.args.keys().filter(|name| !declared.contains(name.as_str()));
    let unused = unused.map(|name| Note {
        message: format!("no ARG of {} takes the build argument `{name}`", file.path),
        place: None,
    });
    file.remarks.iter().map(remark).chain(unused).collect()
}

/// What a stage starts from.
enum Start {
    Scratch,
    Stage(usize),
    Image { text: String, platform: Platform },
}

/// The stages that the target needs, in order, and the values of global arguments.
pub(super) struct Stages {
    target: usize,
    starts: BTreeMap<usize, Start>,
    global: BTreeMap<String, String>,
}

impl Stages {
    pub(super) fn new(request: &Request<'_>) -> Result<Stages, Vec<PortError>> {
        let file = request.dockerfile;
        let room = Room::new();
        let global = global(request, &room)?;
        let target = target(request).map_err(|error| vec![error])?;
        let mut starts = BTreeMap::new();
        let mut errors = Vec::new();
        let mut open = vec![target];
        while let Some(at) = open.pop() {
            let Some(stage) = file.stages.get(at).filter(|_| !starts.contains_key(&at)) else { continue };
            match start(request, stage, at, &global, &room) {
                Ok(start) => {
                    if let Start::Stage(earlier) = start {
                        open.push(earlier);
                    }
                    starts.insert(at, start);
                }
                Err(error) => errors.push(error),
            }
            open.extend(sources(file, stage, at));
        }
        if errors.is_empty() { Ok(Stages { target, starts, global }) } else { Err(errors) }
    }
}

impl Stages {
    /// The stages that are needed, in order.
    pub(super) fn needed(&self) -> impl Iterator<Item = usize> {
        self.starts.keys().copied()
    }

    /// The images that they start from, each with the number of its stage.
    pub(super) fn images(&self) -> impl Iterator<Item = (usize, String, Platform)> {
        self.starts.iter().filter_map(|(at, start)| match start {
            Start::Image { text, platform } => Some((*at, text.clone(), platform.clone())),
            Start::Scratch | Start::Stage(_) => None,
        })
    }

    /// The value of a global argument.
    pub(super) fn global(&self, name: &str) -> Option<String> {
        self.global.get(name).cloned()
    }
}

/// The earlier stages that a stage copies or mounts from.
fn sources(file: &Dockerfile, stage: &Stage, at: usize) -> Vec<usize> {
    let from = stage.steps.iter().flat_map(|step| match &step.instruction {
        Instruction::Copy(transfer) => transfer.from.iter().collect(),
        Instruction::Run(mounts) => mounts.from.iter().collect(),
        _ => Vec::new(),
    });
    from.filter_map(|from| file.stage(&from.text, at)).collect()
}

/// The stage that is wanted.
fn target(request: &Request<'_>) -> Result<usize, PortError> {
    let file = request.dockerfile;
    let last = file.stages.len().saturating_sub(1);
    let Some(name) = request.target else { return Ok(last) };
    file.stage(name, file.stages.len()).ok_or_else(|| {
        let names: Vec<&str> = file.stages.iter().filter_map(|stage| stage.name.as_deref()).collect();
        let names = if names.is_empty() {
            "no stage has a name".to_string()
        } else {
            format!("there are {}", names.join(", "))
        };
        let pos = file.stages.first().map(|stage| stage.pos).unwrap_or(Pos { line: 1, column: 1 });
        file.error(pos, format!("there is no stage `{name}`")).help(names)
    })
}

/// The values of the arguments before the first FROM, with those that say what is built for.
fn global(request: &Request<'_>, room: &Room) -> Result<BTreeMap<String, String>, Vec<PortError>> {
    let mut values = BTreeMap::new();
    for (prefix, platform) in [("TARGET", &request.platform), ("BUILD", &Platform::default())] {
        values.insert(format!("{prefix}PLATFORM"), platform.to_string());
        values.insert(format!("{prefix}OS"), platform.os.clone());
        values.insert(format!("{prefix}ARCH"), platform.architecture.clone());
        values.insert(format!("{prefix}VARIANT"), platform.variant.clone().unwrap_or_default());
    }
    let mut errors = Vec::new();
    for step in &request.dockerfile.args {
        let Instruction::Arg(pairs) = &step.instruction else { continue };
        for (name, default) in pairs {
            let default =
                default.as_ref().map(|word| room.replaced(request.dockerfile, word, &|name| values.get(name).cloned()));
            match (request.args.get(&name.text), default.transpose()) {
                (_, Err(error)) => errors.push(error),
                (Some(given), Ok(_)) => drop(values.insert(name.text.clone(), given.clone())),
                (None, Ok(Some(default))) => drop(values.insert(name.text.clone(), default)),
                (None, Ok(None)) => {}
            }
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

/// What variables may still come to. Each may hold the one before twice, so that a few lines could fill any memory.
#[derive(Clone, Debug)]
pub(super) struct Room(Cell<usize>);

impl Room {
    pub(super) fn new() -> Room {
        Room(Cell::new(limits::EXPANDED))
    }

    /// Takes what a word came to, or tells why it came to nothing.
    pub(super) fn take(
        &self,
        file: &Dockerfile,
        pos: Pos,
        expanded: Result<String, Unexpandable>,
    ) -> Result<String, PortError> {
        let left = match &expanded {
            Ok(text) => self.0.get().checked_sub(text.len()),
            Err(Unexpandable::Long) => None,
            Err(why) => return Err(file.error(pos, why.to_string())),
        };
        let full = || file.limit(pos, format!("variables come to more than {} bytes", limits::EXPANDED));
        self.0.set(left.ok_or_else(full)?);
        expanded.map_err(|_| full())
    }

    /// A word with its variables replaced.
    pub(super) fn replaced(
        &self,
        file: &Dockerfile,
        word: &Word,
        value: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, PortError> {
        self.take(file, word.pos, expand(&word.text, file.escape, value))
    }
}

fn start(
    request: &Request<'_>,
    stage: &Stage,
    at: usize,
    global: &BTreeMap<String, String>,
    room: &Room,
) -> Result<Start, PortError> {
    let file = request.dockerfile;
    let value = |name: &str| global.get(name).cloned();
    let text = room.replaced(file, &stage.base, &value)?;
    if text.is_empty() {
        let error =
            file.error(stage.base.pos, format!("`{}` comes to nothing, so FROM names no image", stage.base.text));
        return Err(error.help("give the build argument it is made of, or a default with `ARG NAME=value` before FROM"));
    }
    if text == SCRATCH {
        return Ok(Start::Scratch);
    }
    // A number is an image's name here, as in Docker: only COPY counts stages.
    let named = |earlier: usize| file.stages.get(earlier).is_some_and(|stage| stage.name.is_some());
    if let Some(earlier) = file.stage(&text, at).filter(|&earlier| named(earlier) && text.parse::<usize>().is_err()) {
        return Ok(Start::Stage(earlier));
    }
    let platform = match &stage.platform {
        None => request.platform.clone(),
        Some(word) => {
            let text = room.replaced(file, word, &value)?;
            let parsed = text.parse::<Platform>();
            parsed.map_err(|why| PortError { place: Some(file.place(word.pos)), ..why })?
        }
    };
    Ok(Start::Image { text, platform })
}

/// A stage before its first instruction.
fn begin<'a>(
    request: &'a Request<'_>,
    stage: &Stage,
    start: &Start,
    bases: Option<&BTreeMap<String, Base>>,
    done: &BTreeMap<usize, Run<'a>>,
) -> Result<Run<'a>, PortError> {
    let file = request.dockerfile;
    let text = match start {
        Start::Scratch => {
            return Ok(Run::new(request, None, scratch(&request.platform), FileSystem::scratch(), stage.pos));
        }
        Start::Stage(earlier) => {
            let failed = || file.error(stage.base.pos, format!("the stage `{}` has faults", stage.base.text));
            return done.get(earlier).map(|run| run.continued(stage.pos)).ok_or_else(failed);
        }
        Start::Image { text, .. } => text,
    };
    let Some(bases) = bases else {
        let mut run = Run::new(request, None, ImageConfig::default(), FileSystem::of(None), stage.pos);
        run.guess();
        return Ok(run);
    };
    let missing = || file.error(stage.base.pos, format!("the base image `{text}` is not at hand"));
    let base = bases.get(text).ok_or_else(missing)?.clone();
    let triggers = base.config.config.as_ref().and_then(|runtime| runtime.on_build.as_ref());
    if triggers.is_some_and(|triggers| !triggers.is_empty()) {
        let message = format!("the base image `{text}` has ONBUILD instructions, which this builder does not do");
        return Err(file.error(stage.base.pos, message).help(super::dockerfile::OTHER_BUILDER));
    }
    let files = FileSystem::of(base.tree.clone());
    let config = inherited(&base);
    Ok(Run::new(request, Some(base), config, files, stage.pos))
}

/// The configuration of an image from scratch.
fn scratch(platform: &Platform) -> ImageConfig {
    let mut config = ImageConfig {
        created: Some(EPOCH.to_string()),
        architecture: platform.architecture.clone(),
        variant: platform.variant.clone(),
        os: platform.os.clone(),
        ..ImageConfig::default()
    };
    let runtime = config.config.get_or_insert_default();
    runtime.set_variable("PATH", PATH);
    runtime.working_dir = Some("/".to_string());
    config
}

/// The configuration that a base hands down: without what its own builder said of itself, with a search path as Docker
/// sets one, and with a history that has an entry for each layer, since ours is put behind it.
fn inherited(base: &Base) -> ImageConfig {
    let mut config = base.config.clone();
    config.created = Some(EPOCH.to_string());
    for gone in ["id", "parent", "container", "container_config", "docker_version", "throwaway"] {
        config.other.remove(gone);
    }
    let runtime = config.config.get_or_insert_default();
    if !runtime.variables().any(|(name, _)| name == "PATH") {
        runtime.set_variable("PATH", PATH);
    }
    let layers = config.rootfs.diff_ids.len();
    let history = config.history.get_or_insert_default();
    if history.iter().filter(|step| !step.empty_layer).count() != layers {
        let unknown = History { created: Some(EPOCH.to_string()), ..History::default() };
        *history = vec![unknown; layers];
    }
    config
}

//! One stage on its way: what its instructions have done so far.

use super::base::Base;
use super::build::{Request, Room};
use super::config::{Health, ImageConfig, Runtime};
use super::copy::{Copy, Inputs, Shelf, Wanted};
use super::dockerfile::{
    Command, Healthcheck, Instruction, OTHER_BUILDER, Pos, Source, Step, Transfer, Word, expand_document,
};
use super::layer::{self, Nodes};
use super::owner::{self, Owner};
use super::recipe::{Note, Recipe};
use super::stage::{Draft, FileSystem, Seen};
use super::{limits, names};
use crate::ports::PortError;
use crate::ports::files::Entry;
use crate::ports::images::Platform;
use std::collections::BTreeMap;

/// The shell that runs commands given as a line.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// A stage on its way.
#[derive(Clone)]
pub(super) struct Run<'a> {
    request: &'a Request<'a>,
    base: Option<Base>,
    config: ImageConfig,
    fs: FileSystem,
    from: Pos,
    /// The arguments that are declared and have a value.
    args: BTreeMap<String, String>,
    global: BTreeMap<String, String>,
    steps: Vec<(String, Option<Nodes>)>,
    /// How many entries the layers have so far.
    entries: usize,
    room: Room,
    /// Whether this Dockerfile set the command.
    own_cmd: bool,
    /// Whether the base is not known and its users are not asked for.
    guessing: bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        request: &'a Request<'a>,
        base: Option<Base>,
        config: ImageConfig,
        fs: FileSystem,
        from: Pos,
    ) -> Run<'a> {
        let (args, global, steps) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Run {
            request,
            base,
            config,
            fs,
            from,
            args,
            global,
            steps,
            entries: 0,
            room: Room::new(),
            own_cmd: false,
            guessing: false,
        }
    }

    /// Takes a base that is not known for one that has nothing.
    pub(super) fn guess(&mut self) {
        self.guessing = true;
    }

    /// Sets the arguments that may be declared anew without a value.
    pub(super) fn set_global(&mut self, global: &BTreeMap<String, String>) {
        self.global = global.clone();
    }

    /// A later stage that starts from this one. Arguments end with their stage.
    pub(super) fn continued(&self, from: Pos) -> Run<'a> {
        Run { args: BTreeMap::new(), from, own_cmd: false, ..self.clone() }
    }

    /// What a user should hear of the base.
    pub(super) fn notes(&self, platform: &Platform) -> Option<Note> {
        let base = self.base.as_ref()?;
        let place = Some(self.request.dockerfile.place(self.from));
        let (os, architecture) = (&base.config.os, &base.config.architecture);
        if *os != platform.os || *architecture != platform.architecture {
            let message = format!("the base image is for {os}/{architecture}, not for {platform}");
            return Some(Note { message, place });
        }
        let message = "the base's layers are not at hand: folders of added files are left to the runtime".to_string();
        base.tree.is_none().then_some(Note { message, place })
    }

    /// The recipe of this stage.
    pub(super) fn finish(mut self, labels: &BTreeMap<String, String>, inputs: Vec<Entry>, notes: Vec<Note>) -> Recipe {
        if !labels.is_empty() {
            let labels = labels.iter().map(|(name, value)| (name.clone(), value.clone()));
            self.runtime().labels.get_or_insert_default().extend(labels);
        }
        let Run { base, config, steps, .. } = self;
        Recipe { base, config, steps, inputs, notes }
    }

    fn runtime(&mut self) -> &mut Runtime {
        self.config.config.get_or_insert_default()
    }

    /// Does an instruction; answers what is wrong with it. `done` are the stages that are finished, `at` is this one.
    pub(super) fn step(
        &mut self,
        step: &Step,
        at: usize,
        done: &BTreeMap<usize, Run<'a>>,
        inputs: &mut Inputs,
    ) -> Vec<PortError> {
        let layer = match &step.instruction {
            Instruction::Copy(transfer) => self.copy(transfer, false, at, done, inputs),
            Instruction::Add(transfer) => self.copy(transfer, true, at, done, inputs),
            Instruction::Workdir(path) => self.workdir(path).map_err(|error| vec![error]),
            Instruction::Run(_) | Instruction::OnBuild => {
                let error = self.request.dockerfile.error(step.pos, "this is nothing that this builder does");
                Err(vec![error.help(OTHER_BUILDER)])
            }
            other => self.set(other).map(|()| None).map_err(|error| vec![error]),
        };
        let nodes = match layer {
            Ok(nodes) => nodes.filter(|nodes| !nodes.is_empty()),
            Err(errors) => return errors,
        };
        if let Some(nodes) = &nodes {
            if let Err(why) = self.bounds(nodes) {
                return vec![self.request.dockerfile.limit(step.pos, why)];
            }
            self.fs.take(nodes);
        }
        self.steps.push((step.text.clone(), nodes));
        Vec::new()
    }

    /// Checks the bounds of a new layer and of the image with it.
    fn bounds(&mut self, nodes: &Nodes) -> Result<(), String> {
        layer::check(nodes)?;
        self.entries += nodes.len();
        if self.entries > limits::ENTRIES {
            return Err(format!("the new layers have more than {} entries", limits::ENTRIES));
        }
        let old = self.config.rootfs.diff_ids.len() + self.steps.iter().filter(|(_, nodes)| nodes.is_some()).count();
        if old >= limits::LAYERS {
            return Err(format!("the image has more than {} layers", limits::LAYERS));
        }
        Ok(())
    }

    /// A variable's value: the environment hides arguments.
    fn value(&self, name: &str) -> Option<String> {
        let mut variables = self.config.config.iter().flat_map(Runtime::variables);
        let environment = variables.find(|(known, _)| *known == name).map(|(_, value)| value.to_string());
        environment.or_else(|| self.args.get(name).cloned())
    }

    fn text(&self, word: &Word) -> Result<String, PortError> {
        self.room.replaced(self.request.dockerfile, word, &|name| self.value(name))
    }

    /// A word's text, which must not come to nothing.
    fn something(&self, word: &Word) -> Result<String, PortError> {
        let text = self.text(word)?;
        if text.trim().is_empty() {
            Err(self.error(word, format!("`{}` comes to nothing", word.text)))
        } else {
            Ok(text)
        }
    }

    fn pairs(&self, pairs: &[(Word, Word)]) -> Result<Vec<(String, String)>, PortError> {
        // All values see the environment as it was before the instruction.
        pairs.iter().map(|(name, value)| Ok((self.something(name)?, self.text(value)?))).collect()
    }

    fn error(&self, word: &Word, message: impl Into<String>) -> PortError {
        self.request.dockerfile.error(word.pos, message)
    }

    /// An instruction that changes the configuration only.
    fn set(&mut self, instruction: &Instruction) -> Result<(), PortError> {
        match instruction {
            Instruction::Arg(pairs) => self.declare(pairs)?,
            Instruction::Env(pairs) => {
                for ((name, value), (word, _)) in self.pairs(pairs)?.into_iter().zip(pairs) {
                    self.runtime().set_variable(&name, &value);
                    if self.runtime().variables().count() > limits::VARIABLES {
                        let message = format!("there are more than {} variables", limits::VARIABLES);
                        return Err(self.request.dockerfile.limit(word.pos, message));
                    }
                }
            }
            Instruction::Label(pairs) => {
                let pairs = self.pairs(pairs)?;
                self.runtime().labels.get_or_insert_default().extend(pairs);
            }
            Instruction::User(word) => self.runtime().user = Some(self.something(word)?),
            Instruction::StopSignal(word) => self.runtime().stop_signal = Some(self.something(word)?),
            Instruction::Expose(words) => self.expose(words)?,
            Instruction::Volume(words) => {
                for word in words {
                    let path = self.something(word)?;
                    self.runtime().volumes.get_or_insert_default().insert(path, empty());
                }
            }
            Instruction::Entrypoint(command) => {
                self.runtime().entrypoint = Some(self.command(command));
                // The base's command belongs to the base's entry point.
                if !self.own_cmd {
                    self.runtime().cmd = None;
                }
            }
            Instruction::Cmd(command) => {
                self.runtime().cmd = Some(self.command(command));
                self.own_cmd = true;
            }
            Instruction::Shell(shell) => self.runtime().shell = Some(shell.clone()),
            Instruction::Healthcheck(check) => self.runtime().healthcheck = Some(health(check)),
            Instruction::Maintainer(name) => {
                let labels = self.runtime().labels.get_or_insert_default();
                labels.insert("org.opencontainers.image.authors".to_string(), name.clone());
            }
            Instruction::Copy(_)
            | Instruction::Add(_)
            | Instruction::Workdir(_)
            | Instruction::Run(_)
            | Instruction::OnBuild => {}
        }
        Ok(())
    }

    /// ARG: the value given, or else the default, or else that of the argument before the first FROM.
    fn declare(&mut self, pairs: &[(Word, Option<Word>)]) -> Result<(), PortError> {
        for (name, default) in pairs {
            let default = default.as_ref().map(|word| self.text(word)).transpose()?;
            let given = self.request.args.get(&name.text).cloned();
            let value = given.or(default).or_else(|| self.global.get(&name.text).cloned());
            if let Some(value) = value {
                self.args.insert(name.text.clone(), value);
            }
        }
        Ok(())
    }

    /// A command as the words that start it.
    fn command(&self, command: &Command) -> Vec<String> {
        let line = match command {
            Command::Exec(words) => return words.clone(),
            Command::Shell(line) => line,
        };
        let shell = self.config.config.as_ref().and_then(|runtime| runtime.shell.clone());
        let mut words = shell.unwrap_or_else(|| SHELL.map(String::from).to_vec());
        words.push(line.clone());
        words
    }

    fn expose(&mut self, words: &[Word]) -> Result<(), PortError> {
        for word in words {
            for text in self.something(word)?.split_whitespace() {
                let ports = ports(text).ok_or_else(|| {
                    self.error(word, format!("`{text}` is no port")).help("write `8290`, `8290/udp` or `8290-8299`")
                })?;
                let exposed = self.runtime().exposed_ports.get_or_insert_default();
                exposed.extend(ports.into_iter().map(|port| (port, empty())));
            }
        }
        Ok(())
    }

    /// The working directory, without a slash at its front.
    fn folder(&self) -> String {
        let folder = self.config.config.as_ref().and_then(|runtime| runtime.working_dir.as_deref());
        names::join("", folder.unwrap_or_default())
    }

    /// WORKDIR: where it leads, and the folder if there is none.
    fn workdir(&mut self, path: &Word) -> Result<Option<Nodes>, PortError> {
        let text = self.something(path)?;
        let folder = names::join(&self.folder(), &text);
        self.runtime().working_dir = Some(format!("/{folder}"));
        let real = self.fs.resolve(&folder).map_err(|why| self.error(path, why))?;
        if matches!(self.fs.look(&real), Seen::Folder { .. } | Seen::Unknown) {
            return Ok(None);
        }
        let mut draft = Draft::new(&self.fs, Owner::default());
        draft.folder(&folder).map_err(|why| self.error(path, why))?;
        Ok(Some(draft.finish()))
    }

    fn copy(
        &self,
        transfer: &Transfer,
        unpack: bool,
        at: usize,
        done: &BTreeMap<usize, Run<'a>>,
        inputs: &mut Inputs,
    ) -> Result<Option<Nodes>, Vec<PortError>> {
        let one = |error: PortError| vec![error];
        let dockerfile = self.request.dockerfile;
        let shelf = match &transfer.from {
            // What stages have is no file of the context, and of a guessed one it isn't known.
            Some(_) if self.guessing || done.values().any(|run| run.guessing) => return Ok(None),
            None => Shelf::Context(self.request.context),
            Some(from) => match dockerfile.stage(&from.text, at).map(|stage| done.get(&stage)) {
                Some(Some(stage)) => Shelf::Stage(&stage.fs),
                // That stage has faults, which are told already.
                Some(None) => return Ok(None),
                None => return Err(vec![self.no_stage(from)]),
            },
        };
        let folder = self.folder();
        let copy = Copy {
            dockerfile,
            sources: self.sources(transfer).map_err(one)?,
            target: (self.something(&transfer.target).map_err(one)?, transfer.target.pos),
            folder: &folder,
            owner: transfer.chown.as_ref().map(|word| self.owner(word)).transpose().map_err(one)?,
            mode: transfer.chmod.as_ref().map(|word| self.mode(word)).transpose().map_err(one)?,
            unpack,
        };
        copy.layer(shelf, &self.fs, inputs).map(Some)
    }

    fn no_stage(&self, from: &Word) -> PortError {
        let error = self.error(from, format!("`{}` is no earlier stage", from.text));
        error.help(format!("files can be copied from stages of this Dockerfile; for other images {OTHER_BUILDER}"))
    }

    fn sources(&self, transfer: &Transfer) -> Result<Vec<Wanted>, PortError> {
        let source = |source: &Source| match source {
            Source::Path(word) => Ok(Wanted::Path(self.something(word)?, word.pos)),
            Source::Inline { name, content, expand } => {
                let replaced =
                    if *expand { expand_document(content, &|name| self.value(name)) } else { Ok(content.clone()) };
                let content = self.room.take(self.request.dockerfile, name.pos, replaced)?;
                Ok(Wanted::Inline { name: name.text.clone(), content, pos: name.pos })
            }
        };
        transfer.sources.iter().map(source).collect()
    }

    fn owner(&self, word: &Word) -> Result<Owner, PortError> {
        let text = self.something(word)?;
        match owner::chown(&text, self.fs.tree()) {
            Ok(owner) => Ok(owner),
            Err(_) if self.guessing => Ok(Owner::default()),
            Err(why) => Err(self.error(word, why).help("give the numbers of user and group, as in `--chown=802:802`")),
        }
    }

    fn mode(&self, word: &Word) -> Result<u32, PortError> {
        let text = self.something(word)?;
        owner::chmod(&text).map_err(|why| self.error(word, why).help("write them in octal, as in `--chmod=755`"))
    }
}

/// The value of a member that is there and says no more.
fn empty() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

/// The ports that EXPOSE means, each as `number/protocol`.
fn ports(text: &str) -> Option<Vec<String>> {
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        return None;
    }
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then(|| (first..=last).map(|port| format!("{port}/{protocol}")).collect())
}

fn health(check: &Healthcheck) -> Health {
    let words = |first: &str, rest: &[String]| [first.to_string()].into_iter().chain(rest.iter().cloned()).collect();
    let test = match &check.command {
        None => words("NONE", &[]),
        Some(Command::Exec(command)) => words("CMD", command),
        Some(Command::Shell(line)) => words("CMD-SHELL", std::slice::from_ref(line)),
    };
    Health {
        test: Some(test),
        interval: check.interval,
        timeout: check.timeout,
        start_period: check.start_period,
        start_interval: check.start_interval,
        retries: check.retries,
        other: serde_json::Map::new(),
    }
}

//! What another builder reads of a Dockerfile: an engine that can run programs makes the image, and we only say what it is
//! made of. So that a build is of exact things, the images that it starts from are pinned to their digests in the text that
//! the engine gets; everything else stays as it was written, line by line.

use super::archive::header;
use super::build::{BaseRef, Request, Room, Stages};
use super::context::{Context, Found, Lost};
use super::copy::Inputs;
use super::dockerfile::{Dockerfile, Instruction, Source, Stage, Transfer, Word};
use super::pattern;
use super::{limits, names};
use crate::digest::{Digest, Hasher};
use crate::ports::files::{Entry, Mode};
use crate::ports::{Fault, Place, PortError};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

/// The permissions of folders in an archive.
const FOLDER: u32 = 0o755;

/// What an engine needs to make an image.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The images that it starts from or copies from, each once.
    pub bases: Vec<BaseRef>,
    /// The files of the context that it can read, sorted by path.
    pub inputs: Vec<Entry>,
    /// The instructions as they are written, with their places.
    pub instructions: Vec<(String, Place)>,
    /// Where the text names an image, and which.
    names: Vec<(Word, String)>,
}

/// What an engine reads of a Dockerfile; or all that is wrong with it.
pub fn read(request: &Request<'_>) -> Result<Reading, Vec<PortError>> {
    let stages = Stages::new(request)?;
    let room = Room::new();
    let mut reading = Reading { bases: Vec::new(), inputs: Vec::new(), instructions: Vec::new(), names: Vec::new() };
    let (mut inputs, mut errors) = (Inputs::new(), Vec::new());
    for (at, text, platform) in stages.images() {
        let Some(stage) = request.dockerfile.stages.get(at) else { continue };
        reading.names.push((stage.base.clone(), text.clone()));
        reading.base(BaseRef { text, platform, place: request.dockerfile.place(stage.base.pos) });
    }
    for at in stages.needed() {
        let Some(stage) = request.dockerfile.stages.get(at) else { continue };
        for from in others(request.dockerfile, stage, at) {
            let known = |name: &str| stages.global(name);
            match room.replaced(request.dockerfile, &from, &known) {
                Ok(text) => {
                    let place = request.dockerfile.place(from.pos);
                    reading.names.push((from, text.clone()));
                    reading.base(BaseRef { text, platform: request.platform.clone(), place });
                }
                Err(error) => errors.push(error),
            }
        }
        for step in &stage.steps {
            reading.instructions.push((step.text.clone(), request.dockerfile.place(step.pos)));
            match &step.instruction {
                Instruction::Copy(transfer) if transfer.from.is_some() => {}
                Instruction::Copy(transfer) | Instruction::Add(transfer) => {
                    errors.extend(sources(request, transfer, &mut inputs));
                }
                Instruction::Run(run) if run.reads_context => everything(request.context, &mut inputs),
                _ => {}
            }
        }
    }
    inputs.extend(request.context.own_files().map(|entry| (entry.path.clone(), entry.clone())));
    reading.inputs = inputs.into_values().collect();
    errors.truncate(limits::FAULTS);
    if errors.is_empty() { Ok(reading) } else { Err(errors) }
}

impl Reading {
    fn base(&mut self, base: BaseRef) {
        if !self.bases.iter().any(|other| other.text == base.text && other.platform == base.platform) {
            self.bases.push(base);
        }
    }

    /// The Dockerfile with the names of images replaced. `name` answers the new name of an image by its old one.
    pub fn pinned(&self, text: &str, name: &dyn Fn(&str) -> Option<String>) -> String {
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_string).collect();
        let mut words: Vec<&(Word, String)> = self.names.iter().collect();
        // From behind, so that places before are still right.
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.pos));
        words.dedup_by_key(|(word, _)| word.pos);
        for (word, image) in words {
            let Some((line, new)) = lines.get_mut(word.pos.line.saturating_sub(1)).zip(name(image)) else { continue };
            let start: usize = line.chars().take(word.pos.column.saturating_sub(1)).map(char::len_utf8).sum();
            if line.get(start..).is_some_and(|rest| rest.starts_with(&word.text)) {
                line.replace_range(start..start + word.text.len(), &new);
            }
        }
        lines.concat()
    }

    /// The key of the build: all that decides what the engine is asked to do, but for arguments and labels.
    pub fn key(&self, bases: &[(String, Digest)]) -> Digest {
        let mut hasher = Hasher::new("engine build");
        for entry in &self.inputs {
            hasher.field(entry.path.as_bytes()).field([entry.mode as u8]).digest(entry.digest);
        }
        for (text, digest) in bases {
            hasher.field(text).digest(*digest);
        }
        hasher.finish()
    }
}

/// The images besides its base that a stage copies or mounts from.
fn others(file: &Dockerfile, stage: &Stage, at: usize) -> Vec<Word> {
    let from = stage.steps.iter().flat_map(|step| match &step.instruction {
        Instruction::Copy(transfer) => transfer.from.iter().cloned().collect(),
        Instruction::Run(run) => run.from.clone(),
        _ => Vec::new(),
    });
    // What is no stage is an image; a variable here is one that no stage can be named by.
    from.filter(|from| !from.text.is_empty() && file.stage(&from.text, at).is_none()).collect()
}

/// The files that a COPY or ADD can read. What cannot be told without doing all the rest counts as everything.
fn sources(request: &Request<'_>, transfer: &Transfer, inputs: &mut Inputs) -> Vec<PortError> {
    let mut errors = Vec::new();
    for source in &transfer.sources {
        let Source::Path(word) = source else { continue };
        let remote = ["http://", "https://", "git://", "git@", "ssh://"].iter().any(|s| word.text.starts_with(s));
        if remote {
            continue;
        }
        if word.text.contains(['$', request.dockerfile.escape, '"', '\'']) {
            everything(request.context, inputs);
            continue;
        }
        let wild = pattern::has_wildcard(&word.text);
        let literal =
            word.text.split('/').take_while(|part| !pattern::has_wildcard(part)).collect::<Vec<_>>().join("/");
        match request.context.find(if wild { &literal } else { &word.text }) {
            Ok(Found::File(entry)) => drop(inputs.insert(entry.path.clone(), entry)),
            Ok(Found::Folder(folder)) => {
                inputs.extend(request.context.below(&folder).map(|(_, entry)| (entry.path.clone(), entry.clone())));
            }
            Err(lost) if !wild => errors.push(missing(request, word, &lost)),
            Err(_) => {}
        }
        // A link is followed above, and is something itself.
        let links = request.context.below("").filter(|(_, entry)| entry.mode == Mode::Link);
        inputs.extend(links.map(|(_, entry)| (entry.path.clone(), entry.clone())));
    }
    errors
}

fn missing(request: &Request<'_>, word: &Word, lost: &Lost) -> PortError {
    let (message, help) = match lost {
        Lost::Ignored => (
            format!("`{}` is taken out of the context by the ignore file", word.text),
            "take it back with a line that starts with `!`".to_string(),
        ),
        Lost::Missing => {
            let near = request.context.similar(&word.text);
            let help =
                near.map_or("paths are from the context's folder".to_string(), |n| format!("did you mean `{n}`?"));
            (format!("`{}` is not in the context", word.text), help)
        }
        _ => (
            format!("`{}` leads out of the context", word.text),
            "only files below the context's folder can be copied; choose a folder further up as context".to_string(),
        ),
    };
    request.dockerfile.error(word.pos, message).help(help)
}

fn everything(context: &Context<'_>, inputs: &mut Inputs) {
    inputs.extend(context.below("").map(|(_, entry)| (entry.path.clone(), entry.clone())));
}

impl Context<'_> {
    /// Writes what the build sees as an archive, in the order of the paths and without anything of the machine or the time;
    /// the Dockerfile with the text given.
    pub fn pack(&self, dockerfile: &str, out: &mut dyn Write) -> Result<(), PortError> {
        let unsent = |e: io::Error| PortError::new(Fault::Cancelled, format!("the context cannot be sent: {e}"));
        let mut tar = tar::Builder::new(out);
        let mut folders: BTreeSet<String> = BTreeSet::new();
        let own = self.dockerfile_path().to_string();
        let mut visible: BTreeMap<&str, Option<&Entry>> = self.below("").map(|(path, e)| (path, Some(e))).collect();
        visible.insert(&own, None);
        for (path, entry) in visible {
            for folder in names::above(path).filter(|folder| !folder.is_empty()) {
                if folders.insert(folder.to_string()) {
                    let mut header = header(tar::EntryType::Directory, FOLDER, 0);
                    tar.append_data(&mut header, format!("{folder}/"), io::empty()).map_err(unsent)?;
                }
            }
            let Some(entry) = entry else {
                let mut header = header(tar::EntryType::Regular, 0o644, dockerfile.len() as u64);
                tar.append_data(&mut header, path, dockerfile.as_bytes()).map_err(unsent)?;
                continue;
            };
            if entry.mode == Mode::Link {
                let target = self.target(path)?;
                let mut header = header(tar::EntryType::Symlink, 0o777, 0);
                tar.append_link(&mut header, path, target).map_err(unsent)?;
                continue;
            }
            let bytes = self.files().read(&entry.path)?;
            let mode = if entry.mode == Mode::Executable { 0o755 } else { 0o644 };
            let mut header = header(tar::EntryType::Regular, mode, bytes.len() as u64);
            tar.append_data(&mut header, path, &*bytes).map_err(unsent)?;
        }
        tar.into_inner().and_then(Write::flush).map_err(unsent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::files::MemoryFiles;
    use crate::ports::images::Platform;

    const TEXT: &str = "# syntax is ours\nARG BASE=debian:12\nFROM ${BASE} AS build\nRUN --mount=type=cache,target=/c \\\n    make \"all\"\nFROM alpine:3 \nCOPY --from=build /x /x\nCOPY --from=busybox:1 /bin/sh /bin/\nCOPY src/*.c lib /app/\nRUN --mount=type=bind,from=tools:2,target=/t echo\n";

    fn files(dockerfile: &str) -> MemoryFiles {
        let mut files = MemoryFiles::default();
        for path in ["src/a.c", "src/d/b.c", "lib/x", "README.md", "big/ignored"] {
            files.add(path, Mode::File, path.as_bytes());
        }
        files.add("Dockerfile", Mode::File, dockerfile.as_bytes());
        files.add(".dockerignore", Mode::File, *b"big\n");
        files
    }

    fn reading(dockerfile: &str, args: &[(&str, &str)], target: Option<&str>) -> Result<Reading, Vec<PortError>> {
        let files = files(dockerfile);
        let context = Context::open(&files, "", None).map_err(|e| vec![e])?;
        let dockerfile = context.dockerfile_for_engine()?;
        let args = args.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let labels = BTreeMap::new();
        read(&Request {
            context: &context,
            dockerfile: &dockerfile,
            args: &args,
            target,
            labels: &labels,
            platform: Platform::default(),
        })
    }

    #[test]
    fn images_are_pinned_wherever_they_are_named() {
        let read = reading(TEXT, &[("BASE", "debian:13")], None).unwrap();
        let bases: Vec<&str> = read.bases.iter().map(|b| b.text.as_str()).collect();
        assert_eq!(bases, ["debian:13", "alpine:3", "busybox:1", "tools:2"]);
        let pinned =
            read.pinned(TEXT, &|name| Some(format!("{}@sha256:1", name.split(':').next().unwrap_or_default())));
        let expected = TEXT
            .replace("${BASE} AS", "debian@sha256:1 AS")
            .replace("alpine:3", "alpine@sha256:1")
            .replace("busybox:1", "busybox@sha256:1")
            .replace("tools:2", "tools@sha256:1");
        assert_eq!(pinned, expected);
    }

    #[test]
    fn only_what_can_be_read_counts() {
        let paths = |text: &str| -> Vec<String> {
            reading(text, &[], None).unwrap().inputs.iter().map(|e| e.path.to_string()).collect()
        };
        assert_eq!(paths(TEXT), [".dockerignore", "Dockerfile", "lib/x", "src/a.c", "src/d/b.c"]);
        let all = [".dockerignore", "Dockerfile", "README.md", "lib/x", "src/a.c", "src/d/b.c"];
        for text in
            ["FROM a\nCOPY . /\n", "FROM a\nENV X=lib\nCOPY $X /\n", "FROM a\nRUN --mount=type=bind,target=/s ls\n"]
        {
            assert_eq!(paths(text), all, "{text}");
        }
        assert_eq!(paths("FROM a\nADD https://x.example/y /\nRUN ls\n"), all[..2]);
    }

    #[test]
    fn a_stage_that_is_not_needed_is_not_asked_for() {
        let read = reading(TEXT, &[], Some("build")).unwrap();
        assert_eq!(read.bases.iter().map(|b| b.text.as_str()).collect::<Vec<_>>(), ["debian:12"]);
        assert_eq!(read.instructions.len(), 1);
        assert_eq!(read.instructions[0].1.line, 4);
    }

    #[test]
    fn what_is_not_there_is_told_before_anything_is_built() {
        let errors = reading("FROM a\nCOPY lob /\nCOPY big /\nCOPY ../x /\n", &[], None).unwrap_err();
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(texts[0], "Dockerfile:2:6: `lob` is not in the context");
        assert_eq!(errors[0].help.as_deref(), Some("did you mean `lib`?"));
        assert!(texts[1].contains("ignore file") && texts[2].contains("out of the context"), "{texts:?}");
    }

    #[test]
    fn a_context_is_packed_in_order_with_another_dockerfile() {
        let files = files("FROM a");
        let context = Context::open(&files, "", None).unwrap();
        let pack = || {
            let mut out = Vec::new();
            context.pack("FROM b", &mut out).unwrap();
            out
        };
        let bytes = pack();
        assert_eq!(bytes, pack());
        let mut archive = tar::Archive::new(&bytes[..]);
        let names: Vec<String> =
            archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string()).collect();
        let expected =
            [".dockerignore", "Dockerfile", "README.md", "lib/", "lib/x", "src/", "src/a.c", "src/d/", "src/d/b.c"];
        assert_eq!(names, expected);
        assert!(bytes.windows(6).any(|w| w == b"FROM b") && !bytes.windows(6).any(|w| w == b"FROM a"));
    }
}

//! COPY and ADD: which files go where. The rules are those of Docker's documentation: a folder's content is copied and
//! not the folder, a target that ends with `/` or is a folder takes files in, several sources need such a target.

use super::archive::{self, Kind, Member, Packing};
use super::context::{Context, Found, Lost};
use super::dockerfile::{Dockerfile, Pos};
use super::layer::{Content, Node, Nodes};
use super::owner::Owner;
use super::pattern::{self, Stars};
use super::stage::{Draft, FOLDER, FileSystem, Seen};
use super::{limits, names};
use crate::ports::PortError;
use crate::ports::files::{Entry, Mode};
use std::collections::{BTreeMap, BTreeSet};

/// What to do about what only a builder with the base's files can do.
const OTHER_BUILDER: &str = super::dockerfile::OTHER_BUILDER;

/// A COPY or ADD whose variables are replaced.
pub(super) struct Copy<'a> {
    pub(super) dockerfile: &'a Dockerfile,
    pub(super) sources: Vec<Wanted>,
    /// The target as given, and its place.
    pub(super) target: (String, Pos),
    /// The working directory.
    pub(super) folder: &'a str,
    pub(super) owner: Option<Owner>,
    pub(super) mode: Option<u32>,
    /// Whether archives are unpacked: ADD.
    pub(super) unpack: bool,
}

/// One source.
pub(super) enum Wanted {
    Path(String, Pos),
    /// A here-document.
    Inline {
        name: String,
        content: String,
        pos: Pos,
    },
}

/// Where sources are looked for.
#[derive(Clone, Copy)]
pub(super) enum Shelf<'a> {
    Context(&'a Context<'a>),
    Stage(&'a FileSystem),
}

/// What a source came to.
struct Picked {
    /// The name it has in a target that is a folder.
    name: String,
    pos: Pos,
    thing: Thing,
}

enum Thing {
    File(Node),
    /// What is in a folder, by path from it.
    Folder(Nodes),
    /// The members of an archive, in order.
    Archive {
        path: std::sync::Arc<str>,
        entry: Entry,
        members: Vec<Member>,
    },
}

/// The files of the context that a build reads.
pub(super) type Inputs = BTreeMap<std::sync::Arc<str>, Entry>;

impl Copy<'_> {
    /// The layer it comes to; every fault of its sources.
    pub(super) fn layer(
        &self,
        shelf: Shelf<'_>,
        fs: &FileSystem,
        inputs: &mut Inputs,
    ) -> Result<Nodes, Vec<PortError>> {
        let (mut picked, mut errors) = (Vec::new(), Vec::new());
        for wanted in &self.sources {
            match self.pick(wanted, shelf, inputs) {
                Ok(things) => picked.extend(things),
                Err(error) => errors.push(error),
            }
            if errors.len() >= limits::FAULTS {
                break;
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        self.place(picked, fs).map_err(|error| vec![error])
    }

    fn error(&self, pos: Pos, message: impl Into<String>) -> PortError {
        self.dockerfile.error(pos, message)
    }

    /// The things a source means: one, or all that a pattern matches.
    fn pick(&self, wanted: &Wanted, shelf: Shelf<'_>, inputs: &mut Inputs) -> Result<Vec<Picked>, PortError> {
        let (path, pos) = match wanted {
            Wanted::Path(path, pos) => (path, *pos),
            Wanted::Inline { name, content, pos } => {
                let owner = self.owner.unwrap_or_default();
                let content = Content::Inline(content.as_str().into());
                let node = Node::File { mode: self.mode.unwrap_or(0o644), owner, content };
                return Ok(vec![Picked { name: name.clone(), pos: *pos, thing: Thing::File(node) }]);
            }
        };
        self.refuse_remote(path, pos)?;
        let one = |path: &str, inputs: &mut Inputs| {
            let thing = match shelf {
                Shelf::Context(context) => self.in_context(context, path, pos, inputs)?,
                Shelf::Stage(stage) => self.in_stage(stage, path, pos)?,
            };
            Ok(Picked { name: names::base(&names::join("", path)).to_string(), pos, thing })
        };
        if !pattern::has_wildcard(path) {
            return Ok(vec![one(path, inputs)?]);
        }
        let matching = self.matching(shelf, path, pos)?;
        if matching.is_empty() {
            let error = self.error(pos, format!("nothing matches `{path}`"));
            return Err(error.help("patterns know `*`, `?` and `[…]`, and do not cross folders"));
        }
        matching.iter().map(|path| one(path, inputs)).collect()
    }

    /// The paths that a pattern matches. Folders before the first wildcard may be links; those behind are not followed.
    fn matching(&self, shelf: Shelf<'_>, path: &str, pos: Pos) -> Result<BTreeSet<String>, PortError> {
        let inside = names::inside(path).ok_or_else(|| self.lost(path, pos, &Lost::Outside(None), None))?;
        let first = inside.split('/').take_while(|part| !pattern::has_wildcard(part)).map(|part| part.len() + 1).sum();
        let (folder, tail) = inside.split_at_checked(first).unwrap_or(("", &inside));
        let folder = folder.trim_end_matches('/');
        let regex = pattern::compile(tail, Stars::One)
            .map_err(|why| self.error(pos, format!("`{path}` is no pattern: {why}")))?;
        let found = match shelf {
            Shelf::Context(context) => match context.find(folder) {
                Ok(Found::Folder(real)) => context.matching(&real, &regex, tail.split('/').count()),
                Ok(Found::File(_)) | Err(Lost::Missing) => BTreeSet::new(),
                Err(lost) => return Err(self.lost(path, pos, &lost, None)),
            },
            Shelf::Stage(stage) => {
                let real = stage.resolve(folder).map_err(|why| self.error(pos, why))?;
                if stage.may_be_of_base(&real) {
                    return Err(self.of_base(path, pos));
                }
                let below = |path: &String| names::relative(path, &real).is_some_and(|tail| regex.is_match(tail));
                stage.own().keys().filter(|path| below(path)).cloned().collect()
            }
        };
        Ok(found)
    }

    fn refuse_remote(&self, path: &str, pos: Pos) -> Result<(), PortError> {
        let remote = ["http://", "https://", "git://", "git@", "ssh://", "ftp://"];
        if !remote.iter().any(|start| path.starts_with(start)) {
            return Ok(());
        }
        let error =
            self.error(pos, format!("`{path}` is not a file of the context; nothing is fetched while building"));
        Err(error
            .help("keep the file in the repository or watch it as a source; or write `builder docker` in the build"))
    }

    fn in_context(&self, context: &Context<'_>, path: &str, pos: Pos, inputs: &mut Inputs) -> Result<Thing, PortError> {
        let found = context.find(path).map_err(|lost| self.lost(path, pos, &lost, context.similar(path)))?;
        let here = |error| self.dockerfile.placed(pos, error);
        match found {
            Found::File(entry) => {
                inputs.insert(entry.path.clone(), entry.clone());
                if self.unpack
                    && let Some(thing) = self.archive(context, &entry, pos)?
                {
                    return Ok(thing);
                }
                Ok(Thing::File(self.file(&entry)))
            }
            Found::Folder(folder) => {
                let mut nodes = Nodes::new();
                for (path, entry) in context.below(&folder) {
                    inputs.insert(entry.path.clone(), entry.clone());
                    let node = match entry.mode {
                        Mode::Link => {
                            let target = context.target(path).map_err(here)?;
                            Node::Link { owner: self.owner.unwrap_or_default(), target }
                        }
                        Mode::File | Mode::Executable => self.file(entry),
                    };
                    let path = names::relative(path, &folder).unwrap_or_default();
                    for above in names::above(path) {
                        nodes.entry(above.to_string()).or_insert_with(|| self.folder_node());
                    }
                    nodes.insert(path.to_string(), node);
                }
                Ok(Thing::Folder(nodes))
            }
        }
    }

    /// A file of the context, with one of two sets of permissions: those of the machine it lay on do not count.
    fn file(&self, entry: &Entry) -> Node {
        let mode = if entry.mode == Mode::Executable { 0o755 } else { 0o644 };
        let content = Content::File { path: entry.path.clone(), digest: entry.digest, size: entry.size };
        Node::File { mode: self.mode.unwrap_or(mode), owner: self.owner.unwrap_or_default(), content }
    }

    fn folder_node(&self) -> Node {
        Node::Folder { mode: self.mode.unwrap_or(FOLDER), owner: self.owner.unwrap_or_default() }
    }

    /// What an archive holds, if the file is one.
    fn archive(&self, context: &Context<'_>, entry: &Entry, pos: Pos) -> Result<Option<Thing>, PortError> {
        if entry.size > limits::FILE {
            let message =
                format!("`{}` has {} bytes; {} are the limit of a file", entry.path, entry.size, limits::FILE);
            return Err(self.error(pos, message));
        }
        let bytes = context.files().read(&entry.path).map_err(|error| self.dockerfile.placed(pos, error))?;
        let packing = archive::packing(&bytes);
        if let Packing::Other(kind) = packing {
            let error =
                self.error(pos, format!("`{}` is packed with {kind}, which ADD cannot unpack here", entry.path));
            return Err(error.help("use tar or tar.gz, or COPY to take the archive as it is"));
        }
        let Some(reader) = archive::open(packing, &bytes[..]) else { return Ok(None) };
        let mut members = Vec::new();
        let what = format!("`{}`", entry.path);
        archive::walk(&what, reader, limits::LAYER, &mut |member, _| {
            if members.len() >= limits::ENTRIES {
                return Err(self.error(pos, format!("{what} has more than {} members", limits::ENTRIES)));
            }
            members.push(member);
            Ok(())
        })
        .map_err(|error| self.dockerfile.placed(pos, error))?;
        Ok(Some(Thing::Archive { path: entry.path.clone(), entry: entry.clone(), members }))
    }

    /// What another stage has. Files of its base image are not at hand.
    fn in_stage(&self, stage: &FileSystem, path: &str, pos: Pos) -> Result<Thing, PortError> {
        let real = stage.resolve(path).map_err(|why| self.error(pos, why))?;
        let base = || self.of_base(path, pos);
        let changed = |node: &Node| self.of_stage(stage, node);
        match stage.look(&real) {
            Seen::File => Ok(Thing::File(stage.own().get(&real).map(changed).ok_or_else(base)?)),
            Seen::Folder { .. } if !stage.may_be_of_base(&real) => {
                let below = |path: &str, node| Some((names::relative(path, &real)?.to_string(), changed(node)));
                Ok(Thing::Folder(stage.own().iter().filter_map(|(path, node)| below(path, node)).collect()))
            }
            _ if stage.based() => Err(base()),
            _ => Err(self.error(pos, format!("the stage has no `{path}`"))),
        }
    }

    fn of_base(&self, path: &str, pos: Pos) -> PortError {
        let message = format!("`{path}` may come from the stage's base image, whose files are not at hand");
        self.error(pos, message).help(OTHER_BUILDER)
    }

    /// What a node of another stage is in this one: with its owner and permissions, unless others are given.
    fn of_stage(&self, stage: &FileSystem, node: &Node) -> Node {
        let mut node = match node {
            Node::Hard { target, .. } => stage.own().get(target).unwrap_or(node).clone(),
            node => node.clone(),
        };
        let (mode, owner) = match &mut node {
            Node::Folder { mode, owner } | Node::File { mode, owner, .. } | Node::Hard { mode, owner, .. } => {
                (Some(mode), owner)
            }
            Node::Link { owner, .. } => (None, owner),
        };
        *owner = self.owner.unwrap_or(*owner);
        if let (Some(mode), Some(given)) = (mode, self.mode) {
            *mode = given;
        }
        node
    }

    /// Puts what was picked where it belongs.
    fn place(&self, picked: Vec<Picked>, fs: &FileSystem) -> Result<Nodes, PortError> {
        let (text, pos) = &self.target;
        let slashed =
            text.ends_with('/') || text == "." || text.ends_with("/.") || text == ".." || text.ends_with("/..");
        let at = |why: String| self.error(*pos, why);
        let target = fs.resolve(&names::join(self.folder, text)).map_err(at)?;
        if picked.len() > 1 && !slashed {
            let error =
                self.error(*pos, format!("`{text}` takes in {} sources but is not said to be a folder", picked.len()));
            return Err(error.help(format!("write `{text}/`")));
        }
        let folder = slashed || matches!(fs.look(&target), Seen::Folder { .. });
        let mut draft = Draft::new(fs, self.owner.unwrap_or_default());
        for Picked { name, pos, thing } in picked {
            let at = |why: String| self.error(pos, why);
            match thing {
                Thing::File(node) => {
                    let path = if folder { names::below(&target, &name) } else { target.clone() };
                    if path.is_empty() {
                        return Err(at("the file has no name to be copied to".to_string()));
                    }
                    draft.put(&path, node).map_err(at)?;
                }
                Thing::Folder(nodes) => {
                    let into = draft.folder(&target).map_err(at)?;
                    for (path, node) in nodes {
                        draft.put(&names::below(&into, &path), node).map_err(at)?;
                    }
                }
                Thing::Archive { path, entry, members } => {
                    let into = draft.folder(&target).map_err(at)?;
                    self.unpack(&mut draft, &into, &path, &entry, members).map_err(at)?;
                }
            }
        }
        Ok(draft.finish())
    }

    /// Puts the members of an archive into a folder.
    fn unpack(
        &self,
        draft: &mut Draft<'_>,
        into: &str,
        archive: &std::sync::Arc<str>,
        entry: &Entry,
        members: Vec<Member>,
    ) -> Result<(), String> {
        // Where the file of each member came to lie. A second name of a second name is one of the file itself: names
        // are written in the order of their paths, so each must stand on its own.
        let mut lies: BTreeMap<String, String> = BTreeMap::new();
        for (ordinal, member) in members.into_iter().enumerate() {
            if member.path.is_empty() {
                continue;
            }
            let owner = self.owner.unwrap_or(Owner { uid: member.uid, gid: member.gid });
            let mode = self.mode.unwrap_or(member.mode);
            let mut first = None;
            let node = match member.kind {
                Kind::Folder => Node::Folder { mode, owner },
                Kind::Link(target) => Node::Link { owner, target },
                Kind::File => {
                    let (archive, digest, size) = (archive.clone(), entry.digest, member.size);
                    Node::File { mode, owner, content: Content::Member { archive, digest, ordinal, size } }
                }
                Kind::Hard(target) => {
                    let missing = || format!("`{}` in the archive is a second name of nothing", member.path);
                    let target = lies.get(&target).cloned().ok_or_else(missing)?;
                    first = Some(target.clone());
                    Node::Hard { mode, owner, target }
                }
                Kind::Special => return Err(format!("`{}` in the archive is a device or a pipe", member.path)),
            };
            let real = draft.put(&names::below(into, &member.path), node)?;
            lies.insert(member.path, first.unwrap_or(real));
        }
        Ok(())
    }

    /// Why a source is not there.
    fn lost(&self, path: &str, pos: Pos, lost: &Lost, similar: Option<&str>) -> PortError {
        match lost {
            Lost::Missing => {
                let error = self.error(pos, format!("`{path}` is not in the context"));
                error.help(match similar {
                    Some(similar) => format!("did you mean `{similar}`?"),
                    None => "paths are from the context's folder; folders without files do not exist".to_string(),
                })
            }
            Lost::Ignored => {
                let error = self.error(pos, format!("`{path}` is taken out of the context by the ignore file"));
                error.help("take it back with a line that starts with `!`")
            }
            Lost::Outside(None) => {
                let error = self.error(pos, format!("`{path}` is outside of the context"));
                error.help("only files below the context's folder can be copied; choose a folder further up as context")
            }
            Lost::Outside(Some(link)) => {
                let error = self.error(pos, format!("`{path}` leaves the context through the link `{link}`"));
                error.help("only files below the context's folder can be copied; put the file itself there")
            }
            Lost::Circle => self.error(pos, format!("`{path}` leads through links round in a circle")),
            Lost::Unreadable(why) => self.dockerfile.placed(pos, why.clone()),
        }
    }
}

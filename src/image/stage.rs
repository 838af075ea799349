//! The file system of a stage while it grows: what the base has, as far as it is known, and what was added.

use super::layer::{Node, Nodes};
use super::owner::Owner;
use super::tree::{Spot, Tree};
use super::{limits, names};
use std::sync::Arc;

/// The permission bits of a folder that nobody said anything of.
pub(super) const FOLDER: u32 = 0o755;

/// The file system of a stage.
#[derive(Clone, Debug)]
pub(super) struct FileSystem {
    /// What was added, over all layers.
    own: Nodes,
    /// What the base has; nothing if that is not known.
    tree: Option<Arc<Tree>>,
    /// Whether there is a base at all: not `scratch`.
    based: bool,
}

/// What is at a path, links not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Folder {
        mode: u32,
        owner: Owner,
    },
    Link(String),
    File,
    /// Nothing, or a file of the base: of those only folders and links are known.
    Nothing,
    /// The base isn't known.
    Unknown,
}

impl FileSystem {
    /// Nothing at all.
    pub(super) fn scratch() -> FileSystem {
        FileSystem { own: Nodes::new(), tree: Some(Arc::default()), based: false }
    }

    /// What a base has.
    pub(super) fn of(tree: Option<Arc<Tree>>) -> FileSystem {
        FileSystem { own: Nodes::new(), tree, based: true }
    }

    /// What is known of the base.
    pub(super) fn tree(&self) -> Option<&Tree> {
        self.tree.as_deref()
    }

    /// Whether what is at that path may come from a base image, whose files are not at hand.
    pub(super) fn may_be_of_base(&self, path: &str) -> bool {
        self.based && self.tree().is_none_or(|tree| path.is_empty() || tree.spot(path).is_some())
    }

    /// Whether there is a base image.
    pub(super) fn based(&self) -> bool {
        self.based
    }

    /// What was added, by path.
    pub(super) fn own(&self) -> &Nodes {
        &self.own
    }

    /// What is at a path, links not followed.
    pub(super) fn look(&self, path: &str) -> Seen {
        match self.own.get(path) {
            Some(Node::Folder { mode, owner }) => return Seen::Folder { mode: *mode, owner: *owner },
            Some(Node::Link { target, .. }) => return Seen::Link(target.clone()),
            Some(Node::File { .. } | Node::Hard { .. }) => return Seen::File,
            None if path.is_empty() => return Seen::Folder { mode: FOLDER, owner: Owner::default() },
            None => {}
        }
        match self.tree().map(|tree| tree.spot(path)) {
            Some(Some(Spot::Folder { mode, uid, gid })) => {
                Seen::Folder { mode: *mode, owner: Owner { uid: *uid, gid: *gid } }
            }
            Some(Some(Spot::Link(target))) => Seen::Link(target.clone()),
            Some(None) => Seen::Nothing,
            None => Seen::Unknown,
        }
    }

    /// The path with all links followed, inside the image: an absolute link starts at the image's root, and `..` does
    /// not leave it.
    pub(super) fn resolve(&self, path: &str) -> Result<String, String> {
        let mut path = names::join("", path);
        for _ in 0..limits::LINKS {
            if path.len() > limits::PATH {
                return Err(format!("the path is longer than {} bytes", limits::PATH));
            }
            let step = names::above(&path).chain([path.as_str()]).find_map(|at| match self.look(at) {
                Seen::Link(target) => Some((at, target)),
                _ => None,
            });
            let Some((at, target)) = step else { return Ok(path) };
            let rest = path.get(at.len()..).unwrap_or_default().trim_start_matches('/');
            path = names::below(&names::join(names::parent(at), &target), rest);
        }
        Err(format!("links lead round in a circle at `/{path}`"))
    }

    /// Takes in a finished layer.
    pub(super) fn take(&mut self, layer: &Nodes) {
        self.own.extend(layer.iter().map(|(path, node)| (path.clone(), node.clone())));
    }
}

/// A layer that is being put together on top of a file system.
pub(super) struct Draft<'a> {
    below: &'a FileSystem,
    nodes: Nodes,
    /// The owner of folders that come into being on the way.
    owner: Owner,
}

impl<'a> Draft<'a> {
    pub(super) fn new(below: &'a FileSystem, owner: Owner) -> Draft<'a> {
        Draft { below, nodes: Nodes::new(), owner }
    }

    /// The layer.
    pub(super) fn finish(self) -> Nodes {
        self.nodes
    }

    /// What is at a path, in this layer or below it.
    pub(super) fn look(&self, path: &str) -> Seen {
        match self.nodes.get(path) {
            Some(Node::Folder { mode, owner }) => Seen::Folder { mode: *mode, owner: *owner },
            Some(Node::Link { target, .. }) => Seen::Link(target.clone()),
            Some(Node::File { .. } | Node::Hard { .. }) => Seen::File,
            None => self.below.look(path),
        }
    }

    /// Makes sure that a folder is there, with all above it; answers its real path. What the base has is said again
    /// with its own owner and permissions, because a runtime may take this layer's word for it.
    pub(super) fn folder(&mut self, path: &str) -> Result<String, String> {
        let real = self.below.resolve(path)?;
        if matches!(self.nodes.get(&real), Some(Node::Folder { .. })) {
            return Ok(real);
        }
        for at in names::above(&real).chain([real.as_str()]).filter(|at| !at.is_empty()) {
            let (mode, owner) = match self.look(at) {
                Seen::Folder { mode, owner } => (mode, owner),
                Seen::Nothing => (FOLDER, self.owner),
                // Unsaid, most runtimes keep what the base has.
                Seen::Unknown => continue,
                Seen::File => return Err(format!("`/{at}` is a file, so nothing can be put into it")),
                Seen::Link(_) => return Err(format!("`/{at}` is a link of this very instruction; copy it apart")),
            };
            self.nodes.insert(at.to_string(), Node::Folder { mode, owner });
        }
        Ok(real)
    }

    /// Puts something at a path; answers the path with links followed.
    pub(super) fn put(&mut self, path: &str, node: Node) -> Result<String, String> {
        if path.len() > limits::PATH {
            return Err(format!("the path is longer than {} bytes", limits::PATH));
        }
        if names::base(path).starts_with(".wh.") {
            return Err(format!("`/{path}` has a name that means \"removed\" in a layer"));
        }
        let parent = self.folder(names::parent(path))?;
        let real = names::below(&parent, names::base(path));
        let folder = matches!(node, Node::Folder { .. });
        let real = match self.look(&real) {
            // A folder goes where a link to one leads.
            Seen::Link(_) if folder && !self.nodes.contains_key(&real) => self.folder(&real)?,
            Seen::Folder { .. } if !folder => {
                return Err(format!("`/{real}` is a folder, and a file would replace it"));
            }
            Seen::File | Seen::Link(_) if folder => {
                return Err(format!("`/{real}` is a file, and a folder would replace it"));
            }
            _ => real,
        };
        self.nodes.insert(real.clone(), node);
        Ok(real)
    }
}

#[cfg(test)]
mod tests {
    use super::super::archive::tests::archive;
    use super::super::layer::Content;
    use super::*;
    use tar::EntryType::{Directory, Symlink};

    fn based() -> FileSystem {
        let mut tree = Tree::default();
        let members = [
            ("home/", Directory, ""),
            ("usr/", Directory, ""),
            ("usr/bin/", Directory, ""),
            ("bin", Symlink, "usr/bin"),
            ("abs", Symlink, "/home/../home"),
            ("up", Symlink, "../../.."),
            ("loop", Symlink, "loop"),
        ];
        tree.add_layer("layer", archive(&members).as_slice()).unwrap();
        FileSystem::of(Some(Arc::new(tree)))
    }

    fn file() -> Node {
        Node::File { mode: 0o644, owner: Owner::default(), content: Content::Inline("".into()) }
    }

    #[test]
    fn follows_links_inside_the_image() {
        let fs = based();
        for (path, expected) in
            [("/bin/sh", "usr/bin/sh"), ("abs/x", "home/x"), ("up/x", "x"), ("../x", "x"), ("new/deep", "new/deep")]
        {
            assert_eq!(fs.resolve(path).as_deref(), Ok(expected), "{path}");
        }
        assert!(fs.resolve("loop/x").is_err());
    }

    #[test]
    fn says_folders_again_as_they_are() {
        let fs = based();
        let mut draft = Draft::new(&fs, Owner { uid: 5, gid: 6 });
        assert_eq!(draft.put("bin/tool", file()).as_deref(), Ok("usr/bin/tool"));
        draft.put("new/x", file()).unwrap();
        let nodes = draft.finish();
        let old = Node::Folder { mode: 0o750, owner: Owner { uid: 7, gid: 8 } };
        assert_eq!((nodes.get("usr"), nodes.get("usr/bin")), (Some(&old), Some(&old)));
        let new = Node::Folder { mode: 0o755, owner: Owner { uid: 5, gid: 6 } };
        assert_eq!(nodes.get("new"), Some(&new));
        assert_eq!(nodes.len(), 5);
    }

    #[test]
    fn an_unknown_base_is_not_talked_about() {
        let fs = FileSystem::of(None);
        let mut draft = Draft::new(&fs, Owner::default());
        draft.put("home/app/x", file()).unwrap();
        assert_eq!(draft.finish().into_keys().collect::<Vec<_>>(), ["home/app/x"]);
    }

    #[test]
    fn refuses_conflicts() {
        let fs = based();
        let mut draft = Draft::new(&fs, Owner::default());
        draft.put("a", file()).unwrap();
        assert!(draft.put("a/b", file()).unwrap_err().contains("is a file"));
        assert!(draft.put("home", file()).unwrap_err().contains("is a folder"));
        assert!(draft.put("x/.wh.y", file()).unwrap_err().contains("removed"));
        let folder = Node::Folder { mode: 0, owner: Owner::default() };
        assert!(draft.put("a", folder.clone()).is_err());
        assert_eq!(draft.put("bin", folder).as_deref(), Ok("usr/bin"));
    }
}

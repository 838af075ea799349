//! The context of a build: the files of one version below a folder, without those that the ignore file takes out.

use super::dockerfile::Dockerfile;
use super::ignore::Ignore;
use super::{limits, names};
use crate::ports::files::{Entry, Files, Listing, Mode};
use crate::ports::{Fault, PortError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The context of a build.
pub struct Context<'a> {
    files: &'a dyn Files,
    listing: Arc<Listing>,
    folder: String,
    dockerfile: String,
    ignore_file: Option<Entry>,
    /// What the build sees, by path from the context's root.
    visible: BTreeMap<String, Entry>,
    /// What the ignore file takes out, for better errors.
    ignored: BTreeSet<String>,
}

/// What a path of the context leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    File(Entry),
    /// A folder, by its real path.
    Folder(String),
}

/// Why a path of the context leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// Nothing is there.
    Missing,
    /// The ignore file takes it out.
    Ignored,
    /// It leaves the context: by `..`, or through that link.
    Outside(Option<String>),
    /// Links lead round in a circle.
    Circle,
    /// A link could not be read.
    Unreadable(PortError),
}

impl<'a> Context<'a> {
    /// Opens a context: the folder, empty for the root, and the Dockerfile's path in it, `Dockerfile` if none is given.
    /// Reads the ignore file: the Dockerfile's own (`Dockerfile.dockerignore`), or else `.dockerignore`.
    pub fn open(files: &'a dyn Files, folder: &str, dockerfile: Option<&str>) -> Result<Context<'a>, PortError> {
        let outside = |what: &str, path: &str| {
            PortError::new(Fault::Invalid, format!("{what} `{path}` is outside of the source's files"))
                .help("it is a path from the source's root, without `..` that leaves it")
        };
        let folder = names::inside(folder).ok_or_else(|| outside("the context", folder))?;
        let dockerfile = dockerfile.unwrap_or("Dockerfile");
        let dockerfile = names::inside(dockerfile).ok_or_else(|| outside("the Dockerfile", dockerfile))?;
        let listing = files.list()?;
        if listing.below(&folder).next().is_none() {
            return Err(no_context(&listing, &folder));
        }
        let mut context = Context {
            files,
            listing,
            folder,
            dockerfile,
            ignore_file: None,
            visible: BTreeMap::new(),
            ignored: BTreeSet::new(),
        };
        context.look()?;
        Ok(context)
    }

    /// The Dockerfile, read and parsed.
    pub fn dockerfile(&self) -> Result<Dockerfile, Vec<PortError>> {
        let text = self.text(&self.dockerfile, "Dockerfile").map_err(|error| vec![error])?;
        Dockerfile::parse(&self.full(&self.dockerfile), &text)
    }

    /// The Dockerfile, read and parsed for an engine that can run programs.
    pub fn dockerfile_for_engine(&self) -> Result<Dockerfile, Vec<PortError>> {
        let text = self.dockerfile_text().map_err(|error| vec![error])?;
        Dockerfile::parse_for_engine(&self.full(&self.dockerfile), &text)
    }

    /// The text of the Dockerfile.
    pub fn dockerfile_text(&self) -> Result<String, PortError> {
        self.text(&self.dockerfile, "Dockerfile")
    }

    /// The path of the Dockerfile from the context's folder.
    pub fn dockerfile_path(&self) -> &str {
        &self.dockerfile
    }

    /// The files the build reads whatever the Dockerfile says: the Dockerfile and the ignore file.
    pub(super) fn own_files(&self) -> impl Iterator<Item = &Entry> {
        let dockerfile = self.listing.get(&self.full(&self.dockerfile));
        dockerfile.into_iter().chain(&self.ignore_file)
    }

    /// The files of the version.
    pub(super) fn files(&self) -> &'a dyn Files {
        self.files
    }

    /// The path in the listing of a path in the context.
    fn full(&self, path: &str) -> String {
        names::below(&self.folder, path)
    }

    /// Fills in what the build sees.
    fn look(&mut self) -> Result<(), PortError> {
        let ignore = self.ignore()?;
        let skip = if self.folder.is_empty() { 0 } else { self.folder.len() + 1 };
        for entry in self.listing.below(&self.folder) {
            let path = entry.path.get(skip..).unwrap_or_default().to_string();
            if ignore.ignores(&path) {
                self.ignored.insert(path);
            } else {
                self.visible.insert(path, entry.clone());
            }
        }
        Ok(())
    }

    fn ignore(&mut self) -> Result<Ignore, PortError> {
        for path in [format!("{}.dockerignore", self.dockerfile), ".dockerignore".to_string()] {
            let full = self.full(&path);
            if let Some(entry) = self.listing.get(&full).cloned() {
                let text = self.text(&path, "ignore file")?;
                self.ignore_file = Some(entry);
                // The caller has room for one error; a person mends one pattern at a time.
                return Ignore::parse(&full, &text).map_err(|errors| first(errors, &full));
            }
        }
        Ok(Ignore::default())
    }

    /// A text of the context; `kind` names it in errors.
    fn text(&self, path: &str, kind: &str) -> Result<String, PortError> {
        let full = self.full(path);
        let missing = || {
            let context = if self.folder.is_empty() { "the source".to_string() } else { format!("`{}`", self.folder) };
            PortError::new(Fault::NotFound, format!("there is no {kind} `{path}` in {context}"))
                .help("the path of the Dockerfile is from the context's folder; is it committed?")
        };
        let entry = self.listing.get(&full).ok_or_else(missing)?;
        if entry.size > limits::TEXT {
            let message = format!("the {kind} `{full}` has more than {} bytes", limits::TEXT);
            return Err(PortError::new(Fault::Limit, message));
        }
        if entry.mode == Mode::Link {
            let message = format!("the {kind} `{full}` is a symbolic link");
            return Err(PortError::new(Fault::Invalid, message).help("put the file itself there"));
        }
        let bytes = self.files.read(&full)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(text.to_string()),
            Err(why) => {
                let before = bytes.get(..why.valid_up_to()).unwrap_or_default();
                let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
                let error = PortError::new(Fault::Invalid, format!("the {kind} is not UTF-8"));
                Err(error.at(&full, line, 1))
            }
        }
    }

    /// Follows a path, through links, to what it means.
    pub(super) fn find(&self, path: &str) -> Result<Found, Lost> {
        let mut path = names::inside(path).ok_or(Lost::Outside(None))?;
        for _ in 0..limits::LINKS {
            // Longer than any path there is.
            if path.len() > limits::PATH {
                return Err(Lost::Missing);
            }
            match self.first_link(&path) {
                None => return self.there(path),
                Some((link, rest)) => path = self.through(link, rest)?,
            }
        }
        Err(Lost::Circle)
    }

    /// The first link on the way to a path, and what is left of the path behind it.
    fn first_link<'p>(&self, path: &'p str) -> Option<(&'p str, &'p str)> {
        let link = |at: &&str| self.visible.get(*at).is_some_and(|entry| entry.mode == Mode::Link);
        let found = names::above(path).chain([path]).find(link)?;
        Some((found, path.get(found.len()..).unwrap_or_default().trim_start_matches('/')))
    }

    /// Where a path goes on behind a link.
    fn through(&self, link: &str, rest: &str) -> Result<String, Lost> {
        let target = self.target(link).map_err(Lost::Unreadable)?;
        let outside = || Lost::Outside(Some(link.to_string()));
        if target.starts_with('/') {
            return Err(outside());
        }
        // Not taken apart before it is joined: `..` counts from the folder of the link.
        let target = format!("{}/{target}", names::parent(link));
        let target = names::inside(&target).ok_or_else(outside)?;
        names::inside(&names::below(&target, rest)).ok_or_else(outside)
    }

    /// The path in a link.
    pub(super) fn target(&self, link: &str) -> Result<String, PortError> {
        let full = self.full(link);
        let bad = |why: &str| PortError::new(Fault::Invalid, format!("the link `{full}` {why}"));
        if self.visible.get(link).is_some_and(|entry| entry.size > limits::PATH as u64) {
            return Err(bad("is too long"));
        }
        let bytes = self.files.read(&full)?;
        let target = std::str::from_utf8(&bytes).map_err(|_| bad("does not lead to a UTF-8 path"))?;
        if target.is_empty() || target.contains('\0') { Err(bad("leads nowhere")) } else { Ok(target.to_string()) }
    }

    /// What is at a path that has no links.
    fn there(&self, path: String) -> Result<Found, Lost> {
        if let Some(entry) = self.visible.get(&path) {
            return Ok(Found::File(entry.clone()));
        }
        if path.is_empty() || self.below(&path).next().is_some() {
            return Ok(Found::Folder(path));
        }
        let prefix = format!("{path}/");
        let below = self.ignored.range(prefix.clone()..).next().is_some_and(|next| next.starts_with(&prefix));
        Err(if below || self.ignored.contains(&path) { Lost::Ignored } else { Lost::Missing })
    }

    /// The files below a folder, by path from the context's root.
    pub(super) fn below(&self, folder: &str) -> impl Iterator<Item = (&str, &Entry)> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let start = self.visible.range(prefix.clone()..);
        start.take_while(move |(path, _)| path.starts_with(&prefix)).map(|(path, entry)| (path.as_str(), entry))
    }

    /// The files and folders whose path below a folder matches a pattern of that many parts, in order.
    pub(super) fn matching(&self, folder: &str, pattern: &regex::Regex, parts: usize) -> BTreeSet<String> {
        let cut = |path: &'_ str| {
            let tail = names::relative(path, folder)?;
            let end = tail.match_indices('/').nth(parts.saturating_sub(1)).map_or(tail.len(), |(at, _)| at);
            let tail = tail.get(..end)?;
            pattern.is_match(tail).then(|| names::below(folder, tail))
        };
        self.below(folder).filter_map(|(path, _)| cut(path)).collect()
    }

    /// A path that is there and looks like one that is not.
    pub(super) fn similar(&self, path: &str) -> Option<&str> {
        let (folder, name) = (names::parent(path), names::base(path));
        let near = |other: &str| {
            let distance = strsim::damerau_levenshtein(names::base(other), name);
            (distance <= 2 && distance < name.chars().count()).then_some(distance)
        };
        let siblings = self.visible.keys().filter_map(|key| {
            let rest = if folder.is_empty() { key } else { key.strip_prefix(folder)?.strip_prefix('/')? };
            let end = key.len() - rest.len() + rest.find('/').unwrap_or(rest.len());
            key.get(..end)
        });
        siblings.filter_map(|sibling| Some((near(sibling)?, sibling))).min().map(|(_, sibling)| sibling)
    }
}

fn no_context(listing: &Listing, folder: &str) -> PortError {
    if folder.is_empty() {
        return PortError::new(Fault::NotFound, "the source of the context has no files");
    }
    let what = if listing.get(folder).is_some() { "is a file, not a folder" } else { "is not in the source" };
    PortError::new(Fault::NotFound, format!("the context `{folder}` {what}"))
        .help("name a folder of the source that has at least one file")
}

fn first(errors: Vec<PortError>, path: &str) -> PortError {
    let unread = || PortError::new(Fault::Invalid, format!("`{path}` cannot be read"));
    errors.into_iter().next().unwrap_or_else(unread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::files::MemoryFiles;

    fn files() -> MemoryFiles {
        let mut files = MemoryFiles::default();
        for path in ["app/Dockerfile", "app/a.car", "app/d/b.car", "app/d/e/c.txt", "app/secret", "app/x/only", "other"]
        {
            files.add(path, Mode::File, path.as_bytes());
        }
        files.add("app/.dockerignore", Mode::File, *b"secret\nx\n");
        for (link, target) in [
            ("app/in", "d/e"),
            ("app/up", "../other"),
            ("app/abs", "/etc/passwd"),
            ("app/loop", "loop"),
            ("app/d/back", "../a.car"),
            ("app/dangling", "nothing"),
        ] {
            files.add(link, Mode::Link, target.as_bytes());
        }
        files
    }

    #[test]
    fn finds() {
        let files = files();
        let context = Context::open(&files, "/app/", None).unwrap();
        let file = |path: &str| match context.find(path) {
            Ok(Found::File(entry)) => entry.path.to_string(),
            other => panic!("{path}: {other:?}"),
        };
        assert_eq!(file("a.car"), "app/a.car");
        assert_eq!(file("/d/../a.car"), "app/a.car");
        assert_eq!(file("in/c.txt"), "app/d/e/c.txt");
        assert_eq!(file("d/back"), "app/a.car");
        assert_eq!(context.find("in"), Ok(Found::Folder("d/e".into())));
        assert_eq!(context.find("."), Ok(Found::Folder(String::new())));
        for (path, lost) in [
            ("../other", Lost::Outside(None)),
            ("up", Lost::Outside(Some("up".into()))),
            ("abs", Lost::Outside(Some("abs".into()))),
            ("loop", Lost::Circle),
            ("dangling", Lost::Missing),
            ("secret", Lost::Ignored),
            ("x", Lost::Ignored),
            ("a.car/b", Lost::Missing),
        ] {
            assert_eq!(context.find(path), Err(lost), "{path}");
        }
        assert_eq!(
            (context.similar("a.cra"), context.similar("d/b.cat"), context.similar("q")),
            (Some("a.car"), Some("d/b.car"), None)
        );
    }

    #[test]
    fn its_own_ignore_file_comes_first() {
        let mut files = files();
        files.add("app/docker/Dockerfile", Mode::File, *b"FROM scratch");
        files.add("app/docker/Dockerfile.dockerignore", Mode::File, *b"*.car");
        let context = Context::open(&files, "app", Some("docker/Dockerfile")).unwrap();
        assert_eq!(context.find("a.car"), Err(Lost::Ignored));
        assert!(context.find("secret").is_ok());
        let own: Vec<&str> = context.own_files().map(|e| &*e.path).collect();
        assert_eq!(own, ["app/docker/Dockerfile", "app/docker/Dockerfile.dockerignore"]);
    }

    #[test]
    fn refuses() {
        let mut files = files();
        let open = |files: &MemoryFiles, folder: &str, dockerfile: Option<&str>| {
            let context = Context::open(files, folder, dockerfile);
            context.map_err(|e| vec![e]).and_then(|c| c.dockerfile().map(|_| ())).unwrap_err()[0].to_string()
        };
        assert!(open(&files, "..", None).contains("outside"));
        assert!(open(&files, "none", None).contains("is not in the source"));
        assert!(open(&files, "other", None).contains("is a file"));
        assert!(open(&files, "app", Some("../x")).contains("outside"));
        assert!(open(&files, "app", Some("x")).contains("there is no Dockerfile `x` in `app`"));
        files.add("app/Dockerfile", Mode::File, *b"FROM a\n\xff");
        assert_eq!(open(&files, "app", None), "app/Dockerfile:2:1: the Dockerfile is not UTF-8");
        files.add("app/.dockerignore", Mode::File, *b"[");
        assert!(open(&files, "app", None).starts_with("app/.dockerignore:1:1: `[` is no pattern"));
    }
}

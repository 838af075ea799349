//! Includes: `include "path"` at the top level or directly in a pipeline is replaced by the nodes of that file.
//!
//! It happens on trees, before anything has a meaning, and every span still points into the file it came from. Nothing is
//! read here: the caller hands in a [`Read`]. The number of includes is bounded, so that files which include each other
//! many times over cannot make a document of any size.

use super::limits::Limits;
use super::parse::{Faults, parse};
use super::text::text_of;
use super::tree::{Document, NO_PARENT, Node, NodeId, Tree};
use crate::diag::{Diagnostic, codes};
use crate::source::{FileId, Sources, Span};
use std::collections::HashMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// How files are read. It is asked for a path below the root, without `.` and `..`, and has to refuse one that leaves the
/// repository through a link. Of a file over [`Limits::size`] it need not give more than one byte beyond the limit.
pub type Read<'r> = dyn FnMut(&Path) -> io::Result<Vec<u8>> + 'r;

/// Reads a file and all that it includes. Both paths are relative to the same folder, or both are absolute; `root` is the
/// folder that no include may leave. All texts are added to `sources`.
pub fn load(
    path: &Path,
    root: &Path,
    limits: &Limits,
    sources: &mut Sources,
    read: &mut Read<'_>,
) -> (Document, Vec<Diagnostic>) {
    let path = normal(path);
    match read(&path) {
        Ok(bytes) => {
            let (tree, mut faults) = take_in(&path, bytes, limits, sources);
            let (document, more) = resolve(tree, &path, root, limits, sources, read);
            faults.extend(more);
            (document, faults)
        }
        Err(error) => {
            let fault = Diagnostic::new(&codes::FILE_UNREADABLE, unreadable(&path, &error));
            (Document::from(Tree::empty(FileId::default(), Arc::from(""))), vec![fault])
        }
    }
}

/// Reads all that a tree includes, whose text is already among the sources. The paths are as in [`load`].
pub fn resolve(
    tree: Tree,
    path: &Path,
    root: &Path,
    limits: &Limits,
    sources: &mut Sources,
    read: &mut Read<'_>,
) -> (Document, Vec<Diagnostic>) {
    let path = normal(path);
    let faults = Faults::new(tree.file(), limits.diagnostics);
    let files = HashMap::new();
    let units = vec![Unit { path, above: None, depth: 0, top: true }];
    let document = Document::from(tree);
    let mut resolver =
        Resolver { document, units, files, root: normal(root), limits, sources, read, faults, read_faults: Vec::new() };
    resolver.run();
    let mut faults = resolver.read_faults;
    faults.extend(resolver.faults.finish());
    (resolver.document, faults)
}

/// Makes a tree of the bytes of a file.
fn take_in(path: &Path, bytes: Vec<u8>, limits: &Limits, sources: &mut Sources) -> (Tree, Vec<Diagnostic>) {
    let (text, mut faults) = text_of(FileId::default(), bytes, limits);
    let file = sources.add(path, Arc::clone(&text));
    for label in faults.iter_mut().flat_map(|fault| &mut fault.labels) {
        label.span.file = file;
    }
    let (tree, more) = parse(file, text, limits);
    faults.extend(more);
    (tree, faults)
}

/// A tree of the document: where its text is from, and how it came in.
struct Unit {
    path: PathBuf,
    /// The unit that includes it.
    above: Option<u32>,
    depth: usize,
    /// Whether it stands at the top level, so that it can hold pipelines.
    top: bool,
}

struct Resolver<'r> {
    document: Document,
    /// One for each tree of the document, in the same order.
    units: Vec<Unit>,
    files: HashMap<PathBuf, Arc<Tree>>,
    root: PathBuf,
    limits: &'r Limits,
    sources: &'r mut Sources,
    read: &'r mut Read<'r>,
    /// The faults of includes.
    faults: Faults,
    /// The faults of the texts that were included.
    read_faults: Vec<Diagnostic>,
}

impl Resolver<'_> {
    fn run(&mut self) {
        // The document grows while its trees are gone through.
        let (mut unit, mut count) = (0, 0);
        while let Some(rows) = self.include_rows(unit) {
            for (row, in_pipeline) in rows {
                let id = NodeId { tree: unit, node: row };
                count += 1;
                if count > self.limits.files {
                    return self.give_up(id);
                }
                let included = self.include(id, in_pipeline);
                self.document.include(id, included);
            }
            unit += 1;
        }
    }

    /// Says that there are too many includes, and leaves this one and all others out.
    fn give_up(&mut self, id: NodeId) {
        if let Some(span) = self.document.node(id).map(Node::span) {
            let message = format!("more than {} files are included", self.limits.files);
            self.faults.push(Diagnostic::new(&codes::INCLUDE_LIMIT, message).at(span, "one file too many"));
        }
        self.document.leave_out_includes();
    }

    fn include_rows(&self, unit: u32) -> Option<Vec<(u32, bool)>> {
        let tree = self.document.trees().nth(unit as usize)?;
        Some(include_rows(tree, self.units.get(unit as usize)?.top))
    }

    /// The tree that an `include` node stands for.
    fn include(&mut self, id: NodeId, in_pipeline: bool) -> Option<Arc<Tree>> {
        let node = self.document.node(id)?;
        let (named, span) = match target(node) {
            Ok(target) => target?,
            Err(fault) => return self.refuse(*fault),
        };
        let above = self.units.get(id.tree as usize)?;
        let Some(path) = resolved(&above.path, named, &self.root) else {
            return self.refuse(outside(named, span));
        };
        if let Some(chain) = self.cycle(id.tree, &path) {
            return self.refuse(cycle(&path, &chain, span));
        }
        let (depth, top) = (above.depth + 1, above.top && !in_pipeline);
        if depth > self.limits.include_depth {
            let message = format!("files are included deeper than {}", self.limits.include_depth);
            return self.refuse(Diagnostic::new(&codes::INCLUDE_LIMIT, message).at(span, "one file too deep"));
        }
        let tree = self.tree(&path, span)?;
        self.units.push(Unit { path, above: Some(id.tree), depth, top });
        Some(tree)
    }

    fn refuse(&mut self, fault: Diagnostic) -> Option<Arc<Tree>> {
        self.faults.push(fault);
        None
    }

    /// The tree of a file, which is read when it is included for the first time.
    fn tree(&mut self, path: &Path, span: Span) -> Option<Arc<Tree>> {
        if let Some(tree) = self.files.get(path) {
            return Some(Arc::clone(tree));
        }
        match (self.read)(path) {
            Ok(bytes) => {
                let (tree, faults) = take_in(path, bytes, self.limits, self.sources);
                self.read_faults.extend(faults);
                let tree = Arc::new(tree);
                self.files.insert(path.to_owned(), Arc::clone(&tree));
                Some(tree)
            }
            Err(error) => self.refuse(
                Diagnostic::new(&codes::FILE_UNREADABLE, unreadable(path, &error))
                    .at(span, "included here")
                    .help("the path of an include starts at the file in which it stands"),
            ),
        }
    }

    /// The files from the one at `path` down to the one that would include it again.
    fn cycle(&self, unit: u32, path: &Path) -> Option<Vec<PathBuf>> {
        let mut chain = Vec::new();
        let mut next = Some(unit);
        while let Some(unit) = next.and_then(|unit| self.units.get(unit as usize)) {
            chain.push(unit.path.clone());
            if unit.path == path {
                chain.reverse();
                return Some(chain);
            }
            next = unit.above;
        }
        None
    }
}

/// The rows of the `include` nodes of a tree that are to be replaced, and whether each stands in a pipeline.
fn include_rows(tree: &Tree, top: bool) -> Vec<(u32, bool)> {
    let name = |row: u32| tree.nodes.get(row as usize).map(|n| (n, tree.node_name(n)));
    let mut found = Vec::new();
    let mut row = 0;
    while let Some((node, name_here)) = name(row) {
        match name_here {
            "include" => found.push((row, node.parent != NO_PARENT)),
            "pipeline" if top && node.parent == NO_PARENT => {
                // On into its block.
                row += 1;
                continue;
            }
            _ => {}
        }
        row = node.next;
    }
    found
}

/// The path that an `include` node names, with its place; none where the node has a fault already.
fn target(node: Node<'_>) -> Result<Option<(&str, Span)>, Box<Diagnostic>> {
    let fault = |message: &str, span| {
        let fault = Diagnostic::new(&codes::INCLUDE_FORM, message)
            .at(span, "")
            .help("It is written `include \"path\"`, and the path starts at the file that it stands in.");
        Err(Box::new(fault))
    };
    if node.is_faulty() || node.entries().any(|e| e.value().is_faulty()) {
        return Ok(None);
    }
    if let Some(prop) = node.props().next() {
        return fault("an `include` has no properties", prop.span());
    }
    if let Some(block) = node.block_span() {
        return fault("an `include` has no block", block);
    }
    if let Some(second) = node.arg(1) {
        return fault("an `include` of more than one file", second.span());
    }
    match node.arg(0) {
        None => fault("an `include` without a path", node.name_span()),
        Some(value) => match value.as_str().filter(|path| !path.is_empty()) {
            Some(path) => Ok(Some((path, value.span()))),
            None => fault("the path of an `include` is not a string with something in it", value.span()),
        },
    }
}

/// The path of a file that the file at `from` includes, if it is below the root.
fn resolved(from: &Path, named: &str, root: &Path) -> Option<PathBuf> {
    if Path::new(named).has_root() || named.contains('\\') {
        return None;
    }
    let path = normal(&from.parent().unwrap_or(Path::new("")).join(named));
    let inside = path.starts_with(root) && !path.starts_with("..") && path != *root;
    inside.then_some(path)
}

/// The path without `.`, and without `..` as far as there is something to go up from.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            // Above the root of all is the root of all.
            Component::ParentDir if out.has_root() => {}
            other => out.push(other),
        }
    }
    out
}

fn outside(named: &str, span: Span) -> Diagnostic {
    Diagnostic::new(&codes::INCLUDE_OUTSIDE, format!("`{named}` is not a path inside the repository"))
        .at(span, "")
        .help(
            "A file can include files of its own repository, by a path that starts at itself and has `/` between \
             its parts.",
        )
}

fn cycle(path: &Path, chain: &[PathBuf], span: Span) -> Diagnostic {
    let fault = Diagnostic::new(&codes::INCLUDE_CYCLE, format!("`{}` includes itself", path.display()))
        .at(span, "this closes the circle");
    if chain.len() < 2 {
        return fault;
    }
    let names: Vec<String> = chain.iter().chain(chain.first()).map(|p| p.display().to_string()).collect();
    fault.help(format!("The circle is {}.", names.join(" → ")))
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => format!("there is no file `{path}`"),
        io::ErrorKind::IsADirectory => format!("`{path}` is a directory"),
        io::ErrorKind::PermissionDenied => format!("`{path}` may not be read"),
        _ => format!("`{path}` cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        let inside = |from: &str, named: &str, root: &str| {
            resolved(Path::new(from), named, &normal(Path::new(root))).map(|p| p.display().to_string())
        };
        assert_eq!(inside("a/x.kdl", "b.kdl", "."), Some("a/b.kdl".to_owned()));
        assert_eq!(inside("a/x.kdl", "./../b/../c.kdl", "."), Some("c.kdl".to_owned()));
        assert_eq!(inside("/r/a/x.kdl", "../b.kdl", "/r"), Some("/r/b.kdl".to_owned()));
        for (from, named, root) in [
            ("x.kdl", "../b", "."),
            ("/r/x", "../rr/b", "/r"),
            ("/r/x", "/r/b", "/r"),
            ("x", "a\\b", ""),
            ("a/x", "..", "a"),
        ] {
            assert_eq!(inside(from, named, root), None, "{named}");
        }
    }
}

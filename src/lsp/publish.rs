//! What is wrong, told to the client: for every text that an open pipeline file reads, and only when it is something else.

use super::convert::Convert;
use super::position::Encoding;
use super::texts::uri_of;
use super::workspace::Workspace;
use ls_types::{Diagnostic, DiagnosticSeverity, PublishDiagnosticsParams, Range};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How much is told of one text; nobody reads on, and editors become slow. How much more there is, is told too.
const MOST: usize = 100;

/// What was told last.
#[derive(Default)]
pub(super) struct Told {
    of: BTreeMap<PathBuf, (Option<i32>, Vec<Diagnostic>)>,
}

impl Told {
    /// What has to be told now.
    pub fn news(&mut self, workspace: &Workspace, encoding: Encoding) -> Vec<PublishDiagnosticsParams> {
        let mut now = collect(workspace, encoding);
        for path in self.of.keys() {
            now.entry(path.clone()).or_default();
        }
        let mut news = Vec::new();
        for (path, list) in now {
            let diagnostics = list.finish();
            let version = workspace.texts.get(&path).map(|open| open.version);
            let told = self.of.get(&path).is_some_and(|(v, d)| *v == version && *d == diagnostics);
            let is_known = version.is_some() || !diagnostics.is_empty();
            if is_known {
                self.of.insert(path.clone(), (version, diagnostics.clone()));
            } else {
                self.of.remove(&path);
            }
            if let Some(uri) = uri_of(&path, &workspace.texts).filter(|_| !told) {
                news.push(PublishDiagnosticsParams { uri, diagnostics, version });
            }
        }
        news
    }
}

/// What is wrong with one text, as far as it is told.
#[derive(Default)]
struct List {
    diagnostics: Vec<Diagnostic>,
    more: usize,
}

impl List {
    /// Takes one in, unless it is there already: a text of several pipeline files has the same fault in each of them.
    fn take(&mut self, diagnostic: &crate::diag::Diagnostic, convert: &Convert<'_>) {
        if self.diagnostics.len() == MOST {
            self.more += 1;
            return;
        }
        let found = convert.diagnostic(diagnostic);
        if !self.diagnostics.contains(&found) {
            self.diagnostics.push(found);
        }
    }

    /// All of it, with a word on what was left out.
    fn finish(mut self) -> Vec<Diagnostic> {
        if self.more > 0 {
            self.diagnostics.push(Diagnostic {
                range: Range::default(),
                severity: Some(DiagnosticSeverity::INFORMATION),
                source: Some("lockgate".to_string()),
                message: format!("{} more are not shown; `lockgate check` shows more", self.more),
                ..Diagnostic::default()
            });
        }
        self.diagnostics
    }
}

fn collect(workspace: &Workspace, encoding: Encoding) -> BTreeMap<PathBuf, List> {
    let mut now: BTreeMap<PathBuf, List> = workspace.texts.keys().map(|p| (p.clone(), List::default())).collect();
    for (path, root) in workspace.roots.iter().filter(|(_, root)| !root.quiet) {
        let sources = &root.analysis.sources;
        let convert = Convert::new(sources, &workspace.texts, encoding);
        for diagnostic in &root.analysis.diagnostics {
            let file = diagnostic.span().and_then(|s| sources.get(s.file)).map_or(path.as_path(), |f| f.path());
            if let Some(list) = now.get_mut(file) {
                list.take(diagnostic, &convert);
            } else {
                now.entry(file.to_path_buf()).or_default().take(diagnostic, &convert);
            }
        }
    }
    now
}

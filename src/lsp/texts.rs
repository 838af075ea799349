//! The texts that are open in the editor.

use super::position::{Encoding, offset};
use ls_types::{TextDocumentContentChangeEvent, Uri};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A text that is open.
#[derive(Clone, Debug)]
pub(super) struct Open {
    /// What the client calls it.
    pub uri: Uri,
    /// Its version, as the client counts.
    pub version: i32,
    /// All of it.
    pub text: String,
}

impl Open {
    /// Takes in changes, each on what the one before left.
    pub fn change(&mut self, version: i32, changes: Vec<TextDocumentContentChangeEvent>, encoding: Encoding) {
        self.version = version;
        for change in changes {
            let Some(range) = change.range else {
                self.text = change.text;
                continue;
            };
            let start = offset(&self.text, range.start, encoding);
            let end = offset(&self.text, range.end, encoding).max(start);
            self.text.replace_range(start..end, &change.text);
        }
    }
}

/// The texts that are open, by their paths.
pub(super) type Texts = BTreeMap<PathBuf, Open>;

/// The path that a URI means. What is no file has one of its own, that no file has.
pub(super) fn path_of(uri: &Uri) -> PathBuf {
    let path = match uri.scheme().as_str() {
        "file" => uri.to_file_path().map(|p| p.into_owned()),
        _ => None,
    };
    path.unwrap_or_else(|| Path::new("/").join(uri.as_str().replace('/', "_")))
}

/// The URI of a path: what the client calls it, where it is open.
pub(super) fn uri_of(path: &Path, texts: &Texts) -> Option<Uri> {
    texts.get(path).map(|open| open.uri.clone()).or_else(|| Uri::from_file_path(path))
}

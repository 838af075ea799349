//! The files that a program works on, as far as they can be brought into a cluster: in ConfigMaps, which every cluster and
//! every image takes, and which hold no more than a megabyte each.

use crate::ports::{Fault, PortError};
use std::path::Path;

/// What one ConfigMap is given, in bytes.
pub(super) const PART: usize = 1_000_000;
/// All files together, in bytes: what a cluster's store takes without harm.
const TOTAL: usize = 16_000_000;
/// How many files there may be: each is a line in the pod's specification.
const FILES: usize = 4_000;

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// The path from the root, with slashes.
    pub path: String,
    /// Whether it can be run.
    pub is_program: bool,
    /// What is in it.
    pub content: Vec<u8>,
}

/// The files below a folder, in the order of their paths. `ignore` leaves out what git ignores there.
pub(super) fn read(root: &Path, ignore: bool) -> Result<Vec<File>, PortError> {
    let mut walk = ignore::WalkBuilder::new(root);
    walk.standard_filters(false).hidden(false).follow_links(true).sort_by_file_name(|a, b| a.cmp(b));
    if ignore {
        walk.git_ignore(true).git_exclude(true).require_git(false).filter_entry(|entry| entry.file_name() != ".git");
    }
    let mut files = Vec::new();
    let mut total = 0usize;
    for entry in walk.build() {
        let entry = entry.map_err(|e| PortError::new(Fault::Unavailable, format!("its files cannot be read: {e}")))?;
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let path = shown(entry.path().strip_prefix(root).unwrap_or(entry.path()))?;
        let unread = |e: std::io::Error| PortError::new(Fault::Unavailable, format!("`{path}` cannot be read: {e}"));
        let metadata = std::fs::metadata(entry.path()).map_err(unread)?;
        total = total.saturating_add(usize::try_from(metadata.len()).unwrap_or(usize::MAX));
        if metadata.len() > PART as u64 {
            let message =
                format!("`{path}` has {} bytes, and a Job can be brought files of {PART} at most", metadata.len());
            return Err(too_much(message));
        }
        if total > TOTAL || files.len() >= FILES {
            let message =
                format!("there are more than {FILES} files or {TOTAL} bytes, and a Job can be brought no more");
            return Err(too_much(message));
        }
        use std::os::unix::fs::PermissionsExt as _;
        let is_program = metadata.permissions().mode() & 0o111 != 0;
        files.push(File { is_program, content: std::fs::read(entry.path()).map_err(unread)?, path });
    }
    Ok(files)
}

fn too_much(message: String) -> PortError {
    PortError::new(Fault::Limit, message).help(
        "let it work in a folder with what it needs alone (`in SOURCE \"FOLDER\"`), or put the files into its image",
    )
}

/// The path as a cluster takes it.
fn shown(path: &Path) -> Result<String, PortError> {
    let text = path.to_str().ok_or_else(|| {
        PortError::new(
            Fault::Invalid,
            format!("the name of `{}` is no text, and a Job cannot be brought it", path.display()),
        )
    })?;
    Ok(text.to_string())
}

/// The files in parts of which each fits into one ConfigMap.
pub(super) fn parts(files: &[File]) -> Vec<&[File]> {
    let (mut parts, mut start, mut size) = (Vec::new(), 0, 0);
    for (at, file) in files.iter().enumerate() {
        if size + file.content.len() > PART {
            parts.extend(files.get(start..at));
            (start, size) = (at, 0);
        }
        size += file.content.len();
    }
    parts.extend(files.get(start..).filter(|rest| !rest.is_empty()));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_in_order_within_bounds() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, content: &[u8]| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, content).expect("written");
        };
        write("b/run.sh", b"echo");
        write("a.txt", b"a");
        write(".hidden", b"h");
        write("target/out", b"o");
        write(".gitignore", b"target/\n");
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder.path().join("b/run.sh"), std::fs::Permissions::from_mode(0o755)).expect("set");
        let names = |ignore| read(folder.path(), ignore).expect("read").into_iter().map(|f| f.path).collect::<Vec<_>>();
        assert_eq!(names(false), [".gitignore", ".hidden", "a.txt", "b/run.sh", "target/out"]);
        assert_eq!(names(true), [".gitignore", ".hidden", "a.txt", "b/run.sh"]);
        let programs: Vec<_> = read(folder.path(), false).expect("read").into_iter().map(|f| f.is_program).collect();
        assert_eq!(programs, [false, false, false, true, false]);
        write("large", &vec![b'x'; PART + 1]);
        let error = read(folder.path(), false).expect_err("too large");
        assert!(error.fault == Fault::Limit && error.message.starts_with("`large` has 1000001 bytes"), "{error}");
    }

    #[test]
    fn parts_hold_what_fits() {
        let file = |size: usize| File { path: String::new(), is_program: false, content: vec![0; size] };
        let sizes = |files: &[File]| parts(files).iter().map(|p| p.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&[]), Vec::<usize>::new());
        assert_eq!(sizes(&[file(1), file(2)]), [2]);
        assert_eq!(sizes(&[file(PART), file(1), file(PART - 1), file(1)]), [1, 2, 1]);
    }
}

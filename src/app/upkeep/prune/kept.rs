//! Files that are kept by name: which of them are named by somebody, and which can be made again.

use super::super::tree;
use super::Pruned;
use crate::adapters::sqlite::Sqlite;
use crate::adapters::{TEMPORARY, layout};
use crate::digest::Digest;
use crate::ports::PortError;
use crate::run::State;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// Parts of a state whose files are named by digests that the state or its events name.
const NAMED: &[&str] = &["shelf/bundles", "outputs"];
/// Parts of a state that can be made again from what is outside, file by file. Clones of repositories are none: a commit that waits at
/// a gate may be gone from its branch, and there are no more clones than sources.
const CACHED: &[&str] = &["cache/images", "cache/charts", "cache/dates", "shelf/layers", "shelf/trees"];
/// Parts of a state with versions of files, which listings name: those that can be had again as long as folders stay, and those
/// that were sent.
const VERSIONS: &[&str] = &["cache/folders", "received"];

/// All digests that a text names, as hexadecimal digits.
pub(super) fn names_in(text: &[u8]) -> BTreeSet<String> {
    const DIGITS: usize = 64;
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let mut names = BTreeSet::new();
    let mut run = 0;
    for (at, byte) in text.iter().copied().enumerate().chain([(text.len(), b' ')]) {
        if is_hex(byte) {
            run += 1;
            continue;
        }
        if run == DIGITS {
            let digits = text.get(at - DIGITS..at).and_then(|digits| std::str::from_utf8(digits).ok());
            names.extend(digits.map(str::to_string));
        }
        run = 0;
    }
    names
}

/// Removes what nobody names and was written before a moment.
pub(super) fn unnamed(
    folder: &Path,
    state: &State,
    names: &BTreeSet<String>,
    before: i64,
    dry: bool,
    pruned: &mut Pruned,
) -> Result<(), PortError> {
    let mut take = |path: PathBuf, size: u64| {
        if remove(&path, before, dry)? {
            pruned.kept += 1;
            pruned.bytes += size;
        }
        Ok::<(), PortError>(())
    };
    for part in NAMED {
        for entry in tree::below(&folder.join(part))? {
            let is_named = named_by(&entry.path).is_none_or(|name| names.contains(&name));
            if !is_named && entry.written < before {
                take(folder.join(part).join(&entry.path), entry.size)?;
            }
        }
    }
    let needed = versions(state);
    for part in VERSIONS {
        let root = folder.join(part);
        // The files of listings that stay.
        let mut files = BTreeSet::new();
        for entry in tree::below(&root.join("versions"))? {
            let path = root.join("versions").join(&entry.path);
            let is_needed = named_by(&entry.path).is_none_or(|name| needed.contains(&name));
            if !is_needed && entry.written < before {
                take(path, entry.size)?;
            } else {
                // What cannot be read names files all the same.
                match std::fs::read(&path) {
                    Ok(listing) => files.extend(names_in(&listing)),
                    Err(e) if e.kind() == ErrorKind::NotFound => {}
                    Err(e) => return Err(tree::failed(&path, "read", &e)),
                }
            }
        }
        for entry in tree::below(&root.join("files"))? {
            let is_named = named_by(&entry.path).is_none_or(|name| files.contains(&name));
            if !is_named && entry.written < before {
                take(root.join("files").join(&entry.path), entry.size)?;
            }
        }
    }
    Ok(())
}

/// Removes images that were built and that nobody names, with their layers.
pub(super) fn images(
    folder: &Path,
    names: &BTreeSet<String>,
    before: i64,
    dry: bool,
    pruned: &mut Pruned,
) -> Result<(), PortError> {
    let before = UNIX_EPOCH + Duration::from_millis(u64::try_from(before).unwrap_or(0));
    let gone = layout::prune(&folder.join("images"), &|digest| names.contains(&digest.hex()), before, dry)?;
    pruned.images += gone.images;
    pruned.bytes += gone.bytes;
    Ok(())
}

/// Removes what bears the name of passing things and was not written to since a moment, nor anything in it. What is of another
/// pipeline's state is left to that one.
pub(super) fn scratch(folder: &Path, before: i64, dry: bool, pruned: &mut Pruned) -> Result<(), PortError> {
    let mut folders = vec![(folder.to_path_buf(), 0)];
    while let Some((at, depth)) = folders.pop() {
        for (path, is_folder) in tree::entries(&at)? {
            let is_scratch = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(TEMPORARY));
            if !is_scratch {
                if is_folder && depth < tree::DEPTH && !Sqlite::is_at(&path) {
                    folders.push((path, depth + 1));
                }
                continue;
            }
            let (size, written) = tree::whole(&path)?;
            if written >= before {
                continue;
            }
            let removed = match (dry, is_folder) {
                (true, _) => Ok(()),
                (false, true) => std::fs::remove_dir_all(&path),
                (false, false) => std::fs::remove_file(&path),
            };
            match removed {
                Ok(()) => {
                    pruned.scratch += 1;
                    pruned.bytes += size;
                }
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(tree::failed(&path, "removed", &e)),
            }
        }
    }
    Ok(())
}

/// The digest that a file is named by; nothing for one that is named otherwise, which is none of ours to remove.
fn named_by(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let name = name.split('.').next().unwrap_or_default();
    names_in(name.as_bytes()).into_iter().next()
}

/// The names under which versions are kept that somebody may still want: the newest ones, those of candidates that environments have,
/// can go back to or wait for, and those that sources are held at.
fn versions(state: &State) -> BTreeSet<String> {
    let memory = &state.memory;
    let mut candidates: BTreeSet<Digest> = memory.latest.into_iter().collect();
    for place in memory.environments.values() {
        candidates.extend(place.has.iter().chain(&place.had).map(|h| h.candidate));
        candidates.extend(place.standing.iter().map(|s| s.candidate));
        candidates.extend(place.deployed.values().map(|d| d.candidate));
        candidates.extend(place.queue.iter().copied());
        candidates.extend(place.rollback.iter().map(|w| w.candidate));
    }
    let of_candidates = candidates.iter().filter_map(|id| memory.candidates.get(id)).flat_map(|c| c.versions.values());
    let seen = memory.heads.values().chain(memory.pins.values().map(|p| &p.head)).map(|h| &h.version);
    of_candidates.chain(seen).map(|v| Digest::of(&v.id).hex()).collect()
}

/// Removes what can be made again, the oldest first, until there is no more of it than that.
pub(super) fn cache(folder: &Path, most: u64, dry: bool, pruned: &mut Pruned) -> Result<(), PortError> {
    let mut all: Vec<(i64, u64, PathBuf)> = Vec::new();
    for part in CACHED {
        let root = folder.join(part);
        all.extend(tree::below(&root)?.into_iter().map(|e| (e.written, e.size, root.join(e.path))));
    }
    all.sort();
    let mut size: u64 = all.iter().map(|(_, size, _)| size).sum();
    for (_, of_it, path) in all {
        if size <= most {
            break;
        }
        size = size.saturating_sub(of_it);
        if remove(&path, i64::MAX, dry)? {
            pruned.cache += 1;
            pruned.bytes += of_it;
        }
    }
    Ok(())
}

/// Removes a file that was written before a moment, unless it is only told. Whoever uses it again marks it as written now; it is
/// moved aside before that is looked at for the last time, so that nobody's is taken away. Its folder goes with the last one in it.
pub(super) fn remove(path: &Path, before: i64, dry: bool) -> Result<bool, PortError> {
    if dry {
        return Ok(true);
    }
    let mut name = std::ffi::OsString::from(TEMPORARY);
    name.push(path.file_name().unwrap_or_default());
    let aside = path.with_file_name(name);
    let gone = |e: std::io::Error| {
        if e.kind() == ErrorKind::NotFound { Ok(false) } else { Err(tree::failed(path, "removed", &e)) }
    };
    if let Err(error) = std::fs::rename(path, &aside) {
        return gone(error);
    }
    if tree::written(&aside).is_none_or(|written| written >= before) {
        return std::fs::rename(&aside, path).map(|()| false).or_else(gone);
    }
    std::fs::remove_file(&aside).map_err(|e| tree::failed(path, "removed", &e))?;
    // Only an empty one goes.
    path.parent().into_iter().for_each(|folder| drop(std::fs::remove_dir(folder)));
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_found_in_texts() {
        let (a, b) = (Digest::of("a").hex(), Digest::of("b").hex());
        let text = format!("{{\"x\":\"sha256:{a}\",\"y\":\"{b}\",\"long\":\"{a}0\",\"short\":\"{}\"}}", &a[1..]);
        assert_eq!(names_in(text.as_bytes()), BTreeSet::from([a.clone(), b]));
        assert_eq!(names_in(a.as_bytes()).len(), 1);
        assert_eq!(named_by(Path::new(&format!("ab/{a}.x"))), Some(a));
        assert_eq!(named_by(Path::new("heads/readme")), None);
    }

    #[test]
    fn what_was_cut_off_goes_when_nobody_has_touched_it_for_long() {
        let dir = tempfile::tempdir().expect("a folder");
        let at = |path: &str| dir.path().join(path);
        let name = |what: &str| format!("{TEMPORARY}{what}");
        for folder in [name("old"), name("young"), "work/deep".into(), "other".into()] {
            std::fs::create_dir_all(at(&folder)).expect("made");
        }
        let age = |path: &Path, seconds: u64| {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            std::fs::File::open(path).and_then(|file| file.set_modified(time)).expect("aged");
        };
        let (old, young) = (1_000, 9_000);
        let written = |path: String, seconds: u64| {
            std::fs::write(at(&path), "x").expect("written");
            age(&at(&path), seconds);
        };
        written(name("old/file"), old);
        written(name("young/file"), young);
        written(format!("work/deep/{}", name("file")), old);
        written("work/deep/file".into(), old);
        // The state of another pipeline.
        written("other/journal.db".into(), old);
        written(format!("other/{}", name("file")), old);
        age(&at(&name("old")), old);
        age(&at(&name("young")), old);
        for dry in [true, false] {
            let mut pruned = Pruned::default();
            scratch(dir.path(), 5_000_000, dry, &mut pruned).expect("pruned");
            assert_eq!((pruned.scratch, pruned.bytes), (2, 2), "{dry}");
        }
        assert!(!at(&name("old")).exists() && !at(&format!("work/deep/{}", name("file"))).exists());
        assert!(at(&name("young/file")).exists() && at("work/deep/file").exists());
        assert!(at(&format!("other/{}", name("file"))).exists());
    }

    #[test]
    fn a_listing_that_is_no_text_names_its_files_all_the_same() {
        let dir = tempfile::tempdir().expect("a folder");
        let (named, other) = (Digest::of("a").hex(), Digest::of("b").hex());
        for folder in ["versions", "files"] {
            std::fs::create_dir_all(dir.path().join("cache/folders").join(folder)).expect("made");
        }
        let at = |path: String| dir.path().join("cache/folders").join(path);
        std::fs::write(at("versions/listing".into()), [&b"\xff "[..], named.as_bytes()].concat()).expect("written");
        for name in [&named, &other] {
            std::fs::write(at(format!("files/{name}")), "x").expect("written");
        }
        let mut pruned = Pruned::default();
        unnamed(dir.path(), &State::default(), &BTreeSet::new(), i64::MAX, false, &mut pruned).expect("pruned");
        assert_eq!((at(format!("files/{named}")).exists(), at(format!("files/{other}")).exists()), (true, false));
        assert_eq!(pruned.kept, 1);
    }
}

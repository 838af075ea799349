//! Which files of a source count: globs that select, globs that leave out.

use super::{Fault, PortError, files::Entry};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// The files that count. A glob is matched against the whole path, `*` does not cross a `/`, `**` does. One whose last
/// part is a plain name also stands for everything below the folder of that name.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    select: Option<Select>,
    ignore: GlobSet,
    /// Folders of which nothing counts, so that nobody needs to look into them.
    closed: GlobSet,
}

#[derive(Clone, Debug)]
struct Select {
    globs: GlobSet,
    /// The folders (or files) to which the globs' plain beginnings lead; everything selected is at or below one.
    roots: Vec<String>,
}

impl Filter {
    /// The filter of these globs; without `paths` everything counts that `ignore` doesn't leave out.
    pub fn new(paths: &[String], ignore: &[String]) -> Result<Filter, PortError> {
        let select = match paths {
            [] => None,
            _ => Some(Select { globs: globs(paths)?, roots: paths.iter().map(|glob| plain_beginning(glob)).collect() }),
        };
        Ok(Filter {
            select,
            ignore: globs(ignore)?,
            closed: set(ignore.iter().filter_map(|glob| closed_folder(glob)))?,
        })
    }

    /// Whether every file counts.
    pub fn is_all(&self) -> bool {
        self.select.is_none() && self.ignore.is_empty()
    }

    /// Whether the file with that path counts.
    pub fn admits(&self, path: &str) -> bool {
        self.select.as_ref().is_none_or(|select| select.globs.is_match(path)) && !self.ignore.is_match(path)
    }

    /// Whether anything below that folder may count; the empty path is the root.
    pub fn may_admit_below(&self, folder: &str) -> bool {
        let leads_there = |root: &String| is_at_or_below(root, folder) || is_at_or_below(folder, root);
        folder.is_empty()
            || self.select.as_ref().is_none_or(|select| select.roots.iter().any(leads_there))
                && !self.closed.is_match(folder)
    }

    /// Those of the entries that count.
    pub fn of<'a>(&'a self, entries: &'a [Entry]) -> impl Iterator<Item = &'a Entry> {
        entries.iter().filter(|entry| self.admits(&entry.path))
    }
}

/// Whether `path` is `folder` or below it.
fn is_at_or_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn globs(globs: &[String]) -> Result<GlobSet, PortError> {
    set(globs.iter().flat_map(|glob| {
        let glob = tidy(glob);
        let below = (!has_wildcard(last_part(glob))).then(|| format!("{glob}/**"));
        std::iter::once(glob.to_string()).chain(below)
    }))
}

fn set(globs: impl Iterator<Item = String>) -> Result<GlobSet, PortError> {
    let wrong = |e: &globset::Error| {
        let glob = e.glob().unwrap_or_default();
        PortError::new(Fault::Invalid, format!("`{glob}` is not a glob: {}", e.kind()))
    };
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        builder.add(GlobBuilder::new(&glob).literal_separator(true).build().map_err(|e| wrong(&e))?);
    }
    builder.build().map_err(|e| wrong(&e))
}

/// A glob without what people add for looks: `./` before it, `/` behind it.
fn tidy(glob: &str) -> &str {
    let glob = glob.strip_prefix("./").unwrap_or(glob);
    glob.strip_suffix('/').unwrap_or(glob)
}

fn last_part(glob: &str) -> &str {
    glob.rsplit('/').next().unwrap_or(glob)
}

fn has_wildcard(part: &str) -> bool {
    part.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

/// The folders before a glob's first wildcard.
fn plain_beginning(glob: &str) -> String {
    // A brace may hold a `/`, so that parts are only plain up to the first wildcard of the whole glob.
    let plain: Vec<&str> = tidy(glob).split('/').take_while(|part| !has_wildcard(part)).collect();
    plain.join("/")
}

/// The glob of the folders that an ignoring glob covers entirely.
fn closed_folder(glob: &str) -> Option<String> {
    let glob = tidy(glob);
    match glob.strip_suffix("/**") {
        Some(folder) => Some(folder.to_string()),
        None => (!has_wildcard(last_part(glob))).then(|| glob.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(paths: &[&str], ignore: &[&str]) -> Filter {
        let own = |globs: &[&str]| globs.iter().map(|s| s.to_string()).collect::<Vec<_>>();
        Filter::new(&own(paths), &own(ignore)).expect("globs")
    }

    #[test]
    fn selects_and_ignores() {
        let f = filter(&["mi/values-*.yaml", "tests/**", "charts/mi/"], &["tests/data", "**/*.md"]);
        for path in ["mi/values-dev.yaml", "tests/a/b.sh", "charts/mi/Chart.yaml", "charts/mi/templates/x.yaml"] {
            assert!(f.admits(path), "{path}");
        }
        for path in ["mi/sub/values-dev.yaml", "values-dev.yaml", "tests/data/x", "tests/a.md", "charts/mine"] {
            assert!(!f.admits(path), "{path}");
        }
        assert!(filter(&[], &[]).is_all());
    }

    #[test]
    fn knows_where_to_look() {
        let f = filter(&["a/b/*.txt", "src/**/x"], &["src/target", "src/gen/**"]);
        for folder in ["", "a", "a/b", "src", "src/deep/er"] {
            assert!(f.may_admit_below(folder), "{folder}");
        }
        for folder in ["b", "ab", "a/c", "src/target", "src/gen"] {
            assert!(!f.may_admit_below(folder), "{folder}");
        }
    }

    #[test]
    fn a_brace_over_folders_is_no_plain_beginning() {
        let f = filter(&["{a/b,c}/x"], &[]);
        assert!(f.admits("a/b/x") && f.admits("c/x") && f.may_admit_below("c"));
    }

    #[test]
    fn refuses_what_is_no_glob() {
        let error = Filter::new(&["a[".to_string()], &[]).expect_err("unclosed");
        assert!(error.message.contains("`a[` is not a glob"), "{error}");
    }
}

//! What a pipeline file can name of this machine besides files: branches of repositories, contexts of clusters. Only names are
//! read, of what lies here already; nothing is asked of the network.

use super::Analysis;
use super::paths::join;
use crate::helm::yaml::{self, Data};
use crate::model::source::{is_path, repository};
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// How many branches are offered.
const MOST: usize = 500;
/// How much of a file is read.
const MAX_FILE: u64 = 4 << 20;

/// The branches of the repository at a URL or path: those that it has on this machine, or that are known here of it.
pub(super) fn branches(analysis: &Analysis, url: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    if is_path(url) {
        let there = join(&analysis.root, url);
        if let Some(git) = git_folder(&there).or_else(|| there.join("HEAD").is_file().then_some(there)) {
            refs(&git, "refs/heads/", &mut found);
        }
        return found.into_iter().take(MOST).collect();
    }
    if let Some(git) = analysis.root.ancestors().find_map(git_folder) {
        for remote in remotes_of(&git, url) {
            refs(&git, &format!("refs/remotes/{remote}/"), &mut found);
        }
    }
    found.extend(analysis.facts.branches.get(url).into_iter().flatten().cloned());
    found.remove("HEAD");
    found.into_iter().take(MOST).collect()
}

/// The folder of a repository's refs. A worktree's `.git` is a file that names its own, and that one names the common one.
fn git_folder(folder: &Path) -> Option<PathBuf> {
    let git = folder.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let named = text(&git)?;
    let own = folder.join(named.trim().strip_prefix("gitdir:")?.trim());
    Some(match text(&own.join("commondir")) {
        Some(common) => own.join(common.trim()),
        None => own,
    })
}

/// The remotes of a repository that are at a URL.
fn remotes_of(git: &Path, url: &str) -> Vec<String> {
    let plain = |url: &str| repository(url.trim()).to_string();
    let (mut found, mut remote) = (Vec::new(), None);
    for line in text(&git.join("config")).unwrap_or_default().lines().map(str::trim) {
        if line.starts_with('[') {
            remote = line.strip_prefix("[remote \"").and_then(|l| l.strip_suffix("\"]")).map(str::to_string);
        } else if let (Some(name), Some(value)) = (&remote, line.strip_prefix("url").map(str::trim_start)) {
            let is_it = value.strip_prefix('=').is_some_and(|value| plain(value) == plain(url));
            found.extend(is_it.then(|| name.clone()));
        }
    }
    found
}

/// The names of refs that begin so, loose ones and packed ones.
fn refs(git: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    let folder = git.join(prefix);
    let mut open = vec![folder.clone()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(&at).into_iter().flatten().flatten().take(MOST) {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && open.len() < MOST => open.push(path),
                Ok(kind) if kind.is_file() && found.len() < MOST => {
                    found.extend(path.strip_prefix(&folder).ok().and_then(Path::to_str).map(str::to_string));
                }
                _ => {}
            }
        }
    }
    let packed = text(&git.join("packed-refs")).unwrap_or_default();
    let names = packed.lines().filter_map(|line| line.split_once(' ')?.1.strip_prefix(prefix));
    found.extend(names.take(MOST).map(str::to_string));
}

/// The names of the contexts in the kubeconfig: of `$KUBECONFIG`, or the one in the home folder.
pub(super) fn contexts() -> Vec<String> {
    let said = std::env::var_os("KUBECONFIG").filter(|v| !v.is_empty());
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".kube/config"));
    let files: Vec<PathBuf> = match said {
        Some(paths) => std::env::split_paths(&paths).collect(),
        None => home().into_iter().collect(),
    };
    let found: BTreeSet<String> = files.iter().take(MOST).filter_map(|f| text(f)).flat_map(|t| names(&t)).collect();
    found.into_iter().collect()
}

/// The names of the contexts in a kubeconfig; nothing else of it is looked at.
fn names(text: &str) -> Vec<String> {
    let Ok(Some(config)) = yaml::parse_chars(text) else { return Vec::new() };
    let Some(Data::Seq(contexts)) = config.get("contexts").map(|e| &e.value.data) else { return Vec::new() };
    contexts.iter().filter_map(|c| Some(c.get("name")?.value.as_str()?.to_string())).collect()
}

fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(MAX_FILE).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;
    use crate::syntax::{Limits, parse};

    fn analysis(root: &Path) -> Analysis {
        let mut sources = Sources::new();
        let id = sources.add("lockgate.kdl", "");
        let (tree, _) = parse(id, "".into(), &Limits::default());
        Analysis::new(root.to_path_buf(), sources, tree.into(), Vec::new())
    }

    #[test]
    fn branches_are_those_of_the_repository_that_is_meant() {
        let dir = tempfile::tempdir().expect("a folder");
        let put = |path: &str, text: &str| {
            let full = dir.path().join(path);
            std::fs::create_dir_all(full.parent().expect("a parent")).expect("folders");
            std::fs::write(full, text).expect("a file");
        };
        put(".git/config", "[core]\n\tbare = false\n[remote \"up\"]\n\turl = https://git.example.com/a.git\n");
        put(".git/refs/remotes/up/main", "0");
        put(".git/refs/remotes/up/HEAD", "0");
        put("other/.git/refs/heads/feature/x", "0");
        put("other/.git/packed-refs", "# pack-refs\n0123 refs/heads/old\n0123 refs/tags/v1\n");
        let mut analysis = analysis(dir.path());
        assert_eq!(branches(&analysis, "https://git.example.com/a"), ["main"]);
        assert_eq!(branches(&analysis, "https://git.example.com/b"), [""; 0]);
        assert_eq!(branches(&analysis, "./other"), ["feature/x", "old"]);
        assert_eq!(branches(&analysis, "./nowhere"), [""; 0]);
        let known = ("https://git.example.com/b".to_string(), vec!["main".to_string(), "next".to_string()]);
        analysis.facts.branches.extend([known]);
        assert_eq!(branches(&analysis, "https://git.example.com/b"), ["main", "next"]);
    }

    #[test]
    fn contexts_are_names_and_nothing_else() {
        let config = "users: [{name: u, user: {token: secret}}]\ncontexts:\n- name: dev\n  context: {}\n- name: prod\n";
        assert_eq!(names(config), ["dev", "prod"]);
        assert_eq!(names("contexts: 1"), [""; 0]);
        assert_eq!(names("{"), [""; 0]);
    }
}

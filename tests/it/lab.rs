//! A laboratory: a pipeline with all that it reads in a folder of its own, and the program to try on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_lockgate");

/// How long something that is waited for may take before the test gives up; no test passes by it.
const PATIENCE: Duration = Duration::from_secs(120);

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with a pipeline, gone with its last use.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    /// A folder with these files; scripts can be run.
    pub fn with(files: &[(&str, &str)]) -> Lab {
        let lab = Lab { folder: tempfile::tempdir().expect("a folder") };
        files.iter().for_each(|(path, text)| lab.write(path, text));
        lab
    }

    /// A copy of a folder of this repository, as a fresh clone has it.
    pub fn copy_of(folder: &str) -> Lab {
        let lab = Lab::with(&[]);
        copy(&repository().join(folder), lab.path());
        lab
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
        std::fs::write(&path, text).expect("the file is written");
        if text.starts_with("#!") {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("the mode is set");
        }
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.at(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    pub fn read_bytes(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.at(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    pub fn has(&self, path: &str) -> bool {
        self.at(path).exists()
    }

    pub fn remove(&self, path: &str) {
        let path = self.at(path);
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.expect("it is removed");
    }

    /// Puts something else in the place of a text in a file.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no `{from}`");
        self.write(path, &text.replace(from, to));
    }

    /// Everything below a folder: files with what is in them, links with where they lead.
    pub fn tree(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut tree = BTreeMap::new();
        walk(&self.at(folder), &mut |path| {
            let name = path.strip_prefix(self.path()).expect("inside").display().to_string();
            let content = match std::fs::read_link(path) {
                Ok(to) => to.display().to_string().into_bytes(),
                Err(_) => std::fs::read(path).expect("a file"),
            };
            tree.insert(name, content);
        });
        tree
    }

    /// The program in this folder, as nobody in particular on a machine without settings.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("LOCKGATE_")) {
            command.env_remove(name);
        }
        command.env("NO_COLOR", "1").env("TZ", "UTC").env("COLUMNS", "200");
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::new(args, self.command(args).output().expect("the program starts"))
    }

    /// Runs `git` in a folder below.
    pub fn git(&self, folder: &str, args: &[&str]) -> String {
        self.git_as("Ann Author", folder, args)
    }

    /// The same as somebody.
    pub fn git_as(&self, name: &str, folder: &str, args: &[&str]) -> String {
        std::fs::create_dir_all(self.at(folder)).expect("the folder is made");
        let mail = format!("{}@example.com", name.split(' ').next().unwrap_or_default().to_lowercase());
        let mut command = Command::new("git");
        command
            .args(["-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"])
            .args(args)
            .current_dir(self.at(folder));
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), name).env(format!("GIT_{who}_EMAIL"), &mail);
        }
        let done = command.output().expect("git starts");
        assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_string()
    }

    /// Commits everything in a folder, which becomes a repository where it is none.
    pub fn commit(&self, folder: &str, subject: &str) -> String {
        self.commit_as("Ann Author", folder, subject)
    }

    /// The same as somebody.
    pub fn commit_as(&self, name: &str, folder: &str, subject: &str) -> String {
        if !self.at(folder).join(".git").exists() {
            self.git(folder, &["init", "-q"]);
        }
        self.git(folder, &["add", "-A"]);
        self.git_as(name, folder, &["commit", "-q", "--allow-empty", "-m", subject]);
        self.git(folder, &["rev-parse", "HEAD"])
    }
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    args: String,
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn new(args: &[&str], done: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { args: args.join(" "), code: done.status.code(), out: text(done.stdout), err: text(done.stderr) }
    }

    /// It ended with this exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "lockgate {}\n{}{}", self.args, self.out, self.err);
        self
    }

    /// It said all of this, wherever.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Ran {
        for text in texts {
            let said = self.out.contains(text) || self.err.contains(text);
            assert!(said, "lockgate {} did not say `{text}`:\n{}{}", self.args, self.out, self.err);
        }
        self
    }

    /// It said nothing of this.
    #[track_caller]
    pub fn says_nothing_of(self, texts: &[&str]) -> Ran {
        for text in texts {
            let said = self.out.contains(text) || self.err.contains(text);
            assert!(!said, "lockgate {} said `{text}`:\n{}{}", self.args, self.out, self.err);
        }
        self
    }

    /// What it printed, as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|e| panic!("lockgate {}: {e}\n{}{}", self.args, self.out, self.err))
    }
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A port that nobody listened on a moment ago.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}

/// What stands between two texts, where the first of them comes first; nothing where they are not there.
pub(crate) fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    text.split_once(before).and_then(|(_, rest)| rest.split_once(after)).map_or("", |(found, _)| found)
}

/// Sends a signal to a program that runs.
pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, signal).expect("the signal is sent");
}

/// All files and links below a folder, in the order of their names.
pub(crate) fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.sort_unstable();
    for path in paths {
        if path.is_dir() && !path.is_symlink() { walk(&path, visit) } else { visit(&path) }
    }
}

/// Copies a folder, without what runs have left in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    walk(from, &mut |path| {
        let name = path.strip_prefix(from).expect("inside");
        let made = name.iter().any(|part| part == "out" || part == ".lockgate");
        if !made {
            let target = to.join(name);
            std::fs::create_dir_all(target.parent().expect("a folder")).expect("the folder is made");
            std::fs::copy(path, target).expect("the file is copied");
        }
    });
}

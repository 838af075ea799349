//! A git server for tests: a few lines of HTTP around `git http-backend`, on a port of its own.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// A server of all repositories below a folder. It stops when the test program ends.
pub struct Server {
    address: std::net::SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

/// What a server does besides.
#[derive(Clone, Default)]
pub struct Manner {
    /// The base64 of the `user:password` that it wants.
    pub wants: Option<&'static str>,
    /// The status that it answers everything with.
    pub fails: Option<&'static str>,
}

impl Server {
    /// Serves the repositories below that folder.
    pub fn start(root: &Path, manner: Manner) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (root, log) = (root.to_path_buf(), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, log, manner) = (root.clone(), log.clone(), manner.clone());
                // A client that goes away in the middle is no fault of the server.
                std::thread::spawn(move || drop(serve(stream, &root, &manner, &log)));
            }
        });
        Server { address, asked }
    }

    /// The URL of a repository.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// What was asked since this was called last: the methods and paths.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("a log"))
    }
}

/// One request, as far as git needs it.
struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn serve(mut stream: TcpStream, root: &Path, manner: &Manner, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = read_request(&mut reader)? {
        let authorized = request.header("authorization").and_then(|value| value.strip_prefix("Basic ")) == manner.wants;
        let answer = match manner.fails {
            Some(status) => answer(status, "", b""),
            None if !authorized && manner.wants.is_some() => {
                answer("401 Unauthorized", "WWW-Authenticate: Basic realm=\"git\"\r\n", b"")
            }
            None => {
                log.lock().expect("a log").push(format!("{} {}", request.method, request.path));
                backend(&request, root)?
            }
        };
        stream.write_all(&answer)?;
    }
    Ok(())
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

fn read_request(reader: &mut impl std::io::BufRead) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (method, path, query) = (method.to_string(), path.to_string(), query.to_string());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((key, value)) => headers.push((key.to_ascii_lowercase(), value.trim().to_string())),
            None => break,
        }
    }
    let mut request = Request { method, path, query, headers, body: Vec::new() };
    request.body = match request.header("transfer-encoding") {
        Some("chunked") => read_chunks(reader)?,
        _ => {
            let mut body = vec![0; request.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0)];
            reader.read_exact(&mut body)?;
            body
        }
    };
    Ok(Some(request))
}

fn read_chunks(reader: &mut impl std::io::BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        if size == 0 {
            return Ok(body);
        }
        body.extend(&chunk[..size]);
    }
}

/// Lets `git http-backend` answer.
fn backend(request: &Request, root: &Path) -> std::io::Result<Vec<u8>> {
    let mut child = git(root)
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", &request.path)
        .env("QUERY_STRING", &request.query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", request.header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", request.header("content-encoding").unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut stdin = child.stdin.take().expect("a pipe");
    let body = request.body.clone();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&body)));
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    let (mut status, mut headers) = ("200 OK".to_string(), String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            line => match line.strip_prefix("Status: ") {
                Some(given) => status = given.to_string(),
                None => headers.push_str(&format!("{line}\r\n")),
            },
        }
    }
    let mut body = Vec::new();
    reader.read_to_end(&mut body)?;
    writer.join().ok();
    child.wait()?;
    Ok(answer(&status, &headers, &body))
}

/// Git, untouched by how the machine is configured.
fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "ann").env(format!("GIT_{role}_EMAIL"), "ann@x.org");
    }
    git
}

/// Whether there is a git that can serve. Tests that need one are left out where there is none.
pub fn there_is_git() -> bool {
    let found = Command::new("git").arg("--exec-path").output().ok().filter(|output| output.status.success());
    let folder = found.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let there = folder.is_some_and(|folder| folder.join("git-http-backend").exists());
    if !there {
        eprintln!("left out: there is no `git http-backend` on this machine");
    }
    there
}

/// A working copy whose commits are pushed to a bare repository beside it.
pub struct Work {
    root: tempfile::TempDir,
}

impl Work {
    /// An empty repository `app.git` and a working copy.
    pub fn new() -> Work {
        let work = Work { root: tempfile::tempdir().expect("a folder") };
        work.run(work.root(), &["init", "--quiet", "--bare", "--initial-branch=main", "app.git"]);
        work.run(work.root(), &["init", "--quiet", "--initial-branch=main", "copy"]);
        work
    }

    /// The folder that holds the repository.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Writes the files, commits them as that person, and pushes; answers the commit.
    pub fn commit(&self, who: &str, files: &[(&str, &str)]) -> String {
        let copy = self.root().join("copy");
        for (path, content) in files {
            std::fs::create_dir_all(copy.join(path).parent().expect("a parent")).expect("folders");
            std::fs::write(copy.join(path), content).expect("a file");
        }
        self.run(&copy, &["add", "--all"]);
        let author = format!("{who} <{who}@x.org>");
        self.run(&copy, &["commit", "--quiet", "--allow-empty", "--message", "Change it", "--author", &author]);
        self.push();
        self.run(&copy, &["rev-parse", "HEAD"])
    }

    /// Goes back by that many commits, as before a force-push.
    pub fn back(&self, commits: usize) {
        self.run(&self.root().join("copy"), &["reset", "--quiet", "--hard", &format!("HEAD~{commits}")]);
    }

    /// Sets a setting of the served repository.
    pub fn configure(&self, key: &str, value: &str) {
        self.run(&self.root().join("app.git"), &["config", key, value]);
    }

    /// Throws away what no branch leads to.
    pub fn clean(&self) {
        self.run(&self.root().join("app.git"), &["gc", "--quiet", "--prune=now"]);
    }

    /// Takes over what others pushed.
    pub fn pull(&self) {
        let copy = self.root().join("copy");
        self.run(&copy, &["fetch", "--quiet", "../app.git", "main"]);
        self.run(&copy, &["reset", "--quiet", "--hard", "FETCH_HEAD"]);
    }

    /// The subjects of a branch's commits, the newest first.
    pub fn log(&self, branch: &str) -> Vec<String> {
        let log = self.run(&self.root().join("app.git"), &["log", "--format=%s", branch]);
        log.lines().map(ToString::to_string).collect()
    }

    /// What a file holds: `main:a/b`.
    pub fn show(&self, what: &str) -> String {
        self.run(&self.root().join("app.git"), &["show", what])
    }

    /// Sees that the served repository is whole.
    pub fn verify(&self) {
        self.run(&self.root().join("app.git"), &["fsck", "--strict", "--full"]);
    }

    fn push(&self) {
        self.run(&self.root().join("copy"), &["push", "--quiet", "--force", "../app.git", "HEAD:main"]);
    }

    fn run(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = git(folder).args(arguments).output().expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_string()
    }
}

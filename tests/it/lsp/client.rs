//! An editor as far as the language server sees one: it starts the server, writes messages and waits for answers.

use crate::lab::PROGRAM;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long an answer may take before the test gives up; no test passes by it.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Client {
    server: Child,
    input: Option<ChildStdin>,
    output: Receiver<Value>,
    asked: i64,
    /// What was told and not looked at yet.
    told: Vec<Value>,
}

/// The URI of a file.
pub fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

impl Client {
    /// A client that has not said anything yet.
    pub fn silent(folder: &Path) -> Client {
        let mut command = Command::new(PROGRAM);
        command.args(["lsp", "--stdio"]).current_dir(folder).env_remove("LOCKGATE_STATE");
        let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the server starts");
        let (sender, output) = channel();
        let mut from = BufReader::new(server.stdout.take().expect("piped"));
        std::thread::spawn(move || {
            while let Some(message) = message(&mut from) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let input = server.stdin.take();
        Client { server, input, output, asked: 0, told: Vec::new() }
    }

    /// A client that works in a folder.
    pub fn new(folder: &Path) -> Client {
        let mut client = Client::silent(folder);
        let item = json!({ "completion": { "completionItem": { "snippetSupport": true } } });
        let folders = json!([{ "uri": uri(folder), "name": "here" }]);
        let said = client.ask(
            "initialize",
            json!({ "processId": null, "capabilities": { "textDocument": item }, "workspaceFolders": folders }),
        );
        assert_eq!(said["capabilities"]["positionEncoding"], "utf-16", "{said}");
        client.tell("initialized", json!({}));
        client
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("open");
        input.write_all(bytes).and_then(|()| input.flush()).expect("the server reads");
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.raw(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    pub fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The whole answer to a request.
    pub fn answer(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message =
                self.output.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("{method} is not answered: {e}"));
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
            self.told.push(message);
        }
    }

    /// The result of a request that must be one.
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// What is told next with that method.
    pub fn hear(&mut self, method: &str) -> Value {
        loop {
            if let Some(at) = self.told.iter().position(|m| m["method"] == method) {
                return self.told.remove(at)["params"].clone();
            }
            let message = self.output.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("{method} is not heard: {e}"));
            self.told.push(message);
        }
    }

    /// The codes of what is wrong with a version of a text.
    pub fn wrong(&mut self, path: &Path, version: i64) -> Vec<String> {
        loop {
            let news = self.hear("textDocument/publishDiagnostics");
            if news["uri"] == uri(path) && news["version"] == version {
                let list = news["diagnostics"].as_array().expect("a list");
                return list.iter().map(|d| d["code"].as_str().unwrap_or_default().to_string()).collect();
            }
        }
    }

    pub fn open(&mut self, path: &Path, text: &str) {
        let document = json!({ "uri": uri(path), "languageId": "kdl", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// Changes a range, given as `[line, column, line, column]`.
    pub fn change(&mut self, path: &Path, version: i64, range: [u32; 4], text: &str) {
        let [line, column, to_line, to_column] = range;
        let range = json!({ "start": { "line": line, "character": column }, "end": { "line": to_line, "character": to_column } });
        self.change_all(path, version, json!([{ "range": range, "text": text }]));
    }

    pub fn change_all(&mut self, path: &Path, version: i64, changes: Value) {
        let document = json!({ "uri": uri(path), "version": version });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    /// A request about a place.
    pub fn at(&mut self, method: &str, path: &Path, line: u32, column: u32) -> Value {
        self.ask(method, place(path, line, column))
    }

    /// Ends the conversation as it should be, and gives the code with which the server ended.
    pub fn end(mut self) -> Option<i32> {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        self.server.wait().expect("it ends").code()
    }

    /// Goes without a word.
    pub fn die(mut self) -> Option<i32> {
        self.input = None;
        self.server.wait().expect("it ends").code()
    }
}

/// A place in a text, as requests name it.
pub fn place(path: &Path, line: u32, column: u32) -> Value {
    json!({ "textDocument": { "uri": uri(path) }, "position": { "line": line, "character": column } })
}

/// Applies edits to a text; its columns are those of ASCII.
pub fn applied(text: &str, edits: &Value) -> String {
    let mut text = text.to_string();
    let mut edits: Vec<&Value> = edits.as_array().expect("a list").iter().collect();
    let key = |place: &Value| (place["line"].as_u64(), place["character"].as_u64());
    edits.sort_by_key(|e| std::cmp::Reverse(key(&e["range"]["start"])));
    for edit in edits {
        let offset = |text: &str, place: &Value| {
            let line = usize::try_from(place["line"].as_u64().expect("a line")).expect("small");
            let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
            before + usize::try_from(place["character"].as_u64().expect("a column")).expect("small")
        };
        let (start, end) = (offset(&text, &edit["range"]["start"]), offset(&text, &edit["range"]["end"]));
        text.replace_range(start..end, edit["newText"].as_str().expect("a text"));
    }
    text
}

fn message(from: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim().split_once(':') {
            Some((_, value)) => length = value.trim().parse().ok()?,
            None => break,
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

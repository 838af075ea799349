//! One client: what it can, what it has open, and what becomes of its messages.

use super::answers;
use super::capabilities::{self, Client};
use super::publish::Told;
use super::texts::{Open, path_of};
use super::wire::Incoming;
use super::workspace::Workspace;
use ls_types::{
    DidChangeTextDocumentParams, DidChangeWorkspaceFoldersParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, InitializeParams, InitializeResult, ServerInfo,
};
use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response, ResponseError};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    /// The client is gone; `said`: after it had said that it would.
    End {
        said: bool,
    },
}

/// Where the conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Open,
    Closing,
}

/// The server of one client.
pub(super) struct Server {
    /// What is to be sent.
    pub outgoing: Vec<Message>,
    pub workspace: Workspace,
    pub client: Client,
    told: Told,
    phase: Phase,
    /// Whether something was computed that was not told.
    news: bool,
    asked: i32,
}

impl Server {
    pub fn new(state: Option<PathBuf>) -> Server {
        let workspace = Workspace::new(state);
        let (outgoing, client, told) = (Vec::new(), Client::default(), Told::default());
        Server { outgoing, workspace, client, told, phase: Phase::New, news: false, asked: 0 }
    }

    /// Takes requests out that the client does not want answered any more, and says so.
    pub fn forget_cancelled(&mut self, batch: &mut VecDeque<Incoming>) {
        let id_of = |n: &Notification| serde_json::from_value::<RequestId>(n.params.get("id")?.clone()).ok();
        let cancelled: Vec<RequestId> = batch
            .iter()
            .filter_map(|m| match m {
                Incoming::Message(Message::Notification(n)) if n.method == "$/cancelRequest" => id_of(n),
                _ => None,
            })
            .collect();
        batch.retain(|m| match m {
            Incoming::Message(Message::Request(r)) if cancelled.contains(&r.id) => {
                self.outgoing.push(refusal(r.id.clone(), ErrorCode::RequestCanceled, "cancelled"));
                false
            }
            _ => true,
        });
    }

    /// Takes a message in. Whatever it does, the next one is taken in too.
    pub fn take(&mut self, message: Incoming) -> Flow {
        let id = match &message {
            Incoming::Message(Message::Request(request)) => Some(request.id.clone()),
            _ => None,
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| match message {
            Incoming::Message(Message::Request(request)) => self.request(request),
            Incoming::Message(Message::Notification(notification)) => self.notification(notification),
            Incoming::Message(Message::Response(_)) => Flow::On,
            Incoming::Garbage(why) => self.log(&why),
        }));
        outcome.unwrap_or_else(|_| {
            let refuse =
                |id| refusal(id, ErrorCode::InternalError, "the server failed to answer; this is a fault of lockgate");
            self.outgoing.extend(id.map(refuse));
            Flow::On
        })
    }

    /// Tells what is wrong by now.
    pub fn tell(&mut self) {
        let told = catch_unwind(AssertUnwindSafe(|| {
            self.news |= self.workspace.settle();
            if self.phase == Phase::Open && std::mem::take(&mut self.news) {
                for news in self.told.news(&self.workspace, self.client.encoding) {
                    self.notify("textDocument/publishDiagnostics", json!(news));
                }
            }
        }));
        if told.is_err() {
            self.log("the server failed to check a text; this is a fault of lockgate");
        }
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.outgoing.push(Message::Notification(Notification { method: method.to_string(), params }));
    }

    fn log(&mut self, what: &str) -> Flow {
        self.notify("window/logMessage", json!({ "type": 2, "message": format!("lockgate: {what}") }));
        Flow::On
    }

    fn request(&mut self, request: Request) -> Flow {
        let Request { id, method, params } = request;
        let answer = match (self.phase, method.as_str()) {
            (Phase::New, "initialize") => self.initialize(params),
            (Phase::New, _) => Err(error(ErrorCode::ServerNotInitialized, "not initialized yet")),
            (Phase::Closing, _) => Err(error(ErrorCode::InvalidRequest, "it is shut down")),
            (Phase::Open, "initialize") => Err(error(ErrorCode::InvalidRequest, "initialized already")),
            (Phase::Open, "shutdown") => {
                self.phase = Phase::Closing;
                Ok(Value::Null)
            }
            (Phase::Open, method) => {
                self.news |= self.workspace.settle();
                answers::answer(self, method, params)
            }
        };
        self.outgoing.push(Message::Response(Response { id, response_result: answer }));
        Flow::On
    }

    fn initialize(&mut self, params: Value) -> Result<Value, ResponseError> {
        let params: InitializeParams = read(params)?;
        self.client = Client::of(&params.capabilities);
        #[allow(deprecated, reason = "older clients say nothing else")]
        let root = params.root_uri;
        let folders = params.workspace_folders.unwrap_or_default().into_iter().map(|f| f.uri);
        let mut folders: Vec<PathBuf> = folders.map(|uri| path_of(&uri)).collect();
        if folders.is_empty() {
            folders.extend(root.map(|uri| path_of(&uri)));
        }
        self.workspace.set_folders(folders);
        self.phase = Phase::Open;
        let capabilities = capabilities::server(self.client);
        let version = Some(env!("CARGO_PKG_VERSION").to_string());
        let server_info = Some(ServerInfo { name: "lockgate".to_string(), version });
        Ok(json!(InitializeResult { capabilities, server_info, ..InitializeResult::default() }))
    }

    fn notification(&mut self, notification: Notification) -> Flow {
        let Notification { method, params } = notification;
        if method == "exit" {
            return Flow::End { said: self.phase == Phase::Closing };
        }
        if self.phase != Phase::Open {
            return Flow::On;
        }
        let done = match method.as_str() {
            "initialized" => self.initialized(),
            "textDocument/didOpen" => self.opened(params),
            "textDocument/didChange" => self.changed(params),
            "textDocument/didClose" => read(params).map(|p: DidCloseTextDocumentParams| {
                self.workspace.close(&path_of(&p.text_document.uri));
            }),
            "textDocument/didSave" => {
                self.workspace.touch_all();
                Ok(())
            }
            "workspace/didChangeWatchedFiles" => {
                // A values file or a template that comes or goes does not make a pipeline.
                if params.to_string().contains(".kdl\"") {
                    self.workspace.look_around();
                }
                self.workspace.touch_all();
                Ok(())
            }
            "workspace/didChangeWorkspaceFolders" => self.folders(params),
            _ => Ok(()),
        };
        match done {
            Ok(()) => Flow::On,
            Err(error) => self.log(&format!("{method}: {}", error.message)),
        }
    }

    /// Asks to be told of pipeline files, values files and templates that come, go and change.
    fn initialized(&mut self) -> Result<(), ResponseError> {
        if self.client.watches {
            self.asked += 1;
            let watchers = json!({ "watchers": [{ "globPattern": "**/*.{kdl,yaml,yml,tpl}" }] });
            let registration =
                json!({ "id": "files", "method": "workspace/didChangeWatchedFiles", "registerOptions": watchers });
            let params = json!({ "registrations": [registration] });
            let (id, method) = (RequestId::from(self.asked), "client/registerCapability".to_string());
            self.outgoing.push(Message::Request(Request { id, method, params }));
        }
        Ok(())
    }

    fn opened(&mut self, params: Value) -> Result<(), ResponseError> {
        let document = read::<DidOpenTextDocumentParams>(params)?.text_document;
        let path = path_of(&document.uri);
        self.workspace.open(path, Open { uri: document.uri, version: document.version, text: document.text });
        Ok(())
    }

    fn changed(&mut self, params: Value) -> Result<(), ResponseError> {
        let params: DidChangeTextDocumentParams = read(params)?;
        let path = path_of(&params.text_document.uri);
        let encoding = self.client.encoding;
        let Some(open) = self.workspace.texts.get_mut(&path) else {
            return Err(error(ErrorCode::InvalidParams, "a change of a text that is not open"));
        };
        open.change(params.text_document.version, params.content_changes, encoding);
        self.workspace.touch(&path);
        Ok(())
    }

    fn folders(&mut self, params: Value) -> Result<(), ResponseError> {
        let event = read::<DidChangeWorkspaceFoldersParams>(params)?.event;
        let gone: Vec<PathBuf> = event.removed.iter().map(|f| path_of(&f.uri)).collect();
        let mut folders: Vec<PathBuf> = self.workspace.folders().to_vec();
        folders.retain(|f| !gone.contains(f));
        folders.extend(event.added.iter().map(|f| path_of(&f.uri)));
        self.workspace.set_folders(folders);
        Ok(())
    }
}

/// The parameters of a message.
pub(super) fn read<T: DeserializeOwned>(params: Value) -> Result<T, ResponseError> {
    serde_json::from_value(params).map_err(|e| error(ErrorCode::InvalidParams, &e.to_string()))
}

pub(super) fn error(code: ErrorCode, message: &str) -> ResponseError {
    ResponseError { code: code as i32, message: message.to_string(), data: None }
}

fn refusal(id: RequestId, code: ErrorCode, message: &str) -> Message {
    Message::Response(Response { id, response_result: Err(error(code, message)) })
}

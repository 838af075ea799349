//! A registry in memory, as strict as the distribution project's where it matters, with the faults that a test asks for.

use crate::adapters::web::server::{Handler, Reply, Request, Server};
use crate::digest::Digest;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What it holds, and how it behaves.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) blobs: BTreeMap<(String, Digest), Vec<u8>>,
    pub(crate) manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    pub(crate) uploads: BTreeMap<usize, Vec<u8>>,
    pub(crate) next: usize,
    /// How many tags are on a page.
    pub(crate) page: usize,
    /// What is answered instead, to the first requests that begin so: method and path.
    pub(crate) faults: Vec<(String, Reply)>,
    /// After how many bytes the line is cut in the next upload with a body of more.
    pub(crate) cut_upload: Option<usize>,
    /// Whether an upload that was cut off can be gone on with.
    pub(crate) forgets_uploads: bool,
    /// `Basic …` or a token that is wanted.
    pub(crate) wants: Option<Wants>,
    pub(crate) no_head: bool,
    pub(crate) no_mount: bool,
}

pub(crate) enum Wants {
    /// This header.
    Basic(&'static str),
    /// A token from `/token`, which wants this header, or nothing.
    Token(Option<&'static str>),
}

#[derive(Clone, Default)]
pub(crate) struct Shop(pub(crate) Arc<Mutex<State>>);

impl Shop {
    pub(crate) fn open(self) -> Server {
        Server::start(self)
    }

    pub(crate) fn with(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock());
    }

    /// A fault for the next request that begins so.
    pub(crate) fn fault(&self, begins: &str, reply: Reply) {
        self.with(|state| state.faults.push((begins.to_string(), reply)));
    }

    pub(crate) fn put(&self, repository: &str, tag: &str, kind: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.with(|state| {
            for name in [tag.to_string(), digest.to_string()] {
                state.manifests.insert((repository.to_string(), name), (kind.to_string(), bytes.to_vec()));
            }
        });
        digest
    }

    pub(crate) fn put_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.with(|state| drop(state.blobs.insert((repository.to_string(), digest), bytes.to_vec())));
        digest
    }
}

fn error(status: u16, code: &str) -> Reply {
    Reply::new(status).body(format!(r#"{{"errors":[{{"code":"{code}","message":"so it is"}}]}}"#))
}

impl Handler for Shop {
    fn takes(&self, request: &Request) -> Option<usize> {
        let mut state = self.0.lock();
        let length: usize = request.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
        if request.path.contains("/uploads/") && state.cut_upload.is_some_and(|cut| cut < length) {
            return state.cut_upload.take();
        }
        None
    }

    fn answer(&self, request: &Request) -> Reply {
        let mut state = self.0.lock();
        let line = format!("{} {}", request.method, request.path);
        if let Some(at) = state.faults.iter().position(|(begins, _)| line.starts_with(begins)) {
            return state.faults.remove(at).1;
        }
        let host = request.header("host").unwrap_or_default().to_string();
        match &state.wants {
            Some(Wants::Basic(header)) if request.header("authorization") != Some(header) => {
                return error(401, "UNAUTHORIZED").header("WWW-Authenticate", "Basic realm=\"x\"");
            }
            Some(Wants::Token(header)) => {
                if request.path == "/token" {
                    let let_in = header.is_none() || request.header("authorization") == *header;
                    let identity = String::from_utf8_lossy(&request.body).contains("refresh_token=idt");
                    let scopes = request.parameter("scope").unwrap_or_else(|| "form".into()).replace(':', "/");
                    return match let_in || identity {
                        true => Reply::new(200).body(format!(r#"{{"token":"t-{scopes}","expires_in":300}}"#)),
                        false => error(401, "UNAUTHORIZED"),
                    };
                }
                let token = request.header("authorization").is_some_and(|h| h.starts_with("Bearer t-"));
                if !token {
                    let header = format!("Bearer realm=\"http://{host}/token\",service=\"shop\"");
                    return error(401, "UNAUTHORIZED").header("WWW-Authenticate", header);
                }
            }
            _ => {}
        }
        state.serve(request)
    }
}

impl State {
    fn serve(&mut self, request: &Request) -> Reply {
        let Some(rest) = request.path.strip_prefix("/v2/") else { return Reply::new(404) };
        if let Some(repository) = rest.strip_suffix("/tags/list") {
            return self.tags(repository, request);
        }
        if let Some((repository, reference)) = rest.split_once("/manifests/") {
            return self.manifest(repository, reference, request);
        }
        if let Some((repository, upload)) = rest.split_once("/blobs/uploads/") {
            return self.upload(repository, upload, request);
        }
        match rest.split_once("/blobs/") {
            Some((repository, digest)) => self.blob(repository, digest, request),
            None => Reply::new(404),
        }
    }

    fn tags(&self, repository: &str, request: &Request) -> Reply {
        let all: Vec<&String> = self.manifests.keys().filter(|(r, _)| r == repository).map(|(_, tag)| tag).collect();
        if all.is_empty() {
            return error(404, "NAME_UNKNOWN");
        }
        let tags: Vec<&&String> = all.iter().filter(|tag| !tag.contains(':')).collect();
        let last = request.parameter("last").unwrap_or_default();
        let rest: Vec<&&&String> = tags.iter().filter(|tag| ***tag > &last).collect();
        let page = if self.page == 0 { rest.len() } else { self.page };
        let shown: Vec<String> = rest.iter().take(page).map(|tag| format!("\"{tag}\"")).collect();
        let reply = Reply::new(200).body(format!(r#"{{"name":"x","tags":[{}]}}"#, shown.join(",")));
        match rest.get(page.saturating_sub(1)).filter(|_| rest.len() > page) {
            Some(last) => reply.header("Link", format!("</v2/{repository}/tags/list?n=2&last={last}>; rel=\"next\"")),
            None => reply,
        }
    }

    fn manifest(&mut self, repository: &str, reference: &str, request: &Request) -> Reply {
        if request.method == "PUT" {
            let digest = Digest::of(&request.body);
            let kind = request.header("content-type").unwrap_or_default().to_string();
            let document: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
            let layers = document["layers"].as_array().expect("layers").iter().chain([&document["config"]]);
            for blob in layers {
                let digest = blob["digest"].as_str().expect("a digest").parse().expect("a digest");
                if !self.blobs.contains_key(&(repository.to_string(), digest)) {
                    return error(400, "MANIFEST_BLOB_UNKNOWN");
                }
            }
            for name in [reference.to_string(), digest.to_string()] {
                self.manifests.insert((repository.to_string(), name), (kind.clone(), request.body.clone()));
            }
            return Reply::new(201).header("Docker-Content-Digest", digest.to_string());
        }
        if self.no_head && request.method == "HEAD" {
            return Reply::new(405);
        }
        match self.manifests.get(&(repository.to_string(), reference.to_string())) {
            Some((kind, bytes)) => Reply::new(200)
                .header("Content-Type", kind)
                .header("Docker-Content-Digest", Digest::of(bytes).to_string())
                .body(bytes.clone()),
            None => error(404, "MANIFEST_UNKNOWN"),
        }
    }

    fn blob(&self, repository: &str, digest: &str, request: &Request) -> Reply {
        let digest: Digest = digest.parse().expect("a digest");
        let Some(bytes) = self.blobs.get(&(repository.to_string(), digest)) else { return error(404, "BLOB_UNKNOWN") };
        match request.header("range").and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok()) {
            Some(from) => Reply::new(206).body(bytes[from..].to_vec()),
            None => Reply::new(200).body(bytes.clone()),
        }
    }

    fn upload(&mut self, repository: &str, upload: &str, request: &Request) -> Reply {
        let location = |id: usize| format!("/v2/{repository}/blobs/uploads/{id}?state=s{id}");
        if upload.is_empty() {
            let mounted = request.parameter("mount").zip(request.parameter("from")).filter(|_| !self.no_mount);
            if let Some((digest, from)) = mounted {
                let digest: Digest = digest.parse().expect("a digest");
                if let Some(bytes) = self.blobs.get(&(from, digest)).cloned() {
                    self.blobs.insert((repository.to_string(), digest), bytes);
                    return Reply::new(201);
                }
            }
            self.next += 1;
            self.uploads.insert(self.next, Vec::new());
            return Reply::new(202).header("Location", location(self.next));
        }
        let id: usize = upload.parse().expect("a number");
        if request.method == "DELETE" {
            self.uploads.remove(&id);
            return Reply::new(204);
        }
        let Some(bytes) = self.uploads.get_mut(&id) else { return error(404, "BLOB_UPLOAD_UNKNOWN") };
        let range = |bytes: &[u8]| format!("0-{}", bytes.len().saturating_sub(1));
        match request.method.as_str() {
            "GET" => Reply::new(204).header("Range", range(bytes)).header("Location", location(id)),
            "PATCH" => {
                let from = request.header("content-range").and_then(|r| r.split_once('-')?.0.parse::<usize>().ok());
                if from.unwrap_or(0) != bytes.len() {
                    return Reply::new(416);
                }
                bytes.extend(&request.body);
                let reply = Reply::new(202).header("Range", range(bytes)).header("Location", location(id));
                if request.cut && self.forgets_uploads {
                    self.uploads.remove(&id);
                }
                reply
            }
            _ => {
                bytes.extend(&request.body);
                if request.cut {
                    return Reply::new(500);
                }
                let digest: Digest = request.parameter("digest").and_then(|d| d.parse().ok()).expect("a digest");
                if Digest::of(&bytes) != digest {
                    return error(400, "DIGEST_INVALID");
                }
                let bytes = self.uploads.remove(&id).expect("an upload");
                self.blobs.insert((repository.to_string(), digest), bytes);
                Reply::new(201)
            }
        }
    }
}

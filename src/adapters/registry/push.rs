//! Writing a repository: blobs first, then the manifest under its digest, then the tags. What is there already is not sent
//! again, so a push that was cut off goes on where it was, and the same push twice changes nothing.

use super::Registries;
use super::client::Client;
use crate::digest::Digest;
use crate::image::manifest::{self, Descriptor, Document};
use crate::image::reference::Reference;
use crate::ports::images::{Images, Push, Repository};
use crate::ports::{Fault, PortError};
use reqwest::{Body, Method, Url};
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write};
use tokio_util::io::ReaderStream;

/// Up to which size a blob is sent in one request, which cannot be gone on with.
const SMALL: u64 = 1 << 20;
/// How much is read from a file at once while it is sent.
const CHUNK: usize = 256 << 10;

/// Puts an image into a repository.
pub(super) fn push(registries: &Registries, push: &Push<'_>) -> Result<Digest, PortError> {
    let digest = Digest::of(push.manifest);
    let document = match Document::parse("the manifest to push", push.manifest)? {
        Document::Manifest(document) => *document,
        Document::Index(_) => return Err(PortError::new(Fault::Invalid, "an index cannot be pushed, only an image")),
    };
    if Digest::of(push.config) != document.config.digest {
        return Err(PortError::new(Fault::Invalid, "the manifest to push names another configuration"));
    }
    let media_type = document.media_type.as_deref().unwrap_or(manifest::MANIFEST);
    let bases = bases(push.target, push.from);
    let client = Client::to_push(&registries.shared, push.target, &bases)?;
    if client.digest(&digest.to_string())?.is_none() {
        let sending = Sending { registries, client: &client, push, bases: &bases };
        for layer in &document.layers {
            sending.layer(layer)?;
        }
        sending.bytes(&document.config, push.config)?;
        client.put_manifest(&digest.to_string(), media_type, push.manifest)?;
    }
    for tag in push.tags {
        if client.digest(tag)? != Some(digest) {
            client.put_manifest(tag, media_type, push.manifest)?;
        }
    }
    Ok(digest)
}

/// The other repositories of the target's registry from which layers may come, by their paths.
fn bases(target: &Repository, from: &[Repository]) -> Vec<String> {
    let parse = |at: &Repository| Reference::parse(&at.name).ok();
    let Some(target) = parse(target) else { return Vec::new() };
    let mut paths: Vec<String> = from
        .iter()
        .filter(|at| !at.layout)
        .filter_map(parse)
        .filter(|other| other.domain == target.domain && other.path != target.path)
        .map(|other| other.path)
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// An image on its way.
struct Sending<'a> {
    registries: &'a Registries,
    client: &'a Client<'a>,
    push: &'a Push<'a>,
    bases: &'a [String],
}

impl Sending<'_> {
    /// Makes sure of a layer: it is there, or the registry has it elsewhere, or it is made, or it comes from where the bases
    /// are.
    fn layer(&self, layer: &Descriptor) -> Result<(), PortError> {
        if self.client.has_blob(layer.digest)? {
            return Ok(());
        }
        for base in self.bases {
            if self.client.mount(layer.digest, base)? {
                return Ok(());
            }
        }
        let mut file = tempfile::tempfile().map_err(|why| full(&why))?;
        if !self.push.blobs.write(layer.digest, &mut file)? {
            self.take(layer, &mut file)?;
        }
        let length = file.stream_position().map_err(|why| full(&why))?;
        if length != layer.size {
            let message = format!("the layer {} has {length} bytes, not {}", layer.digest, layer.size);
            return Err(PortError::new(Fault::Invalid, message));
        }
        self.client.upload(layer.digest, layer.size, &file)
    }

    /// Takes a layer from one of the places where the bases are.
    fn take(&self, layer: &Descriptor, out: &mut File) -> Result<(), PortError> {
        let registries = self.push.from.iter().filter(|at| !at.layout);
        let mut last = None;
        for at in registries {
            match self.registries.blob(at, layer.digest, layer.size) {
                Ok(mut blob) => {
                    let cannot = |why: std::io::Error| {
                        PortError::new(
                            Fault::Unavailable,
                            format!("the layer {} of `{}`: {why}", layer.digest, at.name),
                        )
                    };
                    return std::io::copy(&mut blob, out).map(drop).map_err(cannot);
                }
                Err(error) if error.fault == Fault::NotFound => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        let nowhere = || PortError::new(Fault::NotFound, format!("the layer {} is nowhere to be had", layer.digest));
        Err(last
            .unwrap_or_else(nowhere)
            .help("a layer of the base image disappeared; take a newer base, or push it again"))
    }

    fn bytes(&self, blob: &Descriptor, bytes: &[u8]) -> Result<(), PortError> {
        if self.client.has_blob(blob.digest)? {
            return Ok(());
        }
        let mut file = tempfile::tempfile().map_err(|why| full(&why))?;
        file.write_all(bytes).map_err(|why| full(&why))?;
        self.client.upload(blob.digest, bytes.len() as u64, &file)
    }
}

fn full(why: &std::io::Error) -> PortError {
    let folder = std::env::temp_dir();
    let message = format!("what is to be pushed cannot be kept in `{}`: {why}", folder.display());
    PortError::new(Fault::Unavailable, message).help("make room, or name another folder with TMPDIR")
}

impl Client<'_> {
    fn has_blob(&self, digest: Digest) -> Result<bool, PortError> {
        let url = self.address.url(&format!("blobs/{digest}"))?;
        let answer = self.send(Method::HEAD, &url, &|request| request)?;
        match answer.status() {
            200..300 => Ok(true),
            404 => Ok(false),
            _ => Err(self.fault(&format!("the blob {digest}"), answer)),
        }
    }

    /// Lets the registry take a blob from another of its repositories; whether it did.
    fn mount(&self, digest: Digest, from: &str) -> Result<bool, PortError> {
        let mut url = self.address.url("blobs/uploads/")?;
        url.query_pairs_mut().append_pair("mount", &digest.to_string()).append_pair("from", from);
        let answer = self.send(Method::POST, &url, &|request| request.header("content-length", "0"))?;
        match answer.status() {
            201 => Ok(true),
            // It began an upload instead, which we let go: the blob may be elsewhere still.
            202 => {
                if let Ok(upload) = self.location(&answer) {
                    drop(self.send_once(Method::DELETE, &upload, |request| request));
                }
                Ok(false)
            }
            // Who may not read the base there can still bring its layers along.
            _ => Ok(false),
        }
    }

    /// Sends a blob from a file, from wherever the registry has it to.
    fn upload(&self, digest: Digest, size: u64, file: &File) -> Result<(), PortError> {
        let patience = self.shared.web.patience;
        let mut state: Option<(Url, u64)> = None;
        let mut number = 1;
        loop {
            let tried = self.send_blob(digest, size, file, &mut state);
            let fault = match tried {
                Ok(()) => return Ok(()),
                Err(fault) if number >= patience.tries || !matches!(fault.fault, Fault::Unavailable | Fault::Moved) => {
                    return Err(fault);
                }
                Err(fault) => fault,
            };
            number += 1;
            std::thread::sleep(patience.pause(number, None));
            if self.has_blob(digest)? {
                return Ok(());
            }
            state = match state {
                Some((url, _)) if fault.fault == Fault::Unavailable => self.how_far(&url)?,
                _ => None,
            };
        }
    }

    /// One try. `state` is where the upload goes on, and after how many bytes.
    fn send_blob(
        &self,
        digest: Digest,
        size: u64,
        file: &File,
        state: &mut Option<(Url, u64)>,
    ) -> Result<(), PortError> {
        let what = format!("the blob {digest}");
        let (mut url, offset) = match state.clone() {
            Some(state) => state,
            None => {
                let url = self.address.url("blobs/uploads/")?;
                let answer = self.send(Method::POST, &url, &|request| request.header("content-length", "0"))?;
                if answer.status() != 202 {
                    return Err(self.fault(&what, answer));
                }
                (self.location(&answer)?, 0)
            }
        };
        *state = Some((url.clone(), offset));
        let in_one = size <= SMALL && offset == 0;
        if !in_one && offset < size {
            let body = self.body(file, offset)?;
            let answer = self.send_once(Method::PATCH, &url, |request| {
                let request = request.header("content-type", "application/octet-stream");
                let request = request.header("content-length", size - offset);
                // Without a range it is one stream, which all registries take; only what goes on must say where.
                let request = match offset {
                    0 => request,
                    offset => request.header("content-range", format!("{offset}-{}", size.saturating_sub(1))),
                };
                request.body(body)
            })?;
            if !answer.is_success() {
                return Err(self.upload_fault(&what, answer));
            }
            url = self.location(&answer)?;
            *state = Some((url.clone(), size));
        }
        let body = if in_one { Some(self.body(file, 0)?) } else { None };
        let length = if in_one { size } else { 0 };
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        let answer = self.send_once(Method::PUT, &url, |request| {
            let request = request.header("content-type", "application/octet-stream").header("content-length", length);
            match body {
                Some(body) => request.body(body),
                None => request,
            }
        })?;
        if answer.is_success() { Ok(()) } else { Err(self.upload_fault(&what, answer)) }
    }

    /// What went wrong with an upload; that it is not known any more, or not as far as thought, begins it anew.
    fn upload_fault(&self, what: &str, answer: crate::adapters::web::Answer) -> PortError {
        let begin_anew = matches!(answer.status(), 401 | 404 | 416);
        let fault = self.fault(what, answer);
        if begin_anew { PortError { fault: Fault::Moved, ..fault } } else { fault }
    }

    /// How far an upload has come; nothing where it must begin anew.
    fn how_far(&self, url: &Url) -> Result<Option<(Url, u64)>, PortError> {
        let answer = self.send(Method::GET, url, &|request| request)?;
        if !matches!(answer.status(), 202 | 204) {
            return Ok(None);
        }
        let last = answer.header("range").and_then(|range| range.split_once('-')).map(|(_, last)| last.to_string());
        let offset = match last.and_then(|last| last.parse::<u64>().ok()) {
            // `0-0` is how registries say that nothing has come.
            Some(0) | None => 0,
            Some(last) => last + 1,
        };
        // One that has something and nothing to go on from is begun anew.
        if offset == 0 {
            return Ok(None);
        }
        let url = if answer.header("location").is_some() { self.location(&answer)? } else { url.clone() };
        Ok(Some((url, offset)))
    }

    fn body(&self, file: &File, offset: u64) -> Result<Body, PortError> {
        let mut file = file.try_clone().map_err(|why| full(&why))?;
        file.seek(SeekFrom::Start(offset)).map_err(|why| full(&why))?;
        Ok(Body::wrap_stream(ReaderStream::with_capacity(tokio::fs::File::from_std(file), CHUNK)))
    }

    fn put_manifest(&self, reference: &str, media_type: &str, bytes: &[u8]) -> Result<(), PortError> {
        let url = self.address.url(&format!("manifests/{reference}"))?;
        let answer =
            self.send(Method::PUT, &url, &|request| request.header("content-type", media_type).body(bytes.to_vec()))?;
        if !answer.is_success() {
            return Err(self.fault(&format!("the manifest `{reference}`"), answer));
        }
        let stored = answer.header("docker-content-digest").and_then(|text| text.parse::<Digest>().ok());
        let wanted = Digest::of(bytes);
        match stored {
            Some(other) if other != wanted => {
                let message = format!("{wanted} was pushed to `{}`, and {other} arrived", self.address.name());
                Err(PortError::new(Fault::Invalid, message))
            }
            _ => Ok(()),
        }
    }
}

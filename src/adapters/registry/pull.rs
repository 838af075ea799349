//! Reading a repository: its tags, what they name, manifests, and blobs.

use super::client::{Client, Shared};
use crate::adapters::verified::Verified;
use crate::adapters::web::Body;
use crate::digest::Digest;
use crate::image::limits;
use crate::image::manifest::{DOCKER_INDEX, DOCKER_MANIFEST, INDEX, MANIFEST};
use crate::ports::images::Repository;
use crate::ports::{Fault, PortError};
use reqwest::{Method, Url};
use std::io::{self, Read};
use std::sync::Arc;

/// How many tags are asked for at once; more than registries give is no fault.
const PAGE: usize = 1000;
/// The largest page of tags.
const PAGE_SIZE: u64 = 8 << 20;
/// The most tags of a repository.
const TAGS: usize = 200_000;

#[derive(serde::Deserialize)]
struct Page {
    // Registries in Go write `null` for none.
    tags: Option<Vec<String>>,
}

/// What we understand.
pub(super) fn kinds() -> String {
    [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX].join(", ")
}

impl Client<'_> {
    /// All tags.
    pub(crate) fn tags(&self) -> Result<Vec<String>, PortError> {
        let name = self.address.name();
        let mut url = self.address.url(&format!("tags/list?n={PAGE}"))?;
        let mut all = Vec::new();
        loop {
            let answer = self.send(Method::GET, &url, &|request| request)?;
            if !answer.is_success() {
                return Err(self.fault("its tags", answer));
            }
            let next = match answer.header("link") {
                Some(link) => self.next(&url, link)?,
                None => None,
            };
            let bytes = answer.bytes(&format!("the list of tags of `{name}`"), PAGE_SIZE)?;
            let page: Page = crate::image::manifest::json(&format!("the list of tags of `{name}`"), &bytes)?;
            let before = all.len();
            all.extend(page.tags.unwrap_or_default());
            if all.len() > TAGS {
                return Err(PortError::new(Fault::Limit, format!("`{name}` has more than {TAGS} tags")));
            }
            match next {
                // A page without tags that leads on would lead on for ever.
                Some(next) if all.len() > before => url = next,
                _ => return Ok(all),
            }
        }
    }

    /// The next page: in this registry, or nowhere.
    fn next(&self, from: &Url, link: &str) -> Result<Option<Url>, PortError> {
        let is_next = |part: &&str| part.replace(['"', ' '], "").contains("rel=next");
        let Some(part) = link.split(", ").find(is_next) else { return Ok(None) };
        let target = part.trim().strip_prefix('<').and_then(|rest| rest.split_once('>')).map(|(target, _)| target);
        let url = target.and_then(|target| from.join(target).ok());
        let here = self.address.root()?;
        match url {
            Some(url) if url.host_str() == here.host_str() && url.path().starts_with("/v2/") => {
                // The scheme and port that a registry behind a proxy thinks it has are not those that it is reached with.
                let mut next = here;
                next.set_path(url.path());
                next.set_query(url.query());
                Ok(Some(next))
            }
            _ => {
                let message = format!("{} leads on to another place for more tags: `{link}`", self.address.registry);
                Err(PortError::new(Fault::Invalid, message))
            }
        }
    }

    /// The digest of what a tag or digest names; nothing where it names nothing.
    pub(crate) fn digest(&self, reference: &str) -> Result<Option<Digest>, PortError> {
        let url = self.address.url(&format!("manifests/{reference}"))?;
        let accept = kinds();
        let answer = self.send(Method::HEAD, &url, &|request| request.header("accept", &accept))?;
        match answer.status() {
            404 => return Ok(None),
            // A registry that knows no HEAD is asked the long way.
            405 | 501 => {}
            200..300 => {
                if let Some(digest) = answer.header("docker-content-digest").and_then(|text| text.parse().ok()) {
                    return Ok(Some(digest));
                }
            }
            _ => return Err(self.fault(&what(reference), answer)),
        }
        match self.document(reference) {
            Ok(bytes) => Ok(Some(Digest::of(&bytes))),
            Err(error) if error.fault == Fault::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A manifest or an index by its digest.
    pub(crate) fn manifest(&self, digest: Digest) -> Result<Vec<u8>, PortError> {
        let bytes = self.document(&digest.to_string())?;
        let is = Digest::of(&bytes);
        if is != digest {
            let message = format!("`{}` answers with {is} for {digest}", self.address.name());
            return Err(PortError::new(Fault::Invalid, message));
        }
        Ok(bytes)
    }

    /// What a tag or a digest names, as it is stored.
    pub(crate) fn document(&self, reference: &str) -> Result<Vec<u8>, PortError> {
        let url = self.address.url(&format!("manifests/{reference}"))?;
        let accept = kinds();
        let answer = self.send(Method::GET, &url, &|request| request.header("accept", &accept))?;
        if !answer.is_success() {
            return Err(self.fault(&what(reference), answer));
        }
        answer.bytes(&format!("the manifest `{}`", self.address.name()), limits::MANIFEST)
    }

    /// A blob, verified and read on where it was cut off. Its size is checked at once, where it is known.
    pub(crate) fn blob(
        &self,
        shared: Arc<Shared>,
        digest: Digest,
        size: Option<u64>,
    ) -> Result<Box<dyn Read + Send>, PortError> {
        let body = self.open_blob(digest, 0)?;
        let at = Repository {
            name: self.address.name(),
            layout: false,
            plain: self.address.plain,
            credentials: self.said().cloned(),
        };
        let (length, body) = body;
        if let Some((length, size)) = length.zip(size).filter(|(length, size)| length != size) {
            let message = format!("`{}`: the blob {digest} has {length} bytes, not {size}", self.address.name());
            return Err(PortError::new(Fault::Invalid, message));
        }
        let tries = shared.web.patience.tries;
        let blob = Blob { shared, at, digest, length, size, offset: 0, tries, body: Some(body) };
        Ok(Box::new(Verified::new(blob, digest)))
    }

    /// The blob from a byte on, and how long the rest is.
    fn open_blob(&self, digest: Digest, offset: u64) -> Result<(Option<u64>, Body), PortError> {
        let url = self.address.url(&format!("blobs/{digest}"))?;
        let answer = self.send(Method::GET, &url, &|request| match offset {
            0 => request,
            offset => request.header("range", format!("bytes={offset}-")),
        })?;
        let expected = if offset == 0 { 200 } else { 206 };
        if answer.status() != expected {
            if answer.is_success() {
                let message = format!("{} cannot go on where it was cut off", self.address.registry);
                return Err(PortError::new(Fault::Unavailable, message));
            }
            return Err(self.fault(&format!("the blob {digest}"), answer));
        }
        Ok((answer.length(), answer.into_body()))
    }
}

fn what(reference: &str) -> String {
    if reference.starts_with("sha256:") { reference.to_string() } else { format!("the tag `{reference}`") }
}

/// A blob that goes on where a connection was cut.
struct Blob {
    shared: Arc<Shared>,
    at: Repository,
    digest: Digest,
    length: Option<u64>,
    size: Option<u64>,
    offset: u64,
    tries: u32,
    body: Option<Body>,
}

impl Blob {
    fn go_on(&mut self) -> Result<(), PortError> {
        let client = Client::to_pull(&self.shared, &self.at)?;
        self.body = Some(client.open_blob(self.digest, self.offset)?.1);
        Ok(())
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let read = match &mut self.body {
                Some(body) => body.read(buffer),
                None => Ok(0),
            };
            let whole = self.size.or(self.length);
            match read {
                // Whoever sends more than the blob has fills no disk with it.
                Ok(count) if whole.is_some_and(|whole| self.offset + count as u64 > whole) => {
                    let message = format!("the blob {} is longer than it should be", self.digest);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, message));
                }
                Ok(0) if whole.is_none_or(|whole| self.offset == whole) => return Ok(0),
                Ok(count) if count > 0 => {
                    self.offset += count as u64;
                    return Ok(count);
                }
                _ if self.tries > 1 => {
                    self.tries -= 1;
                    std::thread::sleep(self.shared.web.patience.pause(2, None));
                    self.go_on().map_err(|why| io::Error::new(io::ErrorKind::ConnectionReset, why.message))?;
                }
                Ok(_) => {
                    let message = format!("the blob {} was cut off", self.digest);
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
                }
                Err(why) => return Err(why),
            }
        }
    }
}

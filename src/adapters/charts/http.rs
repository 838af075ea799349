//! Chart repositories as Helm first had them: an `index.yaml`, and archives beside it or elsewhere.

use super::index::{Entry, Index};
use super::remote::{Found, Remote};
use super::{PACKED, select};
use crate::adapters::web::{Answer, host_of};
use crate::digest::Digest;
use crate::ports::sources::Credentials;
use crate::ports::{Fault, PortError};
use base64::Engine as _;
use reqwest::Url;

/// The largest index; what is read as YAML at all.
const INDEX: u64 = crate::helm::yaml::MAX_BYTES as u64;

/// A repository.
pub(super) struct Repository<'r> {
    remote: &'r Remote,
    /// The URL as the file has it, without a slash at its end.
    name: String,
    url: Url,
    credentials: Option<&'r Credentials>,
}

impl<'r> Repository<'r> {
    pub(super) fn new(
        remote: &'r Remote,
        name: &str,
        credentials: Option<&'r Credentials>,
    ) -> Result<Repository<'r>, PortError> {
        let bad = || PortError::new(Fault::Invalid, format!("`{name}` is no URL of a chart repository"));
        let mut url = Url::parse(name).map_err(|_| bad())?;
        if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
            return Err(bad());
        }
        // What is below it is resolved against a folder.
        let folder = format!("{}/", url.path().trim_end_matches('/'));
        url.set_path(&folder);
        Ok(Repository { remote, name: name.trim_end_matches('/').to_string(), url, credentials })
    }

    /// The version of a chart that is meant, and its digest.
    pub(super) fn find(&self, chart: &str, range: Option<&str>) -> Result<Found, PortError> {
        let index = self.index()?;
        let entries = index.chart(&self.name, chart)?;
        let versions = entries.iter().map(|entry| entry.version.as_str());
        let none = || {
            let wanted = range.map_or_else(|| "without a pre-release".to_string(), |range| format!("in `{range}`"));
            let some: Vec<String> = entries.iter().take(5).map(|entry| format!("`{}`", entry.version)).collect();
            let error =
                PortError::new(Fault::NotFound, format!("`{}` has no version of `{chart}` {wanted}", self.name));
            error.help(if some.is_empty() {
                "it has none at all".to_string()
            } else {
                format!("it has {}", some.join(", "))
            })
        };
        let version = select::choose(versions, range)?.ok_or_else(none)?;
        let entry = entries.iter().find(|entry| entry.version == version).ok_or_else(none)?;
        let digest = match entry.digest {
            Some(digest) => digest,
            None => self.digest_of(chart, entry, &index)?,
        };
        Ok(Found { version: version.to_string(), digest })
    }

    /// The archive with that digest.
    pub(super) fn archive(&self, chart: &str, version: Option<&str>, digest: Digest) -> Result<Vec<u8>, PortError> {
        let index = self.index()?;
        let entries = index.chart(&self.name, chart)?;
        let named = |entry: &&Entry| {
            entry.digest.is_none_or(|other| other == digest) && Some(entry.version.as_str()) == version
        };
        let entry = entries.iter().find(|entry| entry.digest == Some(digest)).or_else(|| entries.iter().find(named));
        let gone = || {
            let version = version.unwrap_or("a version");
            let message = format!("`{}` has {version} of `{chart}` no more as it was ({digest})", self.name);
            PortError::new(Fault::NotFound, message)
                .help("it was removed, or made anew under the same version; plan again")
        };
        let bytes = self.download(entry.ok_or_else(gone)?, chart)?;
        let is = Digest::of(&bytes);
        if is == digest {
            return Ok(bytes);
        }
        if entry.is_some_and(|entry| entry.digest.is_none()) {
            return Err(gone());
        }
        let message = format!("the archive of `{chart}` from `{}` is {is}, and its index says {digest}", self.name);
        Err(PortError::new(Fault::Invalid, message).help("somebody changed it, or the index is older than the archive"))
    }

    /// The digest of an archive that the index does not tell: it is fetched, once for each state of the index.
    fn digest_of(&self, chart: &str, entry: &Entry, index: &Index) -> Result<Digest, PortError> {
        let key = format!("{} {} {chart} {}", self.url, index.body, entry.version);
        if let Some(digest) = self.remote.store.note::<Digest>("digests", &key) {
            return Ok(digest);
        }
        let bytes = self.download(entry, chart)?;
        let digest = Digest::of(&bytes);
        self.remote.store.keep_archive(digest, &bytes)?;
        self.remote.store.remember("digests", &key, &digest);
        Ok(digest)
    }

    /// The index: as it is kept, where the server says that it is the same.
    fn index(&self) -> Result<Index, PortError> {
        let url = self.url.join("index.yaml").map_err(|_| self.odd("index.yaml"))?;
        let kept: Option<Index> = self.remote.store.note("indexes", url.as_str());
        let answer = self.get(&url, kept.as_ref())?;
        if let (304, Some(kept)) = (answer.status(), kept) {
            return Ok(kept);
        }
        if answer.status() == 404 {
            let message = format!("`{}` is no chart repository: it has no `index.yaml`", self.name);
            return Err(PortError::new(Fault::NotFound, message));
        }
        if !answer.is_success() {
            return Err(self.refused("the index", answer));
        }
        let header = |name: &str| answer.header(name).map(String::from);
        let (etag, modified) = (header("etag"), header("last-modified"));
        let bytes = answer.bytes("the index", INDEX)?;
        let index = Index { etag, modified, ..Index::parse(&self.name, &bytes)? };
        self.remote.store.remember("indexes", url.as_str(), &index);
        Ok(index)
    }

    /// An archive, from the first of its places that has it.
    fn download(&self, entry: &Entry, chart: &str) -> Result<Vec<u8>, PortError> {
        let mut last = PortError::new(
            Fault::Invalid,
            format!("the index of `{}` does not say where {} of `{chart}` is", self.name, entry.version),
        );
        for place in &entry.urls {
            let mut url = self.url.join(place).map_err(|_| self.odd(place))?;
            if !matches!(url.scheme(), "https" | "http") || (url.scheme() == "http" && self.url.scheme() == "https") {
                last = self.odd(place);
                continue;
            }
            // Repositories that are let into by their query want it with each file, as Helm does.
            if url.query().is_none() && self.is_own(&url) {
                url.set_query(self.url.query());
            }
            let answer = self.get(&url, None)?;
            if answer.is_success() {
                return answer.bytes(&format!("the chart `{chart}`"), PACKED);
            }
            last = self.refused(&format!("{} of the chart `{chart}`", entry.version), answer);
        }
        Err(last)
    }

    fn get(&self, url: &Url, known: Option<&Index>) -> Result<Answer, PortError> {
        let host = host_of(url).unwrap_or_default();
        let proof = self.credentials.filter(|_| self.is_own(url)).map(|c| {
            let text = format!("{}:{}", c.username, c.password);
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
        });
        self.remote.web().send(&host, &|client| {
            let mut request = client.get(url.clone());
            if let Some(proof) = &proof {
                request = request.header("authorization", proof);
            }
            if let Some(etag) = known.and_then(|index| index.etag.as_ref()) {
                request = request.header("if-none-match", etag);
            }
            if let Some(modified) = known.and_then(|index| index.modified.as_ref()) {
                request = request.header("if-modified-since", modified);
            }
            request
        })
    }

    /// Whether a URL is of the repository's own host: nobody else gets to see what lets us in.
    fn is_own(&self, url: &Url) -> bool {
        url.scheme() == self.url.scheme()
            && url.host_str() == self.url.host_str()
            && url.port_or_known_default() == self.url.port_or_known_default()
    }

    fn refused(&self, what: &str, answer: Answer) -> PortError {
        let name = &self.name;
        match answer.status() {
            401 | 403 => {
                let message = match self.credentials {
                    Some(c) if !c.username.is_empty() => format!("`{name}` does not let `{}` have {what}", c.username),
                    Some(_) => format!("`{name}` does not take the token for {what}"),
                    None => format!("`{name}` wants credentials for {what}"),
                };
                PortError::new(Fault::Denied, message).help("name a secret with `credentials` in the source")
            }
            404 | 410 => PortError::new(Fault::NotFound, format!("`{name}` has not {what}, though its index names it")),
            429 => {
                let wait =
                    answer.retry_after().map_or(String::new(), |t| format!(" and asks to wait {} s", t.as_secs()));
                PortError::new(Fault::Unavailable, format!("`{name}` takes no more requests for now{wait}"))
            }
            status @ 500.. => PortError::new(Fault::Unavailable, format!("`{name}` is out of order: HTTP {status}")),
            status => PortError::new(Fault::Invalid, format!("`{name}` answers HTTP {status} for {what}")),
        }
    }

    fn odd(&self, place: &str) -> PortError {
        PortError::new(
            Fault::Invalid,
            format!("the index of `{}` leads to `{place}`, where nothing is fetched from", self.name),
        )
    }
}

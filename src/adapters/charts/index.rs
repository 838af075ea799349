//! `index.yaml`, the one document of a chart repository, and of it what is needed.

use crate::digest::Digest;
use crate::helm::value::Value;
use crate::helm::yaml;
use crate::ports::{Fault, PortError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most versions of one chart.
const VERSIONS: usize = 100_000;

/// What a repository has, and when it said so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Index {
    /// What names this state of it to the server.
    pub(super) etag: Option<String>,
    /// When the server last changed it.
    pub(super) modified: Option<String>,
    /// What names this state of it to us.
    pub(super) body: Digest,
    /// The versions of each chart.
    pub(super) charts: BTreeMap<String, Vec<Entry>>,
}

/// One version of a chart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The version.
    pub(super) version: String,
    /// Where its archive is, absolute or from the repository.
    pub(super) urls: Vec<String>,
    /// The digest of the archive, where it is said.
    pub(super) digest: Option<Digest>,
}

impl Index {
    /// Reads the document.
    pub(super) fn parse(url: &str, bytes: &[u8]) -> Result<Index, PortError> {
        let invalid = |why: String| {
            PortError::new(Fault::Invalid, format!("`{url}/index.yaml` is no index of charts: {why}"))
                .help("a chart repository is what `helm repo index` makes")
        };
        let text = |value: Option<Value>| {
            value.and_then(|value| value.as_str().and_then(|text| text.as_utf8().map(String::from)))
        };
        let map = yaml::read_map(bytes).map_err(|why| invalid(why.to_string()))?;
        let none = || invalid("it has no `entries`".to_string());
        let entries = map.get("entries").ok_or_else(none)?;
        let mut charts = BTreeMap::new();
        // A repository without charts has `entries: {}`.
        for (name, versions) in entries.as_map().ok_or_else(none)?.entries() {
            let Some(list) = versions.as_list() else { continue };
            if list.len() > VERSIONS {
                let message = format!("`{url}` has more than {VERSIONS} versions of `{}`", name.to_text());
                return Err(PortError::new(Fault::Limit, message));
            }
            let entry = |value: &Value| {
                let map = value.as_map()?;
                let urls = map.get("urls");
                let urls = urls.as_ref().and_then(Value::as_list).map(|list| list.items().to_vec()).unwrap_or_default();
                Some(Entry {
                    version: text(map.get("version"))?,
                    urls: urls.into_iter().filter_map(|url| text(Some(url))).collect(),
                    digest: text(map.get("digest")).and_then(|digest| digest_of(&digest)),
                })
            };
            charts.insert(name.to_text().into_owned(), list.iter().filter_map(entry).collect());
        }
        Ok(Index { etag: None, modified: None, body: Digest::of(bytes), charts })
    }

    /// The versions of a chart, or which charts there are instead.
    pub(super) fn chart(&self, url: &str, name: &str) -> Result<&[Entry], PortError> {
        self.charts.get(name).map(Vec::as_slice).ok_or_else(|| {
            let error = PortError::new(Fault::NotFound, format!("`{url}` has no chart `{name}`"));
            match crate::diag::did_you_mean(name, self.charts.keys().map(String::as_str)) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(format!("it has {} charts", self.charts.len())),
            }
        })
    }
}

/// A digest with or without `sha256:`, in whatever case.
fn digest_of(text: &str) -> Option<Digest> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
    format!("sha256:{hex}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_needed() {
        let digest = Digest::of("x");
        let text = format!(
            "apiVersion: v1\nentries:\n  web:\n  - version: 1.2.0\n    urls: [web-1.2.0.tgz]\n    digest: {}\n  - version: 1.1.0\n    \
             urls:\n    - https://x/web.tgz\n    maintainers: [{{name: a}}]\n  - name: no version\n  odd: 3\ngenerated: now\n",
            digest.hex().to_uppercase()
        );
        let index = Index::parse("https://x", text.as_bytes()).expect("an index");
        let web = index.chart("https://x", "web").expect("a chart");
        assert_eq!(web.len(), 2);
        assert_eq!((web[0].digest, web[1].digest, web[1].urls[0].as_str()), (Some(digest), None, "https://x/web.tgz"));
        let error = index.chart("https://x", "wep").expect_err("none");
        assert_eq!((error.fault, error.help.as_deref()), (Fault::NotFound, Some("did you mean `web`?")));
        for bad in ["<html></html>", "entries: 3", "a: b", "{", ""] {
            let error = Index::parse("https://x", bad.as_bytes()).expect_err(bad);
            assert!(error.message.starts_with("`https://x/index.yaml` is no index of charts: "), "{error}");
        }
        assert!(Index::parse("u", b"entries: {}").expect("an empty one").charts.is_empty());
    }
}

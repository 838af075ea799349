//! Which of several images was made last. An image says itself when it was made, in its configuration; that does not change,
//! so it is asked for each image once and kept.

use super::disk::{self, Durable};
use crate::digest::Digest;
use crate::image::tags::TagRule;
use crate::ports::images::{Images, Platform, Repository, Resolved};
use crate::ports::{Fault, PortError};
use std::path::PathBuf;

/// The most tags that are asked one by one.
const TAGS: usize = 200;
/// How long a date in a file may be.
const DATE: u64 = 64;

/// What is known of when images were made.
pub(super) struct Dates {
    folder: PathBuf,
}

#[derive(serde::Deserialize)]
struct Config {
    created: Option<String>,
}

impl Dates {
    /// Keeps what is known below that folder.
    pub(super) fn new(folder: PathBuf) -> Dates {
        Dates { folder }
    }

    /// The image that was made last of those whose tags fit; of several of the same time, the one with the highest tag.
    pub(super) fn newest(&self, images: &dyn Images, at: &Repository, rule: &str) -> Result<Resolved, PortError> {
        if rule.parse::<Digest>().is_ok() {
            return images.resolve(at, rule);
        }
        let parsed = TagRule::parse(rule).map_err(|why| PortError::new(Fault::Invalid, why.message))?;
        if parsed.exact().is_some() {
            return images.resolve(at, rule);
        }
        let tags = images.tags(at)?;
        let mut fitting: Vec<&str> = tags.iter().map(String::as_str).filter(|tag| parsed.matches(tag)).collect();
        if fitting.len() > TAGS {
            let message =
                format!("{} tags of `{}` fit `{rule}`, and {TAGS} are the limit by date", fitting.len(), at.name);
            return Err(PortError::new(Fault::Limit, message).help("write a rule that fits fewer"));
        }
        let mut newest: Option<(i128, Resolved)> = None;
        while let Some(tag) = parsed.choose(&fitting) {
            fitting.retain(|other| *other != tag);
            let found = match images.resolve(at, tag) {
                Ok(found) => found,
                // It went while we looked.
                Err(error) if matches!(error.fault, Fault::NotFound | Fault::Moved) => continue,
                Err(error) => return Err(error),
            };
            let made = self.made(images, at, found.digest)?;
            if newest.as_ref().is_none_or(|(time, _)| made > *time) {
                newest = Some((made, found));
            }
        }
        match newest {
            Some((_, found)) => Ok(found),
            // The adapter says best what there is instead.
            None => images.resolve(at, rule),
        }
    }

    /// When an image was made, in nanoseconds since 1970; one that doesn't say is as old as can be.
    fn made(&self, images: &dyn Images, at: &Repository, digest: Digest) -> Result<i128, PortError> {
        let file = self.folder.join(digest.hex());
        let kept = disk::read(&file, DATE).ok().and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let fetched = images.fetch(at, digest, &Platform::default())?;
        let created = serde_json::from_slice::<Config>(&fetched.config).ok().and_then(|config| config.created);
        let made =
            created.and_then(|text| text.parse::<jiff::Timestamp>().ok()).map_or(i128::MIN, |t| t.as_nanosecond());
        let keep = || {
            disk::make_folder(&self.folder)?;
            disk::replace(&file, made.to_string().as_bytes(), Durable::No)
        };
        // What cannot be kept is asked again.
        drop(keep());
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::fake::FakeWorld;
    use crate::image::manifest::{self, Descriptor, Manifest};
    use crate::ports::images::{Blobs, Push};
    use std::io::Write;

    struct Nothing;

    impl Blobs for Nothing {
        fn write(&self, _: Digest, _: &mut dyn Write) -> Result<bool, PortError> {
            Ok(false)
        }
    }

    #[test]
    fn the_last_one_made() {
        let dir = tempfile::tempdir().expect("a folder");
        let world = FakeWorld::new("/nowhere");
        let at = Repository::registry("example.com/app");
        let push = |tag: &str, created: &str| {
            let config = format!(r#"{{"architecture":"amd64","os":"linux","created":"{created}"}}"#);
            let manifest = Manifest {
                schema_version: 2,
                media_type: Some(manifest::MANIFEST.into()),
                config: Descriptor::new(manifest::CONFIG, Digest::of(&config), config.len() as u64),
                layers: Vec::new(),
                annotations: Default::default(),
            };
            let (manifest, tags) = (serde_json::to_vec(&manifest).expect("JSON"), [tag.to_string()]);
            let (target, blobs, config) = (&at, &Nothing, config.as_bytes());
            world
                .images
                .push(&Push { target, tags: &tags, manifest: &manifest, config, blobs, from: &[] })
                .expect("pushed")
        };
        push("main-a", "2026-01-03T00:00:00Z");
        push("main-b", "2026-01-02T00:00:00+02:00");
        push("main-c", "never");
        push("other", "2026-02-01T00:00:00Z");
        let dates = Dates::new(dir.path().join("dates"));
        let newest = |rule: &str| dates.newest(&*world.images, &at, rule).map(|found| found.tag.unwrap_or_default());
        assert_eq!(newest("main-*").as_deref(), Ok("main-a"));
        let digest = push("main-b", "2026-01-04T00:00:00.5Z");
        assert_eq!(newest("main-*").as_deref(), Ok("main-b"));
        assert_eq!(newest("main-?").as_deref(), Ok("main-b"), "from what is kept");
        assert_eq!(newest("other").as_deref(), Ok("other"));
        assert_eq!(dates.newest(&*world.images, &at, &digest.to_string()).map(|found| found.digest), Ok(digest));
        assert_eq!(newest("dev-*").expect_err("none").fault, Fault::NotFound);
        (0..=TAGS).for_each(|n| world.images.retag(&at, &format!("many-{n}"), digest));
        assert_eq!(newest("many-*").expect_err("too many").fault, Fault::Limit);
    }
}

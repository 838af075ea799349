//! All sources that this machine can look at: one place that sends each question to the adapter for its kind.

use super::dates::Dates;
use super::git::Git;
use super::kept::Kept;
use super::received::Received;
use super::seen::Seen;
use super::{charts, folder::Folder};
use crate::ports::files::{Files, Listing};
use crate::ports::filter::Filter;
use crate::ports::images::{Images, Repository};
use crate::ports::sources::{About, Head, HeadQuery, Newest, Origin, Sources, Version};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many opened versions are kept. A pipeline has some ten sources, of which a plan opens one version or two.
const OPENED: usize = 64;

/// How long a folder that was looked at need not be read again to be opened. A look and the plan made of it belong
/// together; and whoever reads a file later still learns that it changed, since every read checks its digest.
const FRESH: Duration = Duration::from_secs(5);

/// Sources as one machine sees them: repositories over the network and on disk, folders, layouts, charts.
pub struct LocalSources {
    git: Git,
    kept: Kept,
    received: Received,
    images: Arc<dyn Images>,
    dates: Dates,
    #[cfg(feature = "registry")]
    charts: Option<charts::Remote>,
    seen: Arc<Seen>,
    opened: Mutex<VecDeque<Opened>>,
}

/// A version that was opened, or seen as a head with its files at hand.
struct Opened {
    origin: Origin,
    paths: Vec<String>,
    ignore: Vec<String>,
    id: String,
    files: Arc<dyn Files>,
    seen: Instant,
}

impl Opened {
    fn is_of(&self, query: &HeadQuery, version: &Version) -> bool {
        self.id == version.id && self.is_of_source(query)
    }

    fn is_of_source(&self, query: &HeadQuery) -> bool {
        self.origin == query.origin && self.paths == query.paths && self.ignore == query.ignore
    }
}

impl LocalSources {
    /// Sources that keep what they fetch below the folder `cache`, and ask `images` for the heads of images.
    pub fn new(cache: impl Into<PathBuf>, images: Arc<dyn Images>) -> LocalSources {
        let cache: PathBuf = cache.into();
        LocalSources {
            git: Git::new(cache.join("git")),
            kept: Kept::new(cache.join("folders")),
            // What was sent can be had from nowhere else, and is no cache.
            received: Received::new(cache.with_file_name("received")),
            images,
            dates: Dates::new(cache.join("dates")),
            #[cfg(feature = "registry")]
            charts: None,
            seen: Arc::default(),
            opened: Mutex::default(),
        }
    }

    /// With charts of elsewhere.
    #[cfg(feature = "registry")]
    pub fn with_charts(self, charts: charts::Remote) -> LocalSources {
        LocalSources { charts: Some(charts), ..self }
    }

    /// The same, where files of folders that were seen before need not be read again.
    pub fn seen(self, seen: &Arc<Seen>) -> LocalSources {
        LocalSources { seen: seen.clone(), ..self }
    }

    /// Keeps the files of a version at hand; of many, those that were seen last.
    fn remember(&self, query: &HeadQuery, version: &Version, files: Arc<dyn Files>) {
        let HeadQuery { origin, paths, ignore, .. } = query.clone();
        let mut opened = self.opened.lock();
        opened.retain(|one| !one.is_of(query, version));
        opened.truncate(OPENED - 1);
        opened.push_front(Opened { origin, paths, ignore, id: version.id.clone(), files, seen: Instant::now() });
    }

    /// The files of that version if they are at hand, and how long ago they were seen.
    fn at_hand(&self, query: &HeadQuery, version: &Version) -> Option<(Arc<dyn Files>, Duration)> {
        let opened = self.opened.lock();
        opened.iter().find(|one| one.is_of(query, version)).map(|one| (one.files.clone(), one.seen.elapsed()))
    }

    /// Whether nothing else was seen of that source since.
    fn is_newest(&self, query: &HeadQuery, version: &Version) -> bool {
        let opened = self.opened.lock();
        opened.iter().find(|one| one.is_of_source(query)).is_none_or(|one| one.id == version.id)
    }

    fn folder_head(&self, path: &Path, query: &HeadQuery) -> Result<Head, PortError> {
        let (head, files) = Folder::new(path, Filter::new(&query.paths, &query.ignore)?).seen(&self.seen).look()?;
        self.remember(query, &head.version, files);
        Ok(head)
    }

    fn open_folder(&self, path: &Path, query: &HeadQuery, version: &Version) -> Result<Arc<dyn Files>, PortError> {
        let then: Option<Arc<Listing>> = self.at_hand(query, version).and_then(|(files, _)| files.list().ok());
        let folder = Folder::new(path, Filter::new(&query.paths, &query.ignore)?).seen(&self.seen);
        Ok(folder.open(version, then.as_deref())?)
    }

    /// The files, or where the folder has moved on or is gone those that were kept of that version.
    fn or_kept(
        &self,
        version: &Version,
        opened: Result<Arc<dyn Files>, PortError>,
    ) -> Result<Arc<dyn Files>, PortError> {
        match opened {
            Err(error) if matches!(error.fault, Fault::Moved | Fault::NotFound) => self.kept.open(version).ok_or(error),
            opened => opened,
        }
    }

    fn image_head(&self, at: &Repository, tag: &str, newest: Newest) -> Result<Head, PortError> {
        let found = match newest {
            Newest::Version => self.images.resolve(at, tag)?,
            Newest::Date => self.dates.newest(&*self.images, at, tag)?,
        };
        let version = Version { id: found.digest.to_string(), name: found.tag, content: found.digest };
        Ok(Head { version, about: About::default() })
    }

    fn chart_head(&self, path: &str, query: &HeadQuery) -> Result<Head, PortError> {
        let (head, files) = charts::look(Path::new(path))?;
        self.remember(query, &head.version, files);
        Ok(head)
    }
}

impl Sources for LocalSources {
    fn head(&self, query: &HeadQuery) -> Result<Head, PortError> {
        match &query.origin {
            Origin::Git { url, branch } => self.git.head(url, branch, query),
            Origin::Folder { path } => self.folder_head(path, query),
            Origin::Image { repository, layout, tag, newest, plain } => {
                let (name, layout, plain) = (repository.clone(), *layout, *plain);
                let at = Repository { name, layout, plain, credentials: query.credentials.clone() };
                self.image_head(&at, tag, *newest)
            }
            Origin::Chart { name, repository: None, .. } => self.chart_head(name, query),
            #[cfg(feature = "registry")]
            Origin::Chart { name, repository: Some(at), version } => match &self.charts {
                Some(charts) => charts.head(wanted(at, name, version.as_deref(), query)),
                None => Err(remote_chart(name, at)),
            },
            #[cfg(not(feature = "registry"))]
            Origin::Chart { name, repository: Some(at), .. } => Err(remote_chart(name, at)),
            Origin::Webhook { name } => self.received.head(name, query),
        }
    }

    fn open(&self, query: &HeadQuery, version: &Version) -> Result<Arc<dyn Files>, PortError> {
        let lasting = match &query.origin {
            Origin::Git { .. } | Origin::Webhook { .. } => true,
            Origin::Chart { repository, .. } => repository.is_some(),
            _ => false,
        };
        if let Some((files, age)) = self.at_hand(query, version)
            && (lasting || age < FRESH)
        {
            // Where something newer was seen since, what was seen then cannot be read any more; what was kept can.
            let kept = || self.kept.open(version).filter(|_| !lasting && !self.is_newest(query, version));
            return Ok(kept().unwrap_or(files));
        }
        let files = match &query.origin {
            Origin::Git { url, branch } => self.git.open(url, branch, query.credentials.as_ref(), &version.id)?,
            Origin::Folder { path } => self.or_kept(version, self.open_folder(path, query, version))?,
            Origin::Image { repository, .. } => return Err(no_files(repository)),
            Origin::Chart { name, repository: None, .. } => {
                self.or_kept(version, charts::open(Path::new(name), version))?
            }
            #[cfg(feature = "registry")]
            Origin::Chart { name, repository: Some(at), version: range } => match &self.charts {
                Some(charts) => charts.open(wanted(at, name, range.as_deref(), query), version)?,
                None => return Err(remote_chart(name, at)),
            },
            #[cfg(not(feature = "registry"))]
            Origin::Chart { name, repository: Some(at), .. } => return Err(remote_chart(name, at)),
            Origin::Webhook { name } => self.received.open(name, version)?,
        };
        self.remember(query, version, files.clone());
        Ok(files)
    }

    fn receive(&self, name: &str, files: &dyn Files) -> Result<Version, PortError> {
        self.received.take(name, files)
    }

    fn keep(&self, query: &HeadQuery, version: &Version) -> Result<(), PortError> {
        match query.origin {
            Origin::Folder { .. } | Origin::Chart { repository: None, .. } => {
                self.kept.keep(version, &*self.open(query, version)?)
            }
            // An archive that was fetched stays here.
            Origin::Chart { .. } => self.open(query, version).map(drop),
            // A commit and a digest can be had as long as their repositories have them.
            _ => Ok(()),
        }
    }
}

#[cfg(feature = "registry")]
fn wanted<'q>(repository: &'q str, name: &'q str, range: Option<&'q str>, query: &'q HeadQuery) -> charts::Wanted<'q> {
    charts::Wanted { repository, name, range, credentials: query.credentials.as_ref() }
}

fn remote_chart(name: &str, at: &str) -> PortError {
    PortError::new(
        Fault::Unavailable,
        format!("the chart `{name}` is in `{at}`, and this Lockgate was built without the feature `registry`"),
    )
    .help("pull the chart and name the folder or `.tgz`, as in `helm \"./charts/NAME\"`")
}

fn no_files(repository: &str) -> PortError {
    PortError::new(Fault::Invalid, format!("`{repository}` is an image; an image has layers and no files to open"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::ports::images::{Fetched, Platform, Push, Resolved};
    use std::io::Read;

    /// Images that resolve every tag to the digest of its name.
    struct Tags;

    impl Images for Tags {
        fn tags(&self, _: &Repository) -> Result<Vec<String>, PortError> {
            Ok(Vec::new())
        }

        fn resolve(&self, _: &Repository, rule: &str) -> Result<Resolved, PortError> {
            Ok(Resolved { tag: Some(rule.into()), digest: Digest::of(rule) })
        }

        fn fetch(&self, _: &Repository, _: Digest, _: &Platform) -> Result<Fetched, PortError> {
            Err(no_files("images"))
        }

        fn blob(&self, _: &Repository, _: Digest, _: u64) -> Result<Box<dyn Read + Send>, PortError> {
            Err(no_files("images"))
        }

        fn exists(&self, _: &Repository, _: Digest) -> Result<bool, PortError> {
            Ok(false)
        }

        fn push(&self, _: &Push<'_>) -> Result<Digest, PortError> {
            Err(no_files("images"))
        }
    }

    fn query(origin: Origin) -> HeadQuery {
        HeadQuery { origin, paths: Vec::new(), ignore: Vec::new(), last: None, credentials: None }
    }

    /// A folder `app` with a file `a`, and how it is asked for.
    fn folder() -> (tempfile::TempDir, PathBuf, HeadQuery) {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("app");
        std::fs::create_dir(&path).expect("a folder");
        std::fs::write(path.join("a"), "1").expect("a file");
        (dir, path.clone(), query(Origin::Folder { path }))
    }

    fn sources(dir: &Path) -> LocalSources {
        LocalSources::new(dir.join("cache"), Arc::new(Tags))
    }

    #[test]
    fn a_folder_is_read_once_for_a_look_and_what_follows() {
        let (dir, path, query) = folder();
        let sources = sources(dir.path());
        let head = sources.head(&query).expect("a head");
        std::fs::write(path.join("a"), "2").expect("a change");
        let files = sources.open(&query, &head.version).expect("what was just seen");
        assert_eq!(files.read("a").expect_err("changed").fault, Fault::Moved, "the change does not go unnoticed");
        let later = LocalSources::new(dir.path().join("cache"), Arc::new(Tags));
        assert_eq!(later.open(&query, &head.version).map(|_| ()).expect_err("changed").fault, Fault::Moved);
        let other = sources.head(&query).expect("a head");
        assert_ne!(other.version, head.version);
        assert_eq!(&*sources.open(&query, &other.version).expect("files").read("a").expect("a file"), b"2");
    }

    #[test]
    fn a_version_that_was_kept_can_be_read_right_after_the_folder_has_moved_on() {
        let (dir, path, query) = folder();
        let sources = sources(dir.path());
        let head = sources.head(&query).expect("a head");
        sources.keep(&query, &head.version).expect("kept");
        std::fs::write(path.join("a"), "22").expect("a change");
        let other = sources.head(&query).expect("a head");
        assert_eq!(&*sources.open(&query, &head.version).expect("kept").read("a").expect("a file"), b"1");
        assert_eq!(&*sources.open(&query, &other.version).expect("files").read("a").expect("a file"), b"22");
    }

    #[test]
    fn what_was_seen_longer_ago_is_looked_at_again() {
        let (dir, path, query) = folder();
        let sources = sources(dir.path());
        let head = sources.head(&query).expect("a head");
        for one in sources.opened.lock().iter_mut() {
            one.seen -= FRESH;
        }
        std::fs::write(path.join("b"), "").expect("a change");
        let error = sources.open(&query, &head.version).map(|_| ()).expect_err("changed");
        assert!(error.message.ends_with("`b` is new"), "{error}");
    }

    #[test]
    fn each_kind_goes_its_way() {
        let dir = tempfile::tempdir().expect("a folder");
        let sources = sources(dir.path());
        let image = query(Origin::Image {
            repository: "r.org/a".into(),
            layout: false,
            tag: "1.2".into(),
            newest: Newest::Version,
            plain: false,
        });
        let head = sources.head(&image).expect("a head");
        assert_eq!((head.version.name.as_deref(), head.version.content), (Some("1.2"), Digest::of("1.2")));
        assert_eq!(sources.open(&image, &head.version).map(|_| ()).expect_err("no files").fault, Fault::Invalid);
        let fault = |origin: Origin| sources.head(&query(origin)).expect_err("not there").fault;
        let chart = |name: &str, repository: Option<&str>| Origin::Chart {
            name: name.into(),
            repository: repository.map(String::from),
            version: None,
        };
        assert_eq!(fault(chart("mi", Some("https://helm.example.com"))), Fault::Unavailable);
        assert_eq!(fault(chart("/no/where", None)), Fault::NotFound);
        assert_eq!(fault(Origin::Webhook { name: "hook".into() }), Fault::NotFound);
        assert_eq!(fault(Origin::Folder { path: "/no/where".into() }), Fault::NotFound);
        let git = Origin::Git { url: "/no/where".into(), branch: "main".into() };
        assert!(matches!(fault(git), Fault::NotFound | Fault::Invalid), "with and without the feature");
    }

    #[test]
    fn the_versions_kept_are_bounded() {
        let dir = tempfile::tempdir().expect("a folder");
        let sources = sources(dir.path());
        for n in 0..OPENED + 9 {
            let version = Version { id: n.to_string(), name: None, content: Digest::default() };
            sources.remember(
                &query(Origin::Webhook { name: "x".into() }),
                &version,
                Arc::new(crate::ports::files::MemoryFiles::default()),
            );
        }
        assert_eq!(sources.opened.lock().len(), OPENED);
    }
}

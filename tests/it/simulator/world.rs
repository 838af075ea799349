//! The world of the simulator: sources that move, programs that fail, places that are deployed to, and a ledger of every
//! effect. It stands outside of what crashes.

use lockgate::digest::Digest;
use lockgate::plan::observed::{Answer, ImageAnswer, Query};
use lockgate::plan::{Bundle, Work};
use lockgate::ports::files::{Listing, MemoryFiles, Mode};
use lockgate::ports::places::{Rehearsal, Seen, plainly};
use lockgate::ports::sources::{About, Head, Version};
use lockgate::ports::{Fault, PortError, files::Files as _};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A small generator of numbers that look random; the same seed gives the same world.
#[derive(Clone)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n.max(1)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// An effect that happened, in the order in which it happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// The step.
    pub step: String,
    /// The key under which it was done.
    pub key: Digest,
    /// The digest of what exactly was done.
    pub payload: Digest,
    /// Whether anything was other than before because of it.
    pub changed: bool,
}

/// What is there, whoever crashes.
#[derive(Default)]
pub struct Outside {
    /// The number of each source's newest version.
    pub heads: BTreeMap<String, u64>,
    /// The bundle at each place, by environment and release.
    pub places: BTreeMap<(String, String), Digest>,
    /// Images by repository, digest and tag.
    pub pushed: BTreeMap<(String, String), Digest>,
    /// Rendered objects that were kept.
    pub bundles: BTreeMap<Digest, Arc<Bundle>>,
    /// All effects.
    pub ledger: Vec<Effect>,
    /// Whether images' digests can be foreseen.
    pub foresees: bool,
}

impl Outside {
    fn files(&self, source: &str, version: u64) -> MemoryFiles {
        let mut files = MemoryFiles::default();
        let add = |files: &mut MemoryFiles, path: &str, text: String| {
            files.add(path, Mode::Executable, text.into_bytes());
        };
        match source {
            "chart" => {
                add(&mut files, "Chart.yaml", format!("apiVersion: v2\nname: app\nversion: 1.0.{version}\n"));
                add(&mut files, "templates/app.yaml", CHART.to_string());
            }
            "config" => {
                // Each version changes the values of one environment only.
                for (i, environment) in ["dev", "staging", "prod"].iter().enumerate() {
                    let mine = (version + 2 - i as u64) / 3;
                    add(&mut files, &format!("values-{environment}.yaml"), format!("replicas: {mine}\n"));
                }
                add(&mut files, "tests/test.sh", "#!/bin/sh\n".to_string());
            }
            _ => add(&mut files, "Dockerfile", format!("FROM scratch\n# {version}\n")),
        }
        files
    }

    fn version_number(version: &Version) -> u64 {
        version.id.rsplit('-').next().and_then(|n| n.parse().ok()).unwrap_or(0)
    }

    /// The version of that number.
    pub fn version(source: &str, number: u64) -> Version {
        let id = format!("{source}-{number}");
        Version { content: Digest::of(&id), id, name: Some(format!("1.0.{number}")) }
    }

    /// The answer to a question.
    pub fn answer(&self, query: &Query) -> Result<Answer, PortError> {
        Ok(match query {
            Query::Head { source } => {
                let number = self.heads.get(source).copied().unwrap_or(0);
                let about = About { author: Some(format!("author{}", number % 3)), ..About::default() };
                Answer::Head(Head { version: Outside::version(source, number), about })
            }
            Query::Listing { source, version } => Answer::Listing(self.listing(source, version)),
            Query::File { source, version, path } => {
                Answer::File(self.files(source, Outside::version_number(version)).read(path)?)
            }
            Query::Folder { source, version, .. } => {
                let files = self.files(source, Outside::version_number(version));
                let read = |e: &lockgate::ports::files::Entry| Ok((e.path.to_string(), files.read(&e.path)?));
                Answer::Folder(Arc::new(files.list()?.entries.iter().map(read).collect::<Result<_, PortError>>()?))
            }
            Query::Image(query) => {
                let key = Digest::of(format!("{query:?}"));
                let digest = self.foresees.then(|| Digest::of(key.hex()));
                Answer::Image(ImageAnswer { key, digest, inputs: Arc::default(), bases: Vec::new(), notes: Vec::new() })
            }
            Query::Tagged { repository, tag, .. } => {
                Answer::Tagged(self.pushed.get(&(repository.clone(), tag.clone())).copied())
            }
            Query::Target { target, release, .. } => {
                let bundle = self.places.get(&(target.namespace().to_string(), release.clone())).copied();
                Answer::Target(Seen { bundle, drift: Vec::new() })
            }
            Query::Rehearsal(query) => {
                let place = (query.target.namespace().to_string(), query.bundle.release.clone());
                let bundle = self.places.get(&place).copied();
                let before = bundle.and_then(|digest| self.bundles.get(&digest));
                let objects = plainly(before.map(|b| &**b), &query.bundle);
                Answer::Rehearsal(Arc::new(Rehearsal { bundle, objects }))
            }
            Query::Facts { .. } => Answer::Facts(None),
            Query::Sought { .. } => Answer::Sought("{}".into()),
            Query::Bundle(digest) => {
                let gone = || PortError::new(Fault::NotFound, "gone");
                Answer::Bundle(self.bundles.get(digest).cloned().ok_or_else(gone)?)
            }
            Query::Outputs(_) => Answer::Outputs(Arc::default()),
        })
    }

    fn listing(&self, source: &str, version: &Version) -> Arc<Listing> {
        self.files(source, Outside::version_number(version)).list().expect("files in memory")
    }

    /// Does what an order says, and writes it into the ledger.
    pub fn carry_out(&mut self, step: &str, key: Digest, payload: Digest, work: &Work) -> BTreeMap<String, String> {
        let mut told = BTreeMap::new();
        let changed = match work {
            Work::Deploy(work) => {
                self.deploy(work.target.namespace(), &work.name, work.bundle.expect("known when deployed"))
            }
            Work::Push(push) => {
                let digest = push.digest.as_known().and_then(|d| d.parse().ok()).expect("known when pushed");
                let name = (push.repository.clone(), push.tag.as_known().expect("known when pushed"));
                self.pushed.insert(name, digest) != Some(digest)
            }
            Work::Build(build) => {
                let query = build.query().expect("known when built");
                let digest = Digest::of(Digest::of(format!("{query:?}")).hex());
                told.insert("digest".to_string(), digest.to_string());
                true
            }
            _ => true,
        };
        self.ledger.push(Effect { step: step.to_string(), key, payload, changed });
        told
    }

    /// Brings a place to a bundle; says whether anything changed.
    pub fn deploy(&mut self, namespace: &str, release: &str, bundle: Digest) -> bool {
        self.places.insert((namespace.to_string(), release.to_string()), bundle) != Some(bundle)
    }
}

const CHART: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\ndata:\n  image: {{ .Values.image | quote }}\n  replicas: {{ .Values.replicas | quote }}\n";

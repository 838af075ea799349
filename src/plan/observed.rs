//! Questions to the world, and its answers.

use super::kept::Kept;
use super::work::TargetPlan;
use crate::digest::Digest;
use crate::ports::PortError;
use crate::ports::bundle::Bundle;
use crate::ports::files::Listing;
pub use crate::ports::places::Seen as TargetAnswer;
use crate::ports::places::{Facts, Rehearsal, Sought};
use crate::ports::sources::{Head, Version};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// A question. Its answer does not depend on when it is asked, but for heads, targets and outputs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Query {
    /// The newest version of a source that counts.
    Head {
        /// The source.
        source: String,
    },
    /// The files of a version.
    Listing {
        /// The source.
        source: String,
        /// The version.
        version: Version,
    },
    /// One file of a version.
    File {
        /// The source.
        source: String,
        /// The version.
        version: Version,
        /// Its path.
        path: String,
    },
    /// All files below a folder of a version: a chart.
    Folder {
        /// The source.
        source: String,
        /// The version.
        version: Version,
        /// The folder; empty: all.
        folder: String,
    },
    /// The image that a build would make.
    Image(Box<ImageQuery>),
    /// Which image a tag of a repository names.
    Tagged {
        /// The repository, or the absolute path of a layout.
        repository: String,
        /// Whether it is a layout.
        layout: bool,
        /// The tag.
        tag: String,
    },
    /// What is where a release is deployed.
    Target {
        /// The place.
        target: TargetPlan,
        /// The name of the release.
        release: String,
        /// What was deployed there last.
        bundle: Option<Digest>,
    },
    /// What deploying rendered objects would change, asked of a place that fills in and refuses.
    Rehearsal(RehearsalQuery),
    /// What charts may ask of a cluster.
    Facts {
        /// The place.
        target: TargetPlan,
        /// Whether the kinds of each API version are needed.
        kinds: bool,
    },
    /// What a chart looks up in a cluster.
    Sought {
        /// The place.
        target: TargetPlan,
        /// What it looks for.
        sought: Sought,
    },
    /// Rendered objects of before.
    Bundle(Digest),
    /// Whether files that programs wrote are still as they were.
    Outputs(Vec<OutputQuery>),
}

/// An image that a build would make.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageQuery {
    /// The source of the context.
    pub source: String,
    /// Its version.
    pub version: Version,
    /// The folder of the context.
    pub folder: String,
    /// The Dockerfile's path in it.
    pub dockerfile: Option<String>,
    /// The stage.
    pub target: Option<String>,
    /// The platform.
    pub platform: String,
    /// Whether an engine makes it that can run programs; then only the build tells its digest.
    pub engine: bool,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// A deploy that is to be rehearsed. The digest stands for the objects.
#[derive(Clone, Debug)]
pub struct RehearsalQuery {
    /// The place.
    pub target: TargetPlan,
    /// What names the objects.
    pub digest: Digest,
    /// The objects.
    pub bundle: Arc<Bundle>,
    /// Texts in them that stand for what is not known yet.
    pub unknowns: Vec<String>,
}

impl RehearsalQuery {
    fn name(&self) -> (&TargetPlan, &Digest) {
        (&self.target, &self.digest)
    }
}

impl PartialEq for RehearsalQuery {
    fn eq(&self, other: &RehearsalQuery) -> bool {
        self.name() == other.name()
    }
}

impl Eq for RehearsalQuery {}

impl std::hash::Hash for RehearsalQuery {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl PartialOrd for RehearsalQuery {
    fn partial_cmp(&self, other: &RehearsalQuery) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RehearsalQuery {
    fn cmp(&self, other: &RehearsalQuery) -> std::cmp::Ordering {
        self.name().cmp(&other.name())
    }
}

/// A file that a program wrote.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OutputQuery {
    /// The absolute path.
    pub path: PathBuf,
    /// Its digest when it was written.
    pub digest: Digest,
}

/// An answer, of the kind of its question.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The newest version.
    Head(Head),
    /// The files.
    Listing(Arc<Listing>),
    /// The content.
    File(Arc<[u8]>),
    /// The contents by path below the folder.
    Folder(Arc<BTreeMap<String, Arc<[u8]>>>),
    /// The image.
    Image(ImageAnswer),
    /// The image, if the tag is there and so is what it names.
    Tagged(Option<Digest>),
    /// What is there.
    Target(TargetAnswer),
    /// What would change.
    Rehearsal(Arc<Rehearsal>),
    /// What charts may ask; nothing where there is no cluster.
    Facts(Option<Arc<Facts>>),
    /// What was found, as JSON; `{}` where nothing was.
    Sought(Arc<str>),
    /// The objects.
    Bundle(Arc<Bundle>),
    /// Which of the files are not as they were, by number.
    Outputs(Arc<std::collections::BTreeSet<usize>>),
}

/// An image that a build would make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageAnswer {
    /// What names all that decides it.
    pub key: Digest,
    /// Its digest, where that can be told before it is built.
    pub digest: Option<Digest>,
    /// The files that it reads: path and digest.
    pub inputs: Arc<Vec<(Arc<str>, Digest)>>,
    /// Base images by digest, as the Dockerfile names them.
    pub bases: Vec<(String, Digest)>,
    /// What the user should hear.
    pub notes: Vec<String>,
}

/// All answers so far.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    answers: HashMap<Query, Result<Answer, PortError>>,
    kept: Kept,
}

impl Observed {
    /// Takes an answer in.
    pub fn insert(&mut self, query: Query, answer: Result<Answer, PortError>) {
        self.answers.insert(query, answer);
    }

    /// The answer to a question, if it was asked.
    pub fn get(&self, query: &Query) -> Option<&Result<Answer, PortError>> {
        self.answers.get(query)
    }

    /// The questions that were asked.
    pub fn queries(&self) -> impl Iterator<Item = &Query> {
        self.answers.keys()
    }

    /// What was rendered of it.
    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Forgets answers that may have changed: what targets, repositories and programs' folders look like.
    pub fn forget_places(&mut self) {
        let stays = |q: &Query| {
            !matches!(
                q,
                Query::Target { .. }
                    | Query::Rehearsal(_)
                    | Query::Sought { .. }
                    | Query::Outputs(_)
                    | Query::Tagged { .. }
            )
        };
        self.answers.retain(|q, _| stays(q));
    }

    /// All heads that were seen.
    pub fn heads(&self) -> BTreeMap<String, Head> {
        let head = |(q, a): (&Query, &Result<Answer, PortError>)| match (q, a) {
            (Query::Head { source }, Ok(Answer::Head(head))) => Some((source.clone(), head.clone())),
            _ => None,
        };
        self.answers.iter().filter_map(head).collect()
    }
}

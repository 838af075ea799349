//! What is said to a server when it is started, by whichever door it is said.

use std::path::PathBuf;

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct Serving {
    /// The pipeline files or their folders; the nearest one upwards where neither these nor the configuration name one.
    pub files: Vec<PathBuf>,
    /// Where it listens; what the configuration says unless said.
    pub listen: Option<String>,
    /// The folder of the state; beside the file unless said.
    pub state: Option<PathBuf>,
    /// The server's configuration; without one it serves whoever starts it, on this machine only.
    pub config: Option<PathBuf>,
    /// The pipeline, where a file has several and only one is meant.
    pub pipeline: Option<String>,
    /// Who starts it; the user of the operating system unless said.
    pub person: Option<String>,
}

/// What is done with tokens.
#[derive(Clone, Debug)]
pub enum TokenWish {
    /// A new one.
    New {
        /// Whose.
        person: String,
        /// What it may be used for; everything where nothing is said.
        scopes: Vec<String>,
        /// After how long it stops counting.
        expires: Option<String>,
        /// What it is for.
        note: String,
        /// Whether it is only shown as a line for the configuration, and not kept.
        print: bool,
    },
    /// All that there are.
    List,
    /// Take one back.
    Revoke {
        /// Its id.
        id: String,
    },
}

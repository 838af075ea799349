//! `lockgate serve` and `lockgate token`: the server, and who may speak with it.

use super::{Desk, Doors, Exit};
use crate::app::Failure;
use crate::app::serving::{Serving, TokenWish};
use std::path::PathBuf;

/// Keep pipelines going day and night: look when something says so, run, wait at gates, answer people
///
/// Without `--config` it serves whoever starts it, on this machine only. With one it serves the users that are named there.
///
/// Ctrl-C once: nothing new begins, and what runs comes to its end, for a while. What is not done by then goes on with the next
/// start. Ctrl-C twice: leave at once.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate serve
  lockgate serve shop/lockgate.kdl till/lockgate.kdl --state /var/lib/lockgate --config /etc/lockgate/server.kdl")]
pub(super) struct Serve {
    /// The pipeline files or their folders
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where to listen; 127.0.0.1:8080 unless said
    #[arg(long, value_name = "ADDRESS:PORT", env = "LOCKGATE_LISTEN", hide_env_values = true)]
    listen: Option<String>,
    /// The server's configuration: who may do what
    #[arg(long, value_name = "FILE", env = "LOCKGATE_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// How what happens is told on standard error
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Told::Text, env = "LOCKGATE_LOG_FORMAT", hide_env_values = true)]
    log: Told,
}

/// How a server tells what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Told {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

impl Told {
    /// From now on what happens is told, from `info` on; `LOCKGATE_LOG` says otherwise, as in `debug` or `lockgate=debug,warn`.
    fn begin(self) {
        let filter = tracing_subscriber::EnvFilter::try_from_env("LOCKGATE_LOG")
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
        let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        // Whoever set one before keeps theirs.
        let _ = match self {
            Told::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
            Told::Json => lines.json().try_init(),
        };
    }
}

fn serving(desk: &Desk, files: Vec<PathBuf>, config: Option<PathBuf>) -> Serving {
    let globals = &desk.globals;
    let named = globals.file.clone().filter(|_| files.is_empty());
    Serving {
        files: files.into_iter().chain(named).collect(),
        listen: None,
        state: globals.state.clone(),
        config,
        pipeline: globals.pipeline.clone(),
        person: globals.person.clone(),
    }
}

impl Serve {
    pub fn run(self, desk: &Desk, doors: &Doors) -> Result<Exit, Failure> {
        self.log.begin();
        let serving = Serving { listen: self.listen, ..serving(desk, self.files, self.config) };
        (doors.serve)(&serving, &|text| {
            desk.terminal.print(text);
        })?;
        Ok(Exit::Done)
    }
}

/// Make, list or take back the tokens with which people and programs speak with a server
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate token new ann --config server.kdl --state /var/lib/lockgate --expires 90d
  lockgate token new ci --scope read,operate --note 'nightly build'
  lockgate token list
  lockgate token revoke k3j9x2ab")]
pub(super) struct Token {
    #[command(subcommand)]
    what: What,
    /// The server's configuration: who may do what
    #[arg(long, global = true, value_name = "FILE", env = "LOCKGATE_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Make a token; it is shown once, and only its hash is kept
    New {
        /// Whose it is
        #[arg(value_name = "USER")]
        person: String,
        /// What it may be used for, of read, approve, operate, admin and metrics, with commas; all that its owner may unless said
        #[arg(long, value_name = "SCOPE", value_delimiter = ',')]
        scope: Vec<String>,
        /// When it stops counting: a duration or a moment; never unless said
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
        /// Do not keep it; show the line for the server's configuration instead
        #[arg(long)]
        print: bool,
    },
    /// Show all tokens, without their secrets
    List,
    /// Take a token back; it does not count from then on
    Revoke {
        /// Its id: what stands between `lg_` and the next `_`
        id: String,
    },
}

impl Token {
    pub fn run(self, desk: &Desk, doors: &Doors) -> Result<Exit, Failure> {
        let wish = match self.what {
            What::New { person, scope, expires, note, print } => {
                TokenWish::New { person, scopes: scope, expires, note, print }
            }
            What::List => TokenWish::List,
            What::Revoke { id } => TokenWish::Revoke { id },
        };
        let shown = (doors.token)(&serving(desk, Vec::new(), self.config), &wish)?;
        desk.terminal.print(&shown);
        Ok(Exit::Done)
    }
}

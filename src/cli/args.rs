//! What can be typed.

use super::{
    apply, cancel, check, completions, diff, explain, fmt, gate, graph, history, hold, init, log, login, lsp, pin,
    plan, render, resolve, rollback, serve, state, status, test, why,
};
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Everything that can be typed.
#[derive(Debug, Parser)]
#[command(
    name = "lockgate",
    version,
    about = "Delivery to Kubernetes from one file: what would happen, then exactly that",
    long_about = "Lockgate reads a pipeline from one KDL file, shows exactly what would be built, pushed, deployed and held at \
                  a gate, and why, and does exactly that.",
    after_help = "Start with `lockgate plan`: it changes nothing. `lockgate help COMMAND` says more.",
    after_long_help = "Exit codes: 0 done or nothing to do, 1 an error or a failed step, 2 a plan with changes, 3 something waits at \
                       a gate or for an answer, 130 stopped.",
    arg_required_else_help = true,
    max_term_width = 120
)]
pub(super) struct Args {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

/// Which pipeline, which state, who, and how it looks.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Globals {
    /// The pipeline file or its folder; the nearest lockgate.kdl upwards unless said
    #[arg(
        short,
        long,
        global = true,
        value_name = "PATH",
        env = "LOCKGATE_FILE",
        hide_env_values = true,
        help_heading = "Global options"
    )]
    pub file: Option<PathBuf>,
    /// The folder of the state; .lockgate beside the file unless said
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "LOCKGATE_STATE",
        hide_env_values = true,
        help_heading = "Global options"
    )]
    pub state: Option<PathBuf>,
    /// The pipeline, where the file has several
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "LOCKGATE_PIPELINE",
        hide_env_values = true,
        help_heading = "Global options"
    )]
    pub pipeline: Option<String>,
    /// Who speaks; the user of this machine unless said
    #[arg(
        long = "as",
        global = true,
        value_name = "PERSON",
        env = "LOCKGATE_AS",
        hide_env_values = true,
        help_heading = "Global options"
    )]
    pub person: Option<String>,
    /// The server that keeps the pipeline going, instead of the state of this machine
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "LOCKGATE_SERVER",
        hide_env_values = true,
        help_heading = "Global options"
    )]
    pub server: Option<String>,
    /// Send the token to a server of another machine without TLS, where nobody listens on the way
    #[arg(long, global = true, env = "LOCKGATE_PLAIN_HTTP", hide_env_values = true, help_heading = "Global options")]
    pub plain_http: bool,
    /// When to colour
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t, help_heading = "Global options")]
    pub color: Color,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Init(init::Init),
    Check(check::Check),
    Plan(plan::Plan),
    Apply(apply::Apply),
    Cancel(cancel::Cancel),
    Approve(gate::Approve),
    Reject(gate::Reject),
    Status(status::Status),
    Why(why::Why),
    Log(log::Log),
    History(history::History),
    Rollback(rollback::Rollback),
    Hold(hold::Hold),
    Release(hold::Release),
    Pin(pin::Pin),
    Unpin(pin::Unpin),
    Ban(pin::Ban),
    Unban(pin::Unban),
    Resolve(resolve::Resolve),
    Test(test::Test),
    Simulate(test::Simulate),
    Graph(graph::Graph),
    Diff(diff::Diff),
    Render(render::Render),
    Fmt(fmt::Fmt),
    Explain(explain::Explain),
    Grammar(explain::Grammar),
    Lsp(lsp::Lsp),
    State(state::State),
    Serve(serve::Serve),
    Token(serve::Token),
    Login(login::Login),
    Completions(completions::Completions),
    Man(completions::Man),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_make_sense_and_all_have_help() {
        let mut command = Args::command();
        command.build();
        command.clone().debug_assert();
        for sub in command.get_subcommands().filter(|c| c.get_name() != "help") {
            assert!(sub.get_about().is_some(), "`{}` has no help", sub.get_name());
            for arg in sub.get_arguments() {
                assert!(arg.get_help().is_some(), "`{} {}` has no help", sub.get_name(), arg.get_id());
            }
        }
    }
}

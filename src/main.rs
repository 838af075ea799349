//! The porch: where the doors are. What each of them does is its own business.

use lockgate::cli::{self, Doors};

fn main() -> std::process::ExitCode {
    #[cfg(feature = "server")]
    let (serve, token) = (lockgate::server::serve as cli::ServeDoor, lockgate::server::token as cli::TokenDoor);
    #[cfg(not(feature = "server"))]
    let (serve, token) = (cli::no_server as cli::ServeDoor, cli::no_token as cli::TokenDoor);
    cli::main(&Doors { lsp: lockgate::lsp::serve, serve, token })
}

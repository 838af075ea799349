//! The porch: where the doors are. What each of them does is its own business.

fn main() -> std::process::ExitCode {
    lockgate::cli::main(&lockgate::cli::Doors { lsp: lockgate::lsp::serve })
}

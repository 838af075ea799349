//! Tells Zed how to start `lockgate lsp`.

use zed_extension_api::{self as zed, LanguageServerId, Result};

struct Lockgate;

impl zed::Extension for Lockgate {
    fn new() -> Lockgate {
        Lockgate
    }

    fn language_server_command(&mut self, _: &LanguageServerId, worktree: &zed::Worktree) -> Result<zed::Command> {
        let command = worktree.which("lockgate").ok_or("there is no `lockgate` in the PATH")?;
        Ok(zed::Command { command, args: vec!["lsp".to_string()], env: worktree.shell_env() })
    }
}

zed::register_extension!(Lockgate);

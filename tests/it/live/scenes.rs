//! The scenes of `examples/02-micro-integrator`, played on a stage of their own by the example's own scripts.

use super::{is_live, unique};
use crate::lab::{free_port, repository};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The folder of the stage, the prefix of everything on it, and the port of its web server.
pub(super) struct Stage {
    folder: tempfile::TempDir,
    pub prefix: String,
    port: u16,
}

impl Stage {
    pub fn set() -> Stage {
        let folder = tempfile::tempdir().expect("a folder");
        let stage = Stage { folder, prefix: unique("scene") + "-", port: free_port() };
        stage.run(&scripts().join("stage.sh"), &["up"]);
        stage
    }

    /// Where everything of it is.
    pub fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join("stage").join(path)
    }

    fn command(&self, script: &Path, args: &[&str]) -> Output {
        Command::new(script)
            .args(args)
            .env("STAGE", self.folder.path().join("stage"))
            .env("STAGE_PREFIX", &self.prefix)
            .env("STAGE_PORT", self.port.to_string())
            .env("LOCKGATE", env!("CARGO_BIN_EXE_lockgate"))
            .output()
            .expect("a shell")
    }

    /// Has the stage do something.
    pub fn does(&self, args: &[&str]) {
        self.run(&scripts().join("stage.sh"), args);
    }

    fn run(&self, script: &Path, args: &[&str]) {
        let output = self.command(script, args);
        let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{} {args:?}:\n{said}\n{wrong}", script.display());
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.command(&scripts().join("stage.sh"), &["down"]);
    }
}

fn scripts() -> PathBuf {
    repository().join("examples/02-micro-integrator")
}

#[test]
fn the_scenes_of_the_mission_play() {
    if is_live("the scenes of examples/02-micro-integrator") {
        Stage::set().run(&scripts().join("play.sh"), &[]);
    }
}

//! Programs that play what a test has written for them.

use super::workshop::FakeWorkshop;
use super::{Deed, Ledger, Power};
use crate::digest::Digest;
use crate::ports::PortError;
use crate::ports::shell::{Done, Exit, Program, Shell, Status, TAIL, Ticket};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// What a program does when it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// How it ends.
    pub status: Status,
    /// What it prints.
    pub output: Vec<u8>,
    /// What it tells, as names and values.
    pub tells: Vec<(String, String)>,
    /// The files that it writes, by their paths from its working folder.
    pub writes: Vec<(String, Vec<u8>)>,
    /// How long it says to have taken.
    pub duration: Duration,
    /// Why it could not be started, if it couldn't; then nothing of the above happens.
    pub fault: Option<PortError>,
}

impl Default for Scene {
    /// It ends well and leaves nothing.
    fn default() -> Scene {
        Scene {
            status: Status::Code(0),
            output: Vec::new(),
            tells: Vec::new(),
            writes: Vec::new(),
            duration: Duration::ZERO,
            fault: None,
        }
    }
}

impl Scene {
    /// It ends with that code.
    pub fn code(code: i32) -> Scene {
        Scene { status: Status::Code(code), ..Scene::default() }
    }

    /// It tells that as well.
    pub fn telling(mut self, name: &str, value: &str) -> Scene {
        self.tells.push((name.to_string(), value.to_string()));
        self
    }

    /// It writes that file as well.
    pub fn writing(mut self, path: &str, content: impl Into<Vec<u8>>) -> Scene {
        self.writes.push((path.to_string(), content.into()));
        self
    }

    /// It prints that as well.
    pub fn printing(mut self, output: impl AsRef<[u8]>) -> Scene {
        self.output.extend_from_slice(output.as_ref());
        self
    }
}

/// Programs with a script. What has none ends well and leaves nothing.
pub struct FakeShell {
    ledger: Ledger,
    power: Power,
    workshop: Arc<FakeWorkshop>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    scripts: Vec<(Vec<String>, VecDeque<Scene>)>,
    holds: bool,
    running: Vec<(Ticket, Program, Done)>,
}

impl FakeShell {
    /// Programs that leave their lines and files in that workshop.
    pub fn new(ledger: Ledger, power: Power, workshop: Arc<FakeWorkshop>) -> FakeShell {
        FakeShell { ledger, power, workshop, inner: Mutex::default() }
    }

    /// Programs whose arguments begin with these play the scenes, one at each start, the last again and again. A script
    /// that was written later goes before earlier ones.
    pub fn on(&self, arguments: &[&str], scenes: impl IntoIterator<Item = Scene>) {
        let arguments = arguments.iter().map(|argument| argument.to_string()).collect();
        self.inner.lock().scripts.insert(0, (arguments, scenes.into_iter().collect()));
    }

    /// Whether programs go on running until [`FakeShell::finish`]; otherwise they end at once.
    pub fn hold(&self, holds: bool) {
        self.inner.lock().holds = holds;
    }

    /// The programs that run, in the order of their starts.
    pub fn running(&self) -> Vec<(Ticket, Program)> {
        self.inner.lock().running.iter().map(|(ticket, program, _)| (*ticket, program.clone())).collect()
    }

    /// Lets a running program play its scene to the end. Answers whether it was running.
    pub fn finish(&self, ticket: Ticket) -> bool {
        match self.take(ticket) {
            Some((program, done)) => {
                let scene = self.scene(&program);
                self.end(&program, done, scene);
                true
            }
            None => false,
        }
    }

    /// Ends what runs without telling anyone, as when the machine stops.
    pub(super) fn abandon(&self) {
        // Dropped outside of the lock: what is dropped may be the last to hold something of ours.
        let running = std::mem::take(&mut self.inner.lock().running);
        drop(running);
    }

    fn take(&self, ticket: Ticket) -> Option<(Program, Done)> {
        let mut inner = self.inner.lock();
        let at = inner.running.iter().position(|(other, ..)| *other == ticket)?;
        let (_, program, done) = inner.running.remove(at);
        Some((program, done))
    }

    fn scene(&self, program: &Program) -> Scene {
        let mut inner = self.inner.lock();
        let script = inner.scripts.iter_mut().find(|(arguments, _)| program.argv.starts_with(arguments));
        let next = |(_, scenes): &mut (Vec<String>, VecDeque<Scene>)| {
            if scenes.len() > 1 { scenes.pop_front() } else { scenes.front().cloned() }
        };
        script.and_then(next).unwrap_or_default()
    }

    fn end(&self, program: &Program, done: Done, scene: Scene) {
        // A dead process hears nothing, and what its programs would have done does not happen either.
        if self.power.boundary().is_err() {
            return;
        }
        if let Some(fault) = scene.fault {
            return done(Err(fault));
        }
        let told = program.env.iter().find(|(name, _)| name == "LOCKGATE_OUTPUT").map(|(_, path)| path);
        for (name, value) in &scene.tells {
            told.into_iter().for_each(|path| self.workshop.append(path, format!("{name}={value}\n").as_bytes()));
        }
        for (path, content) in scene.writes {
            self.workshop.write(program.cwd.join(path), content);
        }
        self.ledger.record(&self.power, Deed::End, program.log.display().to_string(), format!("{:?}", scene.status));
        let exit = exit(scene.status, &scene.output, scene.duration);
        if self.power.boundary().is_ok() {
            done(Ok(exit));
        }
    }
}

pub(super) fn exit(status: Status, output: &[u8], duration: Duration) -> Exit {
    let tail = output.get(output.len().saturating_sub(TAIL)..).unwrap_or_default().to_vec();
    Exit { status, log_len: output.len() as u64, log_digest: Digest::of(output), log_fault: None, tail, duration }
}

impl Shell for FakeShell {
    fn submit(&self, ticket: Ticket, program: Program, done: Done) {
        if self.power.boundary().is_err() {
            return;
        }
        self.ledger.record(&self.power, Deed::Start, program.log.display().to_string(), program.argv.join(" "));
        if self.inner.lock().holds {
            self.inner.lock().running.push((ticket, program, done));
        } else {
            let scene = self.scene(&program);
            self.end(&program, done, scene);
        }
    }

    fn cancel(&self, ticket: Ticket) {
        if let Some((program, done)) = self.take(ticket) {
            self.end(&program, done, Scene { status: Status::Cancelled, ..Scene::default() });
        }
    }
}

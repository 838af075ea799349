//! Containers with a script. They outlive the process that started them, as real ones do: who asks for one again by its key
//! hears how it ended.

use super::shell::{Scene, exit};
use super::workshop::FakeWorkshop;
use super::{Deed, Ledger, Power};
use crate::digest::Digest;
use crate::ports::shell::{Done, Program, Shell, Status, Ticket};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Programs in containers. What has no script ends well and leaves nothing.
pub struct FakeContainers {
    ledger: Ledger,
    power: Power,
    workshop: Arc<FakeWorkshop>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    scripts: Vec<(Vec<String>, VecDeque<Scene>)>,
    holds: bool,
    known: BTreeMap<Digest, Known>,
    waiting: Vec<(Ticket, Program, Done)>,
}

/// A container that was started.
struct Known {
    attempt: u32,
    /// How it ended, if it has.
    end: Option<Scene>,
}

impl FakeContainers {
    /// Containers that leave their lines and files in that workshop.
    pub fn new(ledger: Ledger, power: Power, workshop: Arc<FakeWorkshop>) -> FakeContainers {
        FakeContainers { ledger, power, workshop, inner: Mutex::default() }
    }

    /// Programs whose arguments begin with these play the scenes, one at each start, the last again and again.
    pub fn on(&self, arguments: &[&str], scenes: impl IntoIterator<Item = Scene>) {
        let arguments = arguments.iter().map(|argument| argument.to_string()).collect();
        self.inner.lock().scripts.insert(0, (arguments, scenes.into_iter().collect()));
    }

    /// Whether containers go on running until [`FakeContainers::finish`]; otherwise they end at once.
    pub fn hold(&self, holds: bool) {
        self.inner.lock().holds = holds;
    }

    /// Lets all that runs come to its end, and tells who still waits for it.
    pub fn finish(&self) {
        let mut inner = self.inner.lock();
        let waiting = std::mem::take(&mut inner.waiting);
        for (_, program, _) in &waiting {
            let scene = scene(&mut inner, program);
            if let Some(known) = program.container.as_ref().and_then(|c| inner.known.get_mut(&c.key)) {
                known.end.get_or_insert(scene);
            }
        }
        // Those of a life before have ended as well, though nobody waits.
        for known in inner.known.values_mut() {
            known.end.get_or_insert_with(Scene::default);
        }
        drop(inner);
        for (_, program, done) in waiting {
            self.tell(&program, done);
        }
    }

    /// Those who waited hear nothing any more; the containers go on.
    pub(super) fn abandon(&self) {
        let waiting = std::mem::take(&mut self.inner.lock().waiting);
        drop(waiting);
    }

    /// Copies out what the container left, and tells how it ended.
    fn tell(&self, program: &Program, done: Done) {
        let Some(container) = &program.container else { return };
        let end = self.inner.lock().known.get(&container.key).and_then(|known| known.end.clone());
        let Some(scene) = end else { return };
        if self.power.boundary().is_err() {
            return;
        }
        if scene.status == Status::Code(0) {
            for (name, value) in &scene.tells {
                let line = format!("{name}={value}\n");
                container
                    .told
                    .iter()
                    .for_each(|path| self.workshop.append(path.display().to_string(), line.as_bytes()));
            }
            for (path, content) in scene.writes {
                self.workshop.write(program.cwd.join(path), content);
            }
        }
        done(Ok(exit(scene.status, &scene.output, scene.duration)));
    }
}

fn scene(inner: &mut Inner, program: &Program) -> Scene {
    let script = inner.scripts.iter_mut().find(|(arguments, _)| program.argv.starts_with(arguments));
    let next = |(_, scenes): &mut (Vec<String>, VecDeque<Scene>)| {
        if scenes.len() > 1 { scenes.pop_front() } else { scenes.front().cloned() }
    };
    script.and_then(next).unwrap_or_default()
}

impl Shell for FakeContainers {
    fn submit(&self, ticket: Ticket, program: Program, done: Done) {
        if self.power.boundary().is_err() {
            return;
        }
        let Some(container) = program.container.clone() else {
            return done(Err(PortError::new(Fault::Invalid, "the program does not say in which container it runs")));
        };
        let mut inner = self.inner.lock();
        if inner.known.get(&container.key).is_some_and(|known| known.attempt < container.attempt) {
            inner.known.remove(&container.key);
        }
        if !inner.known.contains_key(&container.key) {
            self.ledger.record(&self.power, Deed::Start, container.key.hex(), program.argv.join(" "));
            let end = (!inner.holds).then(|| scene(&mut inner, &program));
            inner.known.insert(container.key, Known { attempt: container.attempt, end });
        }
        let has_ended = inner.known.get(&container.key).is_some_and(|known| known.end.is_some());
        if !has_ended {
            inner.waiting.push((ticket, program, done));
            return;
        }
        drop(inner);
        self.tell(&program, done);
    }

    fn cancel(&self, ticket: Ticket) {
        let mut inner = self.inner.lock();
        let Some(at) = inner.waiting.iter().position(|(other, ..)| *other == ticket) else { return };
        let (_, program, done) = inner.waiting.remove(at);
        inner.known.retain(|key, _| program.container.as_ref().is_none_or(|c| c.key != *key));
        drop(inner);
        done(Ok(exit(Status::Cancelled, b"", std::time::Duration::ZERO)));
    }

    fn forget(&self, key: Digest) {
        self.inner.lock().known.remove(&key);
    }
}

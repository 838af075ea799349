//! Watching files of this machine, for all who want to know: with one watcher, since a system gives out only so many of them
//! (Linux has `fs.inotify.max_user_instances`, 128 unless it is raised). Where it gives out none, or no more watches, folders are
//! looked through every two seconds instead.

use notify::{Config, ErrorKind, Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How often folders are looked through that cannot be watched.
const POLL: Duration = Duration::from_secs(2);

/// Folders, and whether what is below them counts, too.
pub type Folders = BTreeMap<PathBuf, RecursiveMode>;

type Told = Arc<dyn Fn(&Path) + Send + Sync>;

/// Watches for several. Cheap to share.
#[derive(Clone, Default)]
pub struct Watching(Arc<Hub>);

/// Somebody's watch. It ends when this is dropped.
pub struct Watch {
    hub: Arc<Hub>,
    number: u64,
    folders: Folders,
}

#[derive(Default)]
struct Hub {
    /// Who is told. Watchers ask for it while they tell, so that it is never locked while one is told what to do.
    routes: Arc<Mutex<Routes>>,
    places: Mutex<Places>,
}

#[derive(Default)]
struct Routes {
    last: u64,
    told: BTreeMap<u64, Told>,
    of: BTreeMap<PathBuf, Vec<u64>>,
}

/// The folders that are watched, by whom it is done.
#[derive(Default)]
struct Places {
    system: Option<RecommendedWatcher>,
    /// The system gives out no watcher.
    refused: bool,
    poller: Option<PollWatcher>,
    all: BTreeMap<PathBuf, Place>,
}

/// A folder that somebody wants watched.
#[derive(Default)]
struct Place {
    /// How many want it.
    users: usize,
    /// How many of them want what is below it, too.
    deep: usize,
    /// How it is watched; not at all where a folder above it is, with all that is below.
    watched: Option<(RecursiveMode, By)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    System,
    Poller,
}

impl Watching {
    /// Tells of every path in these folders that has changed, until the answer is dropped: also of one that may have changed
    /// while its watch was renewed, and more than once. Folders are watched and not files, since editors replace files.
    pub fn watch(&self, folders: Folders, told: impl Fn(&Path) + Send + Sync + 'static) -> notify::Result<Watch> {
        let hub = self.0.clone();
        let number = hub.routes.lock().add(&folders, Arc::new(told));
        let mut watch = Watch { hub, number, folders: Folders::new() };
        for (folder, mode) in folders {
            let renewed = watch.hub.places.lock().add(&folder, mode, &watch.hub.routes);
            watch.folders.insert(folder, mode);
            watch.hub.tell(&renewed?);
        }
        Ok(watch)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.hub.routes.lock().remove(self.number);
        for (folder, mode) in &self.folders {
            let renewed = self.hub.places.lock().remove(folder, *mode, &self.hub.routes);
            self.hub.tell(&renewed);
        }
    }
}

impl Hub {
    fn tell(&self, paths: &[PathBuf]) {
        paths.iter().for_each(|path| tell(&self.routes, path));
    }
}

fn tell(routes: &Mutex<Routes>, path: &Path) {
    let told = routes.lock().of(path);
    told.iter().for_each(|told| told(path));
}

/// What a watcher does with what it sees. Where there was more than the system remembers, anything may have changed.
fn handler(routes: &Arc<Mutex<Routes>>) -> impl FnMut(notify::Result<Event>) + Send + use<> {
    let routes = routes.clone();
    move |event| match event {
        Ok(event) if event.need_rescan() => {
            let all: Vec<PathBuf> = routes.lock().of.keys().cloned().collect();
            all.iter().for_each(|folder| tell(&routes, folder));
        }
        Ok(event) if !matches!(event.kind, EventKind::Access(_)) => {
            event.paths.iter().for_each(|path| tell(&routes, path));
        }
        Ok(_) | Err(_) => {}
    }
}

impl Routes {
    fn add(&mut self, folders: &Folders, told: Told) -> u64 {
        self.last += 1;
        self.told.insert(self.last, told);
        for folder in folders.keys() {
            self.of.entry(folder.clone()).or_default().push(self.last);
        }
        self.last
    }

    fn remove(&mut self, number: u64) {
        self.told.remove(&number);
        self.of.retain(|_, numbers| {
            numbers.retain(|n| *n != number);
            !numbers.is_empty()
        });
    }

    /// Who is told of a path.
    fn of(&self, path: &Path) -> Vec<Told> {
        let numbers: BTreeSet<u64> = path.ancestors().filter_map(|p| self.of.get(p)).flatten().copied().collect();
        numbers.iter().filter_map(|n| self.told.get(n).cloned()).collect()
    }
}

impl Places {
    /// One more wants that folder. The answer is what was watched in another way before, where something may have been missed.
    fn add(&mut self, folder: &Path, mode: RecursiveMode, routes: &Arc<Mutex<Routes>>) -> notify::Result<Vec<PathBuf>> {
        let place = self.all.entry(folder.to_path_buf()).or_default();
        let is_first = place.users == 0;
        place.users += 1;
        place.deep += usize::from(mode == RecursiveMode::Recursive);
        let mut renewed = Vec::new();
        if place.deep == 1 && mode == RecursiveMode::Recursive {
            for below in self.below(folder) {
                if self.settle(&below, routes)? {
                    renewed.push(below);
                }
            }
        }
        if self.settle(folder, routes)? && !is_first {
            renewed.push(folder.to_path_buf());
        }
        Ok(renewed)
    }

    /// One less does.
    fn remove(&mut self, folder: &Path, mode: RecursiveMode, routes: &Arc<Mutex<Routes>>) -> Vec<PathBuf> {
        let Some(place) = self.all.get_mut(folder) else { return Vec::new() };
        place.users -= 1;
        place.deep -= usize::from(mode == RecursiveMode::Recursive);
        let shallow = mode == RecursiveMode::Recursive && place.deep == 0;
        // What cannot be watched any more is told of, and there is nobody to answer to.
        let mut renewed = Vec::new();
        let mut settled = |places: &mut Places, path: PathBuf| match places.settle(&path, routes) {
            Ok(true) => renewed.push(path),
            Ok(false) => {}
            Err(error) => tracing::warn!("`{}` cannot be watched any more: {error}", path.display()),
        };
        settled(self, folder.to_path_buf());
        if shallow {
            self.below(folder).into_iter().for_each(|below| settled(self, below));
        }
        self.all.retain(|path, place| place.users > 0 || path != folder);
        renewed
    }

    /// The folders below one.
    fn below(&self, folder: &Path) -> Vec<PathBuf> {
        let behind = self.all.range(folder.to_path_buf()..).skip(1);
        behind.map(|(path, _)| path.clone()).take_while(|path| path.starts_with(folder)).collect()
    }

    /// How a folder is to be watched by itself.
    fn wanted(&self, folder: &Path) -> Option<RecursiveMode> {
        let place = self.all.get(folder).filter(|place| place.users > 0)?;
        let is_deep = |above: &Path| self.all.get(above).is_some_and(|place| place.deep > 0);
        if folder.ancestors().skip(1).any(is_deep) {
            return None;
        }
        Some(if place.deep > 0 { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive })
    }

    /// Watches a folder as it is to be watched. Whether that is another way than before.
    fn settle(&mut self, folder: &Path, routes: &Arc<Mutex<Routes>>) -> notify::Result<bool> {
        let wanted = self.wanted(folder);
        let Some(place) = self.all.get_mut(folder) else { return Ok(false) };
        if place.watched.map(|(mode, _)| mode) == wanted {
            return Ok(false);
        }
        if let Some((_, by)) = place.watched.take() {
            // A folder that is gone has lost its watch already.
            let _ = match by {
                By::System => self.system.as_mut().map(|w| w.unwatch(folder)),
                By::Poller => self.poller.as_mut().map(|w| w.unwatch(folder)),
            };
        }
        if let Some(mode) = wanted {
            let by = self.begin(folder, mode, routes)?;
            if let Some(place) = self.all.get_mut(folder) {
                place.watched = Some((mode, by));
            }
        }
        Ok(true)
    }

    fn begin(&mut self, folder: &Path, mode: RecursiveMode, routes: &Arc<Mutex<Routes>>) -> notify::Result<By> {
        match self.by_system(folder, mode, routes) {
            Ok(()) => return Ok(By::System),
            Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => return Err(error),
            Err(error) if self.poller.is_none() => {
                let every = POLL.as_secs();
                tracing::warn!(
                    "the system watches no more files ({error}): what it does not watch is looked through every {every} s; \
                     on Linux, raise fs.inotify.max_user_instances and fs.inotify.max_user_watches"
                );
            }
            Err(_) => {}
        }
        let poller = match &mut self.poller {
            Some(poller) => poller,
            none => none.insert(PollWatcher::new(handler(routes), Config::default().with_poll_interval(POLL))?),
        };
        poller.watch(folder, mode).map(|()| By::Poller)
    }

    fn by_system(&mut self, folder: &Path, mode: RecursiveMode, routes: &Arc<Mutex<Routes>>) -> notify::Result<()> {
        if self.refused {
            return Err(notify::Error::generic("it gives out no watcher"));
        }
        let system = match &mut self.system {
            Some(system) => system,
            none => match notify::recommended_watcher(handler(routes)) {
                Ok(system) => none.insert(system),
                Err(error) => {
                    self.refused = true;
                    return Err(error);
                }
            },
        };
        system.watch(folder, mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    /// A watch of one folder, and what it tells.
    fn watch(watching: &Watching, folder: &Path, mode: RecursiveMode) -> (Watch, Receiver<PathBuf>) {
        let (sender, told) = channel();
        let send = move |path: &Path| drop(sender.send(path.to_path_buf()));
        let watch = watching.watch(Folders::from([(folder.to_path_buf(), mode)]), send).expect("watched");
        (watch, told)
    }

    /// Waits until that path is told of.
    #[track_caller]
    fn hears(told: &Receiver<PathBuf>, path: &Path) {
        let end = std::time::Instant::now() + Duration::from_secs(60);
        while let Ok(heard) = told.recv_timeout(end.saturating_duration_since(std::time::Instant::now())) {
            if heard == path {
                return;
            }
        }
        panic!("nobody tells of {}", path.display());
    }

    fn write(path: &Path) {
        std::fs::write(path, "new").expect("written");
    }

    #[test]
    fn several_hear_of_one_folder_and_one_that_goes_takes_nothing_from_others() {
        let dir = folder();
        let (above, below) = (dir.path().to_path_buf(), dir.path().join("a/b"));
        std::fs::create_dir_all(&below).expect("folders");
        let watching = Watching::default();
        let (inner, inners) = watch(&watching, &below, RecursiveMode::NonRecursive);
        let (outer, outers) = watch(&watching, &above, RecursiveMode::Recursive);
        let (again, agains) = watch(&watching, &below, RecursiveMode::Recursive);
        write(&below.join("one"));
        for told in [&inners, &outers, &agains] {
            hears(told, &below.join("one"));
        }
        // A folder that is new is watched with the one above it, also where others watch less of it.
        std::fs::create_dir(below.join("c")).expect("a folder");
        hears(&agains, &below.join("c"));
        drop(outer);
        write(&below.join("two"));
        hears(&inners, &below.join("two"));
        hears(&agains, &below.join("two"));
        write(&below.join("c/three"));
        hears(&agains, &below.join("c/three"));
        drop(again);
        write(&below.join("four"));
        hears(&inners, &below.join("four"));
        drop(inner);
        assert!(
            watching.0.places.lock().all.is_empty() && watching.0.routes.lock().of.is_empty(),
            "nothing is left behind"
        );
    }

    #[test]
    fn what_the_system_does_not_watch_is_looked_through() {
        let dir = folder();
        let watching = Watching::default();
        watching.0.places.lock().refused = true;
        let (kept, told) = watch(&watching, dir.path(), RecursiveMode::Recursive);
        assert!(watching.0.places.lock().system.is_none());
        for name in ["one", "two"] {
            write(&dir.path().join(name));
            hears(&told, &dir.path().join(name));
        }
        drop(kept);
        assert!(watching.0.places.lock().all.is_empty());
    }

    #[test]
    fn where_the_system_lost_count_all_are_told() {
        let dir = folder();
        let watching = Watching::default();
        let (kept, told) = watch(&watching, dir.path(), RecursiveMode::Recursive);
        let lost = Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        handler(&watching.0.routes)(Ok(lost));
        hears(&told, dir.path());
        drop(kept);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_and_leaves_nothing() {
        let dir = folder();
        let watching = Watching::default();
        let there = (dir.path().join("a"), RecursiveMode::Recursive);
        std::fs::create_dir(&there.0).expect("a folder");
        let gone = (dir.path().join("b"), RecursiveMode::NonRecursive);
        assert!(watching.watch(Folders::from([there, gone]), |_| ()).is_err());
        assert!(watching.0.places.lock().all.is_empty() && watching.0.routes.lock().told.is_empty());
    }
}

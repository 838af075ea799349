//! A run on the screen: a few lines that change on a terminal, plain lines in a pipe.

use super::{Desk, log};
use crate::app::Session;
use crate::plan::Plan;
use crate::report::run::Progress;
use crate::report::{Clock, Paint};
use crate::run::Record;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the changing lines are drawn.
const BEAT: Duration = Duration::from_millis(125);
/// How many running steps are shown.
const RUNNING: usize = 6;
/// How many lines of a failed step's log are shown.
const TAIL: usize = 20;

/// A run on the screen.
pub(super) struct Live<'a> {
    desk: &'a Desk,
    progress: Arc<Mutex<Progress>>,
    clock: Clock,
    logs: PathBuf,
    screen: Option<Screen>,
}

/// The lines that change, and the thread that draws them.
struct Screen {
    bar: ProgressBar,
    end: Sender<()>,
    drawing: JoinHandle<()>,
}

impl<'a> Live<'a> {
    /// Nothing is shown before the first event.
    pub fn new(desk: &'a Desk, session: &Session) -> Live<'a> {
        let progress = Arc::new(Mutex::new(Progress::new(desk.terminal.is_live)));
        Live { desk, progress, clock: desk.clock(session), logs: session.logs(), screen: None }
    }

    /// Takes events in and shows them.
    pub fn take(&mut self, plan: &Plan, records: &[Record]) {
        let style = self.desk.terminal.out;
        let mut lines = String::new();
        {
            let mut progress = self.progress.lock();
            for record in records {
                let Some(line) = progress.take(plan, record, &self.clock, style) else { continue };
                lines.push_str(&line.text);
                lines.push('\n');
                if let Some(kept) = line.log {
                    lines.push_str(&log::tail(&self.logs.join(&kept.path), TAIL, style));
                }
            }
        }
        self.print(&lines);
        if self.screen.is_none() && self.desk.terminal.is_live {
            self.screen = self.open();
        }
    }

    /// Does something while the changing lines are not there.
    pub fn pause<T>(&mut self, run: impl FnOnce() -> T) -> T {
        match &self.screen {
            Some(screen) => screen.bar.suspend(run),
            None => run(),
        }
    }

    /// Takes the changing lines away and gives what came of the run.
    pub fn close(mut self) -> Progress {
        if let Some(Screen { bar, end, drawing }) = self.screen.take() {
            drop(end);
            let _ = drawing.join();
            bar.finish_and_clear();
        }
        self.progress.lock().clone()
    }

    fn print(&self, lines: &str) {
        match &self.screen {
            _ if lines.is_empty() => {}
            Some(screen) => screen.bar.suspend(|| {
                self.desk.terminal.print(lines);
            }),
            None => {
                self.desk.terminal.print(lines);
            }
        }
    }

    fn open(&self) -> Option<Screen> {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
        bar.set_style(ProgressStyle::with_template("{msg}").ok()?);
        let (end, ended) = channel::<()>();
        let (progress, drawn, style) = (self.progress.clone(), bar.clone(), self.desk.terminal.out);
        let draw = move || {
            while ended.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                let now = jiff::Timestamp::now().as_millisecond();
                let lines = progress.lock().live(now, RUNNING, style);
                drawn.set_message(lines.join("\n"));
            }
        };
        let drawing = std::thread::Builder::new().name("screen".to_string()).spawn(draw).ok()?;
        Some(Screen { bar, end, drawing })
    }
}

/// A path, faint.
pub(super) fn path(path: &std::path::Path, style: crate::report::Style) -> String {
    Paint::Faint.on(&path.display().to_string(), style)
}

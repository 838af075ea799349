//! Traces of runs, sent to a collector of OpenTelemetry as its variables say: `OTEL_EXPORTER_OTLP_ENDPOINT` and its kin. Where none is
//! named nothing is sent, and a collector that fails keeps nobody.

use crate::adapters::otlp::Collector;
use crate::adapters::sqlite::Sqlite;
use crate::engine::book;
use crate::ports::PortError;
use crate::report::trace;
use crate::run::{Event, Record};
use std::path::{Path, PathBuf};

/// How many records are read at once.
const PIECE: u64 = 2000;

/// Whoever sends traces of one pipeline.
#[derive(Clone)]
pub struct Traces {
    collector: Collector,
    pipeline: String,
    folder: PathBuf,
}

impl Traces {
    /// As the environment says; nothing where it names no collector.
    pub fn of_environment(pipeline: &str, folder: &Path) -> Option<Traces> {
        let collector = Collector::of_variables(&|name| std::env::var(name).ok())?;
        Some(Traces { collector, pipeline: pipeline.to_string(), folder: folder.to_path_buf() })
    }

    /// Sends the runs that end with these records, each from a thread of its own.
    pub fn take(&self, records: &[Record]) {
        for record in records {
            if matches!(record.event, Event::RunFinished { .. }) {
                let (traces, run, number) = (self.clone(), record.run, record.number);
                let send = move || {
                    if let Err(error) = traces.send(run, number) {
                        tracing::warn!(pipeline = %traces.pipeline, run, "no trace was sent: {error}");
                    }
                };
                // Where there is no thread there is no trace.
                let _ = std::thread::Builder::new().name("trace".to_string()).spawn(send);
            }
        }
    }

    /// Sends a run that ended with the event of that number. Blocks, for as long as the collector takes.
    pub fn send(&self, run: u64, number: u64) -> Result<(), PortError> {
        let records = self.records(run, number)?;
        let resource = self.collector.resource();
        trace::messages(&self.pipeline, &resource, &records).iter().try_for_each(|message| self.collector.send(message))
    }

    /// The records of a run, read backwards until its beginning.
    fn records(&self, run: u64, number: u64) -> Result<Vec<Record>, PortError> {
        let journal = Sqlite::open_for_reading(&self.folder)?;
        let (mut upto, mut found) = (number, Vec::new());
        while upto > 0 {
            let from = upto.saturating_sub(PIECE);
            let rows = journal.some(from, u32::try_from(upto - from).unwrap_or(u32::MAX))?;
            let is_cut = rows.first().is_none_or(|r| r.number > from + 1);
            let of_run = rows.iter().filter(|r| r.run == run && r.number <= upto);
            let mut piece = of_run.map(book::record).collect::<Result<Vec<Record>, PortError>>()?;
            piece.append(&mut found);
            found = piece;
            let began = |r: &Record| matches!(r.event, Event::RunStarted { .. });
            if is_cut || found.first().is_some_and(began) {
                break;
            }
            upto = from;
        }
        Ok(found)
    }
}

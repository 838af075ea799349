//! Looks at sources: when each is due, what came of it, and which deliveries it answers.

use super::due::Due;
use super::work::Work;
use crate::model::SourceKind;
use crate::ports::sources::Head;
use crate::ports::{Fault, PortError};
use std::collections::BTreeMap;

/// The end of a look at a source.
pub(super) type Looked = (String, Result<Head, PortError>);

impl Work<'_> {
    /// The sources as the file has them now.
    pub(super) fn take_sources(&mut self) -> Result<(), PortError> {
        let (session, now) = (self.keeper.session(), self.now());
        let heads = self.keeper.state(|s| s.memory.heads.clone());
        let mut before = std::mem::take(&mut self.dues);
        for source in &session.graph.pipeline().sources {
            let name = &source.name.value;
            let last = self.keeping.register.instant(&self.keeper.name, name)?;
            let mut due = Due::new(source, last, now);
            due.head = heads.get(name.as_str()).cloned();
            if let Some(before) = before.remove(name.as_str()) {
                due.inherit(before);
            }
            // What is on this machine may have changed while nobody watched; what nobody has ever seen has to be seen once.
            if due.head.is_none() || source.kind.local_path().is_some() {
                due.hint(now, None);
            }
            self.dues.insert(name.to_string(), due);
        }
        let lost: Vec<i64> = before.into_values().flat_map(|d| [d.waiting, d.looked_for].concat()).collect();
        self.settle(&lost, "no run: the source is not in the pipeline any more");
        self.keeper.change(|view| view.sources.clear());
        let names: Vec<String> = self.dues.keys().cloned().collect();
        names.iter().for_each(|name| self.show(name));
        Ok(())
    }

    /// A hint is of everything that lies in the same repository: one push moves all of it.
    pub(super) fn hint(&mut self, source: &str, delivery: Option<i64>) {
        let (session, now) = (self.keeper.session(), self.now());
        let sources = &session.graph.pipeline().sources;
        let url = |name: &str| {
            let source = sources.iter().find(|s| s.name.value == name)?;
            if let SourceKind::Git { url, .. } = &source.kind { Some(url.value.clone()) } else { None }
        };
        let at = url(source);
        for (name, due) in &mut self.dues {
            if name == source {
                due.hint(now, delivery);
            } else if at.is_some() && url(name) == at {
                due.hint(now, None);
            }
        }
        if !self.dues.contains_key(source) {
            self.settle(&delivery.into_iter().collect::<Vec<_>>(), "no run: there is no such source");
        }
    }

    /// Begins the looks that are due, each on a thread of its own: one that hangs keeps nobody else.
    pub(super) fn start_looks(&mut self) {
        if self.stopping {
            return;
        }
        let (session, now) = (self.keeper.session(), self.now());
        let due: Vec<_> = self.dues.iter_mut().filter_map(|(name, d)| Some((name.clone(), d.is_due(now)?))).collect();
        for (name, look) in due {
            if let Some(instant) = look.instant
                && let Err(error) = self.keeping.register.set_instant(&self.keeper.name, &name, instant)
            {
                tracing::error!(pipeline = %self.keeper.name, "{error}");
                continue;
            }
            let last = self.keeper.state(|s| s.memory.heads.get(&name).map(|h| (name.clone(), h.clone())));
            let last: BTreeMap<String, Head> = last.into_iter().collect();
            self.dues.get_mut(&name).into_iter().for_each(|d| d.begin(now));
            let (session, looks, source) = (session.clone(), self.looks.clone(), name.clone());
            self.keeping.runtime.spawn_blocking(move || {
                let ask = std::panic::AssertUnwindSafe(|| session.head(&source, &last));
                let result = std::panic::catch_unwind(ask)
                    .unwrap_or_else(|_| Err(PortError::new(Fault::Invalid, "looking at it is a fault of Lockgate")));
                let _ = looks.send((source, result));
            });
            self.show(&name);
        }
    }

    pub(super) fn end_look(&mut self, source: &str, result: Result<Head, PortError>) {
        let now = self.now();
        let Some(due) = self.dues.get_mut(source) else { return };
        let fault = result.as_ref().err().map(ToString::to_string);
        let moved = due.end(now, result.map_err(|e| e.to_string()));
        let deliveries = std::mem::take(&mut due.looked_for);
        let at = due.head.as_ref().map(|h| crate::report::words::version(&h.version)).unwrap_or_default();
        match fault {
            Some(fault) => {
                let reason = format!("no run: {source} could not be looked at, and is looked at again later: {fault}");
                self.settle(&deliveries, &reason);
            }
            None if moved => {
                self.moved.extend(deliveries);
                self.stir();
            }
            None => self.settle(&deliveries, &format!("no run: nothing new, {source} is at {at}")),
        }
        self.show(source);
    }

    /// Writes down what came of deliveries.
    pub(super) fn settle(&self, deliveries: &[i64], outcome: &str) {
        if deliveries.is_empty() {
            return;
        }
        if let Err(error) = self.keeping.register.settle(deliveries, outcome) {
            tracing::error!(pipeline = %self.keeper.name, "{error}");
        }
    }

    /// Shows what is known of a source.
    fn show(&self, source: &str) {
        let Some(due) = self.dues.get(source) else { return };
        let shown = due.view(self.now());
        self.keeper.change(|view| {
            view.sources.insert(source.to_string(), shown);
        });
    }
}

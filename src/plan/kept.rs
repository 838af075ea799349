//! What was rendered for a plan, kept while more is seen for it. A plan is made again after each round of answers, for each
//! environment, and again while it is carried out; rendering is most of what that costs, and nearly always it is the same.

use super::render::{self, ChartFiles, RenderFault, Request};
use crate::digest::{Digest, Hasher};
use crate::helm::Chart;
use crate::ports::bundle::Bundle;
use crate::ports::places::Sought;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// How many charts are kept.
const CHARTS: usize = 16;
/// How many renderings are kept.
const RENDERINGS: usize = 64;

/// Charts that were read, and what was rendered of them; the newest of both. Copies share it.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    charts: VecDeque<Arc<ReadChart>>,
    renderings: VecDeque<Arc<Rendering>>,
}

/// A chart, with what a plan wants to know of its files.
#[derive(Debug)]
pub struct ReadChart {
    /// The files.
    pub files: ChartFiles,
    /// What names them.
    pub digest: Digest,
    /// Whether they ask for `.Capabilities`, and for kinds among them.
    pub asks: (bool, bool),
    /// The chart, or why they are none.
    pub chart: Result<Chart, Vec<RenderFault>>,
}

/// What a request renders to.
#[derive(Debug)]
pub struct Rendering {
    request: Request,
    /// The objects, or why there are none.
    pub bundle: Result<Arc<Bundle>, Vec<RenderFault>>,
    /// What its templates looked up that nobody has looked for yet: also where one of them failed, perhaps for want of it.
    pub missed: Vec<Sought>,
}

impl Kept {
    /// Reads a chart, unless that was done.
    pub fn chart(&self, files: &ChartFiles) -> Arc<ReadChart> {
        if let Some(read) = self.0.lock().charts.iter().find(|read| read.files == *files) {
            return read.clone();
        }
        let mut hasher = Hasher::new("chart");
        for (path, content) in files.iter() {
            hasher.field(path).digest(Digest::of(content));
        }
        let (digest, asks, chart) = (hasher.finish(), render::asks(files), render::chart(files));
        let read = Arc::new(ReadChart { files: files.clone(), digest, asks, chart });
        keep(&mut self.0.lock().charts, &read, CHARTS);
        read
    }

    /// Renders what is asked for, unless that was done.
    pub fn render(&self, request: &Request) -> Arc<Rendering> {
        if let Some(rendering) = self.0.lock().renderings.iter().find(|done| done.request == *request) {
            return rendering.clone();
        }
        let mut missed = Vec::new();
        let bundle = match &self.chart(&request.chart).chart {
            Ok(chart) => render::render(request, chart, &mut missed).map(Arc::new),
            Err(faults) => Err(faults.clone()),
        };
        let rendering = Arc::new(Rendering { request: request.clone(), bundle, missed });
        keep(&mut self.0.lock().renderings, &rendering, RENDERINGS);
        rendering
    }
}

/// Keeps one more, and of all no more than so many.
fn keep<T>(all: &mut VecDeque<Arc<T>>, one: &Arc<T>, most: usize) {
    all.push_front(one.clone());
    all.truncate(most);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn request(name: &str, template: &str) -> Request {
        let files = [("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"), ("templates/a.yaml", template)];
        let files: BTreeMap<String, Arc<[u8]>> =
            files.into_iter().map(|(path, text)| (path.to_string(), text.as_bytes().into())).collect();
        Request {
            chart: Arc::new(files),
            values: Vec::new(),
            sets: Vec::new(),
            unknowns: Vec::new(),
            name: name.to_string(),
            namespace: "default".to_string(),
            helm3: false,
            seed: Digest::default(),
            facts: None,
            found: BTreeMap::new(),
        }
    }

    #[test]
    fn equal_requests_are_rendered_once_and_others_are_not_taken_for_them() {
        let kept = Kept::default();
        let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n";
        let first = kept.render(&request("one", object));
        assert!(Arc::ptr_eq(&first, &kept.clone().render(&request("one", object))));
        let names = |r: &Rendering| r.bundle.as_ref().map(|b| b.objects[0].name.clone()).map_err(|_| ());
        let other = kept.render(&request("two", object));
        assert_eq!((names(&first), names(&other)), (Ok("one".to_string()), Ok("two".to_string())));
        assert!(kept.render(&request("one", "{{ fail \"no\" }}")).bundle.is_err());
        let (a, b) = (kept.chart(&request("one", object).chart), kept.chart(&request("three", object).chart));
        assert!(Arc::ptr_eq(&a, &b));
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let kept = Kept::default();
        for n in 0..2 * RENDERINGS {
            kept.render(&request(&format!("r{n}"), "{}"));
            kept.chart(&request("one", &format!("# {n}")).chart);
        }
        let inner = kept.0.lock();
        assert_eq!((inner.charts.len(), inner.renderings.len()), (CHARTS, RENDERINGS));
    }
}

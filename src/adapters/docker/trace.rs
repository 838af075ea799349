//! What a build says, as lines for a log, and which instruction it was at when it failed.

use bollard::moby::buildkit::v1::{StatusResponse, Vertex};
use bollard::models::{BuildInfo, BuildInfoAux};
use std::collections::BTreeMap;

/// What is known of a build while it goes on.
#[derive(Default)]
pub(super) struct Trace {
    /// The numbers of what BuildKit does, in the order in which it was told of.
    numbers: BTreeMap<String, usize>,
    /// What was told of each: that it began, and that it ended.
    told: BTreeMap<String, (bool, bool)>,
    /// Whether what was printed last ended its line.
    is_open: bool,
    /// The image, once it is made.
    pub image: Option<String>,
    /// The instruction that is under way, or that failed.
    pub instruction: Option<String>,
    /// Why BuildKit gave up, in its own words.
    pub error: Option<String>,
}

impl Trace {
    /// Takes one message; answers what of it belongs into the log.
    pub(super) fn take(&mut self, info: BuildInfo) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(text) = info.stream {
            self.classic(&text);
            out.extend_from_slice(text.as_bytes());
        }
        match info.aux {
            Some(BuildInfoAux::BuildKit(status)) => self.buildkit(&status, &mut out),
            Some(BuildInfoAux::Default(id)) => self.image = id.id.or(self.image.take()),
            None => {}
        }
        // Of a pull, only what is said once: bars of progress are for a terminal.
        if let (Some(status), None) = (&info.status, &info.progress_detail.filter(|p| p.total.is_some())) {
            let of = info.id.as_ref().filter(|id| !id.starts_with("moby.")).map(|id| format!("{id}: "));
            if !matches!(
                status.as_str(),
                "Waiting" | "Verifying Checksum" | "Download complete" | "Downloading" | "Extracting"
            ) {
                out.extend_from_slice(format!("{}{status}\n", of.unwrap_or_default()).as_bytes());
            }
        }
        out
    }

    /// The classic builder says `Step 2/3 : RUN make` before it does it.
    fn classic(&mut self, text: &str) {
        let step = text.strip_prefix("Step ").and_then(|rest| rest.split_once(" : "));
        if let Some((_, instruction)) = step {
            self.instruction = Some(instruction.trim().to_string());
        }
    }

    fn buildkit(&mut self, status: &StatusResponse, out: &mut Vec<u8>) {
        for vertex in &status.vertexes {
            self.vertex(vertex, out);
        }
        for log in &status.logs {
            let number = self.numbers.get(&log.vertex).copied().unwrap_or_default();
            for line in log.msg.split_inclusive(|b| *b == b'\n') {
                if !self.is_open {
                    out.extend_from_slice(format!("#{number} ").as_bytes());
                }
                out.extend_from_slice(line);
                self.is_open = !line.ends_with(b"\n");
            }
        }
        for warning in &status.warnings {
            self.line(out, &format!("warning: {}", String::from_utf8_lossy(&warning.short)));
        }
    }

    fn vertex(&mut self, vertex: &Vertex, out: &mut Vec<u8>) {
        let next = self.numbers.len() + 1;
        let number = *self.numbers.entry(vertex.digest.clone()).or_insert(next);
        let (began, ended) = self.told.get(&vertex.digest).copied().unwrap_or_default();
        if vertex.started.is_some() && !began {
            self.line(out, &format!("#{number} {}", vertex.name));
        }
        if !vertex.error.is_empty() && !ended {
            self.line(out, &format!("#{number} failed: {}", vertex.error));
            if self.error.is_none() && !vertex.error.contains("context canceled") {
                self.error = Some(vertex.error.clone());
                self.instruction = instruction(&vertex.name);
            }
        } else if vertex.completed.is_some() && !ended {
            self.line(out, &format!("#{number} {}", if vertex.cached { "as before" } else { "done" }));
        }
        let now = (began || vertex.started.is_some(), ended || vertex.completed.is_some() || !vertex.error.is_empty());
        self.told.insert(vertex.digest.clone(), now);
    }

    fn line(&mut self, out: &mut Vec<u8>, text: &str) {
        if std::mem::take(&mut self.is_open) {
            out.push(b'\n');
        }
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
    }
}

/// The instruction in what BuildKit calls a step: `[stage 2/3] RUN make`.
fn instruction(name: &str) -> Option<String> {
    let (_, rest) = name.strip_prefix('[')?.split_once("] ")?;
    Some(rest.trim().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::moby::buildkit::v1::VertexLog;
    use bollard::models::ImageId;

    fn vertex(digest: &str, name: &str) -> Vertex {
        Vertex { digest: digest.into(), name: name.into(), started: Some(Default::default()), ..Vertex::default() }
    }

    fn say(trace: &mut Trace, status: StatusResponse) -> String {
        let info = BuildInfo { aux: Some(BuildInfoAux::BuildKit(status)), ..BuildInfo::default() };
        String::from_utf8(trace.take(info)).unwrap()
    }

    #[test]
    fn buildkit_says_things_several_times_and_we_once() {
        let mut trace = Trace::default();
        let step = vertex("a", "[2/2] RUN make  all");
        let first = StatusResponse { vertexes: vec![step.clone(), step.clone()], ..StatusResponse::default() };
        assert_eq!(say(&mut trace, first), "#1 [2/2] RUN make  all\n");
        let log = |text: &str| VertexLog { vertex: "a".into(), msg: text.into(), ..VertexLog::default() };
        let logs = StatusResponse { logs: vec![log("one\ntw"), log("o\nthree")], ..StatusResponse::default() };
        assert_eq!(say(&mut trace, logs), "#1 one\n#1 two\n#1 three");
        let failed = Vertex { completed: Some(Default::default()), error: "exit code: 2".into(), ..step };
        let end = StatusResponse { vertexes: vec![failed.clone(), failed], ..StatusResponse::default() };
        assert_eq!(say(&mut trace, end), "\n#1 failed: exit code: 2\n");
        assert_eq!(trace.instruction.as_deref(), Some("RUN make  all"));
    }

    #[test]
    fn the_classic_builder_says_what_it_does_and_what_it_made() {
        let mut trace = Trace::default();
        let text = |t: &str| BuildInfo { stream: Some(t.into()), ..BuildInfo::default() };
        assert_eq!(trace.take(text("Step 2/3 : RUN make all\n")), b"Step 2/3 : RUN make all\n");
        trace.take(text(" ---> 41484e4f57e6\n"));
        assert_eq!(trace.instruction.as_deref(), Some("RUN make all"));
        let made = ImageId { id: Some("sha256:1".into()) };
        trace.take(BuildInfo { aux: Some(BuildInfoAux::Default(made)), ..BuildInfo::default() });
        assert_eq!(trace.image.as_deref(), Some("sha256:1"));
        let bar = BuildInfo { status: Some("Downloading".into()), ..BuildInfo::default() };
        assert!(trace.take(bar).is_empty());
    }
}

//! Metrics in the text format of Prometheus, version 0.0.4. What there is stands in one table, [`FAMILIES`]; `docs/metrics.md` has the
//! same, and a test compares them.

use super::measures::{Histogram, Measures, Summary};
use std::fmt::Write as _;

/// What is measured under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The name.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const fn family(name: &'static str, kind: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind, labels, help }
}

const P: &[&str] = &["pipeline"];
const PE: &[&str] = &["pipeline", "environment"];
const PS: &[&str] = &["pipeline", "source"];
const PN: &[&str] = &["pipeline", "notify"];

/// Everything that is measured.
pub const FAMILIES: &[Family] = &[
    family("lockgate_build_info", "gauge", &["version"], "1, with the version of this Lockgate."),
    family("process_start_time_seconds", "gauge", &[], "When the process began, in seconds since 1970."),
    family("process_cpu_seconds_total", "counter", &[], "Time on processors, in seconds."),
    family("process_resident_memory_bytes", "gauge", &[], "Memory that is resident, in bytes."),
    family("process_open_fds", "gauge", &[], "Files that are open."),
    family("lockgate_pipeline_up", "gauge", P, "1 while the pipeline is looked after, 0 in quarantine."),
    family("lockgate_pipeline_ready", "gauge", P, "1 once the pipeline was planned for the first time."),
    family("lockgate_pipeline_plannable", "gauge", P, "0 while it cannot be planned."),
    family("lockgate_runs_running", "gauge", P, "Runs that go on."),
    family(
        "lockgate_runs_total",
        "counter",
        &["pipeline", "outcome"],
        "Runs that ended since the server started, by how.",
    ),
    family("lockgate_run_duration_seconds", "histogram", P, "How long they took."),
    family(
        "lockgate_steps_total",
        "counter",
        &["pipeline", "kind", "outcome"],
        "Steps that ended since the server started, by kind and how; `reused` did not have to run.",
    ),
    family("lockgate_step_duration_seconds", "histogram", &["pipeline", "kind"], "How long those took that ran."),
    family("lockgate_steps_indeterminate", "gauge", P, "Steps of which somebody must say what became of them."),
    family(
        "lockgate_looks_total",
        "counter",
        &["pipeline", "source", "outcome"],
        "Looks at sources, `ok` or `failed`.",
    ),
    family(
        "lockgate_source_last_look_timestamp_seconds",
        "gauge",
        PS,
        "When the last look ended, in seconds since 1970.",
    ),
    family("lockgate_source_failing", "gauge", PS, "1 while a source cannot be looked at."),
    family("lockgate_webhooks_total", "counter", &["outcome"], "Webhooks that came in: `new`, `known` or `refused`."),
    family("lockgate_gate_waiting", "gauge", PE, "1 while a candidate stands at the gate, and was not rejected."),
    family("lockgate_gate_waiting_seconds", "gauge", PE, "For how long it stands there; 0 where none does."),
    family("lockgate_environment_current", "gauge", PE, "1 while the environment has the newest candidate."),
    family("lockgate_environment_failed", "gauge", PE, "1 while the last candidate that tried failed there."),
    family("lockgate_environment_held", "gauge", PE, "1 while somebody holds the environment."),
    family("lockgate_notices_waiting", "gauge", PN, "Notices that could not be sent yet, and are tried again."),
    family("lockgate_notices_given_up", "gauge", PN, "Notices of the last week that were given up."),
    family("lockgate_journal_events", "gauge", P, "The number of the last event."),
    family("lockgate_deployments", "gauge", PE, "Deployments of the last 30 days that were verified."),
    family("lockgate_deployments_per_day", "gauge", PE, "The same a day: the deployment frequency."),
    family(
        "lockgate_lead_time_seconds",
        "gauge",
        PE,
        "From a change until the environment has it; the median of 30 days.",
    ),
    family("lockgate_change_failure_ratio", "gauge", PE, "Of the changes of 30 days, how many failed; from 0 to 1."),
    family(
        "lockgate_time_to_restore_seconds",
        "gauge",
        PE,
        "From a failure until all was well; the median of 30 days.",
    ),
];

/// Values under their names, to be written as text.
#[derive(Debug, Default)]
pub struct Page {
    lines: Vec<(usize, String)>,
}

impl Page {
    /// A value of a name; the labels are those of its family, in order. A name that is not in the table is left out.
    pub fn add(&mut self, name: &str, labels: &[&str], value: f64) {
        let Some((at, family)) = find(name) else { return };
        self.lines.push((at, format!("{name}{} {}\n", labels_of(family, labels, None), number(value))));
    }

    /// The same of a truth value.
    pub fn add_if(&mut self, name: &str, labels: &[&str], value: bool) {
        self.add(name, labels, if value { 1.0 } else { 0.0 });
    }

    /// A histogram of a name.
    pub fn add_histogram(&mut self, name: &str, labels: &[&str], histogram: &Histogram) {
        let Some((at, family)) = find(name) else { return };
        let mut text = String::new();
        let all = histogram.cumulative().chain([(f64::INFINITY, histogram.count())]);
        for (bound, count) in all {
            let labels = labels_of(family, labels, Some(&number(bound)));
            let _ = writeln!(text, "{name}_bucket{labels} {count}");
        }
        let labels = labels_of(family, labels, None);
        let _ = writeln!(text, "{name}_sum{labels} {}", number(histogram.sum()));
        let _ = writeln!(text, "{name}_count{labels} {}", histogram.count());
        self.lines.push((at, text));
    }

    /// What happened in a pipeline.
    pub fn add_measures(&mut self, pipeline: &str, measures: &Measures) {
        for (outcome, count) in &measures.runs {
            self.add("lockgate_runs_total", &[pipeline, outcome], float(*count));
        }
        self.add_histogram("lockgate_run_duration_seconds", &[pipeline], &measures.run_seconds);
        for ((kind, outcome), count) in &measures.steps {
            self.add("lockgate_steps_total", &[pipeline, kind, outcome], float(*count));
        }
        for (kind, times) in &measures.step_seconds {
            self.add_histogram("lockgate_step_duration_seconds", &[pipeline, kind], times);
        }
    }

    /// How delivery to an environment goes.
    pub fn add_delivery(&mut self, pipeline: &str, summary: &Summary) {
        let labels = [pipeline, summary.environment.as_str()];
        self.add("lockgate_deployments", &labels, float(summary.deployments as u64));
        self.add("lockgate_deployments_per_day", &labels, summary.deployments_per_day);
        for (name, value) in [
            ("lockgate_lead_time_seconds", summary.lead_time_seconds),
            ("lockgate_change_failure_ratio", summary.change_failure_ratio),
            ("lockgate_time_to_restore_seconds", summary.time_to_restore_seconds),
        ] {
            value.into_iter().for_each(|value| self.add(name, &labels, value));
        }
    }

    /// The text.
    pub fn text(mut self) -> String {
        self.lines.sort_by_key(|(at, _)| *at);
        let (mut out, mut last) = (String::new(), None);
        for (at, line) in &self.lines {
            if last != Some(at)
                && let Some(family) = FAMILIES.get(*at)
            {
                let _ = writeln!(out, "# HELP {} {}\n# TYPE {} {}", family.name, family.help, family.name, family.kind);
            }
            last = Some(at);
            out.push_str(line);
        }
        out
    }
}

fn find(name: &str) -> Option<(usize, &'static Family)> {
    FAMILIES.iter().enumerate().find(|(_, f)| f.name == name)
}

fn labels_of(family: &Family, values: &[&str], bound: Option<&str>) -> String {
    let pairs = family.labels.iter().copied().zip(values.iter().copied());
    let all: Vec<String> =
        pairs.chain(bound.map(|b| ("le", b))).map(|(n, v)| format!("{n}=\"{}\"", escaped(v))).collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn number(value: f64) -> String {
    if value.is_infinite() { "+Inf".to_string() } else { format!("{value}") }
}

/// A count as all numbers here are; above 2⁵³ it is rounded.
pub fn float(count: u64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "the format has no other numbers")]
    let count = count as f64;
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_under_their_names() {
        let mut page = Page::default();
        page.add_if("lockgate_gate_waiting", &["shop", "prod"], true);
        page.add("lockgate_build_info", &["0.1.0 \"x\"\n"], 1.0);
        let mut times = Histogram::new(&[1.0]);
        times.add(0.5);
        page.add_histogram("lockgate_run_duration_seconds", &["shop"], &times);
        page.add_if("lockgate_gate_waiting", &["shop", "dev"], false);
        page.add("lockgate_of_no_table", &[], 1.0);
        let expected = "# HELP lockgate_build_info 1, with the version of this Lockgate.\n\
            # TYPE lockgate_build_info gauge\n\
            lockgate_build_info{version=\"0.1.0 \\\"x\\\"\\n\"} 1\n\
            # HELP lockgate_run_duration_seconds How long they took.\n\
            # TYPE lockgate_run_duration_seconds histogram\n\
            lockgate_run_duration_seconds_bucket{pipeline=\"shop\",le=\"1\"} 1\n\
            lockgate_run_duration_seconds_bucket{pipeline=\"shop\",le=\"+Inf\"} 1\n\
            lockgate_run_duration_seconds_sum{pipeline=\"shop\"} 0.5\n\
            lockgate_run_duration_seconds_count{pipeline=\"shop\"} 1\n\
            # HELP lockgate_gate_waiting 1 while a candidate stands at the gate, and was not rejected.\n\
            # TYPE lockgate_gate_waiting gauge\n\
            lockgate_gate_waiting{pipeline=\"shop\",environment=\"prod\"} 1\n\
            lockgate_gate_waiting{pipeline=\"shop\",environment=\"dev\"} 0\n";
        assert_eq!(page.text(), expected);
    }
}

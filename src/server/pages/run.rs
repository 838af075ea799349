//! Runs: the list of them, and the page of one with its graph, its steps and what happened.

use super::board::took;
use super::frame::{Tab, page};
use super::parts::{self, mark};
use super::{Look, drawing, history};
use crate::report::past::RunLine;
use crate::report::steps::{Is, StepLine, lines};
use crate::run::Record;
use maud::{Markup, PreEscaped, html};

/// The runs that are remembered, the newest first. Older ones are in the history.
pub fn all(look: &Look<'_>) -> Markup {
    let body = html! {
        div #runs data-part {
            header.head { h1 { "Runs" } }
            @if look.past.runs.is_empty() {
                (parts::empty("No run yet.", html! { p { "A run carries out a plan once: what moved is built, tested, pushed and brought as far as its gates let it." } }))
            } @else {
                ol.runs { @for run in look.past.runs.iter().rev() { (row(look, run)) } }
                p.more { a href=(look.to(&["history"])) { "All that happened" } }
            }
        }
    };
    page(look, Tab::Runs, "Runs", body)
}

fn row(look: &Look<'_>, run: &RunLine) -> Markup {
    let (which, word) = parts::of_outcome(run.outcome);
    html! {
        li class=(which.class()) {
            a.number href=(look.to(&["runs", &run.number.to_string()])) { (mark(which)) "Run " (run.number) }
            span.word { (word) }
            span.what {
                (parts::candidate(look, run.candidate))
                @if !run.entered.is_empty() { " to " (run.entered.join(", ")) }
                @if !run.failed.is_empty() { " · " @for step in run.failed.iter().take(3) { code { (parts::text(step)) } " " } "failed" }
            }
            span.since { (parts::when(look.clock, run.since)) " · " (took(look, run.since, run.until)) " · " (parts::person(&run.by)) }
        }
    }
}

/// The page of a run, of its events.
pub fn html(look: &Look<'_>, number: u64, records: &[Record]) -> Markup {
    let run = look.past.run(number);
    let is_open = look.state.open.contains_key(&number);
    // The plan that is shown is of the newest run.
    let steps = lines(records, look.plan.filter(|_| is_open && look.state.runs == number));
    let (which, word) = parts::of_outcome(run.map_or_else(|| ended(records), |r| r.outcome));
    let body = html! {
        div #run data-part {
            header.head {
                p.crumb { a href=(look.to(&["runs"])) { "Runs" } " / " (number) }
                h1 { "Run " (number) " " (parts::state(which, word)) }
                @if let Some(run) = run {
                    p.sub {
                        "for " (parts::candidate(look, run.candidate)) ", started by " (parts::person(&run.by)) " "
                        (parts::when(look.clock, run.since)) ", " @if run.until.is_none() { "since " } @else { "took " } (took(look, run.since, run.until))
                    }
                }
            }
            @if is_open { p.acts { (super::word::link(look, super::word::What::Cancel, &number.to_string(), None, "Stop run")) } }
            figure.graph {
                div.scroll tabindex="0" role="region" aria-label="The graph of the run" {
                    (PreEscaped(drawing::html(look, &steps, is_open)))
                }
            }
            section aria-labelledby="steps" {
                h2 #steps { "Steps" }
                @if steps.is_empty() { p.muted { "No step was carried out: everything had succeeded before." } }
                (table(look, number, &steps))
            }
            section aria-labelledby="happened" {
                h2 #happened { "What happened" }
                ol.events { @for record in records.iter().take(history::PAGE) { (history::dated(look, record)) } }
                @if records.len() > history::PAGE { p.muted { "and " (records.len() - history::PAGE) " more" } }
            }
        }
    };
    page(look, Tab::None, &format!("Run {number}"), body)
}

fn ended(records: &[Record]) -> Option<crate::run::RunOutcome> {
    records.last().and_then(crate::run::State::outcome_of)
}

fn table(look: &Look<'_>, run: u64, steps: &[StepLine]) -> Markup {
    html! {
        ol.rows {
            @for step in steps {
                @let which = parts::of_step(step.is);
                li class=(which.class()) {
                    (mark(which))
                    span.id { code { (parts::text(&step.id)) } }
                    span.word { (step.is.word()) @if step.attempt > 1 { ", attempt " (step.attempt) } }
                    span.since { @if let Some(since) = step.since { (took(look, since, step.until)) } }
                    span.tail {
                        @if step.log.is_some() || step.is == Is::Running {
                            a href=(look.to(&["runs", &run.to_string(), "log", &step.id])) { "log" span.unseen { " of " (parts::text(&step.id)) } }
                        }
                    }
                    @if let Some(reason) = &step.reason { p.reason { (parts::lines(reason)) } }
                }
            }
        }
    }
}

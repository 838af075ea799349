//! The rules: one file a rule, one row in [`ALL`].

mod any_version;
mod approval_from_anyone;
mod approve_none;
mod bad_address;
mod bad_json;
mod credentials_in_url;
mod duplicate_notify;
mod duplicate_output;
mod empty_program;
mod expires_in_closed_window;
mod files;
mod helm_test_nowhere;
mod image_out_of_reach;
mod input_glob;
mod input_without_source;
mod insecure_url;
mod job_file_output;
mod job_without_image;
mod latest_source;
mod latest_tag;
mod machine_path;
mod missing_chart;
mod missing_dockerfile;
mod missing_path;
mod missing_script;
mod missing_values;
mod mutable_tag;
mod never_due;
mod no_environment;
mod no_value;
mod open_self_approval;
mod partial_gate;
mod path_escapes;
mod paths_without_files;
mod plain_secret;
mod poll_too_short;
mod push_tag;
mod redundant_after;
mod repeated_approve;
mod repeated_mention;
mod repeated_set;
mod repeated_trigger;
mod repeated_variable;
mod reserved_name;
mod same_push;
mod same_release;
mod same_target;
mod secret_environments;
mod secret_in_repository;
mod secret_out_of_place;
mod secret_printed;
mod secret_without_engine;
mod set_under_set;
mod shell_injection;
mod soak_without_predecessor;
mod source_without_files;
mod target_in_source;
mod ungated_environment;
mod unknown_field;
mod unreachable_environment;
mod unused_build;
mod unused_release;
mod unused_secret;
mod unused_source;
mod unverified_promotion;
mod urls;
mod way_around_gate;
mod window_never_open;
mod zero_duration;

use super::Context;
use super::known::{Known, known};
use super::places::{self, Place};
use crate::diag::{Code, Diagnostic, codes};
use crate::graph::Kind;
use crate::model::{Command, Part, Reference, Said, Spanned, Template};
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// A rule.
pub struct Rule {
    /// What it reports.
    pub code: &'static Code,
    /// Whether it looks for what is *not* there, so that it says nothing while half of the pipeline could not be read.
    pub needs_whole: bool,
    /// What it looks at.
    pub sees: Sees,
}

/// What a rule looks at. Those that look at the many small things of a pipeline are led over them in one walk.
pub enum Sees {
    /// A pipeline as a whole.
    Pipeline(SeePipeline),
    /// Each program that is run.
    Commands(SeeCommand),
    /// Each text in which references are read.
    Places(SeePlace),
    /// Each reference whose name is known.
    References(SeeReference),
}

type SeePipeline = fn(&Context<'_>, &mut Vec<Diagnostic>);
type SeeCommand = fn(&Context<'_>, &Command, &mut Vec<Diagnostic>);
type SeePlace = fn(&Context<'_>, &Place<'_>, &mut Vec<Diagnostic>);
type SeeReference = fn(&Context<'_>, &Place<'_>, &Reference, &Known<'_>, &mut Vec<Diagnostic>);

/// The rules by what they look at, each with whether it looks at whole files only.
#[derive(Default)]
struct Table {
    pipeline: Vec<(bool, SeePipeline)>,
    commands: Vec<(bool, SeeCommand)>,
    places: Vec<(bool, SeePlace)>,
    references: Vec<(bool, SeeReference)>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    for rule in ALL {
        match rule.sees {
            Sees::Pipeline(run) => table.pipeline.push((rule.needs_whole, run)),
            Sees::Commands(run) => table.commands.push((rule.needs_whole, run)),
            Sees::Places(run) => table.places.push((rule.needs_whole, run)),
            Sees::References(run) => table.references.push((rule.needs_whole, run)),
        }
    }
    table
});

/// Lets all rules look at a pipeline. What those find that look for what is not there goes to `whole`, and they look only where
/// the pipeline `is_whole`; what the others find goes to `always`.
pub(super) fn run(context: &Context<'_>, is_whole: bool, always: &mut Vec<Diagnostic>, whole: &mut Vec<Diagnostic>) {
    let table = &*TABLE;
    let mut to = |needs_whole: bool, look: &mut dyn FnMut(&mut Vec<Diagnostic>)| match needs_whole {
        true if is_whole => look(whole),
        true => {}
        false => look(always),
    };
    for (needs_whole, run) in &table.pipeline {
        to(*needs_whole, &mut |found| run(context, found));
    }
    places::commands(context.pipeline, &mut |command| {
        for (needs_whole, run) in &table.commands {
            to(*needs_whole, &mut |found| run(context, command, found));
        }
    });
    places::each(context.pipeline, &mut |place| {
        for (needs_whole, run) in &table.places {
            to(*needs_whole, &mut |found| run(context, &place, found));
        }
        for reference in place.template.refs() {
            let Some(known) = known(context, reference) else { continue };
            for (needs_whole, run) in &table.references {
                to(*needs_whole, &mut |found| run(context, &place, reference, &known, found));
            }
        }
    });
}

/// All rules.
pub static ALL: &[&Rule] = &[
    &any_version::RULE,
    &approval_from_anyone::RULE,
    &approve_none::RULE,
    &bad_address::RULE,
    &bad_json::RULE,
    &credentials_in_url::RULE,
    &duplicate_notify::RULE,
    &duplicate_output::RULE,
    &empty_program::RULE,
    &expires_in_closed_window::RULE,
    &image_out_of_reach::RULE,
    &input_glob::RULE,
    &input_without_source::RULE,
    &insecure_url::RULE,
    &job_file_output::RULE,
    &helm_test_nowhere::RULE,
    &job_without_image::RULE,
    &latest_source::RULE,
    &latest_tag::RULE,
    &machine_path::RULE,
    &missing_chart::RULE,
    &missing_dockerfile::RULE,
    &missing_path::RULE,
    &missing_script::RULE,
    &missing_values::RULE,
    &mutable_tag::RULE,
    &never_due::RULE,
    &no_environment::RULE,
    &no_value::RULE,
    &open_self_approval::RULE,
    &partial_gate::RULE,
    &path_escapes::RULE,
    &paths_without_files::RULE,
    &plain_secret::RULE,
    &poll_too_short::RULE,
    &push_tag::RULE,
    &redundant_after::RULE,
    &repeated_approve::RULE,
    &repeated_mention::RULE,
    &repeated_set::RULE,
    &repeated_trigger::RULE,
    &repeated_variable::RULE,
    &reserved_name::RULE,
    &same_push::RULE,
    &same_release::RULE,
    &same_target::RULE,
    &secret_environments::RULE,
    &secret_in_repository::RULE,
    &secret_out_of_place::RULE,
    &secret_printed::RULE,
    &secret_without_engine::RULE,
    &set_under_set::RULE,
    &shell_injection::RULE,
    &soak_without_predecessor::RULE,
    &source_without_files::RULE,
    &target_in_source::RULE,
    &ungated_environment::RULE,
    &unknown_field::RULE,
    &unreachable_environment::RULE,
    &unused_build::RULE,
    &unused_release::RULE,
    &unused_secret::RULE,
    &unused_source::RULE,
    &unverified_promotion::RULE,
    &way_around_gate::RULE,
    &window_never_open::RULE,
    &zero_duration::RULE,
];

/// Two pipelines of one name. The one thing that is judged across pipelines.
pub(super) fn same_pipeline<'a>(names: impl Iterator<Item = &'a Spanned<Said>> + Clone) -> Vec<Diagnostic> {
    let fault = |(first, second): (&Spanned<Said>, &Spanned<Said>)| {
        let fault = Diagnostic::new(&codes::DUPLICATE_NAME, format!("the name `{}` is given twice", second.value));
        fault.at(second.span, "a second time here").at(first.span, "first here").help("each pipeline has its own name")
    };
    repeated(names, |n| n.as_str()).into_iter().map(fault).collect()
}

/// What stands again in a list, each with its first.
fn repeated<'a, T: 'a, K, I>(items: I, key: impl Fn(&'a T) -> K) -> Vec<(&'a T, &'a T)>
where
    K: Eq + std::hash::Hash,
    I: IntoIterator<Item = &'a T>,
    I::IntoIter: Clone,
{
    let items = items.into_iter();
    // Most lists are short: looking at all before is quicker than a map, and allocates nothing.
    if items.clone().nth(8).is_none() {
        let first = |(at, item)| Some((items.clone().take(at).find(|other| key(other) == key(item))?, item));
        return items.clone().enumerate().filter_map(first).collect();
    }
    let mut seen: HashMap<K, &T> = HashMap::new();
    let mut found = Vec::new();
    for item in items {
        match seen.get(&key(item)) {
            Some(first) => found.push((*first, item)),
            None => drop(seen.insert(key(item), item)),
        }
    }
    found
}

/// Reports the nodes of a kind that nothing uses.
fn unused(context: &Context<'_>, code: &'static Code, is: fn(Kind) -> bool, help: &str, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    let told = told(context);
    for (id, kind) in graph.nodes().filter(|(_, kind)| is(*kind)) {
        let name = graph.name(id);
        if graph.needed_by(id).next().is_none() && !told.contains(name) {
            let fault = Diagnostic::new(code, format!("nothing uses the {} `{name}`", kind.word()));
            found.push(fault.at(graph.name_span(id), "not used").help(help.replace("NAME", name)));
        }
    }
}

/// The names that notifications use, which are no nodes of the graph.
fn told<'a>(context: &Context<'a>) -> HashSet<&'a str> {
    let receivers = context.pipeline.notifies.iter().filter_map(|n| n.to.as_ref());
    let names = |to: &'a crate::model::NotifyTo| {
        let addresses = to.url().into_iter().flat_map(Template::refs).map(|r| r.name.as_str());
        addresses.chain(to.sign().map(|s| s.value.as_str()))
    };
    receivers.flat_map(names).collect()
}

/// The parts of a path, without those that say nothing.
fn path_parts(path: &Spanned<Said>) -> Vec<&str> {
    let root = path.starts_with('/').then_some("/");
    root.into_iter().chain(path.value.split('/').filter(|p| !p.is_empty() && *p != ".")).collect()
}

/// A text as it is written, references with their names.
fn written(template: &Template) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.to_string(),
        Part::Ref(r) => {
            r.fields.iter().fold(format!("{{{}", r.name), |text, (field, _)| format!("{text}.{field}")) + "}"
        }
    };
    template.parts.iter().map(part).collect()
}

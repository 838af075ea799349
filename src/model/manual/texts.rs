//! The pages that are not about one node: the overview, references, formats, rules.

use super::super::fields::{self, Fields};
use super::super::format::{self, Format};
use super::{PAGES, file_name};
use crate::diag::{Severity, codes};
use std::fmt::Write as _;

/// The overview.
pub(super) fn readme() -> String {
    let mut text = String::from(
        "# The language\n\n\
         A pipeline is one KDL 2 file, by convention `lockgate.kdl`, beside the Dockerfile. It is data and not a program: no\n\
         conditions, no loops, no functions. References in texts, `{name.field}`, are the only computation, and from them the\n\
         order is known in which things are done; `after` is the only order that a person writes.\n\n\
         All pages here but those of the rules are written by the program from its own tables; `lockgate explain NODE` prints\n\
         them, and `lockgate grammar --json` gives the same to other programs.\n\n\
         | Page | What it is about |\n|---|---|\n",
    );
    for spec in PAGES {
        let name = if spec.name.is_empty() { "file" } else { spec.name };
        let first = spec.prose.split_inclusive(". ").next().unwrap_or_default().trim_end();
        let _ = writeln!(text, "| [{name}]({}) | {first} |", file_name(spec));
    }
    text + "| [references](references.md) | What stands in braces within a text. |\n\
            | [formats](formats.md) | Durations, schedules, globs and other texts with a grammar of their own. |\n\
            | [rules](rules/README.md) | Every diagnostic, with what it means and what to do. |\n"
}

/// What stands in braces.
pub(super) fn references() -> String {
    let mut text = String::from(
        "# references\n\n\
         In a text that is read for references, `{name}` stands for the value of a node and `{name.field}` for one of its fields.\n\
         A brace that stands for itself is doubled: `{{` and `}}`.\n\n\
         ```ebnf\n\
         text      = { character | \"{{\" | \"}}\" | reference } ;\n\
         reference = \"{\", name, { \".\", name }, \"}\" ;\n\
         name      = letter, { letter | digit | \"-\" | \"_\" } ;\n\
         ```\n\n\
         The names are those of the sources, builds, tasks and secrets of the pipeline, and these, which mean something of their\n\
         own:\n",
    );
    for context in fields::CONTEXT {
        let place = if context.in_environment { ", in releases, verifications and notifications" } else { "" };
        let _ = write!(text, "\n## {}{place}\n\n{}", context.name, field_table(context.name, context.fields));
    }
    text += "\n## Nodes\n\n\
             | Kind | What can be read of it |\n|---|---|\n\
             | [source](source.md) | by its kind: see there |\n\
             | [build](build.md) | see there |\n\
             | [task](task.md) | each `output` that it declares: `{task.output}` |\n\
             | [secret](secret.md) | its value, only in `env` and in the address of a `notify` |\n";
    text
}

/// A table of the fields of something of that name.
pub(super) fn field_table(name: &str, fields: &Fields) -> String {
    let mut text = String::from("| Reference | What it is |\n|---|---|\n");
    for field in fields.own.iter().chain(fields.fields) {
        let dot = if field.name.is_empty() { "" } else { "." };
        let _ = writeln!(text, "| `{{{name}{dot}{}}}` | {} |", field.name, field.prose);
    }
    text
}

/// All formats, in the order of the page.
static FORMATS: &[&Format] = &[
    &format::NAME,
    &format::DNS_LABEL,
    &format::RELEASE_NAME,
    &format::VARIABLE,
    &format::DURATION,
    &format::CRON,
    &format::TIME_ZONE,
    &format::HOURS,
    &format::PATH,
    &format::OUTPUT,
    &format::LOCAL_PATH,
    &format::BRANCH_FOLDER,
    &format::GLOB,
    &format::GIT_URL,
    &format::REPO_URL,
    &format::BRANCH,
    &format::IMAGE,
    &format::TAG,
    &format::VERSION_RANGE,
    &format::PLATFORM,
    &format::SET_PATH,
    &format::EMAIL,
    &format::PERSON,
];

/// Texts with a grammar of their own.
pub(super) fn formats() -> String {
    let mut text = String::from(
        "# formats\n\nTexts with a grammar of their own.\n\n| What | How it is written | Fault |\n|---|---|---|\n",
    );
    for format in FORMATS {
        let id = format.code.id;
        let _ = writeln!(text, "| {} | {} | [{id}](rules/{id}.md) |", format.is, format.prose.replace('|', "\\|"));
    }
    text
}

/// All rules.
pub(super) fn rules() -> String {
    let mut text = String::from(
        "# Diagnostics\n\n\
         Every diagnostic has a code that never changes. Errors are always errors. The level of a warning that is a matter of\n\
         judgement can be set in the file, by its code or its name: `allow NAME reason=\"…\"`, `warn NAME`, `deny NAME`.\n\n\
         | Code | Name | Level | What it is about |\n|---|---|---|---|\n",
    );
    for code in codes::ALL {
        let level = match code.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let summary = code.summary.replace('|', "\\|");
        let _ = writeln!(text, "| [{id}]({id}.md) | {} | {level} | {summary} |", code.name, id = code.id);
    }
    text
}

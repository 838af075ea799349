//! What people and programs are told when something happens: as a message, as a mail, as JSON. Whatever was written by others
//! stays text, wherever it is shown.

use super::layout::one_line;
use super::{Clock, history, words};
use crate::digest::Digest;
use crate::plan::Memory;
use crate::plan::candidate::name_of;
use crate::run::{Event, Record, notices};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How much of one text of others is told.
const LONGEST: usize = 500;
/// How many sources are told of.
const SOURCES: usize = 30;

/// What somebody is told, before it is known as what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// The event, as a `notify` calls it.
    pub event: String,
    /// What happened, in one line.
    pub title: String,
    /// What is known besides, a line each.
    pub lines: Vec<String>,
    /// Where it is to be seen, if a server shows it.
    pub url: Option<String>,
    /// The same for programs.
    pub data: Value,
}

/// Where the letters come from.
#[derive(Clone, Copy, Debug)]
pub struct From<'a> {
    /// The pipeline.
    pub pipeline: &'a str,
    /// Under which URL the server is reached, without a slash at its end.
    pub url: Option<&'a str>,
}

/// The letter about an event; nothing for one that nobody is told of.
pub fn letter(record: &Record, memory: &Memory, from: From<'_>) -> Option<Letter> {
    let event = notices::word(&record.event)?;
    let told = history::told(record);
    let about = cut(&told.about);
    let title = cut(&format!("{}: {} {}", from.pipeline, about, told.text));
    let candidate = candidate_of(&record.event, memory);
    let versions = candidate.map(|id| versions(id, memory)).unwrap_or_default();
    let mut lines = Vec::new();
    if let Some(id) = candidate {
        lines.push(format!("candidate {}", name_of(id)));
    }
    lines.extend(versions.iter().map(|v| format!("{}  {}", v.source, v.shown)));
    lines.extend(what_to_say(&record.event));
    let url = from.url.map(|url| format!("{url}{}", path(record, from.pipeline)));
    let environment = environment_of(&record.event);
    let data = json!({
        "version": 1,
        "event": event,
        "pipeline": from.pipeline,
        "number": record.number,
        "at": Clock::rfc3339(record.at),
        "run": record.run,
        "about": told.about,
        "environment": environment,
        "title": title,
        "text": told.text,
        "candidate": candidate,
        "candidate_name": candidate.map(name_of),
        "sources": versions.iter().map(|v| v.data.clone()).collect::<Vec<_>>(),
        "by": by(&record.event),
        "url": url,
    });
    Some(Letter { event: event.to_string(), title, lines, url, data })
}

impl Letter {
    /// As a JSON object for a webhook, with its id.
    pub fn json(&self, id: &str) -> String {
        let mut data = self.data.clone();
        if let Some(object) = data.as_object_mut() {
            object.insert("id".to_string(), id.into());
        }
        data.to_string()
    }

    /// As a webhook of Slack's shape takes it: plain text, in which nothing of what others wrote is a mention or a link.
    pub fn slack(&self, id: &str) -> String {
        let mut text = inert(&self.title);
        for line in &self.lines {
            text.push('\n');
            text.push_str(&inert(line));
        }
        if let Some(url) = &self.url {
            text.push_str(&format!("\n{url}"));
        }
        // What is not of Slack ignores what it does not know.
        json!({"text": text, "mrkdwn": false, "unfurl_links": false, "unfurl_media": false, "metadata": {
            "event_type": "lockgate", "event_payload": {"id": id},
        }})
        .to_string()
    }

    /// The text of a mail.
    pub fn mail(&self) -> String {
        let mut text = format!("{}\n", self.title);
        for line in &self.lines {
            text.push_str(&format!("\n{line}"));
        }
        if let Some(url) = &self.url {
            text.push_str(&format!("\n\n{url}"));
        }
        text.push('\n');
        text
    }
}

/// Text of others in one line, not too long of it.
fn cut(text: &str) -> String {
    let line = one_line(text);
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// Text in which a chat finds nothing to make a link or a mention of: what would begin one is spelled as Slack wants it,
/// or has something that cannot be seen behind it.
fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' | '[' | ']' | ':' => {
                out.push(c);
                out.push('\u{2060}');
            }
            c => out.push(c),
        }
    }
    out
}

struct Shown {
    source: String,
    shown: String,
    data: Value,
}

/// The versions of a candidate, with what is known of those that were seen last.
fn versions(id: Digest, memory: &Memory) -> Vec<Shown> {
    let Some(candidate) = memory.candidates.get(&id) else { return Vec::new() };
    let one = |(source, version): (&String, &crate::ports::sources::Version)| {
        let about = memory.heads.get(source).filter(|h| h.version.id == version.id).map(|h| &h.about);
        let known = about.map(words::about).unwrap_or_default();
        Shown {
            source: source.clone(),
            shown: cut(format!("{}  {known}", words::version(version)).trim_end()),
            data: json!({
                "source": source,
                "version": version.id,
                "name": version.name,
                "subject": about.and_then(|a| a.subject.clone()),
                "author": about.and_then(|a| a.author.clone()),
            }),
        }
    };
    candidate.versions.iter().take(SOURCES).map(one).collect()
}

/// What would have to be said, where somebody is asked.
fn what_to_say(event: &Event) -> Vec<String> {
    match event {
        Event::StandsAtGate { environment, standing } => {
            let asked = super::gate::missing(standing, &Clock { now: standing.since, zone: jiff::tz::TimeZone::UTC });
            let mut lines: Vec<String> = asked.iter().map(|m| format!("needs {}", super::gate::approvals(m))).collect();
            lines.push(format!("lockgate approve {environment}"));
            lines
        }
        Event::Indeterminate { step, .. } => vec![format!("lockgate resolve {step}")],
        _ => Vec::new(),
    }
}

fn environment_of(event: &Event) -> Option<&str> {
    match event {
        Event::StandsAtGate { environment, .. }
        | Event::DeployedThere { environment, .. }
        | Event::HasCandidate { environment, .. }
        | Event::RolledBack { environment }
        | Event::RollbackFailed { environment, .. }
        | Event::Approved { environment, .. }
        | Event::Rejected { environment, .. } => Some(environment),
        // `deploy.ENVIRONMENT.RELEASE`, `verify.ENVIRONMENT.NAME`
        Event::StepFinished { step, .. } => {
            let mut parts = step.split('.');
            parts.next().filter(|kind| matches!(*kind, "deploy" | "verify")).and(parts.next())
        }
        _ => None,
    }
}

fn candidate_of(event: &Event, memory: &Memory) -> Option<Digest> {
    let of_place = |environment: &str| memory.environments.get(environment);
    match event {
        Event::StandsAtGate { standing, .. } => Some(standing.candidate),
        Event::DeployedThere { deployed, .. } => Some(deployed.candidate),
        Event::HasCandidate { has, .. } => Some(has.candidate),
        Event::Rejected { candidate, .. } => Some(*candidate),
        Event::Approved { environment, .. } => of_place(environment)?.standing.as_ref().map(|s| s.candidate),
        Event::RolledBack { environment } => of_place(environment)?.has.as_ref().map(|h| h.candidate),
        Event::StepFinished { .. } => memory.latest,
        _ => None,
    }
}

fn by(event: &Event) -> Option<&str> {
    match event {
        Event::Approved { approval, .. } | Event::EditApproved { approval, .. } => Some(&approval.by),
        Event::Rejected { word, .. } | Event::EditRejected { word, .. } => Some(&word.by),
        _ => None,
    }
}

/// Where the server shows it.
fn path(record: &Record, pipeline: &str) -> String {
    match (&record.event, environment_of(&record.event)) {
        (Event::StandsAtGate { .. } | Event::Approved { .. } | Event::Rejected { .. }, Some(environment)) => {
            format!("/p/{pipeline}/gates/{environment}")
        }
        (Event::EditProposed { .. } | Event::EditApproved { .. } | Event::EditRejected { .. }, _) => {
            format!("/p/{pipeline}/file")
        }
        _ if record.run > 0 => format!("/p/{pipeline}/runs/{}", record.run),
        _ => format!("/p/{pipeline}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Fault;
    use crate::run::Outcome;

    fn failed(reason: &str) -> Record {
        let outcome = Outcome::Failed { fault: Fault::Invalid, reason: reason.into(), log: None };
        let event = Event::StepFinished { step: "deploy.dev.web".into(), key: Digest::default(), outcome };
        Record { number: 7, at: 1_000, run: 3, event }
    }

    fn told(reason: &str) -> Letter {
        let from = From { pipeline: "shop", url: Some("https://lockgate.example.com") };
        letter(&failed(reason), &Memory::default(), from).expect("a letter")
    }

    #[test]
    fn a_letter_says_what_happened_and_where_it_is_seen() {
        let letter = told("it did not come up");
        assert_eq!(letter.title, "shop: deploy.dev.web failed: it did not come up");
        assert_eq!(letter.url.as_deref(), Some("https://lockgate.example.com/p/shop/runs/3"));
        let json: Value = serde_json::from_str(&letter.json("abc")).expect("JSON");
        assert_eq!(
            (&json["event"], &json["id"], &json["environment"]),
            (&"failed".into(), &"abc".into(), &"dev".into())
        );
        assert!(letter.mail().ends_with("/p/shop/runs/3\n"));
    }

    #[test]
    fn what_others_wrote_stays_text() {
        let letter = told("<!channel> <http://evil|ok> @here [x](http://evil)\u{1b}[31m\u{202e}\r\nBcc: x@y");
        let slack: Value = serde_json::from_str(&letter.slack("abc")).expect("JSON");
        let text = slack["text"].as_str().expect("a text");
        for live in ["<!", "<http", "@here", "](", "\u{1b}", "\u{202e}", "\nBcc"] {
            assert!(!text.contains(live), "{live:?} in {text}");
        }
        assert_eq!(slack["mrkdwn"], false);
        assert!(!letter.title.contains(char::is_control) && !letter.mail().contains('\u{1b}'));
    }

    #[test]
    fn what_is_long_is_cut() {
        assert!(told(&"é".repeat(10_000)).title.chars().count() <= LONGEST + 1);
    }
}

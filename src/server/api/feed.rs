//! What others show of a pipeline: a badge for a page, a feed for a reader. Both only look.

use super::{blocking, environment, keeper};
use crate::plan::candidate::name_of;
use crate::report::Clock;
use crate::report::history::{self, Weight};
use crate::report::layout::xml;
use crate::run::Record;
use crate::server::fault::Refusal;
use crate::server::routes::Shared;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use std::fmt::Write as _;

/// How many of the newest events a feed looks through, and how many it tells at most.
const LOOKED: u64 = 2000;
const TOLD: usize = 50;

fn answer(kind: &'static str, body: String) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
}

/// A badge: what an environment has, green where that is the newest.
pub async fn badge(
    State(site): State<Shared>,
    Path((pipeline, name)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let keeper = keeper(&site, &pipeline)?;
    let name = environment(&keeper, name.strip_suffix(".svg").unwrap_or(&name))?;
    let (has, latest) = keeper.state(|s| {
        let has = s.memory.environments.get(&name).and_then(|p| p.has.as_ref()).map(|h| h.candidate);
        (has, s.memory.latest)
    });
    let value = has.map_or_else(|| "nothing yet".to_string(), name_of);
    let color = match has {
        None => "#6e7781",
        has if has == latest => "#1a7f37",
        Some(_) => "#9a6700",
    };
    Ok(answer("image/svg+xml", svg(&name, &value, color)))
}

fn svg(label: &str, value: &str, color: &str) -> String {
    // Seven units a character are wide enough for any of them in this size.
    let width = |text: &str| 7 * text.chars().count() + 12;
    let (left, right) = (width(label), width(value));
    let all = left + right;
    let (label, value) = (xml(label), xml(value));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all}\" height=\"20\" role=\"img\" aria-label=\"{label}: {value}\">\
         <title>{label}: {value}</title><rect width=\"{left}\" height=\"20\" fill=\"#24292f\"/>\
         <rect x=\"{left}\" width=\"{right}\" height=\"20\" fill=\"{color}\"/>\
         <g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\">\
         <text x=\"6\" y=\"14\">{label}</text><text x=\"{}\" y=\"14\">{value}</text></g></svg>\n",
        left + 6
    )
}

/// A feed in Atom: what happened, the newest first.
pub async fn feed(State(site): State<Shared>, Path(pipeline): Path<String>) -> Result<Response, Refusal> {
    let keeper = keeper(&site, pipeline.strip_suffix(".xml").unwrap_or(&pipeline))?;
    let from = keeper.state(|s| s.number).saturating_sub(LOOKED);
    let asked = keeper.clone();
    let records = blocking(move || asked.records(from, u32::MAX)).await??;
    let main = records.iter().rev().filter(|r| history::told(r).weight >= Weight::Main).take(TOLD);
    let base = site.config().url.clone().unwrap_or_default();
    Ok(answer("application/atom+xml; charset=utf-8", atom(&keeper.name, &base, main)))
}

fn atom<'r>(name: &str, base: &str, records: impl Iterator<Item = &'r Record>) -> String {
    let (mut entries, mut updated) = (String::new(), None);
    let name = xml(name);
    for record in records {
        let (told, at) = (history::told(record), Clock::rfc3339(record.at));
        let title = xml(&format!("{} {}", told.about, told.text));
        let _ = writeln!(
            entries,
            "<entry><id>urn:lockgate:{name}:{}</id><title>{title}</title><updated>{at}</updated></entry>",
            record.number
        );
        updated.get_or_insert(at);
    }
    let updated = updated.unwrap_or_else(|| Clock::rfc3339(0));
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n\
         <id>urn:lockgate:{name}</id><title>{name}</title><updated>{updated}</updated>\
         <author><name>Lockgate</name></author><link href=\"{}/p/{name}\"/>\n{entries}</feed>\n",
        xml(base)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_does_nothing_in_a_badge_or_a_feed() {
        let svg = svg("<script>", "a\"b&c\u{1b}[0m", "#fff");
        assert!(!svg.contains("<script>") && svg.contains("&lt;script&gt;") && svg.contains("a&quot;b&amp;c"), "{svg}");
        let event = crate::run::Event::Refused { call: "x".into(), by: "<b>".into(), reason: "]]>&\u{0}".into() };
        let record = Record { number: 1, at: 0, run: 0, event };
        let feed = atom("shop", "https://x.example", std::iter::once(&record));
        assert!(!feed.contains("<b>") && !feed.contains('\u{0}') && feed.contains("urn:lockgate:shop:1"), "{feed}");
    }
}

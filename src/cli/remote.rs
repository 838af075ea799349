//! Commands that speak with a server instead of with the state of this machine: what they ask, and how the answer is shown.

use super::{Desk, Exit};
use crate::app::Failure;
use crate::app::remote::Server;
use crate::diag::{Diagnostic, codes};
use crate::digest::Digest;
use crate::report::layout::one_line;
use crate::report::{Paint, Style};
use serde_json::{Value, json};

/// Shows something, as text or as JSON.
pub(super) fn show(
    desk: &Desk,
    server: &Server,
    what: &str,
    query: &[(&str, String)],
    as_json: bool,
) -> Result<Exit, Failure> {
    let shown = match as_json {
        true => server.json(what, query)?,
        false => server.text(what, query, desk.terminal.out, &typed(desk))?,
    };
    desk.terminal.print(&shown);
    Ok(Exit::Done)
}

/// Shows a plan that is made now; the exit code tells whether there is something to do, as of one that is made here.
pub(super) fn plan(desk: &Desk, server: &Server, as_json: bool) -> Result<Exit, Failure> {
    let query = [("fresh", "true".to_string())];
    let plan = server.json("plan", &query)?;
    let changes = serde_json::from_str::<Value>(&plan).ok().and_then(|p| p.get("changes")?.as_bool()).unwrap_or(true);
    if as_json {
        desk.terminal.print(&plan);
    } else {
        show(desk, server, "plan", &query, false)?;
    }
    Ok(if changes { Exit::Changes } else { Exit::Done })
}

/// What was typed to mean this server.
fn typed(desk: &Desk) -> String {
    let flag = |name: &str, value: &Option<String>, variable: &str| match value {
        Some(value) if std::env::var(variable).as_deref() != Ok(value) => format!(" --{name} {value}"),
        _ => String::new(),
    };
    let server = flag("server", &desk.globals.server, "LOCKGATE_SERVER");
    let plain =
        if desk.globals.plain_http && std::env::var_os("LOCKGATE_PLAIN_HTTP").is_none() { " --plain-http" } else { "" };
    server + &flag("pipeline", &desk.globals.pipeline, "LOCKGATE_PIPELINE") + plain
}

/// Says something, and shows what came of it.
pub(super) fn say(desk: &Desk, server: &Server, what: &str, body: &Value) -> Result<Exit, Failure> {
    let said = server.say(what, body)?;
    for event in said.get("events").and_then(Value::as_array).into_iter().flatten() {
        desk.terminal.print(&line(event, desk.terminal.out));
    }
    Ok(Exit::Done)
}

fn line(event: &Value, style: Style) -> String {
    let text = |key: &str| one_line(event.get(key).and_then(Value::as_str).unwrap_or_default());
    format!("{} {}\n", Paint::Strong.on(&text("about"), style), text("text"))
}

/// Approves what stands at a gate: what was looked at, or what the server says stands there now.
pub(super) fn approve(
    desk: &Desk,
    server: &Server,
    environment: &str,
    subplan: Option<String>,
    reason: Option<String>,
) -> Result<Exit, Failure> {
    let subplan = match subplan {
        Some(subplan) => subplan,
        None => {
            let gate = server.value(&format!("gate/{environment}"), &[])?;
            let text = |key: &str| gate.get(key).and_then(Value::as_str).unwrap_or_default().to_string();
            desk.terminal.say(&format!(
                "{} at the gate of {environment}: {}\n",
                text("candidate_name"),
                text("subplan")
            ));
            text("subplan")
        }
    };
    say(desk, server, "approve", &json!({"environment": environment, "subplan": subplan, "reason": reason}))
}

/// Says `approve` or `reject` to the edit of the pipeline file that waits: what was looked at, or what the server says waits now.
pub(super) fn edit(
    desk: &Desk,
    server: &Server,
    wanted: Option<Digest>,
    reason: Option<String>,
    word: &str,
) -> Result<Exit, Failure> {
    let waits = server.value("edit", &[])?;
    let file = waits.get("file").and_then(Value::as_str).unwrap_or_default().to_string();
    let file = wanted.map_or(file, |w| w.to_string());
    let weakens = waits.get("weakens").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    desk.terminal.say(&crate::report::board::weaker(&weakens.map(str::to_string).collect::<Vec<_>>()));
    say(desk, server, &format!("edit/{word}"), &json!({"file": file, "reason": reason}))
}

/// Stops a run: that one, or the one that is under way.
pub(super) fn cancel(desk: &Desk, server: &Server, run: Option<u64>) -> Result<Exit, Failure> {
    let refuse = |message: &str, help: String| Failure::plain(Diagnostic::new(&codes::REFUSED, message).help(help));
    let run = match run {
        Some(run) => run,
        None => {
            let status = server.value("status", &[])?;
            let number = |r: &Value| r.get("number").and_then(Value::as_u64);
            let runs: Vec<u64> =
                status.get("runs").and_then(Value::as_array).into_iter().flatten().filter_map(number).collect();
            match runs.as_slice() {
                [] => return Err(refuse("no run is under way", "`lockgate history` shows what was".to_string())),
                [one] => *one,
                several => {
                    let names: Vec<String> = several.iter().map(u64::to_string).collect();
                    return Err(refuse("several runs are under way", format!("say which: {}", names.join(", "))));
                }
            }
        }
    };
    say(desk, server, "cancel", &json!({"run": run}))
}

/// Has everything looked at and done, and shows what happens until the run has ended.
pub(super) fn apply(desk: &Desk, server: &Server, rerun: &[String]) -> Result<Exit, Failure> {
    let newest = server.json("history", &[("number", "1".to_string()), ("steps", "true".to_string())])?;
    let newest: Value = serde_json::from_str(newest.lines().last().unwrap_or("{}")).unwrap_or_default();
    let before = newest.get("number").and_then(Value::as_u64).unwrap_or(0);
    let said = server.say("apply", &json!({"rerun": rerun}))?;
    let Some(run) = said.get("run").and_then(Value::as_u64) else {
        let reason = said.get("reason").and_then(Value::as_str).unwrap_or("there is nothing to do");
        desk.terminal.print(&format!("No run: {}\n", one_line(reason)));
        return Ok(Exit::Done);
    };
    let mut ended = None;
    let mut rest = Vec::new();
    server.stream("events", &[], Some(before), &mut |piece| {
        rest.extend_from_slice(piece);
        while let Some(end) = memchr::memchr(b'\n', &rest) {
            let text: Vec<u8> = rest.drain(..=end).collect();
            let text = String::from_utf8_lossy(&text);
            let Some(event) = text.strip_prefix("data:").and_then(|d| serde_json::from_str::<Value>(d.trim()).ok())
            else {
                continue;
            };
            if event.get("run").and_then(Value::as_u64) != Some(run) {
                continue;
            }
            if !desk.terminal.print(&line(&event, desk.terminal.out)) {
                return false;
            }
            if event.get("event").and_then(Value::as_str) == Some("run-finished") {
                ended = event.get("outcome").and_then(Value::as_str).map(str::to_string);
                return false;
            }
        }
        true
    })?;
    Ok(match ended.as_deref() {
        Some("done") => Exit::Done,
        Some("waiting" | "asks") => Exit::Waits,
        Some("cancelled") => Exit::Stopped,
        _ => Exit::Error,
    })
}

/// Shows what a step printed, and goes on where that is wanted.
pub(super) fn log(desk: &Desk, server: &Server, step: &str, follow: bool) -> Result<Exit, Failure> {
    let query = [("step", step.to_string()), ("follow", follow.to_string())];
    server.stream("log", &query, None, &mut |piece| desk.terminal.print(&String::from_utf8_lossy(piece)))?;
    Ok(Exit::Done)
}

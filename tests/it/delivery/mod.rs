//! What exactly happens, from versions to promotion: one test or more for each of its sixteen points, through the façade that all
//! doors use, on pipelines of folders and git repositories. A test of point four is named `p04_…`.

mod candidates;
mod failures;
mod keys;
mod people;
mod promotion;
mod saved;

use crate::lab::Lab;
use lockgate::app::{ApplyOptions, Failure, Session, Settings};
use lockgate::plan::memory::Place;
use lockgate::plan::{Action, Plan, Verdict};
use lockgate::run::{Event, RunOutcome, Saying, State};

/// The head of all pipelines of these tests: an image, a chart and values for each environment.
const HEAD: &str = r#"
lockgate 1
pipeline small {
    source app { folder "app" }
    source config { folder "config" }
    source chart { helm "./chart" }
    build image {
        context app
        push "./registry" tag="{app.short}"
    }
    release web {
        chart chart
        values config "values-{environment}.yaml"
        set image="{image}"
    }
    environment dev {
        folder "./out/dev"
        deploy web
        verify config "tests/test.sh"
    }
"#;

/// An environment behind a gate.
fn environment(name: &str, after: &str, gate: &str) -> String {
    let rest = format!("folder \"./out/{name}\"; deploy web; verify config \"tests/test.sh\"");
    format!("    environment {name} after={after} {{\n        gate {{ {gate} }}\n        {rest}\n    }}\n")
}

const TEMPLATE: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: web
data:
  greeting: {{ .Values.greeting | quote }}
  image: {{ .Values.image | quote }}
";

/// Succeeds unless what is deployed says that it is broken.
const TEST: &str = "#!/bin/sh\n! grep -rq broken \"$LOCKGATE_FOLDER\"\n";

/// A pipeline, what it reads, and what happened to it.
struct Delivery {
    lab: Lab,
}

impl Delivery {
    /// The pipeline of these lines.
    fn of(pipeline: &str) -> Delivery {
        let lab = Lab::with(&[
            ("lockgate.kdl", pipeline),
            ("app/Dockerfile", "FROM scratch\nCOPY hello /\n"),
            ("app/hello", "hello\n"),
            ("config/tests/test.sh", TEST),
            ("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
            ("chart/values.yaml", "greeting: none\nimage: none\n"),
            ("chart/templates/config.yaml", TEMPLATE),
        ]);
        for environment in ["dev", "staging", "prod"] {
            lab.write(&format!("config/values-{environment}.yaml"), &format!("greeting: hello from {environment}\n"));
        }
        Delivery { lab }
    }

    /// `dev`, then environments of which each has its gate.
    fn gated(gates: &[(&str, &str)]) -> Delivery {
        let mut text = HEAD.to_string();
        let mut after = "dev";
        for (name, gate) in gates {
            text += &environment(name, after, gate);
            after = name;
        }
        Delivery::of(&(text + "}\n"))
    }

    fn greet(&self, environment: &str, greeting: &str) {
        self.lab.write(&format!("config/values-{environment}.yaml"), &format!("greeting: {greeting}\n"));
    }

    fn deployed(&self, environment: &str) -> String {
        self.lab.read(&format!("out/{environment}/web/configmap_web.yaml"))
    }

    fn session_of(&self, path: &str, person: &str) -> Result<Session, Failure> {
        let settings =
            Settings { path: Some(self.lab.at(path)), person: Some(person.to_string()), ..Settings::default() };
        Session::open(&settings)
    }

    fn session(&self, person: &str) -> Session {
        self.session_of("lockgate.kdl", person).unwrap_or_else(|f| panic!("{}", words(&f)))
    }

    fn plan(&self) -> Plan {
        self.session("tim").plan(&[]).unwrap_or_else(|f| panic!("{}", words(&f)))
    }

    /// Applies as Tim, who wrote nothing of it.
    fn apply(&self) -> RunOutcome {
        apply(&self.session("tim"), &[], &mut |_, _| true).unwrap_or_else(|f| panic!("{}", words(&f)))
    }

    fn say(&self, person: &str, what: Saying) -> Result<(), String> {
        self.session(person).say(what, Some("because".into())).map(|_| ()).map_err(|f| words(&f))
    }

    fn approve(&self, person: &str, environment: &str) -> Result<(), String> {
        self.say(person, Saying::Approve { environment: environment.into(), subplan: None })
    }

    /// Approves and applies.
    fn pass(&self, environment: &str) -> RunOutcome {
        self.approve("rita", environment).expect("an approval");
        self.apply()
    }

    fn state(&self) -> State {
        self.session("tim").state().unwrap_or_else(|f| panic!("{}", words(&f)))
    }

    fn place(&self, environment: &str) -> Place {
        self.state().memory.environments.get(environment).cloned().unwrap_or_default()
    }

    /// The name of the candidate that an environment has.
    fn has(&self, environment: &str) -> String {
        self.place(environment).has.map(|h| lockgate::plan::candidate::name_of(h.candidate)).unwrap_or_default()
    }

    fn events(&self) -> Vec<Event> {
        let records = self.session("tim").records(0).unwrap_or_else(|f| panic!("{}", words(&f)));
        records.into_iter().map(|r| r.event).collect()
    }

    /// The steps that were started since some number of events.
    fn started(&self, since: usize) -> Vec<String> {
        let step = |e: Event| if let Event::StepStarted { step, .. } = e { Some(step.to_string()) } else { None };
        self.events().into_iter().skip(since).filter_map(step).collect()
    }
}

/// Applies a session to its end.
fn apply(
    session: &Session,
    rerun: &[&str],
    consent: &mut dyn FnMut(&Plan, &Plan) -> bool,
) -> Result<RunOutcome, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (_keep, mut stop) = tokio::sync::mpsc::unbounded_channel();
    let rerun = rerun.iter().map(ToString::to_string).collect();
    let options = ApplyOptions { rerun, watch: &mut |_, _| {}, consent, calls: &mut stop };
    runtime.block_on(session.apply(options)).map(|applied| applied.outcome)
}

/// What is wrong, in words.
fn words(failure: &Failure) -> String {
    failure.diagnostics.iter().map(|d| format!("{} {}", d.code.id, d.message)).collect::<Vec<_>>().join("\n")
}

/// The steps of a plan that would run, or may.
fn to_do(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().filter(|s| s.action != Action::Reuse).map(|s| &*s.id).collect()
}

#[track_caller]
fn verdict<'p>(plan: &'p Plan, environment: &str) -> &'p Verdict {
    &plan.environment(environment).unwrap_or_else(|| panic!("{environment} is not in the plan")).verdict
}

//! The pages in `grammar/` say what the program does: they are written from its tables, and their examples are read by it.

use lockgate::diag::{Diagnostic, render};
use lockgate::model::spec::Spec;
use lockgate::model::{
    self, Builder, GateRule, NotifyTo, OnUnknown, Program, SecretFrom, SetKind, SetTo, SourceKind, Target, TriggerKind,
    VerifyKind, manual,
};
use lockgate::source::{FileId, Sources};
use lockgate::syntax::{self, Document, Limits, Node};
use std::path::Path;
use std::time::Duration;

#[test]
fn the_pages_are_current() {
    let grammar = Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar");
    let mut old = Vec::new();
    for (name, text) in manual::pages() {
        let path = grammar.join(&name);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &text).expect("a page is written");
        } else if std::fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            old.push(name);
        }
    }
    assert!(
        old.is_empty(),
        "these pages are not current: {}; `UPDATE=1 cargo test grammar` writes them",
        old.join(", ")
    );
}

/// Reads a text and gives what is found in the part of it from that offset on.
fn faults(before: &str, text: &str, after: &str) -> (Vec<Diagnostic>, String) {
    let whole = format!("{before}{text}{after}");
    let mut sources = Sources::new();
    let id = sources.add("example.kdl", whole.as_str());
    let (tree, mut found) = syntax::parse(id, whole.into(), &Limits::default());
    found.extend(model::decode(&Document::from(tree)).1);
    let range = before.len()..before.len() + text.len();
    found.retain(|d| d.span().is_none_or(|s| range.contains(&(s.start as usize))));
    let report = render::render(&found, &sources, render::Style::default());
    (found, report)
}

/// Checks the examples of a node and of all nodes in it, each within the nodes that it stands in.
fn examples(spec: &'static Spec, before: &str, after: &str, wrong: &mut String) {
    if !spec.name.is_empty() {
        let before = if spec.name == "lockgate" { "" } else { before };
        let (found, report) = faults(before, spec.example, after);
        if spec.example.is_empty() || !found.is_empty() {
            *wrong += &format!("the example of `{}`:\n{}\n{report}\n", spec.name, spec.example);
        }
    }
    let header = match spec.name {
        "" => String::new(),
        "gate" | "verify" => format!("{} {{\n", spec.name),
        name => format!("{name} x {{\n"),
    };
    let (before, after) = if spec.name.is_empty() {
        (before.to_string(), after.to_string())
    } else {
        (format!("{before}{header}"), format!("\n}}{after}"))
    };
    for child in spec.children {
        examples(child.spec, &before, &after, wrong);
    }
}

#[test]
fn each_node_has_an_example_that_is_right() {
    let mut wrong = String::new();
    examples(&model::pipeline::FILE, "lockgate 1\n", "\n", &mut wrong);
    assert!(wrong.is_empty(), "{wrong}");
}

/// Notes what of a spec stands nowhere in the text: nodes, properties, words.
fn unsaid(spec: &'static Spec, nodes: &[Node<'_>], missing: &mut Vec<String>) {
    for prop in spec.props {
        let values: Vec<_> = nodes.iter().filter_map(|n| n.prop(prop.name)).collect();
        if values.is_empty() {
            missing.push(format!("{} {}=", spec.name, prop.name));
        }
    }
    for child in spec.children.iter().filter(|c| c.spec.name != "include") {
        let below: Vec<Node<'_>> =
            nodes.iter().flat_map(|n| n.children()).filter(|n| n.name() == child.spec.name).collect();
        if below.is_empty() {
            missing.push(format!("{} {{ {} }}", spec.name, child.spec.name));
        }
        unsaid(child.spec, &below, missing);
    }
}

fn everything() -> (Document, model::File) {
    let text = include_str!("cases/everything.kdl");
    let (tree, faults) = syntax::parse(FileId(0), text.into(), &Limits::default());
    assert_eq!(faults, []);
    let document = Document::from(tree);
    let (file, faults) = model::decode(&document);
    assert_eq!(faults, []);
    (document, file)
}

#[test]
fn the_case_of_everything_has_everything() {
    let (document, _) = everything();
    let mut missing = Vec::new();
    for child in model::pipeline::FILE.children.iter().filter(|c| c.spec.name != "include") {
        let nodes: Vec<Node<'_>> = document.roots().filter(|n| n.name() == child.spec.name).collect();
        unsaid(child.spec, &nodes, &mut missing);
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn what_is_said_is_in_the_model() {
    let (_, file) = everything();
    let pipeline = file.pipelines.first().expect("a pipeline");
    assert_eq!((file.version.map(|v| v.value), file.levels.len()), (Some(1), 3));

    let app = &pipeline.sources[0];
    assert!(matches!(&app.kind, SourceKind::Git { branch, .. } if branch.value == "release/1.2"));
    assert_eq!((app.paths.len(), app.ignore.len(), app.triggers.len()), (2, 2, 3));
    assert!(matches!(&app.triggers[0].kind, TriggerKind::Poll(p) if p.value == Duration::from_secs(60)));
    assert!(matches!(&app.triggers[2].kind, TriggerKind::Webhook(s) if s.value == "hook-key"));
    assert_eq!(app.credentials.as_ref().map(|c| c.as_str()), Some("git-token"));
    assert!(matches!(pipeline.sources[4].kind, SourceKind::Webhook));

    let build = &pipeline.builds[0];
    assert_eq!(build.builder.value, Builder::Docker);
    assert_eq!(build.args[1].1.as_text(), Some("3"));
    assert_eq!(build.tests[0].retries.map(|r| r.value), Some(2));
    assert_eq!(build.tests[0].on_unknown, OnUnknown::Retry);
    assert_eq!(build.push.as_ref().and_then(|p| p.tag.as_ref()).map(|t| t.refs().count()), Some(2));

    let scan = &pipeline.tasks[0];
    assert!(
        matches!(&scan.command.program, Program::Argv(argv) if argv.len() == 4 && argv[3].as_text() == Some("8080"))
    );
    assert_eq!(scan.inputs.iter().map(|i| i.source.is_some()).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(scan.outputs.iter().map(|o| o.path.is_some()).collect::<Vec<_>>(), [false]);
    assert_eq!(pipeline.tasks[2].outputs.iter().map(|o| o.path.is_some()).collect::<Vec<_>>(), [true]);
    assert_eq!(scan.command.namespace.as_ref().map(|n| n.value.as_str()), Some("ci"));
    assert_eq!(scan.command.timeout.map(|t| t.value), Some(Duration::from_secs(5400)));
    assert_eq!(scan.command.workdir.as_ref().map(|w| w.source.as_str()), Some("app"));

    let mi = &pipeline.releases[0];
    assert_eq!(mi.values.iter().map(|v| v.optional).collect::<Vec<_>>(), [false, true]);
    let to: Vec<&SetTo> = mi.sets.iter().map(|s| &s.to).collect();
    assert!(matches!(to[..5], [SetTo::Text(_), SetTo::Int(2), SetTo::Float(_), SetTo::Bool(false), SetTo::Null]));
    assert_eq!((mi.sets[5].kind, mi.sets[6].kind), (SetKind::Json, SetKind::File));
    assert_eq!(mi.helm.map(|h| h.value), Some(3));

    let [dev, staging, preview, prod] = pipeline.environments.as_slice() else { panic!("four environments") };
    assert!(matches!(&dev.target, Some(Target::Cluster { create_namespace: false, pull_secret: Some(_), .. })));
    assert_eq!((dev.deploys.len(), dev.verifies.len(), dev.rollback), (2, 5, false));
    assert!(
        matches!(&dev.verifies[0].kind, VerifyKind::Script { args, command, .. } if args.len() == 1 && command.env.len() == 1)
    );
    assert!(matches!(&dev.verifies[3].kind, VerifyKind::Http { status: 204, timeout: Some(_), .. }));
    assert!(
        matches!(&dev.verifies[4].kind, VerifyKind::HelmTest { releases, timeout: Some(_), .. } if releases.len() == 2)
    );
    assert_eq!(staging.after[0].value, "dev");
    assert!(matches!(&staging.gate, GateRule::Gate(g) if g.queue && g.approvals[0].self_allowed));
    assert!(matches!(&staging.target, Some(Target::Folder { namespace: Some(_), .. })));
    assert!(matches!(preview.gate, GateRule::None(_)));
    let Some(Target::Branch {
        branch,
        folder: Some(folder),
        namespace: Some(_),
        plain_secrets: true,
        author: Some(author),
        ..
    }) = &preview.target
    else {
        panic!("{:?}", preview.target)
    };
    let said = (branch.as_str(), folder.as_str(), author.as_str());
    assert_eq!(said, ("live", "mi/preview", "Robin <robin@example.com>"));
    assert_eq!(preview.target.as_ref().and_then(Target::secret).map(|s| s.as_str()), Some("git-token"));
    assert!(matches!(&prod.gate, GateRule::Gate(g) if g.windows.len() == 2 && g.free_rollback && g.soak.is_some()));
    assert!(
        matches!(&prod.target, Some(Target::Cluster { namespace, create_namespace: true, .. }) if namespace.value == "default")
    );

    assert!(
        matches!(&pipeline.secrets[2].from, Some(SecretFrom::Command(argv)) if argv.len() == 5 && argv[4].refs().count() == 0)
    );
    assert_eq!(pipeline.secrets[3].environments.len(), 2);
    assert!(matches!(&pipeline.notifies[2].to, Some(NotifyTo::Email(_))));
    assert_eq!(pipeline.notifies[1].on.len(), 4);
}

#[test]
fn each_node_can_be_explained() {
    for spec in manual::PAGES.iter().filter(|s| !s.name.is_empty()) {
        let page = manual::explain(spec.name).unwrap_or_default();
        assert!(page.starts_with(&format!("# {}\n", spec.name)), "{page}");
        for child in spec.children {
            assert!(manual::explain(&format!("{} {}", spec.name, child.spec.name)).is_some());
            assert!(manual::explain(child.spec.name).is_some());
        }
    }
    assert!(manual::explain("file").is_some_and(|page| page.contains("`lockgate`")));
    assert_eq!(manual::explain("nonsense"), None);
}

#[test]
fn the_description_for_programs_is_complete() {
    let grammar = manual::json();
    let children = grammar["file"]["children"].as_array().expect("children");
    let pipeline = children.iter().find(|c| c["node"]["name"] == "pipeline").expect("pipeline");
    let names: Vec<_> =
        pipeline["node"]["children"].as_array().expect("children").iter().map(|c| &c["node"]["name"]).collect();
    assert_eq!(names, ["source", "build", "task", "release", "environment", "secret", "notify", "include"]);
}

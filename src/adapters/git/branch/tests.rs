use super::*;
use crate::adapters::git::trial::Bare;
use crate::digest::Digest;
use crate::ports::bundle::Hook;
use crate::ports::places::Told;
use serde_json::{Value, json};
use std::sync::atomic::AtomicBool;

fn object(kind: &str, name: &str, data: Value) -> Object {
    let body = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": data});
    Object {
        api_version: "v1".into(),
        kind: kind.into(),
        namespace: None,
        name: name.into(),
        template: String::new(),
        text: body.to_string(),
        body,
    }
}

/// A bundle of config maps, and of hooks where the name begins with `hook`.
fn bundle(objects: &[(&str, &str)]) -> Bundle {
    let mut bundle =
        Bundle { release: "app".into(), namespace: "shop".into(), chart: "app-1.0.0".into(), ..Bundle::default() };
    for (name, text) in objects {
        let object = object("ConfigMap", name, json!({ "text": text }));
        match name.starts_with("hook") {
            true => {
                bundle.hooks.push(Hook { object, events: vec!["post-install".into()], weight: 0, delete: Vec::new() });
            }
            false => bundle.objects.push(object),
        }
    }
    bundle
}

struct World {
    bare: Bare,
    target: Target,
    places: Branches,
}

impl World {
    fn new(folder: &str) -> World {
        let bare = Bare::new();
        let target = bare.target("main", folder);
        World { places: Branches::new(bare.folder().join("cache")), target, bare }
    }

    fn deploy(&self, bundle: &Bundle) -> Result<(), PortError> {
        let told = Told { pipeline: "shop", environment: "dev", run: Some(7) };
        let candidate = Digest::of("candidate");
        let deployment =
            Deployment { told, candidate, candidate_name: "calm-otter", ..Deployment::of(&self.target, bundle) };
        self.places.deploy(&deployment).result
    }

    fn paths(&self) -> Vec<String> {
        self.bare.files("main").into_keys().collect()
    }
}

#[test]
fn a_deploy_is_a_commit_that_says_what_it_is() {
    let world = World::new("env/dev");
    world.deploy(&bundle(&[("a", "1"), ("hook-1", "2")])).expect("deployed, and the branch made");
    let paths = ["env/dev/app/.lockgate", "env/dev/app/configmap_a.yaml", "env/dev/app/hooks/configmap_hook-1.yaml"];
    assert_eq!(world.paths(), paths);
    let commits = world.bare.commits("main");
    let [message] = commits.as_slice() else { panic!("{commits:?}") };
    assert!(message.starts_with("dev: app as calm-otter\n\nLockgate-Pipeline: shop\n"), "{message}");
    let candidate = Digest::of("candidate");
    for line in ["Run: 7", "Release: app", "Chart: app-1.0.0", &format!("Candidate: {candidate}")] {
        assert!(message.contains(&format!("Lockgate-{line}\n")), "{message}");
    }
    world.deploy(&bundle(&[("b", "1")])).expect("deployed");
    assert_eq!(world.paths(), ["env/dev/app/.lockgate", "env/dev/app/configmap_b.yaml"], "and no empty folder");
    world.deploy(&bundle(&[])).expect("taken away");
    assert_eq!(world.paths(), Vec::<String>::new());
    assert!(world.bare.commits("main")[0].starts_with("dev: app goes\n"));
}

#[test]
fn what_others_put_there_stays() {
    let world = World::new("");
    world.bare.write("main", &[("README.md", Some("ours")), ("app/notes.txt", Some("notes"))]);
    world.deploy(&bundle(&[("a", "1")])).expect("deployed");
    world.deploy(&bundle(&[("b", "1")])).expect("deployed");
    assert_eq!(world.paths(), ["README.md", "app/.lockgate", "app/configmap_b.yaml", "app/notes.txt"]);
    world.bare.write("main", &[("app/configmap_c.yaml", Some("mine"))]);
    for error in [
        world.deploy(&bundle(&[("c", "1")])).expect_err("in the way"),
        world.places.rehearse(&world.target, &bundle(&[("c", "1")]), &[]).expect_err("told before"),
    ] {
        assert!(error.message.contains("`configmap_c.yaml` of `app` in branch `main`"), "{error}");
        assert!(error.message.contains("is not from Lockgate"), "{error}");
    }
    world.bare.write("main", &[("app/hooks", Some("a file"))]);
    assert!(world.deploy(&bundle(&[("hook-1", "1")])).is_err_and(|e| e.message.contains("`hooks` of `app`")));
    world.deploy(&bundle(&[])).expect("gone");
    assert_eq!(world.paths(), ["README.md", "app/configmap_c.yaml", "app/hooks", "app/notes.txt"]);
    let blocked = World::new("a/b");
    blocked.bare.write("main", &[("a", Some("a file"))]);
    assert!(blocked.deploy(&bundle(&[("c", "1")])).is_err_and(|e| e.message.contains("`a` is something else")));
}

#[test]
fn commits_are_by_whom_the_environment_names() {
    let mut world = World::new("dev");
    let by = |world: &World| {
        let commit = world.bare.repository.find_commit(world.bare.tip("main").expect("a tip")).expect("a commit");
        (commit.author().to_string(), commit.committer().to_string())
    };
    world.deploy(&bundle(&[("a", "1")])).expect("deployed");
    let nobody = "Lockgate <lockgate@localhost>".to_string();
    assert_eq!(by(&world), (nobody.clone(), nobody));
    let robin = "Robin <robin@example.com>".to_string();
    if let Target::Branch { author, .. } = &mut world.target {
        *author = Some(robin.clone());
    }
    world.deploy(&bundle(&[("a", "2")])).expect("deployed");
    assert_eq!(by(&world), (robin.clone(), robin));
}

#[test]
fn secrets_are_committed_only_where_somebody_says_so() {
    let mut world = World::new("dev");
    let mut secret = bundle(&[("a", "1")]);
    secret.objects.push(object("Secret", "login", json!({"password": "aHVudGVyMg=="})));
    for error in [
        world.deploy(&secret).expect_err("refused"),
        world.places.rehearse(&world.target, &secret, &[]).expect_err("refused in the plan"),
    ] {
        assert_eq!(error.fault, Fault::Invalid);
        assert!(error.message.starts_with("Secret/login would stand in branch `main`"), "{error}");
        assert!(!format!("{error:?}").contains("aHVudGVyMg"), "{error:?}");
    }
    assert_eq!(world.bare.tip("main"), None, "nothing was committed");
    if let Target::Branch { plain_secrets, .. } = &mut world.target {
        *plain_secrets = true;
    }
    let rehearsed = world.places.rehearse(&world.target, &secret, &[]).expect("rehearsed");
    assert!(!format!("{rehearsed:?}").contains("aHVudGVyMg"), "{rehearsed:?}");
    world.deploy(&secret).expect("deployed");
    assert!(world.bare.files("main")["dev/app/secret_login.yaml"].contains("aHVudGVyMg"));
    let empty = World::new("dev");
    let mut bundle = bundle(&[]);
    bundle.objects.push(object("Secret", "made-later", json!({})));
    empty.deploy(&bundle).expect("a secret that holds nothing tells nothing");
}

#[test]
fn who_edits_the_branch_is_seen() {
    let world = World::new("dev");
    let one = bundle(&[("a", "1"), ("b", "2"), ("c", "3")]);
    world.deploy(&one).expect("deployed");
    let edited = [("dev/app/configmap_a.yaml", Some("data: {text: x}")), ("dev/app/configmap_b.yaml", None)];
    world.bare.write("main", &edited);
    let seen = world.places.look(&world.target, "app", None).expect("a look");
    let told: Vec<_> = seen.drift.iter().map(|(object, how)| format!("{object} {how}")).collect();
    assert_eq!(told, ["ConfigMap/a was changed on the branch", "ConfigMap/b is missing"]);
    let rehearsed = world.places.rehearse(&world.target, &one, &[]).expect("rehearsed");
    let a = &rehearsed.objects[0];
    assert_eq!(a.before, Some(json!({"data": {"text": "x"}})), "what would be undone is told field by field");
    assert_eq!(rehearsed.objects[1].before, None);
    world.bare.write("main", &[("dev/app/configmap_a.yaml", Some("a: [")), ("dev/app/.lockgate", Some("{"))]);
    let error = world.places.look(&world.target, "app", None).expect_err("a broken record");
    assert!(error.message.starts_with("`dev/app/.lockgate` in branch `main` of"), "{error}");
}

#[test]
fn many_at_once_lose_nothing() {
    let bare = Bare::new();
    let places = Branches::new(bare.folder().join("cache"));
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (places, target) = (&places, bare.target("main", &format!("env-{number}")));
            scope.spawn(move || {
                for text in ["1", "2", "3"] {
                    let bundle = bundle(&[("a", text)]);
                    places.deploy(&Deployment::of(&target, &bundle)).result.expect("deployed");
                }
            });
        }
    });
    assert_eq!(bare.commits("main").len(), 18);
    let files = bare.files("main");
    assert_eq!(files.len(), 12);
    assert!(
        files.iter().filter(|(path, _)| path.ends_with(".yaml")).all(|(_, text)| text.contains("\"3\"")),
        "{files:?}"
    );
}

#[test]
fn a_deploy_that_was_cut_off_finds_its_commit() {
    let world = World::new("dev");
    let one = bundle(&[("a", "1")]);
    world.deploy(&one).expect("deployed");
    // What a process leaves that dies before it pushes: objects that nothing leads to.
    let home = world.places.home(&At::of(&world.target).expect("a branch")).expect("a home");
    let tip = home.tip().expect("a tip");
    let at = At::of(&world.target).expect("a branch");
    let two = bundle(&[("a", "2")]);
    let deployment = Deployment::of(&world.target, &two);
    let held = Held::read(&tip, &at, "app").expect("held");
    let files = names::files(&two);
    let recorded = files.iter().map(|(path, wanted)| (path.clone(), wanted.recorded.clone())).collect();
    let record = Record::new(&deployment, recorded).bytes().expect("a record");
    let changes = held.changes(&files).expect("nothing in the way");
    let orphan = change::commit(&tip, &at, &held, &files, &changes, &record, &deployment).expect("a commit");
    assert_eq!(world.bare.commits("main").len(), 1, "which is on no branch");
    assert_eq!(home.push(&tip, orphan).expect("pushed"), Pushed::Done);
    assert_eq!(home.push(&tip, orphan).expect("asked"), Pushed::Overtaken, "only on top of what was seen");
    let again = || world.places.deploy(&deployment).result.expect("deployed");
    again();
    world.bare.write("main", &[("other", Some("x"))]);
    again();
    assert_eq!(world.bare.commits("main").len(), 3, "it is there, also below what others pushed");
}

#[test]
fn what_people_work_on_is_not_moved() {
    let dir = tempfile::tempdir().expect("a folder");
    settings::settle();
    let mut options = git2::RepositoryInitOptions::new();
    let repository = git2::Repository::init_opts(dir.path(), options.initial_head("main")).expect("a repository");
    let target = |branch: &str| Target::Branch {
        repository: dir.path().display().to_string(),
        branch: branch.into(),
        folder: String::new(),
        namespace: "shop".into(),
        credentials: None,
        plain_secrets: false,
        author: None,
    };
    let places = Branches::new(dir.path().join(".cache"));
    let deploy = |target: &Target| places.deploy(&Deployment::of(target, &bundle(&[("a", "1")]))).result;
    let error = deploy(&target("main")).expect_err("checked out");
    assert!(error.message.ends_with("is checked out there"), "{error}");
    deploy(&target("deployed")).expect("another branch");
    assert!(repository.find_branch("deployed", git2::BranchType::Local).is_ok());
    let gone = Target::Branch {
        repository: dir.path().join("nowhere").display().to_string(),
        branch: "main".into(),
        folder: String::new(),
        namespace: "shop".into(),
        credentials: None,
        plain_secrets: false,
        author: None,
    };
    assert_eq!(deploy(&gone).expect_err("missing").fault, Fault::NotFound);
}

#[test]
fn it_stops_when_it_is_told_to_and_tells_its_log() {
    let world = World::new("dev");
    let bundle = bundle(&[("a", "1")]);
    let stop = AtomicBool::new(true);
    let log = world.bare.folder().join("log");
    let deployment = Deployment { stop: &stop, log: Some(&log), ..Deployment::of(&world.target, &bundle) };
    assert_eq!(world.places.deploy(&deployment).result.expect_err("stopped").fault, Fault::Cancelled);
    stop.store(false, Ordering::Relaxed);
    let deployment = Deployment { stop: &stop, ..deployment };
    let ended = world.places.deploy(&deployment);
    let text = std::fs::read_to_string(&log).expect("a log");
    let tip = world.bare.tip("main").expect("a commit");
    assert!(text.contains(&format!("commit {tip}, 1 written and 0 removed")), "{text}");
    assert_eq!(ended.log, Some((text.len() as u64, Digest::of(&text))));
}

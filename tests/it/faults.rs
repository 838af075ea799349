//! The faults of the system that Lockgate replaces, Jenkins and Spinnaker around one chart: each test tells what happened there,
//! and would fail there.

use crate::lab::{Lab, Ran};
#[cfg(feature = "server")]
use crate::{lab::wait_for, server::Served};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The images of the example's vendor: the one that is first, and the one that is patched.
const FIRST: &str = "sha256:2f86ec0e8e88ef52cebb77c9d383eb4df330377aca6e2089aed48dbfe4cf129d";
const PATCHED: &str = "sha256:4ff5b10e6d9c6f835027b4aff22fb86a4d4e3d86e675a92a0c653e164d34ff48";

/// Fails where what is deployed says that it is broken.
const TEST: &str = "#!/bin/sh\n! grep -rq broken \"$LOCKGATE_FOLDER\"\n";

/// The example with a verification that can fail, before anything is deployed.
fn example() -> Lab {
    let lab = Lab::copy_of("examples/01-first-light");
    lab.write("config/tests/test.sh", TEST);
    lab
}

/// The example with its candidate in all environments.
fn delivered(lab: Lab) -> Lab {
    lab.run(&["apply"]).exits(3);
    pass(&lab, "staging", &["rita"]).exits(3);
    pass(&lab, "prod", &["sam", "sue"]).exits(0);
    lab
}

/// These people say yes, and it is done.
fn pass(lab: &Lab, environment: &str, people: &[&str]) -> Ran {
    for person in people {
        lab.run(&["approve", environment, "--as", person]).exits(0);
    }
    lab.run(&["apply"])
}

fn greet(lab: &Lab, environment: &str, greeting: &str) {
    lab.write(&format!("config/values-{environment}.yaml"), &format!("replicas: 1\ngreeting: {greeting}\n"));
}

fn greeting(lab: &Lab, environment: &str) -> String {
    lab.read(&format!("out/{environment}/mi/configmap_mi.yaml"))
}

/// The digest that runs in an environment.
fn runs(lab: &Lab, environment: &str) -> String {
    let deployment = lab.read(&format!("out/{environment}/mi/deployment_apps_mi.yaml"));
    let (_, digest) = deployment.split_once("@sha256:").expect("an image by digest");
    format!("sha256:{}", digest.get(..64).expect("a digest"))
}

/// What each tag of our registry names.
fn tags(lab: &Lab) -> BTreeMap<String, String> {
    let index: serde_json::Value = serde_json::from_str(&lab.read("out/registry/index.json")).expect("JSON");
    let named = |image: &serde_json::Value| {
        let tag = image["annotations"]["org.opencontainers.image.ref.name"].as_str()?;
        Some((tag.to_string(), image["digest"].as_str()?.to_string()))
    };
    index["manifests"].as_array().expect("images").iter().filter_map(named).collect()
}

/// Fault 1: The nightly rebuild pushed the same tag again: no manifest changed, so the patched image was never deployed, while the tag
/// that production ran was another image from then on.
#[test]
fn fault_1_a_rebuild_on_a_base_that_moved_under_its_tag_is_deployed_and_overwrites_nothing() {
    let lab = example();
    // The vendor has one tag.
    let index = lab.read("base/index.json").replace("\"1.2.1\"", "\"other\"");
    lab.write("base/index.json", &index);
    let lab = delivered(lab);
    let (before, tagged) = (runs(&lab, "prod"), tags(&lab));

    // In the night, it names the patched image.
    lab.write("base/index.json", &index.replace(FIRST, "first").replace(PATCHED, FIRST).replace("first", PATCHED));
    lab.run(&["plan"]).exits(2).says(&["base", "1.2.0"]);
    lab.run(&["apply"]).exits(3).says(&["release-managers"]);

    let patched = runs(&lab, "dev");
    assert_ne!(patched, before, "dev has it at once");
    assert_eq!((runs(&lab, "staging"), runs(&lab, "prod")), (before.clone(), before), "the others have their gates");
    let after = tags(&lab);
    for (tag, digest) in &tagged {
        assert_eq!(after.get(tag), Some(digest), "{tag} names what it named");
    }
    assert!(after.values().any(|digest| *digest == patched), "and the new image has a tag of its own");
    pass(&lab, "staging", &["rita"]).exits(3);
    pass(&lab, "prod", &["sam", "sue"]).exits(0);
    assert_eq!(runs(&lab, "prod"), patched, "once people have said yes, it is in production");
}

/// Fault 2: A judgment named nobody: whoever was logged in could give it.
#[cfg(feature = "server")]
#[test]
fn fault_2_only_whom_the_gate_names_says_yes() {
    let served = Served::example();
    served.waits_at("staging");
    for stranger in ["viv", "dev", "sam", "adm"] {
        let said = served.approve(stranger, "staging");
        assert!((400..500).contains(&said.status), "{stranger} is no release manager: {}", said.body);
    }
    served.settled();
    assert_eq!(served.has("staging"), None);
    served.approve("rita", "staging").is(200);
    wait_for("staging", || served.has("staging").is_some());
}

/// Fault 2: A judgment that nobody gave kept newer changes waiting for days.
#[test]
fn fault_2_what_waits_at_a_gate_keeps_nothing_newer_from_dev_and_makes_room_for_it() {
    let lab = example();
    lab.run(&["apply"]).exits(3);
    for word in ["second", "third"] {
        greet(&lab, "dev", word);
        greet(&lab, "staging", word);
        lab.run(&["apply"]).exits(3);
        assert!(greeting(&lab, "dev").contains(word));
    }
    lab.run(&["history"]).exits(0).says(&["gives way to"]);
    pass(&lab, "staging", &["rita"]).exits(3);
    assert!(greeting(&lab, "staging").contains("third"), "the newest is what was approved");
}

/// Fault 3: What a chart was compared with, and gone back to, was the artifact of the last run, whether that had succeeded or not.
#[test]
fn fault_3_what_was_before_is_what_was_verified_last() {
    let lab = example();
    greet(&lab, "dev", "first");
    lab.run(&["apply"]).exits(3);
    greet(&lab, "dev", "second");
    lab.run(&["apply"]).exits(3);
    for word in ["broken", "broken again"] {
        greet(&lab, "dev", word);
        lab.run(&["apply"]).exits(1);
        assert!(greeting(&lab, "dev").contains("second"), "back to the last that was verified");
    }
    greet(&lab, "dev", "third");
    lab.run(&["plan"]).exits(2).says(&["second", "third"]).says_nothing_of(&["broken"]);
    lab.run(&["rollback", "dev", "--reason", "a test"]).exits(0);
    lab.run(&["apply"]);
    assert!(greeting(&lab, "dev").contains("first"), "the verified one before the one that is there");
}

/// Fault 4: Names and constraints were looked for anywhere in a text: `app` was found in `app-2`. (That what is sent to the server names its
/// source and its secret whole is tested with its hooks.)
#[test]
fn fault_4_a_name_is_the_whole_name() {
    let lab = delivered(example());
    let index = lab.read("base/index.json");
    for tag in ["1.2.9-2", "11.2.9", "x1.2.9", "1.20.9"] {
        lab.write(
            "base/index.json",
            &index.replace("\"1.2.1\"", &format!("\"{tag}\"")).replace("\"1.2.0\"", "\"1.2.1\""),
        );
        let plan = lab.run(&["plan", "--json"]).json();
        let base = plan["sources"].as_array().expect("sources").iter().find(|s| s["name"] == "base").expect("the base");
        assert!(!base.to_string().contains(tag), "{tag} is none of 1.2.*: {base}");
    }
    lab.write("base/index.json", &index);
    lab.run(&["plan"]).exits(0);

    // Paths, too.
    lab.edit("lockgate.kdl", "folder \"config\"", "folder \"config\"\n        paths \"values-*.yaml\" \"tests/**\"");
    lab.run(&["apply"]);
    lab.run(&["plan"]).exits(0);
    for path in ["values-dev.yaml.bak", "old/values-dev.yaml", "my-values-dev.yaml", "tests-2/test.sh"] {
        lab.write(&format!("config/{path}"), "greeting: of another\n");
        lab.run(&["plan"]).exits(0);
    }
}

/// Fault 5: An empty schedule was taken, and switched polling off as well.
#[test]
fn fault_5_an_empty_schedule_is_an_error() {
    let lab = example();
    for trigger in ["cron=\"\"", "cron=\" \"", "poll=\"\"", ""] {
        let text = lab.read("lockgate.kdl");
        let watched = format!("folder \"app\"\n        trigger {trigger}\n        trigger poll=\"1m\"");
        lab.write("lockgate.kdl", &text.replace("folder \"app\"", &watched));
        let checked = lab.run(&["check"]).exits(1);
        let faults = checked.out.matches("LG").count() + checked.err.matches("LG").count();
        assert!(faults > 0, "`trigger {trigger}` is refused with a reason\n{}{}", checked.out, checked.err);
        lab.run(&["apply"]).exits(1);
        assert!(!lab.has("out"), "and nothing is done meanwhile");
        lab.write("lockgate.kdl", &text);
    }
}

/// The password of these tests, with signs that the encodings write in another way.
const PASSWORD: &str = "pass/word+of a&registry";

/// The example with a program that is given a password and says it in every way it knows.
fn with_a_password() -> Lab {
    let lab = example();
    let test = "test \"./tests/unit.sh\" { env PASSWORD=\"{registry-password}\" }";
    lab.edit("lockgate.kdl", "test \"./tests/unit.sh\"", test);
    lab.edit(
        "lockgate.kdl",
        "    source app {",
        "    secret registry-password { env REGISTRY_PASSWORD }\n    source app {",
    );
    let told = "#!/bin/sh\necho \"plain $PASSWORD\"\necho \"base64 $(printf %s \"$PASSWORD\" | base64)\"\n\
        echo \"url $(printf %s \"$PASSWORD\" | sed 's|/|%2F|g; s|+|%2B|g; s| |%20|g; s|&|%26|g')\"\n";
    lab.write("app/tests/unit.sh", told);
    lab
}

/// Fault 5: Passwords of registries were build arguments, which every image tells, and stood in ConfigMaps.
#[test]
fn fault_5_a_password_is_nowhere() {
    let lab = with_a_password();
    let run = |args: &[&str]| {
        let done = lab.command(args).env("REGISTRY_PASSWORD", PASSWORD).output().expect("it starts");
        Ran::new(args, done)
    };
    let saved = run(&["plan", "--out", "saved"]).exits(2);
    let mut said = vec![saved, run(&["plan", "--json"]), run(&["apply", "saved"]).exits(3)];
    said.push(run(&["log", "test.image"]).exits(0).says(&["plain ", "base64 ", "url "]));
    said.extend([&["history", "--json"][..], &["status", "--json"], &["history"]].map(run));

    let forms = [PASSWORD, "cGFzcy93b3JkK29mIGEmcmVnaXN0cnk", "pass%2Fword%2Bof%20a%26registry"];
    for form in forms {
        for ran in &said {
            assert!(!ran.out.contains(form) && !ran.err.contains(form), "{ran:?} tells `{form}`");
        }
        // All files: the state with its logs and plans, the layers, the manifests.
        for (path, bytes) in lab.tree("") {
            let holds = |bytes: &[u8]| bytes.windows(form.len()).any(|window| window == form.as_bytes());
            assert!(!holds(&bytes) && !holds(&unpacked(&bytes)), "{path} holds `{form}`");
        }
    }

    // Where it could be read by others, it may not even stand.
    let good = lab.read("lockgate.kdl");
    for (place, with) in [
        ("arg BASE_IMAGE=\"{base}\"", "arg BASE_IMAGE=\"{base}\" PASSWORD=\"{registry-password}\""),
        ("context app\n", "context app\n        label password=\"{registry-password}\"\n"),
        ("set image=\"{image}\"", "set image=\"{image}\" greeting=\"{registry-password}\""),
    ] {
        assert!(good.contains(place), "{place}");
        lab.write("lockgate.kdl", &good.replace(place, with));
        lab.run(&["check"]).exits(1).says(&["secret"]);
    }
}

/// What is in a file that was packed with gzip.
fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let _ = std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut out);
    }
    out
}

/// How the history says that a verification of dev began.
const STARTED: &str = "\"event\":\"step-started\",\"step\":\"verify.dev";

/// Fault 5: Loops asked with `curl` for ever whether something was there yet.
#[test]
fn fault_5_a_check_that_never_succeeds_ends() {
    let script = "verify config \"tests/test.sh\"";
    for check in [
        "verify { http \"http://127.0.0.1:1/healthz\"; timeout \"1s\" }",
        "verify config \"tests/test.sh\" { timeout \"1s\" }",
        "verify config \"tests/test.sh\" { timeout \"1s\"; retries 1 }",
    ] {
        let lab = example();
        lab.write("config/tests/test.sh", "#!/bin/sh\nwhile :; do sleep 0.1; done\n");
        lab.edit("lockgate.kdl", script, check);
        let start = Instant::now();
        lab.run(&["apply"]).exits(1).says(&["verify.dev"]);
        assert!(start.elapsed() < Duration::from_secs(60), "{check} took {:?}", start.elapsed());
        assert!(!lab.has("out/staging"));
        let tried = || lab.run(&["history", "--json", "-n", "1000"]).exits(0).out.matches(STARTED).count();
        let before = tried();
        assert!(before > 0, "{check} was tried");
        lab.run(&["apply"]).says(&["which failed there"]);
        assert_eq!(tried(), before, "and it is not tried again by itself");
    }
}

/// Fault 5: There was no diff before an approval, no way back, and no verification after dev or production.
#[test]
fn fault_5_every_environment_has_a_diff_a_verification_and_a_way_back() {
    let lab = delivered(example());
    for environment in ["dev", "staging", "prod"] {
        lab.run(&["log", &format!("verify.{environment}")]).exits(0);
    }
    // The way there, with the field that changes, and back.
    greet(&lab, "prod", "broken");
    lab.run(&["plan"]).exits(2).says(&["good morning from prod", "broken"]);
    lab.run(&["apply"]).exits(3);
    pass(&lab, "prod", &["sam", "sue"]).exits(1).says(&["verify.prod"]);
    assert!(greeting(&lab, "prod").contains("good morning from prod"), "what failed there is gone");
}

//! Pages, and what must hold of each of them.

use super::scene::Scene;
use crate::lab::Lab;
use lockgate::report::steps;
use lockgate::server::pages::{Look, Viewer, board, candidate, fault, file, gate, history, index, log, login, run};
use std::collections::BTreeMap;

/// The first example with a change that waits before staging, after one that went all the way.
fn busy() -> Scene {
    let lab = Lab::copy_of("examples/01-first-light");
    lab.edit("lockgate.kdl", "folder \"app\"", "git \"./app\" branch=main");
    lab.edit("lockgate.kdl", "folder \"config\"", "git \"./config\" branch=main");
    lab.commit("app", "Greet whoever comes in");
    lab.commit("config", "Begin with one replica");
    lab.run(&["apply"]).exits(3);
    lab.run(&["approve", "staging", "--as", "rita", "--reason", "looks right"]).exits(0);
    lab.run(&["apply"]).exits(3);
    lab.run(&["approve", "prod", "--as", "sam"]).exits(0);
    lab.run(&["approve", "prod", "--as", "sue"]).exits(0);
    lab.run(&["apply"]).exits(0);
    lab.edit("config/values-staging.yaml", "replicas: 1", "replicas: 2");
    lab.commit("config", "Two replicas in staging");
    lab.run(&["apply"]).exits(3);
    lab.edit("app/services/greet.sh", "hello", "good evening");
    lab.commit_as("Bob Builder", "app", "Say good evening <b>after six</b>");
    lab.run(&["apply"]).exits(3);
    lab.run(&["hold", "prod", "--as", "sam", "--reason", "the audit goes on"]).exits(0);
    Scene::of(lab)
}

/// Every page of a scene by its address.
fn pages(scene: &Scene) -> BTreeMap<String, String> {
    let look = scene.look();
    let mut pages = BTreeMap::new();
    let mut put = |address: String, page: maud::Markup| pages.insert(address, page.into_string());
    put(look.to(&[]), board::html(&look));
    put("/".into(), index::html(look.viewer, &[index::row(&look)], ""));
    for formed in &scene.past.candidates {
        let id = formed.candidate.id;
        put(look.to(&["candidates", &id.hex()]), candidate::html(&look, id, &Default::default()));
    }
    put(look.to(&["candidates"]), candidate::all(&look));
    for environment in ["dev", "staging", "prod"] {
        put(look.to(&["gates", environment]), gate::html(&look, environment, None).expect("an environment"));
    }
    put(look.to(&["runs"]), run::all(&look));
    for line in &scene.past.runs {
        let records = scene.run(line.number);
        put(look.to(&["runs", &line.number.to_string()]), run::html(&look, line.number, &records));
        for step in steps::lines(&records, None) {
            let Some(kept) = &step.log else { continue };
            let bytes = std::fs::read(scene.session.logs().join(&kept.path)).expect("a log");
            let lines: Vec<_> = (1..).zip(bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec)).collect();
            let part = log::Part { total: lines.len(), length: bytes.len() as u64, lines, found: None };
            put(
                look.to(&["runs", &line.number.to_string(), "log", &step.id]),
                log::html(&look, line.number, &step, &part),
            );
        }
    }
    let records: Vec<_> = scene.records.iter().rev().take(history::PAGE).cloned().collect();
    let part = history::Part { older: Some(5), records, about: None, is_first: true };
    put(look.to(&["history"]), history::html(&look, &part));
    put(look.to(&["file"]), file::html(&look, &scene.analysis()));
    let stranger = Viewer { csrf: "c".into(), ..Viewer::default() };
    let offer = login::Offer { provider: Some("Example".into()), to: Some("/p/x".into()), ..Default::default() };
    put("/login".into(), login::html(&stranger, &offer));
    put("/absent".into(), fault::absent(&stranger));
    pages
}

/// Writes pages with their assets for whoever wants to look at them: `LOCKGATE_PAGES` names the folder.
fn show(name: &str, pages: &BTreeMap<String, String>) {
    let Some(folder) = std::env::var_os("LOCKGATE_PAGES").map(|f| std::path::PathBuf::from(f).join(name)) else {
        return;
    };
    for (address, page) in pages {
        let place = folder.join(address.trim_start_matches('/'));
        std::fs::create_dir_all(&place).expect("a folder");
        std::fs::write(place.join("index.html"), page).expect("a page");
    }
}

#[test]
fn every_page_is_made_of_what_an_example_left_behind() {
    let scene = busy();
    let pages = pages(&scene);
    show("busy", &pages);
    for (address, page) in &pages {
        assert!(!page.contains(" style=") && !page.contains("<style") && !page.contains(" onclick="), "{address}");
        let own = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!own.contains("http:") && !own.contains("https:"), "{address} loads nothing from elsewhere");
        assert_eq!(page.matches("<script").count(), 1, "{address}");
        assert_eq!(page.matches("<h1").count(), 1, "{address}");
        let secret = scene.lab.path().display().to_string();
        assert!(!page.contains(&secret), "{address} tells where the folder is");
    }
    let board = &pages["/p/first-light"];
    for said in ["staging", "waits with", "1 approval from release-managers", "Review and approve", "the audit goes on"]
    {
        assert!(board.contains(said), "the board does not say `{said}`:\n{board}");
    }
    let gate = &pages["/p/first-light/gates/staging"];
    for said in [
        "spec.replicas",
        "<del title=\"1\">1</del>",
        "<ins title=\"2\">2</ins>",
        "Approve for staging",
        "name=\"subplan\"",
    ] {
        assert!(gate.contains(said), "the gate does not say `{said}`:\n{gate}");
    }
    assert!(pages["/p/first-light/file"].contains("k-node"));
}

#[test]
fn a_newcomer_is_told_what_comes() {
    let scene = Scene::of(Lab::copy_of("examples/01-first-light"));
    let pages = pages(&scene);
    show("fresh", &pages);
    assert!(pages["/p/first-light"].contains("Nothing has happened yet."));
    assert!(pages["/p/first-light/runs"].contains("No run yet."));
}

#[test]
fn who_may_not_approve_has_no_button_and_is_told_why() {
    let mut scene = busy();
    let button = |scene: &Scene| {
        let look: Look<'_> = scene.look();
        let page = gate::html(&look, "staging", None).expect("a gate").into_string();
        (page.contains("Approve for staging"), page)
    };
    assert!(button(&scene).0);
    scene.viewer.groups = Some(vec!["interns".into()]);
    let (is_there, page) = button(&scene);
    assert!(!is_there && page.contains("rita is not of release-managers"), "{page}");
    scene.viewer.name = None;
    let (is_there, page) = button(&scene);
    assert!(!is_there && page.contains("Sign in to approve or reject."), "{page}");
}

#[test]
fn what_others_wrote_is_text_and_nothing_else() {
    const EVIL: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\" onmouseover=\"alert(3)";
    let lab = Lab::copy_of("examples/01-first-light");
    lab.edit("lockgate.kdl", "folder \"app\"", "git \"./app\" branch=main");
    lab.edit("lockgate.kdl", "// What we watch", &format!("// {EVIL}"));
    lab.edit("config/values-staging.yaml", "replicas: 1", &format!("replicas: 1\ngreeting: '{EVIL} \u{202e}'"));
    lab.write(
        "app/tests/unit.sh",
        &format!("#!/bin/sh\nprintf '%s\\033[31m%s\\033]8;;javascript:x\\007\\n' '{EVIL}' '{EVIL}'\n"),
    );
    lab.commit_as(&format!("Eve {}", EVIL.replace(['<', '>'], "")), "app", &format!("{EVIL} \u{202e}txet"));
    lab.run(&["apply"]).exits(3);
    lab.run(&["hold", "prod", "--as", EVIL, "--reason", EVIL]).exits(0);
    lab.run(&["approve", "staging", "--as", "rita", "--reason", EVIL]).exits(0);
    let mut scene = Scene::of(lab);
    scene.viewer.name = Some(EVIL.into());
    scene.trouble.push(EVIL.into());
    let pages = pages(&scene);
    show("evil", &pages);
    let mut seen = 0;
    for (address, page) in &pages {
        assert_eq!(page.matches("<script").count(), 1, "{address}");
        assert!(
            !page.contains("<img") && !page.contains(" onmouseover=\"") && !page.contains("javascript:"),
            "{address}"
        );
        assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}'), "{address}");
        seen += page.matches("&lt;script&gt;alert(1)").count();
    }
    assert!(seen > 20, "what others wrote is shown: {seen}");
    let log = &pages["/p/first-light/runs/1/log/test.image"];
    assert!(log.contains("<span class=\"c1\">&lt;/script&gt;"), "{log}");
}

//! Where it is not the input but the machine: a server that says no, a full disk, a state of the future.

use super::{fails, good, tree, with_git};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

#[test]
fn a_repository_that_denies_access() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut client in server.incoming().flatten() {
            let _ = client.read(&mut [0; 4096]);
            let no = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"no\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = client.write_all(no.as_bytes());
        }
    });
    let lab = with_git();
    lab.edit("lockgate.kdl", "\"./app\"", &format!("\"http://127.0.0.1:{port}/app.git\""));
    fails(&lab, &[], &["LG0602", "lockgate.kdl:4"]);
}

#[test]
fn a_state_of_a_newer_version_is_left_as_it_is() {
    let lab = good();
    lab.run(&["apply"]).exits(0);
    let path = lab.tree(".lockgate").into_keys().find(|p| p.ends_with(".db")).expect("a database");
    let database = rusqlite::Connection::open(lab.at(&path)).expect("it opens");
    database.execute_batch("UPDATE meta SET value = 1000000; PRAGMA wal_checkpoint(TRUNCATE)").expect("it is written");
    drop(database);
    let before = lab.read_bytes(&path);
    let files = tree(&lab);
    lab.edit("app/hello", "hello", "changed");
    for verb in ["plan", "apply", "status"] {
        lab.run(&[verb]).exits(1).says(&["LG0604", "version 1000000", "newer Lockgate", "help: "]);
    }
    lab.edit("app/hello", "changed", "hello");
    assert!(lab.read_bytes(&path) == before, "the state was written to");
    assert!(tree(&lab) == files);
}

/// A file system of so many bytes, where one can be had: only root may mount.
struct Small(std::path::PathBuf);

impl Small {
    fn at(path: std::path::PathBuf, bytes: u32) -> Option<Small> {
        std::fs::create_dir_all(&path).expect("a folder");
        let size = format!("size={bytes}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&path).output();
        let is_there = mounted.is_ok_and(|done| done.status.success());
        if !is_there {
            println!("skipped: a small file system cannot be mounted here");
        }
        is_there.then_some(Small(path))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_fails_by_name_and_what_was_deployed_is_whole() {
    let lab = good();
    let Some(_small) = Small::at(lab.at("out"), 16 << 10) else { return };
    lab.run(&["apply"]).exits(0);
    let before = lab.tree("out");
    std::fs::write(lab.at("out/filler"), vec![0; 16 << 10]).ok();
    lab.edit("config/values.yaml", "hello", "changed");
    lab.run(&["apply"]).exits(1).says(&["the disk is full", "out/dev"]);
    lab.remove("out/filler");
    assert!(lab.tree("out") == before, "what was there is there, and nothing half written");
}

#[test]
fn a_full_disk_under_the_state_fails_by_name() {
    let lab = good();
    let Some(_small) = Small::at(lab.at("state"), 64 << 10) else { return };
    std::fs::write(lab.at("state/filler"), vec![0; 64 << 10]).ok();
    lab.run(&["apply", "--state", "state"]).exits(1).says(&["LG0", "full"]);
    assert!(!lab.has("out"), "what cannot be written down is not done");
}

#[cfg(feature = "kubernetes")]
#[test]
fn a_cluster_where_nobody_listens_stops_its_environment_alone() {
    let lab = crate::lab::Lab::with(&[
        ("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("chart/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
        (
            "kubeconfig",
            "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: \"https://127.0.0.1:1\"}}]\n\
             contexts: [{name: nowhere, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {token: t}}]\n",
        ),
        (
            "lockgate.kdl",
            "lockgate 1\npipeline web {\n    source chart { helm \"./chart\" }\n    release web { chart chart }\n    \
             environment here { folder \"./out\"; deploy web }\n    \
             environment there { cluster nowhere namespace=x; deploy web }\n}\n",
        ),
    ]);
    for verb in ["plan", "apply"] {
        let mut command = lab.command(&[verb]);
        let output = command.env("KUBECONFIG", lab.at("kubeconfig")).output().expect("the program starts");
        crate::lab::Ran::new(&[verb], output).exits(1).says(&["there", "cannot be reached"]);
    }
    assert!(!lab.tree("out").is_empty(), "the other goes on");
}

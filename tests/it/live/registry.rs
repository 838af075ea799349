//! Registries as they are.

use super::{is_live, unique};
use crate::lab::Lab;

/// The registry that the cluster pulls from.
fn registry() -> String {
    std::env::var("REGISTRY").ok().filter(|r| !r.is_empty()).unwrap_or_else(|| "127.0.0.1:5000".to_string())
}

const BASE: &str = r#"
lockgate 1
pipeline base {
    source app { folder "../app"; }
    build base {
        context app
        dockerfile "Dockerfile.base"
        push "REPOSITORY" tag="1.0.0"
    }
}
"#;

const ON_TOP: &str = r#"
lockgate 1
pipeline images {
    source app { folder "./app"; }
    source base { image "BASE" tag="1.*"; }
    build image {
        context app
        arg BASE_IMAGE="{base}"
        push "REPOSITORY" tag="one"
    }
    build copy {
        context app
        arg BASE_IMAGE="{base}"
        push "./layout" tag="one"
    }
}
"#;

#[test]
fn a_base_is_pushed_and_built_on() {
    if !is_live("a base is pushed to a registry and built on") {
        return;
    }
    let base = format!("{}/registry/{}", registry(), unique("base"));
    let image = format!("{}/registry/{}", registry(), unique("image"));
    let lab = Lab::with(&[
        ("app/Dockerfile.base", "FROM scratch\nCOPY base.txt /etc/base.txt\n"),
        ("app/Dockerfile", "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY app.txt /app/app.txt\n"),
        ("app/base.txt", "base"),
        ("app/app.txt", "app"),
        ("base/lockgate.kdl", &BASE.replace("REPOSITORY", &base)),
        ("lockgate.kdl", &ON_TOP.replace("\"BASE\"", &format!("\"{base}\"")).replace("REPOSITORY", &image)),
    ]);
    lab.run(&["apply", "--yes", "base/lockgate.kdl"]).exits(0);
    lab.run(&["apply", "--yes"]).exits(0);
    lab.run(&["plan"]).exits(0).says(&["Nothing to do"]);
    let blobs = lab.tree("layout/blobs/sha256");
    assert_eq!(blobs.len(), 4, "two layers, the base's too, a configuration and a manifest");
    // The base moves under a tag that counts: a new candidate, though nothing else changed.
    lab.write("app/base.txt", "another base");
    lab.run(&["apply", "--yes", "base/lockgate.kdl"]).exits(0);
    lab.run(&["plan"]).exits(2).says(&["base"]);
    lab.run(&["apply", "--yes"]).exits(0);
    lab.run(&["plan"]).exits(0);
}

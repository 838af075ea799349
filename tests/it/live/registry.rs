//! Registries as they are.

use super::{is_live, registry, unique};
use crate::lab::{Lab, free_port};

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

/// A registry of our own, with TLS by an authority that nobody else knows, and a password. It ends with the test.
struct Guarded {
    child: std::process::Child,
    name: String,
}

impl Guarded {
    /// Nothing where there is no registry or no `openssl` to start it with.
    fn start(lab: &Lab) -> Option<Guarded> {
        let port = free_port();
        let openssl = |line: &str| {
            let done = std::process::Command::new("openssl").args(line.split(' ')).current_dir(lab.path()).output();
            done.is_ok_and(|done| done.status.success())
        };
        lab.write("ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
        let made = openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=authority")
            && openssl("req -newkey rsa:2048 -nodes -keyout s.key -out s.csr -subj /CN=localhost")
            && openssl("x509 -req -in s.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out s.crt");
        if !made {
            return None;
        }
        let at = |path: &str| lab.at(path).display().to_string();
        lab.write("htpasswd", &format!("ann:{}\n", bcrypt::hash("pw", 4).expect("a hash")));
        lab.write(
            "registry.yml",
            &format!(
                "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp:\n  addr: 127.0.0.1:{port}\n  tls: {{certificate: {}, key: {}}}\nauth:\n  htpasswd: {{realm: x, path: {}}}\n",
                at("storage"), at("s.crt"), at("s.key"), at("htpasswd")
            ),
        );
        let mut command = std::process::Command::new("docker-registry");
        command
            .args(["serve", &at("registry.yml")])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        let child = command.spawn().ok()?;
        let name = format!("localhost:{port}");
        lab.write(&format!("certs/{name}/ca.crt"), &lab.read("ca.crt"));
        crate::lab::wait_for("the registry", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Guarded { child, name })
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const GUARDED: &str = r#"
lockgate 1
pipeline guarded {
    source app { folder "./app"; }
    secret login { env LOGIN; }
    build image {
        context app
        push "REGISTRY/acme/app" tag="one" credentials=login
    }
}
"#;

#[test]
fn a_registry_with_tls_and_a_password() {
    if !is_live("a registry with TLS and a password is pushed to") {
        return;
    }
    let lab = Lab::with(&[("app/Dockerfile", "FROM scratch\nCOPY app.txt /app.txt\n"), ("app/app.txt", "app")]);
    let Some(registry) = Guarded::start(&lab) else {
        eprintln!("skipped: there is no `docker-registry` or no `openssl` on this machine");
        return;
    };
    lab.write("lockgate.kdl", &GUARDED.replace("REGISTRY", &registry.name));
    let run = |login: &str, args: &[&str]| {
        let mut command = lab.command(args);
        command.env("LOGIN", login).env("LOCKGATE_CERTS", lab.at("certs")).env("DOCKER_CONFIG", lab.at("docker"));
        crate::lab::Ran::new(args, command.output().expect("the program starts"))
    };
    run("ann:no", &["apply", "--yes"]).exits(1).says(&["does not take the credentials of `ann`"]);
    run("ann:pw", &["apply", "--yes"]).exits(0);
    run("ann:pw", &["plan"]).exits(0);
    // What Docker's client left does, too; and nobody gets in without.
    lab.edit("lockgate.kdl", " credentials=login", "");
    run("x", &["plan"]).exits(1).says(&["wants credentials for it", "docker login"]);
    lab.write("docker/config.json", &format!(r#"{{"auths":{{"{}":{{"auth":"YW5uOnB3"}}}}}}"#, registry.name));
    run("x", &["plan"]).exits(0);
    // An authority that nobody knows is nobody's.
    lab.write(&format!("certs/{}/ca.crt", registry.name), "");
    run("x", &["plan"]).exits(1).says(&["is not to be trusted"]);
}

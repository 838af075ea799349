//! A cluster that goes away in the middle of a deploy, and comes back.

use super::kube::{Namespace, context};
use super::{busybox, is_live};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A way to the API server that can be cut.
struct Way {
    port: u16,
    is_open: Arc<AtomicBool>,
    ends: Arc<Mutex<Vec<TcpStream>>>,
}

impl Way {
    fn to(server: &str) -> Way {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let way = Way { port, is_open: Arc::new(AtomicBool::new(true)), ends: Arc::default() };
        let (is_open, ends, server) = (way.is_open.clone(), way.ends.clone(), server.to_string());
        std::thread::spawn(move || {
            for here in listener.incoming().map_while(Result::ok) {
                let Some(there) = TcpStream::connect(&server).ok().filter(|_| is_open.load(Ordering::Relaxed)) else {
                    continue;
                };
                for (mut from, mut to) in [(&here, &there), (&there, &here)].map(|(a, b)| (twin(a), twin(b))) {
                    ends.lock().expect("ends").push(twin(&from));
                    std::thread::spawn(move || {
                        let mut buffer = vec![0; 16 << 10];
                        while let Ok(count) = from.read(&mut buffer)
                            && count > 0
                            && to.write_all(&buffer[..count]).is_ok()
                        {}
                        drop(to.shutdown(Shutdown::Both));
                    });
                }
            }
        });
        way
    }

    fn cut(&self) {
        self.is_open.store(false, Ordering::Relaxed);
        for end in self.ends.lock().expect("ends").drain(..) {
            drop(end.shutdown(Shutdown::Both));
        }
    }

    fn mend(&self) {
        self.is_open.store(true, Ordering::Relaxed);
    }
}

fn twin(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("another end")
}

/// The kubeconfig, and the host and port of the server in it.
fn kubeconfig() -> (String, String) {
    let file = std::env::var("KUBECONFIG").expect("KUBECONFIG names the cluster's");
    let text = std::fs::read_to_string(file).expect("a kubeconfig");
    let server =
        text.split("server: https://").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a server");
    (text.clone(), server.trim_end_matches('/').to_string())
}

#[test]
fn a_cluster_that_goes_away_and_comes_back_is_waited_for() {
    if !is_live("a_cluster_that_goes_away_and_comes_back_is_waited_for") {
        return;
    }
    let namespace = Namespace::new("rollout-away");
    let (kubeconfig, server) = kubeconfig();
    let way = Way::to(&server);
    let deployment = format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {{app: web}}
  template:
    metadata:
      labels: {{app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: app
          image: {}
          command: [sh, -c, \"sleep 12; touch /ready; sleep 600\"]
          readinessProbe:
            exec: {{command: [cat, /ready]}}
            periodSeconds: 1
",
        busybox()
    );
    let pipeline = format!(
        r#"lockgate 1
pipeline shop {{
    source app {{
        folder "./app"
    }}
    release web {{
        chart app chart
    }}
    environment dev {{
        cluster "{}" namespace="{}"
        deploy web
        timeout "2m"
    }}
}}
"#,
        context(),
        namespace.name
    );
    let lab = crate::lab::Lab::with(&[
        ("lockgate.kdl", &pipeline),
        ("app/chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("app/chart/templates/web.yaml", &deployment),
        ("kubeconfig", &kubeconfig.replace(&server, &format!("127.0.0.1:{}", way.port))),
    ]);
    let mut command = lab.command(&["apply", "--yes"]);
    command
        .env("KUBECONFIG", lab.at("kubeconfig"))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let child = command.spawn().expect("started");
    let until = Instant::now() + Duration::from_secs(60);
    while namespace.get("apps/v1", "Deployment", "web").is_none() {
        assert!(Instant::now() < until, "nothing is deployed");
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_secs(2));
    way.cut();
    std::thread::sleep(Duration::from_secs(5));
    way.mend();
    let done = child.wait_with_output().expect("an end");
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let logs =
        lab.tree(".lockgate/logs").into_values().map(|v| String::from_utf8_lossy(&v).into_owned()).collect::<String>();
    assert!(done.status.success(), "{said}\n{logs}");
    assert!(logs.contains("answers again"), "{logs}");
    assert_eq!(logs.matches("does not answer, and is asked again").count(), 1, "it is said once: {logs}");
    assert!(logs.contains("Deployment/web: healthy"), "{logs}");
}

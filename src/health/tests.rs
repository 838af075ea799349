use super::*;
use serde_json::json;

/// How an object is with these around it, as `state: words`.
fn judged(object: Value, objects: &[Value], events: &[Value]) -> String {
    let health = of(&object, &Around::new(objects, events));
    let state = match &health {
        Health::Healthy => return "healthy".to_string(),
        Health::Progressing(_) => "progressing",
        Health::Failed(_) => "failed",
        Health::Suspended(_) => "suspended",
    };
    format!("{state}: {health}")
}

fn alone(object: Value) -> String {
    judged(object, &[], &[])
}

fn event(uid: &str, reason: &str, message: &str, count: i64) -> Value {
    json!({"kind": "Event", "involvedObject": {"uid": uid}, "reason": reason, "message": message, "count": count,
           "type": "Warning", "lastTimestamp": "2026-11-25T20:00:00Z"})
}

/// A pod of one container `app` in that state.
fn pod(state: Value, restarts: i64) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web-1", "uid": "p", "ownerReferences": [{"uid": "rs"}]},
        "spec": {"nodeName": "n", "containers": [{"name": "app", "resources": {"limits": {"memory": "64Mi"}}}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}],
            "containerStatuses": [{"name": "app", "image": "r/app:1", "ready": false, "started": true,
                "restartCount": restarts, "state": state,
                "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}})
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({"waiting": {"reason": reason, "message": message}})
}

#[test]
fn pods_that_cannot_pull() {
    let unknown = "Failed to pull image \"r/app:1\": rpc error: code = Unknown desc = Error response from daemon: manifest for r/app:1 not found: manifest unknown: manifest unknown";
    let containerd = "Failed to pull image \"r/app:1\": rpc error: code = NotFound desc = failed to pull and unpack image \"r/app:1\": failed to resolve reference \"r/app:1\": r/app:1: not found";
    let away = "Failed to pull image \"r/app:1\": rpc error: code = Unknown desc = Error response from daemon: Get http://r/v2/: dial tcp 10.0.0.1:443: i/o timeout";
    let back_off = pod(waiting("ImagePullBackOff", "Back-off pulling image \"r/app:1\""), 0);
    let cases = [
        (unknown, "failed: ImagePullBackOff: r/app:1: manifest for r/app:1 not found: manifest unknown"),
        (containerd, "failed: ImagePullBackOff: r/app:1: r/app:1: not found"),
        (away, "progressing: ImagePullBackOff: r/app:1: Get http://r/v2/: dial tcp 10.0.0.1:443: i/o timeout"),
    ];
    for (message, expected) in cases {
        assert_eq!(judged(back_off.clone(), &[], &[event("p", "Failed", message, 3)]), expected);
    }
    assert_eq!(alone(back_off.clone()), "progressing: ImagePullBackOff: r/app:1 cannot be pulled");
    // The first time may have been bad luck.
    let first = pod(waiting("ErrImagePull", "rpc error: code = Unknown desc = manifest unknown"), 0);
    assert_eq!(alone(first), "progressing: ImagePullBackOff: r/app:1: manifest unknown");
    let name = pod(waiting("InvalidImageName", "Failed to apply default image tag \"A\": couldn't parse image"), 0);
    assert!(alone(name).starts_with("failed: InvalidImageName: Failed to apply"));
    // An event of another pod says nothing about this one.
    assert!(judged(back_off, &[], &[event("other", "Failed", unknown, 3)]).starts_with("progressing"));
}

#[test]
fn pods_that_crash() {
    let back_off = || waiting("CrashLoopBackOff", "back-off 40s restarting failed container");
    assert_eq!(alone(pod(back_off(), 4)), "failed: CrashLoopBackOff: exit code 1, restarted 4 times");
    assert!(alone(pod(back_off(), 3)).starts_with("progressing"), "what it needs may still come");
    assert_eq!(alone(pod(back_off(), 1)), "progressing: CrashLoopBackOff: exit code 1, restarted once");
    let ended = |how: Value| {
        let mut pod = pod(back_off(), 4);
        pod["status"]["containerStatuses"][0]["lastState"]["terminated"] = how;
        alone(pod)
    };
    let cases = [
        (
            json!({"exitCode": 137, "reason": "OOMKilled"}),
            "failed: CrashLoopBackOff: OOMKilled (limit 64Mi), restarted 4 times",
        ),
        (
            json!({"exitCode": 143, "reason": "Error"}),
            "failed: CrashLoopBackOff: exit code 143 (signal 15), restarted 4 times",
        ),
        (json!({"exitCode": 0, "reason": "Completed"}), "failed: CrashLoopBackOff: exit code 0, restarted 4 times"),
        (
            json!({"exitCode": 1, "reason": "Error", "message": "starting\nno database\n"}),
            "failed: CrashLoopBackOff: exit code 1: no database, restarted 4 times",
        ),
    ];
    for (how, expected) in cases {
        assert_eq!(ended(how), expected);
    }
    let mut unstartable = pod(back_off(), 1);
    unstartable["status"]["containerStatuses"][0]["lastState"]["terminated"] = json!({"exitCode": 127,
        "reason": "ContainerCannotRun", "message": "OCI runtime create failed: exec: \"/nope\": no such file or directory"});
    assert!(alone(unstartable).starts_with("failed: CrashLoopBackOff: it cannot be started: OCI runtime"));
    let liveness = event("p", "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500", 9);
    assert_eq!(
        judged(pod(back_off(), 4), &[], &[liveness]),
        "failed: CrashLoopBackOff: exit code 1, restarted 4 times; liveness probe failed 9×: HTTP 500"
    );
}

#[test]
fn pods_that_are_not_made() {
    let config = pod(waiting("CreateContainerConfigError", "configmap \"settings\" not found"), 0);
    let tries = |n| judged(config.clone(), &[], &[event("p", "Failed", "Error: configmap \"settings\" not found", n)]);
    assert_eq!(tries(1), "progressing: CreateContainerConfigError: configmap \"settings\" not found");
    assert_eq!(tries(3), "failed: CreateContainerConfigError: configmap \"settings\" not found");
    let pending = |more: Value| {
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1", "uid": "p"},
            "spec": {"containers": [{"name": "app"}]}, "status": {"phase": "Pending"}});
        pod["status"]["conditions"] = more;
        pod
    };
    let unschedulable = json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient memory."}]);
    assert_eq!(
        alone(pending(unschedulable)),
        "progressing: unschedulable: 0/1 nodes are available: 1 Insufficient memory"
    );
    assert_eq!(alone(pending(json!([]))), "progressing: waits for a node");
    let mount = event("p", "FailedMount", "MountVolume.SetUp failed for volume \"c\": secret \"tls\" not found", 5);
    assert_eq!(
        judged(pending(json!([])), &[], &[mount]),
        "progressing: FailedMount: MountVolume.SetUp failed for volume \"c\": secret \"tls\" not found"
    );
}

#[test]
fn pods_that_are_not_ready() {
    let running = || pod(json!({"running": {}}), 0);
    let probe = |message: &str, n| judged(running(), &[], &[event("p", "Unhealthy", message, n)]);
    let cases = [
        ("Readiness probe failed: HTTP probe failed with statuscode: 503", "readiness probe failed 12×: HTTP 503"),
        (
            "Readiness probe failed: Get \"http://10.1.0.9:80/\": dial tcp 10.1.0.9:80: connect: connection refused",
            "readiness probe failed 12×: connection refused",
        ),
        (
            "Readiness probe failed: Get \"http://10.1.0.9:80/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            "readiness probe failed 12×: no answer in time",
        ),
        (
            "Readiness probe failed: cat: can't open '/ready'\nmore",
            "readiness probe failed 12×: cat: can't open '/ready'",
        ),
        ("Readiness probe failed: ", "readiness probe failed 12×"),
    ];
    for (message, expected) in cases {
        assert_eq!(probe(message, 12), format!("progressing: {expected}"));
    }
    assert_eq!(alone(running()), "progressing: runs and is not ready yet");
    assert_eq!(alone(pod(json!({"running": {}}), 2)), "progressing: exit code 1, restarted 2 times");
    let mut ready = running();
    ready["status"]["containerStatuses"][0]["ready"] = json!(true);
    ready["status"]["conditions"][0]["status"] = json!("True");
    assert_eq!(alone(ready.clone()), "healthy");
    ready["metadata"]["deletionTimestamp"] = json!("2026-11-25T20:00:00Z");
    assert_eq!(alone(ready), "progressing: it is being deleted");
}

#[test]
fn pods_that_have_ended() {
    let ended = |phase: &str, more: Value| {
        let mut pod = pod(json!({"terminated": {"exitCode": 3, "reason": "Error"}}), 0);
        pod["status"]["phase"] = json!(phase);
        for (key, value) in more.as_object().expect("a mapping") {
            pod["status"][key] = value.clone();
        }
        alone(pod)
    };
    assert_eq!(ended("Succeeded", json!({})), "healthy");
    assert_eq!(ended("Failed", json!({})), "failed: exit code 3");
    assert_eq!(
        ended(
            "Failed",
            json!({"reason": "Evicted", "message": "The node was low on resource: memory", "containerStatuses": []})
        ),
        "failed: Evicted: The node was low on resource: memory"
    );
}

#[test]
fn which_container_it_is() {
    let mut two = pod(waiting("CrashLoopBackOff", ""), 4);
    two["spec"]["initContainers"] = json!([{"name": "migrate"}]);
    two["status"]["initContainerStatuses"] =
        json!([{"name": "migrate", "ready": true, "state": {"terminated": {"exitCode": 0}}}]);
    assert_eq!(alone(two.clone()), "failed: container app: CrashLoopBackOff: exit code 1, restarted 4 times");
    two["status"]["initContainerStatuses"] = json!([{"name": "migrate", "ready": false, "restartCount": 5,
        "state": waiting("CrashLoopBackOff", ""), "lastState": {"terminated": {"exitCode": 2}}}]);
    two["status"]["containerStatuses"][0]["state"] = waiting("PodInitializing", "");
    assert_eq!(alone(two), "failed: init container migrate: CrashLoopBackOff: exit code 2, restarted 5 times");
}

/// A Deployment of three pods with that status.
fn deployment(status: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "uid": "d", "generation": 2, "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": 3}, "status": status})
}

fn replica_set(uid: &str, revision: &str, replicas: i64) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"uid": uid, "ownerReferences": [{"uid": "d"}],
        "annotations": {"deployment.kubernetes.io/revision": revision}}, "status": {"replicas": replicas}})
}

#[test]
fn deployments_by_their_numbers() {
    let status = |observed, all, updated, available| {
        alone(deployment(json!({"observedGeneration": observed, "replicas": all, "updatedReplicas": updated,
            "availableReplicas": available})))
    };
    assert_eq!(status(1, 3, 3, 3), "progressing: its controller has not looked at it yet");
    assert_eq!(status(2, 4, 1, 3), "progressing: 1 of 3 pods are new");
    assert_eq!(status(2, 4, 3, 3), "progressing: 1 old pod is still there");
    assert_eq!(status(2, 3, 3, 2), "progressing: 2 of 3 pods are available");
    assert_eq!(status(2, 3, 3, 3), "healthy");
    assert_eq!(
        alone(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 1}})),
        "progressing: its controller has not looked at it yet"
    );
    let mut zero = deployment(json!({"observedGeneration": 2}));
    zero["spec"]["replicas"] = json!(0);
    assert_eq!(alone(zero), "healthy", "no pods are wanted, and there are none");
    let mut paused = deployment(json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 0}));
    paused["spec"]["paused"] = json!(true);
    assert_eq!(alone(paused), "suspended: it is paused: `spec.paused` is true");
}

#[test]
fn deployments_by_the_pods_of_their_new_replica_set() {
    let rolling =
        || deployment(json!({"observedGeneration": 2, "replicas": 4, "updatedReplicas": 1, "availableReplicas": 3}));
    let crashing = pod(waiting("CrashLoopBackOff", ""), 4);
    let around = [replica_set("rs", "2", 1), replica_set("old", "1", 3), crashing.clone()];
    assert_eq!(judged(rolling(), &around, &[]), "failed: pod web-1: CrashLoopBackOff: exit code 1, restarted 4 times");
    let twice = [replica_set("rs", "2", 1), pod(waiting("CrashLoopBackOff", ""), 2)];
    assert!(judged(rolling(), &twice, &[]).starts_with("failed"), "the version before had all that it needs");
    // The pods of the version before are no news.
    let around = [replica_set("rs", "1", 3), replica_set("new", "2", 1), crashing];
    assert_eq!(judged(rolling(), &around, &[]), "progressing: 1 of 3 pods are new");
    let starting = [replica_set("rs", "2", 1), pod(json!({"running": {}}), 0)];
    assert_eq!(
        judged(rolling(), &starting, &[]),
        "progressing: 1 of 3 pods are new; pod web-1: runs and is not ready yet"
    );
    let late = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
        "message": "ReplicaSet \"web-5\" has timed out progressing."}]);
    let mut stuck = rolling();
    stuck["status"]["conditions"] = late;
    assert_eq!(
        judged(stuck, &starting, &[]),
        "failed: ProgressDeadlineExceeded: ReplicaSet \"web-5\" has timed out progressing; pod web-1: runs and is not ready yet"
    );
}

#[test]
fn quotas() {
    let quota = json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
        "message": "pods \"web-5-\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3"}]);
    let mut full = deployment(json!({"observedGeneration": 2, "replicas": 0, "updatedReplicas": 0}));
    full["status"]["conditions"] = quota;
    let words = "quota exceeded: pods \"web-5-\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3";
    assert_eq!(judged(full.clone(), &[replica_set("rs", "2", 0)], &[]), format!("failed: {words}"));
    // The old pods that go make room.
    let both = [replica_set("rs", "2", 0), replica_set("old", "1", 3)];
    assert_eq!(judged(full, &both, &[]), format!("progressing: {words}"));
}

#[test]
fn other_workloads() {
    let set = |spec: Value, status: Value| {
        alone(
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"generation": 1}, "spec": spec, "status": status}),
        )
    };
    let three = json!({"replicas": 3});
    let status = |ready, updated, revision: &str| {
        json!({"observedGeneration": 1, "replicas": 3, "readyReplicas": ready, "updatedReplicas": updated,
            "updateRevision": "b", "currentRevision": revision})
    };
    assert_eq!(set(three.clone(), status(2, 1, "a")), "progressing: 2 of 3 pods are ready");
    assert_eq!(set(three.clone(), status(3, 1, "a")), "progressing: 1 of 3 pods are new");
    assert_eq!(set(three.clone(), status(3, 3, "b")), "healthy");
    let partition =
        json!({"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}});
    assert_eq!(set(partition, status(3, 1, "a")), "healthy", "no more than the partition is to be new");
    assert_eq!(set(json!({"replicas": 3, "updateStrategy": {"type": "OnDelete"}}), status(3, 0, "a")), "healthy");

    let daemon = |updated, available| {
        alone(json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"generation": 1}, "status": {
            "observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": updated, "numberAvailable": available}}))
    };
    assert_eq!(daemon(1, 2), "progressing: 1 of 2 nodes have the new pod");
    assert_eq!(daemon(2, 1), "progressing: on 1 of 2 nodes it is available");
    assert_eq!(daemon(2, 2), "healthy");

    let set = |available| {
        alone(json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "spec": {"replicas": 2},
            "status": {"replicas": 2, "availableReplicas": available}}))
    };
    assert_eq!((set(1), set(2)), ("progressing: 1 of 2 pods are available".to_string(), "healthy".to_string()));
}

#[test]
fn jobs() {
    let job = |status: Value| json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"uid": "rs"}, "spec": {}, "status": status});
    assert_eq!(alone(job(json!({}))), "progressing: no pod of it runs yet");
    assert_eq!(alone(job(json!({"active": 1, "failed": 2}))), "progressing: it runs, and 2 pods of it failed");
    assert_eq!(alone(job(json!({"conditions": [{"type": "Complete", "status": "True"}]}))), "healthy");
    let failed = job(json!({"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded",
        "message": "Job has reached the specified backoff limit"}]}));
    let mut ended = pod(json!({"terminated": {"exitCode": 3, "reason": "Error"}}), 0);
    ended["status"]["phase"] = json!("Failed");
    assert_eq!(
        judged(failed, &[ended], &[]),
        "failed: BackoffLimitExceeded: Job has reached the specified backoff limit; pod web-1: exit code 3"
    );
    let unknown = event("p", "Failed", "Failed to pull image \"r/app:1\": manifest unknown", 2);
    let stuck = pod(waiting("ImagePullBackOff", ""), 0);
    assert_eq!(
        judged(job(json!({"active": 1})), &[stuck], &[unknown]),
        "failed: pod web-1: ImagePullBackOff: r/app:1: manifest unknown"
    );
    let mut suspended = job(json!({}));
    suspended["spec"]["suspend"] = json!(true);
    assert_eq!(alone(suspended), "suspended: it is suspended: `spec.suspend` is true");
}

#[test]
fn what_is_no_workload() {
    let cases = [
        (json!({"apiVersion": "v1", "kind": "ConfigMap"}), "healthy"),
        (json!({"apiVersion": "v1", "kind": "Service", "spec": {"type": "ClusterIP"}}), "healthy"),
        (
            json!({"apiVersion": "v1", "kind": "Service", "spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {}}}),
            "progressing: its load balancer has no address yet",
        ),
        (
            json!({"apiVersion": "v1", "kind": "Service", "spec": {"type": "LoadBalancer"},
                "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}}),
            "healthy",
        ),
        (
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"}),
            "progressing: no controller has given it an address yet",
        ),
        (json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Bound"}}), "healthy"),
        (
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}}),
            "progressing: no volume is bound to it yet",
        ),
        (
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Lost"}}),
            "failed: the volume that it was bound to is gone",
        ),
        (
            json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "status": {"conditions": [
                {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric", "message": "no metrics"}]}}),
            "progressing: FailedGetResourceMetric: no metrics",
        ),
        (
            json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"annotations": {
                "autoscaling.alpha.kubernetes.io/conditions":
                    "[{\"type\":\"AbleToScale\",\"status\":\"False\",\"reason\":\"FailedGetScale\",\"message\":\"no such deployment\"}]"}}}),
            "progressing: FailedGetScale: no such deployment",
        ),
        (
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "status": {"conditions": [
                {"type": "Established", "status": "True"}]}}),
            "healthy",
        ),
        (
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "status": {"conditions": [
                {"type": "NamesAccepted", "status": "False", "reason": "PluralConflict", "message": "\"xs\" is already in use"}]}}),
            "failed: its names are taken: PluralConflict: \"xs\" is already in use",
        ),
        (
            json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "status": {"conditions": [
                {"type": "Available", "status": "False", "reason": "MissingEndpoints", "message": "no endpoints"}]}}),
            "progressing: not available: MissingEndpoints: no endpoints",
        ),
        (
            json!({"apiVersion": "x.io/v1", "kind": "Thing", "metadata": {"generation": 3}, "status": {"observedGeneration": 2}}),
            "progressing: its controller has not looked at it yet",
        ),
        (
            json!({"apiVersion": "x.io/v1", "kind": "Thing", "status": {"conditions": [
                {"type": "Ready", "status": "False", "reason": "Waiting", "message": "for the other"}]}}),
            "progressing: Waiting: for the other",
        ),
        (
            json!({"apiVersion": "x.io/v1", "kind": "Thing", "status": {"conditions": [
                {"type": "Stalled", "status": "True", "reason": "BadSpec"}, {"type": "Ready", "status": "False"}]}}),
            "failed: BadSpec",
        ),
        (
            json!({"apiVersion": "x.io/v1", "kind": "Thing", "status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
            "healthy",
        ),
        (json!({"apiVersion": "serving.knative.dev/v1", "kind": "Service"}), "healthy"),
        (json!(null), "healthy"),
    ];
    for (object, expected) in cases {
        assert_eq!(alone(object.clone()), expected, "{object}");
    }
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"uid": "c"}, "status": {"phase": "Pending"}});
    let lazy = event("c", "WaitForFirstConsumer", "waiting for first consumer to be created before binding", 1);
    assert_eq!(judged(claim.clone(), &[], &[lazy]), "healthy");
    let none =
        event("c", "FailedBinding", "no persistent volumes available for this claim and no storage class is set", 4);
    assert!(judged(claim, &[], &[none]).starts_with("progressing: not bound: FailedBinding: no persistent volumes"));
}

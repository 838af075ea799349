//! What rendering a chart costs: a large one of our own, with the constructs that charts are full of. `cargo bench --bench helm`;
//! the rate is bytes of manifests a second.

#![allow(missing_docs, reason = "criterion makes the functions")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lockgate::helm::{Chart, Layer, Request, render};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;

/// How many services the chart has.
const SERVICES: usize = 200;

const HELPERS: &str = r#"
{{- define "app.name" -}}
{{- printf "%s-%s" .root.Release.Name .name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- define "app.labels" -}}
app.kubernetes.io/name: {{ include "app.name" . | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .service.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}
"#;

const DEPLOYMENT: &str = r#"
{{- range $name, $service := .Values.services }}
{{- $context := dict "root" $ "name" $name "service" $service }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "app.name" $context }}
  labels:
    {{- include "app.labels" $context | nindent 4 }}
spec:
  replicas: {{ $service.replicas | default 1 }}
  template:
    metadata:
      annotations:
        checksum/config: {{ toJson $service.config | sha256sum }}
    spec:
      containers:
        - name: {{ $name }}
          image: "{{ $service.image.repository }}:{{ $service.image.tag | default $.Chart.AppVersion }}"
          {{- if $service.resources }}
          resources:
            {{- toYaml $service.resources | nindent 12 }}
          {{- end }}
          env:
            {{- range $key, $value := $service.config }}
            - name: {{ $key | upper }}
              value: {{ tpl $value $ | quote }}
            {{- end }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "app.name" $context }}
data:
  settings.yaml: |
    {{- toYaml $service | nindent 4 }}
  text: |
    {{- $.Files.Get "files/text" | nindent 4 }}
{{- end }}
"#;

fn values() -> String {
    let mut out = String::from("services:\n");
    for n in 0..SERVICES {
        let _ = write!(
            out,
            "  service-{n}:\n    replicas: {n}\n    labels:\n      team: t{n}\n    image:\n      repository: registry.example.com/team/app-{n}\n    \
             resources:\n      limits: {{cpu: 100m, memory: 128Mi}}\n    config:\n      url: \"https://{{{{ .Release.Name }}}}.example.com/{n}\"\n      level: \
             info\n"
        );
    }
    out
}

fn charts(c: &mut Criterion) {
    let text = "A line of a text that is mounted as it is, as dashboards and scripts are.\n".repeat(40);
    let file = |name: &str, text: &str| (name.to_string(), text.as_bytes().to_vec());
    let chart = Chart::from_files(BTreeMap::from([
        file("Chart.yaml", "apiVersion: v2\nname: large\nversion: 1.0.0\nappVersion: \"1.2.3\"\n"),
        file("templates/_helpers.tpl", HELPERS),
        file("templates/all.yaml", DEPLOYMENT),
        file("files/text", &text),
    ]))
    .expect("a chart");
    let mut request = Request::new(&chart, "release", "default");
    request.values.push(Layer { name: "values.yaml".into(), text: values().into_bytes() });
    let rendered = render(&request).expect("rendered");
    assert_eq!(rendered.objects.len(), 2 * SERVICES);
    let size: usize = rendered.files.values().map(String::len).sum();
    let mut group = c.benchmark_group("helm");
    group.throughput(Throughput::Bytes(size as u64)).sample_size(20);
    group.bench_function("a large chart", |b| b.iter(|| black_box(render(&request).expect("rendered"))));
    group.finish();
}

criterion_group!(benches, charts);
criterion_main!(benches);

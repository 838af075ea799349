//! What comes from people can be anything: a little of what `fuzz/` tries for long, on every run of the tests.

use lockgate::check::{self, AnyRepository};
use lockgate::diag::render;
use lockgate::helm::{Chart, Layer, Request, render as rendered};
use lockgate::image::Dockerfile;
use lockgate::source::Sources;
use lockgate::syntax::{self, Document, Limits};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::BTreeMap;

/// A text with some pieces cut out and some put in.
fn mutated(texts: Vec<String>, pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let change = (any::<Index>(), prop_oneof![0..4usize, 0..60usize], prop::option::of(select(pieces)));
    (select(texts), prop::collection::vec(change, 1..6)).prop_map(|(text, changes)| {
        let mut text: Vec<char> = text.chars().collect();
        for (at, cut, put) in changes {
            let at = at.index(text.len() + 1);
            let end = (at + cut).min(text.len());
            text.splice(at..end, put.unwrap_or("").chars());
        }
        text.into_iter().collect()
    })
}

fn cases() -> Vec<String> {
    let folder = crate::lab::repository().join("tests/it/cases");
    let files = std::fs::read_dir(folder).expect("cases").map(|e| e.expect("an entry").path());
    let mut files: Vec<_> = files.filter(|p| p.extension().is_some_and(|e| e == "kdl")).collect();
    files.sort();
    files.iter().map(|p| std::fs::read_to_string(p).expect("a case")).collect()
}

const DOCKERFILE: &str = "# syntax=docker/dockerfile:1\nARG BASE=alpine:3\nFROM --platform=$BUILDPLATFORM ${BASE} AS one\nWORKDIR /a/../b\n\
    ENV A=1 \"B C\"='d e'\nCOPY --chown=1:2 --from=one [\"x y\", \"/z/\"]\nRUN --mount=type=secret,id=k <<EOF\necho $A\nEOF\n\
    FROM one\nLABEL a=\"b\\\n c\"\nHEALTHCHECK --interval=5s CMD [\"a\"]\nENTRYPOINT [\"/bin/a\"]\nONBUILD COPY . .\n";

const TEMPLATE: &str = "{{- define \"n\" -}}{{ .a | default \"x\" | quote }}{{- end }}\n{{- range $i, $v := .Values.list }}\n\
    ---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c-{{ $i }}}\ndata:\n  v: {{ include \"n\" (dict \"a\" $v) }}\n\
    {{- with $.Values.more }}\n{{ toYaml . | indent 2 }}\n{{- else }}\n  e: {{ tpl \"{{ .Release.Name }}\" $ }}{{ end }}{{ end }}\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_can_be_judged_and_shown(text in mutated(cases(), crate::syntax::judge::FRAGMENTS)) {
        let mut sources = Sources::new();
        let file = sources.add("lockgate.kdl", text.as_str());
        let (tree, found) = syntax::parse(file, text.as_str().into(), &Limits::default());
        let (_, found) = check::document(&Document::from(tree), found, &AnyRepository);
        for edit in found.iter().filter_map(|d| d.fix.as_ref()).flat_map(|f| &f.edits) {
            prop_assert!(text.get(edit.span.range()).is_some(), "an edit in the middle of a character");
        }
        render::render(&found, &sources, render::Style::default());
    }

    #[test]
    fn any_text_is_a_dockerfile_or_has_faults(
        text in mutated(vec![DOCKERFILE.to_string()], &["\n", "\\\n", "\"", "'", "$", "${", "}", "[", "]", "#", "<<E\n", "FROM ", "--", "=", "\t", "é", "\0"])
    ) {
        let _ = Dockerfile::parse("Dockerfile", &text);
    }

    #[test]
    fn any_text_is_a_template_or_an_error(
        template in mutated(vec![TEMPLATE.to_string()], &["{{", "}}", "{{-", "-}}", "end", "|", "(", ")", "\"", "`", "$", ".", "/*", "*/", "\n", "- ", ": ", "&a", "*a", "é"]),
        values in mutated(vec!["list: [1, two, {a: 3}]\nmore: {k: \"v\"}\n".to_string()], &["\n", "  ", "- ", ": ", "[", "{", "&a", "*a", "!", "|", "\"", "é"]),
    ) {
        let files = BTreeMap::from([
            ("Chart.yaml".to_string(), b"apiVersion: v2\nname: c\nversion: 1.0.0\n".to_vec()),
            ("templates/t.yaml".to_string(), template.into_bytes()),
        ]);
        if let Ok(chart) = Chart::from_files(files) {
            let mut request = Request::new(&chart, "r", "n");
            request.values = vec![Layer { name: "v".to_string(), text: values.into_bytes() }];
            let _ = rendered(&request);
        }
    }
}

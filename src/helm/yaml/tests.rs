use super::*;

fn yaml(text: &str) -> String {
    let value = read(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"));
    write(&value).expect("writable")
}

/// What is read and then written; the expectations are Helm's.
#[test]
fn reads_and_writes_as_helm_does() {
    let cases = [
        ("a: 1\nb: 2.0\nc: 1e3", "a: 1\nb: 2\nc: 1000\n"),
        ("a: 0777\nb: 0o17\nc: 0x1f\nd: 1_000\ne: 09", "a: 511\nb: 15\nc: 31\nd: 1000\ne: 9\n"),
        ("a: yes\nb: 'yes'\non: n", "a: true\nb: \"yes\"\n\"true\": false\n"),
        ("t: 2001-01-01\nu: 2001-1-1T1:2:3Z", "t: \"2001-01-01\"\nu: \"2001-1-1T1:2:3Z\"\n"),
        ("k10: a\nk2: b\nK: c\n_: d", "_: d\nK: c\nk2: b\nk10: a\n"),
        ("a:\n- b\n- - c\n  - d: e\n    f: g", "a:\n- b\n- - c\n  - d: e\n    f: g\n"),
        ("a: []\nb: {}\nc:\nd: ''", "a: []\nb: {}\nc: null\nd: \"\"\n"),
        (
            "a: |\n  x\n  y\nb: |-\n  x\n  y\nc: |+\n  x\n\nd: |2\n   x\n  y\n",
            "a: |\n  x\n  y\nb: |-\n  x\n  y\nc: |+\n  x\n\nd: |2\n   x\n  y\n",
        ),
        (
            "a: '1:20'\nb: ' x'\nc: '# x'\nd: 'x: y'\ne: \"\\t\"\nf: '-'\ng: '!x'",
            "a: \"1:20\"\nb: ' x'\nc: '# x'\nd: 'x: y'\ne: \"\\t\"\nf: '-'\ng: '!x'\n",
        ),
        ("a: \"\\U0001F600\"\nb: ä", "a: \"\\U0001F600\"\nb: ä\n"),
        (
            "a: 123456789012345678901234567890\nb: 0.00001\nc: 1234567.5",
            "a: 1.2345678901234568e+29\nb: 1e-05\nc: 1.2345675e+06\n",
        ),
        ("u: &a {b: 1}\nv:\n  <<: *a\n  c: 2\nz: *a", "u:\n  b: 1\nv:\n  b: 1\n  c: 2\nz:\n  b: 1\n"),
        ("a: 1\na: 2", "a: 2\n"),
        ("null", "null\n"),
        ("- a\n- b", "- a\n- b\n"),
        ("1.5: a\n2: b", "\"1.5\": a\n\"2\": b\n"),
        ("a: |\n  x", "a: x\n"),
        ("a: |\r\n  x\r\n  y\r\nb: c\r\n", "a: |\n  x\n  y\nb: c\n"),
        ("a: >\n  x\n  y\n\n  z\n   w\n", "a: |\n  x y\n  z\n   w\n"),
        ("a: 'it''s\n  two'\nb: \"x\\\n  y\\u00e4\"", "a: it's two\nb: xyä\n"),
        ("{a: [b, {c: d}, e: f], g, ? h : i}", "a:\n- b\n- c: d\n- e: f\ng: null\nh: i\n"),
        ("? a\n: b\n? c", "a: b\nc: null\n"),
        ("a:\n  - b\n  -\nc:\n", "a:\n- b\n- null\nc: null\n"),
        ("%YAML 1.1\n%TAG ! tag:x,2000:\n--- !!str 12\n...\nrest", "\"12\"\n"),
        ("# c\na: b # d\n# e\n", "a: b\n"),
        ("a: b\n  c\n\n  d\n", "a: |-\n  b c\n  d\n"),
        ("--- a\n--- b", "a\n"),
        ("a: !custom 1\nb: ! 2\nc: !!float 3", "a: \"1\"\nb: \"2\"\nc: 3\n"),
        ("a: http://x:1/#y\nb: x#y\nc: -1\nd: -x\ne: a?b", "a: http://x:1/#y\nb: x#y\nc: -1\nd: -x\ne: a?b\n"),
    ];
    for (text, expected) in cases {
        assert_eq!(yaml(text), expected, "{text}");
    }
}

#[test]
fn folds_at_eighty() {
    let long = format!("a: {}", "word ".repeat(30).trim_end());
    let text = yaml(&long);
    assert_eq!(text.lines().next().map(str::len), Some(82));
    assert!(text.lines().nth(1).is_some_and(|l| l.starts_with("  word")), "{text}");
}

#[test]
fn refuses() {
    let deep = "[".repeat(10_000);
    let bomb: String = (0..12)
        .map(|i| match i {
            0 => "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_string(),
            i => format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(",")),
        })
        .collect();
    let cases = [
        ("a: b: c", "mapping values are not allowed"),
        ("a: *x", "unknown anchor 'x' referenced"),
        ("a: &x [*x]", "anchor 'x' value contains itself"),
        ("{{ a }}: b", "invalid map key"),
        ("~: b", "unsupported map key"),
        ("a: .inf", "unsupported value: +Inf"),
        ("<<: 1", "map merge requires map"),
        ("a: !!int x", "cannot decode !!str `x` as a !!int"),
        (&deep, "exceeded max depth"),
        (&bomb, "excessive aliasing"),
        ("a: b\n\tc: d", "found a tab character that violates indentation"),
        ("a: @b", "found character that cannot start any token"),
        ("a: [b", "did not find expected ',' or ']'"),
        ("a: \"b", "found unexpected end of stream"),
        ("a: 1\n b: 2", "mapping values are not allowed"),
        ("a: {{ x }}", "invalid map key"),
        ("a: 1\nb\nc: 2", "could not find expected ':'"),
        ("a: \u{1}", "control characters are not allowed"),
        ("a: !x!y z", "found undefined tag handle"),
    ];
    for (text, expected) in cases {
        let error = read(text.as_bytes()).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}, not {expected}");
    }
}

#[test]
fn knows_the_places() {
    let node = parse(b"a:\n  b:\n    - c\n    - d: 1\n").expect("yaml").expect("a document");
    assert_eq!(node.locate(["a", "b", "1", "d"]), Some(Mark { line: 4, column: 7 }));
    assert_eq!(node.locate(["a", "x"]), Some(Mark { line: 1, column: 1 }));
}

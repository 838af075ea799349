use super::super::parse::by_grammar;
use super::*;

/// What both ways read; whether the quick one had an answer.
fn both(text: &str) -> bool {
    let quick = read(text);
    let whole = by_grammar(text.as_bytes());
    if let Some(node) = &quick {
        assert_eq!(Ok(Some(node)), whole.as_ref().map(Option::as_ref), "{text}");
    }
    quick.is_some()
}

#[test]
fn what_is_plain_is_read_at_once() {
    let cases = [
        "a: 1",
        "---\na: b # c\n\n# d\nb:\n  c: d\n",
        "a:\n- b\n- c: d\n  e: f\n-\n- - g\n  - h\n-\n  i: j\nk:\n",
        "a: b\n  c\n\n\n  - d\n  \"e\"\nf: g\n",
        "a:\n  - x\n    y\n  # z\n  - w # v\n",
        "a: |\n  x\n   y\n\n  z\n\n\nb: |-\n  x\n\nc: |+\n  x\n\nd: >\n  x\n  y\n\n    z\n",
        "a: |\n  x\n# c\nb: |2\n    y\nc: |\n\n  x\n   \n  y\nd: |-\n    x",
        "a: \"b\"\n'c d': \"x\\n\\u00e4\"\n\"e\": 'f''g'\nh: \"i\n  j\"\nk: ''\n",
        "a: []\nb: {}\nc: [a, -1, \"x, y\", [b, {c: d}],]\nd: {a: 1, \"b\": [~], 'c': {}, }\n",
        "on: yes\n1: 0x1f\n2.50: 1_000\ntrue: .5\nx: 012\n",
        "a/b.c-d: http://x:1/#y\nb: x#y\nc: -1\nd: -x:y\ne: a?b\nf: '#'\n",
        "a:\n  {}\nb:\n  c:\n    []\n\n  d: :e\n  # f\ng:\n  - {}\n  -\n    {h: i} # j\nk: ?l:m\n",
        "# by a machine\n\n---\n# a\na: b\n",
        "ä: b",
        "a: ä “b” c\nb: ö\n  ü\n",
        "a: 1\na: 2\nb: {c: 1, c: 2}\n",
        "- a\n- b:\n  - c\n  d:\n  - e\n",
        "  a: b\n  c: d\n",
        "a: b: c",
        "a: &x b\nc: *x",
        "<<: {a: b}\nc: d\n",
        "\"<<\": {a: b}",
        "a: .inf",
        "a:\n  b\n",
        "a: 1\n b: 2",
        "a:\n    x: 1\n  y: 2\n",
        "a: |\n    x\n  y: 1\n",
        "a: |\n  x\n\ty\n",
        "a: b\n\tc",
        "a:\n  - b\n c: d\n",
        "a: b # c\n  d\n",
        "a: b\n  # c\n  d\n",
        "a: [b\n, c]",
        "a: 1\n---\nb: 2\n",
        "a: 1\n...\n",
        "a: b\u{85}c",
        "a: b\r\n",
        "? a\n: b",
        "a: |",
        "a: |\n\n\n",
        "a: >-\n",
        "a: 'b\n  c': d",
        "- 'a': b\n  c: d\n- \"a\" : b\n",
        "- a:b\n- :c\n",
        "-a: b\n--c: d\n",
        "a: - b",
        "a:   \n  \n  b: c   \n\n",
        "a: !!str 1",
        "{a: b}",
        "a",
        "",
        "# only\n",
        "~: a",
        "# a",
        "# a\n---",
        "# a\n---\n---\na: b\n",
        "# a\n--- # b\na: b\n",
        "# a\n---\n",
        "a:\n  {}\n  b: c\n",
        "a:\n  {} d\n",
        "a:\n  {}: d\n",
        "a:\n{}\n",
        "a:\n  []\n    b",
        "- :a: b\n- ?a: b\n",
        "a: :\nb: ?\n",
        "a: ::\nb: ??\n",
    ];
    let read: Vec<bool> = cases.iter().map(|text| both(text)).collect();
    let count = read.iter().take(13).filter(|read| **read).count();
    assert_eq!(count, 13, "of those that are plain: {read:?}");
}

/// Pieces of texts, put together at random: what one way reads, the other reads too.
#[test]
fn never_reads_otherwise_than_the_grammar() {
    const PIECES: [&str; 49] = [
        "a", "b", "1", "- ", "-", ": ", ":", "\n", "\n", "\n", "\n  ", "\n  ", "\n    ", "\n ", " ", "  ", "# c",
        " # c", "|", "|-", ">", "|+", "\"x\"", "'y'", "\"", "'", "[", "]", "{", "}", ", ", "a: ", "b: ", "- a: ",
        "\nc: ", "\n  d: ", "\n- ", "\n  - ", "~", "\t", "---", "<<", "ä", "?", ":x", "?x", "{}", "\n    {}", "\n  []",
    ];
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 33) as usize % below
    };
    let mut read = 0;
    for _ in 0..60_000 {
        let mut text = String::from(if random(2) == 0 { "a: " } else { "" });
        for _ in 0..1 + random(14) {
            text.push_str(PIECES[random(PIECES.len())]);
        }
        read += usize::from(both(&text));
    }
    assert!(read > 3_000, "{read} were plain");
}

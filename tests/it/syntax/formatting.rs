//! The formatter: one form, the same meaning, the same comments.

use super::{brief, print::print, read};
use lockgate::syntax::{self, TokenKind};

/// The comments of a text in order, as the formatter may leave them.
pub fn comments(text: &str) -> Vec<String> {
    let is_comment = |kind| matches!(kind, TokenKind::LineComment | TokenKind::BlockComment);
    let slice =
        |token: syntax::Token| text[token.start as usize..token.end as usize].replace("\r\n", "\n").replace('\r', "\n");
    syntax::tokens(text).filter(|t| is_comment(t.kind)).map(|t| slice(t).trim_end().to_owned()).collect()
}

/// Formats and checks that neither meaning nor comments have changed, and that nothing is left to do.
pub fn formatted(text: &str) -> String {
    let out = syntax::format(text).unwrap_or_else(|faults| panic!("{text:?}\n{}", brief(&faults)));
    let (before, _) = read(text);
    let (after, faults) = read(&out);
    assert!(faults.is_empty(), "{text:?}\nbecame\n{out:?}\n{}", brief(&faults));
    assert_eq!(print(&after), print(&before), "the meaning of {text:?}, now {out:?}");
    assert_eq!(comments(&out), comments(text), "the comments of {text:?}, now {out:?}");
    assert_eq!(syntax::format(&out).expect("still well"), out, "again, of {text:?}");
    out
}

#[test]
fn nodes_stand_on_their_lines() {
    let text = "\n\n\nlockgate   1\n\n\n\npipeline  a{source   app{git \"x\"  branch = main;trigger  poll=\"1m\"};\n\n\n}\nb;c\n";
    let form = "\
lockgate 1

pipeline a {
    source app {
        git \"x\" branch=main
        trigger poll=\"1m\"
    }
}
b
c
";
    assert_eq!(formatted(text), form);
}

#[test]
fn comments_stay() {
    let text = "// top  \n\na // end\n{ }";
    assert_eq!(syntax::format(text).map_err(|f| f.len()), Err(1));
    let text = "// top  \n\n\n  // two\na  { // open\n\n // in\n b /* c */ d//e\n\n\n/* f */ g; /* h */ i\n // last\n\n} // close\n\n// end";
    let form = "\
// top

// two
a { // open
    // in
    b /* c */ d //e

    /* f */ g /* h */
    i
    // last
} // close

// end
";
    assert_eq!(formatted(text), form);
    assert_eq!(formatted("a {\n // only\n}"), "a {\n    // only\n}\n");
    assert_eq!(formatted("a { // only {\n}"), "a { // only {\n}\n");
    assert_eq!(formatted("a { /* only { */ }"), "a { /* only { */\n}\n");
}

#[test]
fn lines_that_go_on_are_indented() {
    assert_eq!(formatted("a \\\nb   \\  // why\n c"), "a \\\n    b \\ // why\n    c\n");
    assert_eq!(formatted("a \\\n\\\n b"), "a \\\n    b\n");
    assert_eq!(formatted("a \\\n\nb"), "a\n\nb\n");
    assert_eq!(formatted("a \\ // one\n \\ // two\n\nb"), "a // one\n// two\n\nb\n");
    assert_eq!(formatted("a \\ // one\n \\ // two\n b=1"), "a \\ // one\n    \\ // two\n    b=1\n");
    assert_eq!(formatted("a b \\\n = \\\n (t) \\\n 1"), "a b=(t)1\n");
    assert_eq!(formatted("a \\\n { \\\n b }"), "a \\\n    {\n    b\n}\n");
}

#[test]
fn slashdashes_stand_before_what_they_take_out() {
    assert_eq!(formatted("/-  a  /-  b /- c=1 /-  { x; }  { y }"), "/-a /-b /-c=1 /-{\n    x\n} {\n    y\n}\n");
    assert_eq!(formatted("/- // why\n a\n/-\nb"), "/- // why\n    a\n/-b\n");
    assert_eq!(formatted("a /- // why\n b c"), "a /- // why\n    b c\n");
}

#[test]
fn odd_texts_have_a_form() {
    assert_eq!(formatted(""), "");
    assert_eq!(formatted("\n \n"), "");
    assert_eq!(formatted("\u{FEFF}a"), "a\n");
    assert_eq!(formatted("( t ) a ( u ) 1 b = ( v ) 2"), "(t)a (u)1 b=(v)2\n");
    assert_eq!(formatted("a \"\"\"\r\n  x\r\n  \"\"\" #\"r\"# 0x1_F"), "a \"\"\"\n  x\n  \"\"\" #\"r\"# 0x1_F\n");
    assert_eq!(formatted("a {}\nb { \n\n }"), "a {}\nb {}\n");
    assert_eq!(formatted("(/* a */t/* b */)c (/* d */u)/* e */1 k/* f */=/* g */2").lines().count(), 1);
}

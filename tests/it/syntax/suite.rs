//! The official test suite of KDL 2. The cases that matter most are in `tests/kdl`; all of them run where the suite is.

use super::{print::print, read};
use std::path::{Path, PathBuf};

#[test]
fn the_cases_that_matter() {
    assert!(run(&root().join("tests/kdl")) > 50, "the cases are there");
}

#[test]
fn the_whole_suite() {
    let suite = root().join("../shared/kdl-suite");
    if suite.is_dir() {
        assert!(run(&suite) > 300, "the suite is whole");
    } else {
        println!("skipped: {} is not there", suite.display());
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The cases that have more than one fault, none a consequence of another.
const SEVERAL: &[(&str, usize)] = &[
    ("floating_point_keyword_identifier_strings_fail.kdl", 3),
    ("just_space_in_arg_type_fail.kdl", 2),
    ("unicode_lri_fail.kdl", 2),
];

/// Runs the cases of a folder and gives their number. A case `…_fail` has to be refused; another one, printed, has to be the
/// file of its name in `expected_kdl`.
fn run(suite: &Path) -> usize {
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(suite.join("input")).expect("cases").map(|entry| entry.expect("a case").path()).collect();
    cases.sort();
    let failures: Vec<String> = cases.iter().filter_map(|case| check(suite, case).err()).collect();
    assert!(failures.is_empty(), "{} of {} cases fail:\n{}", failures.len(), cases.len(), failures.join("\n"));
    cases.len()
}

fn check(suite: &Path, case: &Path) -> Result<(), String> {
    let name = case.file_name().and_then(|name| name.to_str()).expect("a name");
    let text = std::fs::read_to_string(case).expect("a text");
    let (document, faults) = read(&text);
    if name.ends_with("_fail.kdl") {
        return match faults.len() {
            1 => Ok(()),
            n if SEVERAL.contains(&(name, n)) => Ok(()),
            0 => Err(format!("{name} is not refused: {text:?}")),
            _ => Err(format!("{name} has one fault and gives several: {text:?}\n{}", super::brief(&faults))),
        };
    }
    if !faults.is_empty() {
        return Err(format!("{name} is refused: {text:?}\n{}", super::brief(&faults)));
    }
    let expected = std::fs::read_to_string(suite.join("expected_kdl").join(name)).expect("an expectation");
    let printed = print(&document);
    if printed.trim_end() == expected.trim_end() {
        Ok(())
    } else {
        Err(format!("{name}: {text:?}\n{printed}instead of\n{expected}"))
    }
}

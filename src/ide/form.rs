//! The one form of a file, as edits that leave alone what is right already, so that the cursor and folds stay.

use super::Analysis;
use crate::diag::Edit;
use crate::source::{FileId, Span};
use crate::syntax;
use similar::{Algorithm, DiffOp, capture_diff_slices};

/// How many lines are compared one by one. Comparing is quadratic at worst; of more, what differs is replaced in one piece.
const COMPARED: usize = 4_000;

/// The edits that give a file its one form; nothing where the text has a fault, so that its form is not known.
pub fn form(analysis: &Analysis, file: FileId) -> Option<Vec<Edit>> {
    let text = analysis.text(file);
    let formed = syntax::format(text).ok()?;
    Some(edits(file, text, &formed))
}

fn edits(file: FileId, old: &str, new: &str) -> Vec<Edit> {
    let (before, after): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let same = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let (rest_before, rest_after) = (before.get(same..).unwrap_or(&[]), after.get(same..).unwrap_or(&[]));
    let tail = rest_before.iter().rev().zip(rest_after.iter().rev()).take_while(|(a, b)| a == b).count();
    let middle_before = rest_before.get(..rest_before.len() - tail).unwrap_or(&[]);
    let middle_after = rest_after.get(..rest_after.len() - tail).unwrap_or(&[]);
    let starts = starts(before.get(..same).unwrap_or(&[]), middle_before);
    let at = |line: usize| starts.get(line).copied().unwrap_or(old.len());
    let edit =
        |from: usize, to: usize, lines: &[&str]| Edit { span: Span::new(file, at(from), at(to)), text: lines.concat() };
    if middle_before.is_empty() && middle_after.is_empty() {
        return Vec::new();
    }
    if middle_before.len() + middle_after.len() > COMPARED {
        return vec![edit(0, middle_before.len(), middle_after)];
    }
    let ops = capture_diff_slices(Algorithm::Myers, middle_before, middle_after);
    let changed = ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    changed
        .map(|op| edit(op.old_range().start, op.old_range().end, middle_after.get(op.new_range()).unwrap_or(&[])))
        .collect()
}

/// Where each line of the middle starts, and where the last one ends.
fn starts(before: &[&str], middle: &[&str]) -> Vec<usize> {
    let mut at: usize = before.iter().map(|l| l.len()).sum();
    let mut starts = vec![at];
    for line in middle {
        at += line.len();
        starts.push(at);
    }
    starts
}

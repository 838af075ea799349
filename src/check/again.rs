//! Judging a file that is not run: its pipelines are dropped as soon as they are judged, and after an edit one that is as it was
//! is not looked at a second time.
//!
//! What is found is the same as without a memory, which a test holds against each other on random edits. Where the repository
//! is asked, it is asked again; where charts or values files are at hand, the pipeline is judged anew.

use super::parts::{self, Answers, Found, Keep};
use super::{Repository, is_whole, rules, settle, take};
use crate::diag::Diagnostic;
use crate::model::{self, Said, Spanned};
use crate::source::Span;
use crate::syntax::{Document, Node, NodeId};
use std::collections::HashMap;

/// What was found in the pipelines of a file when it was judged last.
#[derive(Debug, Default)]
pub struct Memory(Option<Past>);

#[derive(Debug)]
struct Past {
    document: Document,
    parts: HashMap<NodeId, Kept>,
}

/// A pipeline that was judged.
#[derive(Clone, Debug)]
struct Kept {
    name: Option<Spanned<Said>>,
    found: Found,
    asked: Answers,
    /// Whether more than the pipeline says what is found in it.
    is_open: bool,
}

impl Memory {
    /// What is wrong with a document: all that [`document`](super::document) finds, in less time and memory. What was found is kept for
    /// the next time.
    pub fn judge(
        &mut self,
        document: &Document,
        mut found: Vec<Diagnostic>,
        repository: &dyn Repository,
    ) -> Vec<Diagnostic> {
        let (frame, faults) = model::frame(document);
        found.extend(faults);
        let nodes: Vec<Node<'_>> = model::pipelines(document).collect();
        let mut parts: Vec<Option<Kept>> = self.recall(document, &nodes, repository);
        let others: Vec<Node<'_>> = nodes.iter().zip(&parts).filter(|(_, p)| p.is_none()).map(|(n, _)| *n).collect();
        let judged = parts::judge(&others, repository, Keep::Open);
        let whole = is_whole(&found, parts.iter().flatten().map(|p| &p.found).chain(judged.iter().map(|p| &p.found)));
        let mut judged = others.iter().zip(judged);
        for part in parts.iter_mut().filter(|p| p.is_none()) {
            let Some((node, new)) = judged.next() else { break };
            let is_open = new.graph.is_some() || !is_within(&new.found, *node);
            if let Some(graph) = new.graph.as_ref().filter(|_| whole) {
                found.extend(repository.values(graph));
            }
            *part = Some(Kept { name: new.name, found: new.found, asked: new.asked, is_open });
        }
        let parts: Vec<Kept> = parts.into_iter().flatten().collect();
        for part in &parts {
            take(part.found.clone(), whole, &mut found);
        }
        found.extend(rules::same_pipeline(parts.iter().filter_map(|p| p.name.as_ref())));
        settle(&frame.levels, whole, &mut found);
        let kept = nodes.iter().map(|n| n.id()).zip(parts).filter(|(_, p)| !p.is_open).collect();
        self.0 = Some(Past { document: document.clone(), parts: kept });
        found
    }

    /// For each pipeline what is known of it, moved to where it stands now; nothing for one that has to be looked at.
    fn recall(&mut self, document: &Document, nodes: &[Node<'_>], repository: &dyn Repository) -> Vec<Option<Kept>> {
        let Some(mut past) = self.0.take() else { return vec![None; nodes.len()] };
        let same = document.same(&past.document);
        let mut recall = |node: &Node<'_>| {
            let (id, shift) = same.before(*node)?;
            let mut kept = past.parts.remove(&id)?;
            if !kept.asked.iter().all(|(path, answer)| repository.exists(path) == *answer) {
                return None;
            }
            kept.shift(shift);
            Some(kept)
        };
        nodes.iter().map(&mut recall).collect()
    }
}

impl Kept {
    fn shift(&mut self, by: i64) {
        let moved = |offset: &mut u32| *offset = u32::try_from(i64::from(*offset) + by).unwrap_or(u32::MAX);
        let shift = |span: &mut Span| {
            moved(&mut span.start);
            moved(&mut span.end);
        };
        self.name.iter_mut().for_each(|n| shift(&mut n.span));
        for diagnostic in self.found.all_mut() {
            diagnostic.labels.iter_mut().for_each(|l| shift(&mut l.span));
            diagnostic.fix.iter_mut().flat_map(|f| &mut f.edits).for_each(|e| shift(&mut e.span));
        }
    }
}

/// Whether all that was found in a node lies in it.
fn is_within(found: &Found, node: Node<'_>) -> bool {
    let home = node.span();
    let within = |s: Span| s.file == home.file && home.start <= s.start && s.end <= home.end;
    found.all().all(|d| {
        let edits = d.fix.iter().flat_map(|f| &f.edits).map(|e| e.span);
        d.labels.iter().map(|l| l.span).chain(edits).all(within)
    })
}

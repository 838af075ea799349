//! Releases: chart and values of a candidate, rendered for an environment.

use super::diff::Walk;
use super::environments::Draft;
use super::kept::ReadChart;
use super::observed::{Answer, Query};
use super::programs::{Label, Parts, folder_of, template_base};
use super::reference::Scope;
use super::render::{self, Set, Values};
use super::text::Unknown;
use super::work::TargetPlan;
use crate::diag::Diagnostic;
use crate::digest::{Digest, Hasher};
use crate::model::{Release, SetKind, SetTo, ValuesFile};
use crate::ports::Fault;
use crate::ports::bundle::Bundle;
use crate::ports::places::Facts;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A release rendered for an environment.
pub(super) struct Rendered {
    pub bundle: Arc<Bundle>,
    /// What it was rendered of; nothing for what is brought back, or goes.
    pub request: Option<Arc<render::Request>>,
    /// Whether everything in it is known.
    pub known: bool,
    pub parts: Parts,
}

impl Walk<'_> {
    /// Renders a release; nothing where an answer is missing or a diagnostic says why not.
    pub(super) fn render(
        &mut self,
        release: &Release,
        scope: &Scope,
        namespace: &str,
        draft: &mut Draft<'_>,
    ) -> Option<Rendered> {
        let mut parts = Parts::new(release_base(release, namespace));
        let chart = self.chart(release, &mut parts);
        let mut values = Vec::new();
        let mut whole = true;
        for file in &release.values {
            match self.values_file(file, scope, &mut parts) {
                Ok(found) => values.extend(found),
                Err(()) => whole = false,
            }
        }
        let (sets, unknowns) = self.sets(release, scope, &mut parts);
        let known = unknowns.is_empty();
        let name = release
            .release_name
            .as_ref()
            .map_or_else(|| release.name.value.to_string(), |t| self.resolve(t, scope).text.to_string());
        if parts.failed || !whole {
            return None;
        }
        let chart = chart?;
        let facts = self.facts(draft, chart.asks)?;
        let mut request = render::Request {
            chart: chart.files.clone(),
            values,
            sets,
            unknowns,
            name,
            namespace: namespace.to_string(),
            helm3: release.helm.as_ref().is_some_and(|h| h.value == 3),
            seed: self.candidate.id,
            facts,
            found: BTreeMap::new(),
        };
        match self.rendered(draft, &mut request)? {
            Ok(bundle) => Some(Rendered { bundle, request: Some(Arc::new(request)), known, parts }),
            Err(faults) => {
                for fault in faults {
                    let diagnostic =
                        Diagnostic::new(fault.code, format!("release `{}`: {}", release.name.value, fault.message))
                            .at(release.name.span, "while rendering this release");
                    self.diagnostics.push(match fault.help {
                        Some(help) => diagnostic.help(help),
                        None => diagnostic,
                    });
                }
                None
            }
        }
    }

    /// What is known of the cluster, where the chart asks for it; nothing at all while the answer is missing.
    fn facts(&mut self, draft: &mut Draft<'_>, (asks, kinds): (bool, bool)) -> Option<Option<Arc<Facts>>> {
        if !asks || !matches!(draft.target, TargetPlan::Cluster { .. }) {
            return Some(None);
        }
        match self.ask_place(draft, Query::Facts { target: draft.target.clone(), kinds })? {
            Answer::Facts(facts) => Some(facts),
            _ => None,
        }
    }

    /// Renders, and again with what the templates look up in the cluster until they look for nothing new.
    fn rendered(
        &mut self,
        draft: &mut Draft<'_>,
        request: &mut render::Request,
    ) -> Option<Result<Arc<Bundle>, Vec<render::RenderFault>>> {
        /// How often what was found may lead to looking for more.
        const ROUNDS: usize = 4;
        for _ in 0..ROUNDS {
            let rendering = self.observed.kept().render(request);
            if rendering.missed.is_empty() || !matches!(draft.target, TargetPlan::Cluster { .. }) {
                return Some(rendering.bundle.clone());
            }
            let mut whole = true;
            for sought in &rendering.missed {
                let query = Query::Sought { target: draft.target.clone(), sought: sought.clone() };
                match self.ask_place(draft, query) {
                    Some(Answer::Sought(found)) => drop(request.found.insert(sought.clone(), found)),
                    _ => whole = false,
                }
            }
            if !whole {
                return None;
            }
        }
        Some(self.observed.kept().render(request).bundle.clone())
    }

    fn chart(&mut self, release: &Release, parts: &mut Parts) -> Option<Arc<ReadChart>> {
        let chart = release.chart.as_ref()?;
        let source = &chart.source.value;
        let version = self.version(source)?;
        let folder = folder_of(Some(chart));
        let what = format!("release `{}`: its chart", release.name.value);
        let files = match self.ask(Query::Folder { source: source.to_string(), version, folder }, chart.span, &what) {
            Some(Answer::Folder(files)) => files.clone(),
            _ => return None,
        };
        let chart = self.observed.kept().chart(&files);
        parts.known(chart.digest, Label::Files(source.to_string(), "the chart".to_string()));
        Some(chart)
    }

    /// A values file; nothing where it is optional and not there.
    fn values_file(&mut self, values: &ValuesFile, scope: &Scope, parts: &mut Parts) -> Result<Option<Values>, ()> {
        let file = &values.file;
        let source = &file.source.value;
        let (Some(version), Some(path)) = (self.version(source), &file.path) else { return Err(()) };
        let path = self.resolve(path, scope).text.to_string();
        let path = path.trim_start_matches("./").to_string();
        let query = Query::File { source: source.to_string(), version, path: path.clone() };
        if values.optional && matches!(self.observed.get(&query), Some(Err(e)) if e.fault == Fault::NotFound) {
            parts.known(Digest::default(), Label::Files(source.to_string(), path));
            return Ok(None);
        }
        match self.ask(query, file.span, &format!("values file `{path}`")) {
            Some(Answer::File(content)) => {
                let content = content.clone();
                parts.known(Digest::of(&content), Label::Files(source.to_string(), path.clone()));
                Ok(Some(Values { path, content }))
            }
            _ => Err(()),
        }
    }

    /// The single values, with what is unknown marked; and the marks.
    fn sets(&mut self, release: &Release, scope: &Scope, parts: &mut Parts) -> (Vec<Set>, Vec<String>) {
        let mut unknowns = Vec::new();
        let mut sets = Vec::new();
        for set in &release.sets {
            let to = match &set.to {
                SetTo::Text(template) => {
                    let resolved = self.resolve(template, scope);
                    parts.needs.extend(&resolved.needs);
                    parts.failed |= resolved.failed;
                    unknowns.extend(resolved.text.unknowns().map(ToString::to_string));
                    self.template_parts(template, scope, parts);
                    let shown = resolved.text.learn(&|u: &Unknown| Some(u.to_string()));
                    SetTo::Text(crate::model::Template {
                        parts: vec![crate::model::Part::Text(shown.to_string().into())],
                        span: template.span,
                    })
                }
                other => other.clone(),
            };
            sets.push(Set { path: set.path.value.to_string(), to, kind: set.kind });
        }
        (sets, unknowns)
    }
}

/// The digest of what a release is, without its files.
fn release_base(release: &Release, namespace: &str) -> Digest {
    let mut hasher = Hasher::new("release");
    hasher.field(&release.name.value).field(namespace);
    for set in &release.sets {
        hasher.field(&set.path.value).field([u8::from(set.kind == SetKind::Json), u8::from(set.kind == SetKind::File)]);
        match &set.to {
            SetTo::Text(t) => template_base(t, "text", &mut hasher),
            other => {
                hasher.field(format!("{other:?}"));
            }
        }
    }
    if let Some(t) = &release.release_name {
        template_base(t, "name", &mut hasher);
    }
    hasher.field(format!("{:?}", release.helm.as_ref().map(|h| h.value)));
    hasher.finish()
}

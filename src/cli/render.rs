//! `lockgate render`: the manifests, for people and other tools.

use super::{Desk, Exit};
use crate::app::Failure;
use crate::diag::{Diagnostic, codes, did_you_mean};
use crate::plan::{Bundle, Object, Plan, RenderedRelease, render};
use std::path::{Path, PathBuf};

/// Show what charts and values become, object by object
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate render staging
  lockgate render staging --show-only templates/deployment.yaml
  lockgate render --output-dir manifests
  lockgate render dev --explain Deployment/web:spec.replicas")]
pub(super) struct Render {
    /// The environment; all of them unless said
    environment: Option<String>,
    /// Only what these templates write
    #[arg(long, value_name = "TEMPLATE")]
    show_only: Vec<String>,
    /// Write a file an object below this folder, one folder an environment and release
    #[arg(short, long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// Say which file and line set a field: KIND/NAME:PATH
    #[arg(long, value_name = "FIELD", conflicts_with_all = ["show_only", "output_dir"])]
    explain: Option<String>,
}

impl Render {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        let session = desk.open(None)?;
        let plan = session.plan(&[])?;
        self.known(&plan)?;
        if let Some(field) = &self.explain {
            desk.terminal.print(&self.explanation(&plan, field)?);
            return Ok(Exit::Done);
        }
        let mut out = String::new();
        let mut found = false;
        for ((environment, release), RenderedRelease { bundle, .. }) in &plan.rendered {
            if !self.is_of(environment) {
                continue;
            }
            for object in bundle.objects.iter().chain(bundle.hooks.iter().map(|h| &h.object)).filter(|o| self.shows(o))
            {
                found = true;
                match &self.output_dir {
                    Some(folder) => write(&folder.join(environment).join(release), object)?,
                    None => out.push_str(&document(object)),
                }
            }
        }
        if !found && !self.show_only.is_empty() {
            return Err(self.no_template(plan.rendered.values().map(|r| &*r.bundle)));
        }
        desk.terminal.print(&out);
        Ok(Exit::Done)
    }

    fn is_of(&self, environment: &str) -> bool {
        self.environment.as_ref().is_none_or(|e| e == environment)
    }

    /// Where a field comes from, in each environment that was asked for.
    fn explanation(&self, plan: &Plan, field: &str) -> Result<String, Failure> {
        let missing = |what: &str| {
            let diagnostic =
                Diagnostic::new(&codes::UNKNOWN_NAME, format!("there is no {what} `{field}` in what is rendered"));
            Failure::plain(diagnostic.help("a field is told as KIND/NAME:PATH, as in Deployment/web:spec.replicas"))
        };
        let (id, path) = field.split_once(':').ok_or_else(|| missing("field"))?;
        let mut out = String::new();
        for ((environment, _), rendered) in plan.rendered.iter().filter(|((e, _), _)| self.is_of(e)) {
            let Some((object, request)) = rendered.bundle.get(id).zip(rendered.request.as_ref()) else { continue };
            let explained = render::explain(request, object, path);
            let fault = |f: &render::RenderFault| Diagnostic::new(f.code, f.message.clone());
            let explained =
                explained.map_err(|f| Failure { diagnostics: f.iter().map(fault).collect(), ..Failure::default() })?;
            let Some(cause) = explained else { continue };
            out.push_str(&format!("{environment}  {field} is {}\n    written by {}\n", cause.value, cause.template));
            for (value, origin) in &cause.values {
                let origin = origin.as_deref().unwrap_or("what the chart computes");
                out.push_str(&format!("    .Values.{value} set by {origin}\n"));
            }
        }
        if out.is_empty() { Err(missing("field")) } else { Ok(out) }
    }

    fn shows(&self, object: &Object) -> bool {
        let named = |wanted: &String| object.template == *wanted || object.template.ends_with(&format!("/{wanted}"));
        self.show_only.is_empty() || self.show_only.iter().any(named)
    }

    /// Refuses an environment that there is not.
    fn known(&self, plan: &Plan) -> Result<(), Failure> {
        let Some(name) = self.environment.as_ref().filter(|name| plan.environment(name).is_none()) else {
            return Ok(());
        };
        let names: Vec<&str> = plan.environments.iter().map(|e| e.name.as_str()).collect();
        let diagnostic = Diagnostic::new(&codes::UNKNOWN_NAME, format!("there is no environment named `{name}`"));
        Err(Failure::plain(match did_you_mean(name, names.iter().copied()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("there are: {}", names.join(", "))),
        }))
    }

    fn no_template<'b>(&self, bundles: impl Iterator<Item = &'b Bundle>) -> Failure {
        let mut templates: Vec<&str> = bundles.flat_map(|b| b.objects.iter().map(|o| o.template.as_str())).collect();
        templates.sort_unstable();
        templates.dedup();
        let message = format!("no template {} writes an object", self.show_only.join(", "));
        Failure::plain(
            Diagnostic::new(&codes::UNKNOWN_NAME, message).help(format!("there are: {}", templates.join(", "))),
        )
    }
}

/// An object as a document of a stream, with the template that wrote it.
fn document(object: &Object) -> String {
    format!("---\n# Source: {}\n{}\n", object.template, object.text.trim_end())
}

fn write(folder: &Path, object: &Object) -> Result<(), Failure> {
    let path = folder.join(object.file_name());
    let written =
        std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, format!("{}\n", object.text.trim_end())));
    written.map_err(|e| {
        Failure::plain(Diagnostic::new(&codes::OUT_OF_REACH, format!("{} cannot be written: {e}", path.display())))
    })
}

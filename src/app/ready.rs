//! Ready pipelines: whole files that ship inside of the program, and what of them is a team's own.
//!
//! Each file is a pipeline like any other: it checks as it stands. What a team has to say is found in it by the values that
//! stand there, so that there is no second language of templates.

use super::{Failure, load};
use crate::diag::{Diagnostic, codes, did_you_mean};
use crate::source::{FileId, Span};
use crate::syntax::{Document, Limits, Node, parse, quoted};
use std::collections::BTreeMap;
use std::path::Path;

/// A pipeline to start from.
#[derive(Debug)]
pub struct Ready {
    /// What it is called.
    pub name: &'static str,
    /// What it delivers.
    pub about: &'static str,
    /// What is to be said.
    pub parameters: &'static [Parameter],
    text: &'static str,
}

/// Something that is to be said of a ready pipeline.
#[derive(Debug)]
pub struct Parameter {
    /// What it is called.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// What stands in the file for it.
    pub default: &'static str,
}

const fn parameter(name: &'static str, about: &'static str, default: &'static str) -> Parameter {
    Parameter { name, about, default }
}

const BRANCH: Parameter = parameter("branch", "the branch that is followed", "main");
const MANAGERS: Parameter = parameter("managers", "the group that says yes to production", "release-managers");

macro_rules! text {
    ($name:literal) => {
        include_str!(concat!("../../pipelines/", $name, "/lockgate.kdl"))
    };
}

/// All of them.
pub static ALL: &[Ready] = &[
    Ready {
        name: "web-service",
        about: "a repository with code, Dockerfile, chart and values, through dev, staging and production",
        parameters: &[
            parameter("name", "the pipeline, its release and its namespaces", "shop"),
            parameter("repository", "the git repository", "https://git.example.com/acme/shop.git"),
            BRANCH,
            parameter("image", "where the image is pushed", "registry.example.com/acme/shop"),
            parameter("developers", "the group that says yes to staging", "developers"),
            MANAGERS,
        ],
        text: text!("web-service"),
    },
    Ready {
        name: "micro-integrator",
        about: "an integration on a vendor's base image and chart, with a repository of artifacts and one of values",
        parameters: &[
            parameter("name", "the pipeline and its namespaces", "wso2mi"),
            parameter("artifacts", "the git repository of the artifacts", "https://git.example.com/acme/mi-app.git"),
            parameter("config", "the git repository of the values", "https://git.example.com/acme/mi-config.git"),
            BRANCH,
            parameter("base", "the vendor's base image", "registry.example.com/wso2/wso2mi"),
            parameter("charts", "the vendor's repository of charts", "https://helm.example.com"),
            parameter("chart", "the chart in it", "micro-integrator"),
            parameter("image", "where the image is pushed", "registry.example.com/acme/wso2mi"),
            MANAGERS,
        ],
        text: text!("micro-integrator"),
    },
    Ready {
        name: "chart-only",
        about: "somebody else's chart with values of one's own; nothing is built",
        parameters: &[
            parameter("name", "the pipeline, its release and its namespaces", "ingress"),
            parameter("charts", "the repository of charts", "https://charts.example.com"),
            parameter("chart", "the chart in it", "ingress-nginx"),
            parameter("version", "which versions of it count", "~4.11"),
            parameter("config", "the git repository of the values", "https://git.example.com/acme/platform.git"),
            BRANCH,
            parameter("approvers", "the group that says yes to production", "platform"),
            parameter("health", "what answers in staging when it is well", "https://staging.example.com/healthz"),
        ],
        text: text!("chart-only"),
    },
    Ready {
        name: "gitops",
        about: "rendered manifests committed to a branch, for a cluster that follows it",
        parameters: &[
            parameter("name", "the pipeline, its release and its namespaces", "shop"),
            parameter("repository", "the git repository", "https://git.example.com/acme/shop.git"),
            BRANCH,
            parameter("image", "where the image is pushed", "registry.example.com/acme/shop"),
            parameter(
                "manifests",
                "the git repository that the manifests are committed to",
                "https://git.example.com/acme/manifests.git",
            ),
            MANAGERS,
        ],
        text: text!("gitops"),
    },
    Ready {
        name: "lockgate",
        about: "Lockgate itself: built, tested, and deployed by its own chart",
        parameters: &[
            parameter("repository", "the git repository", "https://git.example.com/acme/lockgate.git"),
            BRANCH,
            parameter("image", "where the image is pushed", "registry.example.com/acme/lockgate"),
            parameter("approvers", "the group that says yes to production", "platform"),
            parameter(
                "health",
                "what answers in staging when it is well",
                "https://lockgate.staging.example.com/healthz",
            ),
        ],
        text: text!("lockgate"),
    },
];

/// The ready pipeline of that name.
pub fn find(name: &str) -> Result<&'static Ready, Failure> {
    ALL.iter().find(|ready| ready.name == name).ok_or_else(|| {
        let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("there is no ready pipeline `{name}`"));
        let names: Vec<&str> = ALL.iter().map(|ready| ready.name).collect();
        Failure::plain(match did_you_mean(name, names.iter().copied()) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault.help(format!("there are: {}", names.join(", "))),
        })
    })
}

impl Ready {
    /// The parameter of that name.
    pub fn parameter(&self, name: &str) -> Result<&'static Parameter, Failure> {
        self.parameters.iter().find(|p| p.name == name).ok_or_else(|| {
            let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("`{}` has no parameter `{name}`", self.name));
            let names: Vec<&str> = self.parameters.iter().map(|p| p.name).collect();
            Failure::plain(match did_you_mean(name, names.iter().copied()) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault.help(format!("it has: {}", names.join(", "))),
            })
        })
    }

    /// The text with what was said in place of what stands there, and in its one form. `path` is where it is to stand.
    ///
    /// # Errors
    /// What is wrong with it then: a value that cannot stand there.
    pub fn filled(&self, said: &BTreeMap<&str, String>, path: &Path) -> Result<String, Failure> {
        let (tree, _) = parse(FileId::default(), self.text.into(), &Limits::default());
        let document = Document::from(tree);
        let mut edits: Vec<(Span, String)> = Vec::new();
        document.roots().for_each(|node| self.edits(node, said, &mut edits));
        edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
        let mut text = self.text.to_string();
        for (span, value) in edits {
            text.replace_range(span.range(), &quoted(&value));
        }
        let text = crate::syntax::format(&text).unwrap_or(text);
        let loaded = load::load_with(path, &mut |_| Ok(text.clone().into_bytes()));
        if loaded.is_bad() {
            return Err(Failure { diagnostics: loaded.diagnostics, sources: loaded.sources });
        }
        Ok(text)
    }

    /// The values of a node and of those below it that are another.
    fn edits(&self, node: Node<'_>, said: &BTreeMap<&str, String>, edits: &mut Vec<(Span, String)>) {
        let values = node.args().chain(node.props().map(|p| p.value()));
        for value in values {
            let changed = value.as_str().and_then(|text| self.changed(text, said));
            edits.extend(changed.map(|text| (value.span(), text)));
        }
        node.children().for_each(|child| self.edits(child, said, edits));
    }

    /// What stands for a parameter, alone or with something behind it: `shop`, `shop-dev`, `./manifests/dev`.
    fn changed(&self, text: &str, said: &BTreeMap<&str, String>) -> Option<String> {
        self.parameters.iter().find_map(|p| {
            let rest = text.strip_prefix(p.default)?;
            let fits = rest.is_empty() || rest.starts_with(['-', '/']);
            fits.then(|| said.get(p.name)).flatten().map(|value| format!("{value}{rest}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_filled_with_what_is_said_and_nothing_of_the_defaults_stays() {
        for ready in ALL {
            let path = Path::new("lockgate.kdl");
            let as_it_is = ready.filled(&BTreeMap::new(), path).expect("no fault");
            assert_eq!(as_it_is, ready.text, "{} is not in its one form", ready.name);
            for p in ready.parameters {
                let value = match p.default {
                    d if d.starts_with("https") => "https://other.example.org/x".to_string(),
                    d if d.starts_with("./") => "./elsewhere".to_string(),
                    d if d.starts_with('~') => "~9.1".to_string(),
                    d if d.contains('/') => "other.example.org/x/y".to_string(),
                    _ => "other".to_string(),
                };
                let text = ready.filled(&BTreeMap::from([(p.name, value.clone())]), path).expect(p.name);
                assert!(text.contains(&value) && text != as_it_is, "{} {}:\n{text}", ready.name, p.name);
            }
        }
    }

    #[test]
    fn what_cannot_stand_there_is_refused() {
        let ready = find("web-service").expect("it is there");
        for (name, value) in [("branch", "a..b"), ("name", "x\" }"), ("repository", "no url"), ("image", "UPPER/x y")] {
            let failure = ready.filled(&BTreeMap::from([(name, value.to_string())]), Path::new("lockgate.kdl"));
            assert!(failure.is_err_and(|f| !f.diagnostics.is_empty()), "{name}");
        }
        assert!(
            find("web-servce").is_err_and(|f| f.diagnostics[0].help.as_deref() == Some("did you mean `web-service`?"))
        );
        assert!(ready.parameter("imag").is_err());
    }
}

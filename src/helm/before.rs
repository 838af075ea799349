//! Templates that were parsed before: a plan renders a chart for each environment, an explanation renders it again and again, and
//! charts bring the same libraries below each other. What a text parses to depends on nothing but the text; its name only says where
//! errors are.
//!
//! It is kept for as long as somebody says, on their thread, and no longer: a server has hundreds of them.

use super::functions::registry;
use super::template::ast::{Source, Template};
use super::template::{Names, TemplateError, parse_template};
use super::value::Str;
use foldhash::HashMap;
use std::cell::RefCell;
use std::rc::Rc;

/// How many bytes of texts are kept at most; what was parsed of them takes some times as much.
const MAX_BYTES: usize = 16 << 20;

thread_local! {
    static BEFORE: RefCell<Option<Before>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct Before {
    /// By text, what it defines, its own template last.
    texts: HashMap<Str, Vec<Rc<Template>>>,
    /// How many bytes these have.
    bytes: usize,
}

/// Keeps what renders on this thread parse until the work is done. Renders inside share it.
pub fn remembering<T>(work: impl FnOnce() -> T) -> T {
    /// Forgets it also where the work panics.
    struct Forget;
    impl Drop for Forget {
        fn drop(&mut self) {
            BEFORE.set(None);
        }
    }
    let is_inside = BEFORE.with_borrow(Option::is_some);
    if !is_inside {
        BEFORE.set(Some(Before::default()));
    }
    let _forget = (!is_inside).then(|| Forget);
    work()
}

/// What a file defines, its own template last.
pub(super) fn parse(name: &str, text: &[u8], names: &mut Names) -> Result<Vec<Rc<Template>>, Box<TemplateError>> {
    let name = Str::from(name);
    let known = BEFORE.with_borrow(|before| before.as_ref()?.texts.get(text).and_then(|known| named(known, &name)));
    if let Some(known) = known {
        return Ok(known);
    }
    let text = Str::from(text);
    let file = parse_template(&name, &text, registry(), names)?;
    let parsed: Vec<_> = file.templates.into_iter().map(Rc::new).collect();
    // One that defines a template of its own name is odd enough to be parsed again.
    if !file.is_namesake {
        BEFORE.with_borrow_mut(|before| before.iter_mut().for_each(|before| before.keep(&text, &parsed)));
    }
    Ok(parsed)
}

impl Before {
    fn keep(&mut self, text: &Str, parsed: &[Rc<Template>]) {
        if self.bytes + text.len() > MAX_BYTES {
            *self = Before::default();
        }
        if text.len() <= MAX_BYTES {
            self.bytes += text.len();
            self.texts.insert(text.clone(), parsed.to_vec());
        }
    }
}

/// The same under the name of another file. Nothing where the text defines a template of that name: which of the two stands then
/// depends on the name.
fn named(known: &[Rc<Template>], name: &Str) -> Option<Vec<Rc<Template>>> {
    let (own, defined) = known.split_last()?;
    if own.name == *name {
        return Some(known.to_vec());
    }
    if defined.iter().any(|template| template.name == *name) {
        return None;
    }
    let source = Rc::new(Source { name: name.clone(), text: own.source.text.clone() });
    let again = |template: &Rc<Template>, name: &Str| {
        let Template { body, slots, .. } = &**template;
        Rc::new(Template { name: name.clone(), source: source.clone(), body: body.clone(), slots: *slots })
    };
    let defined = defined.iter().map(|template| again(template, &template.name));
    Some(defined.chain([again(own, name)]).collect())
}

#[cfg(test)]
mod tests {
    use super::super::chart::Chart;
    use super::super::render::{Request, render};
    use super::*;

    /// What a chart with two files in a folder below it renders to, or the error.
    fn rendered(first: &str, second: &str) -> String {
        let files = [
            ("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            ("templates/one.yaml", first),
            ("templates/two.yaml", second),
        ];
        let chart = Chart::from_files(files.map(|(n, t)| (n.to_string(), t.as_bytes().to_vec())).into());
        match render(&Request::new(&chart.expect("a chart"), "r", "n")) {
            Ok(rendered) => rendered.files.into_values().collect::<Vec<_>>().join("|"),
            Err(error) => error.to_string(),
        }
    }

    fn kept() -> usize {
        BEFORE.with_borrow(|before| before.as_ref().map_or(0, |before| before.texts.len()))
    }

    #[test]
    fn what_is_remembered_renders_to_the_same() {
        let texts = [
            "a: {{ .Template.Name }}",
            "a: {{ .Values.b.c }}",
            "{{ define \"x\" }}1{{ end }}a: {{ include \"x\" . }}",
            "{{ define \"c/templates/two.yaml\" }}a: 3{{ end }}{{ if false }}{{ end }}",
            "{{ define \"c/templates/two.yaml\" }}a: 3{{ end }}b: 4",
            "{{ define \"c/templates/one.yaml\" }}{{ end }}{{ define \"z\" }}b: 5{{ end }}a: 6",
            "{{ define \"c/templates/one.yaml\" }}a: 7{{ end }}",
            "{{ define \"c/templates/one.yaml\" }}{{ end }}a: 8{{ include \"c/templates/one.yaml\" . }}",
            "{{ fail .Template.Name }}",
            "{{ if }}",
            "a: {{ template \"y\" }}{{ define \"y\" }}{{ $z := 1 }}{{ $z }}{{ end }}",
        ];
        let all = || texts.iter().flat_map(|a| texts.iter().map(|b| rendered(a, b))).collect::<Vec<_>>();
        let fresh = all();
        assert!(fresh.iter().any(|text| text.contains("two.yaml:1")), "{fresh:#?}");
        remembering(|| {
            assert_eq!(all(), fresh);
            assert_eq!(remembering(all), fresh);
            assert_eq!(kept(), texts.len() - 1);
        });
        assert_eq!(kept(), 0);
        assert!(std::panic::catch_unwind(|| remembering(|| panic!("in the midst"))).is_err());
        assert_eq!(kept(), 0);
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        remembering(|| {
            for n in 0..40 {
                let text = format!("{{{{/* {} */}}}}{n}", " ".repeat(1 << 20));
                parse("t", text.as_bytes(), &mut Names::default()).expect("a template");
                assert!(kept() <= 16);
            }
            let long = vec![b' '; MAX_BYTES + 1];
            parse("t", &long, &mut Names::default()).expect("a template");
            assert_eq!(kept(), 0);
        });
    }
}

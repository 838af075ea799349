//! Which values the templates of a chart read: a walk over their syntax, so that what nobody reads can be told.
//!
//! It is made to err on the side of "read": what goes into a function, a loop or out of sight counts as read with all that
//! lies below it. Named templates are followed with the dot they are called with.

use crate::helm::before;
use crate::helm::chart::Chart;
use crate::helm::template::Names;
use crate::helm::template::ast::{Branch, Command, Expr, ExprKind, Node, Pipe, Template};
use crate::helm::value::Str;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A path below `.Values`.
pub type Path = Vec<String>;

/// How deep named templates are followed into each other.
const MAX_CALLS: usize = 24;
/// How many calls are followed in all; beyond, everything counts as read.
const MAX_STEPS: usize = 20_000;

/// What a chart's templates read.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    /// Paths that are looked at, but nothing below them unless it stands here too.
    pub looked_at: BTreeSet<Path>,
    /// Paths that are read with everything below them. The empty path: everything.
    pub whole: BTreeSet<Path>,
}

/// What an expression is, as far as it can be followed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Where {
    /// The dot of a file, with `.Values` in it.
    Root,
    /// Something in the values.
    Values(Path),
    /// Out of sight. A field `Values` of it is taken for the values: charts pass their dot on in dictionaries.
    Other,
}

/// The paths below `.Values` that the templates of a chart itself read, without those of the charts below it.
pub fn read_paths(chart: &Chart) -> Reads {
    let mut templates = BTreeMap::new();
    let mut files = Vec::new();
    let mut broken = false;
    gather(chart, true, &mut Names::default(), &mut templates, &mut files, &mut broken);
    let mut walk = Walk { templates: &templates, reads: Reads::default(), seen: BTreeSet::new(), steps: 0 };
    if broken {
        walk.reads.whole.insert(Path::new());
    }
    for name in files {
        walk.call(&name, Where::Root, 0);
    }
    walk.reads
}

/// Parses the templates of a chart; those of charts below only for what they define.
fn gather(
    chart: &Chart,
    own: bool,
    names: &mut Names,
    templates: &mut BTreeMap<Vec<u8>, Rc<Template>>,
    files: &mut Vec<Vec<u8>>,
    broken: &mut bool,
) {
    for below in &chart.charts {
        gather(below, false, names, templates, files, broken);
    }
    for file in &chart.templates {
        let name = format!("{}/{}", chart.name(), file.name);
        match before::parse(&name, &file.data, names) {
            Ok(parsed) => {
                if own {
                    files.push(name.into_bytes());
                }
                templates.extend(parsed.into_iter().map(|t| (t.name.to_vec(), t)));
            }
            Err(_) => *broken |= own,
        }
    }
}

struct Walk<'a> {
    templates: &'a BTreeMap<Vec<u8>, Rc<Template>>,
    reads: Reads,
    seen: BTreeSet<(Vec<u8>, Where)>,
    steps: usize,
}

/// What the names mean inside one template.
struct Frame {
    root: Where,
    dot: Where,
    variables: BTreeMap<u32, Where>,
    depth: usize,
}

impl Walk<'_> {
    /// Follows a named template.
    fn call(&mut self, name: &[u8], dot: Where, depth: usize) {
        self.steps += 1;
        if depth > MAX_CALLS || self.steps > MAX_STEPS {
            self.lost(&dot);
            return;
        }
        let templates = self.templates;
        match templates.get(name) {
            Some(template) if self.seen.insert((name.to_vec(), dot.clone())) => {
                let mut frame = Frame { root: dot.clone(), dot, variables: BTreeMap::new(), depth };
                self.nodes(&template.body, &mut frame);
            }
            Some(_) => {}
            None => self.lost(&dot),
        }
    }

    fn whole(&mut self, found: &Where) {
        if let Where::Values(path) = found {
            self.reads.whole.insert(path.clone());
        }
    }

    /// Something goes where it cannot be followed: with the dot of a file, all values go there.
    fn lost(&mut self, found: &Where) {
        match found {
            Where::Values(path) => self.reads.whole.insert(path.clone()),
            Where::Root | Where::Other => self.reads.whole.insert(Path::new()),
        };
    }

    fn look(&mut self, found: &Where) {
        if let Where::Values(path) = found {
            self.reads.looked_at.insert(path.clone());
        }
    }

    fn nodes(&mut self, nodes: &[Node], frame: &mut Frame) {
        for node in nodes {
            match node {
                Node::Action(action) => {
                    let found = self.pipe(&action.pipe, frame);
                    if action.pipe.variables.is_empty() {
                        self.whole(&found);
                    }
                }
                Node::If(branch) => {
                    self.condition(&branch.pipe, frame);
                    self.bodies(branch, None, frame);
                }
                Node::With(branch) => {
                    let found = self.pipe(&branch.pipe, frame);
                    self.look(&found);
                    self.bodies(branch, Some(found), frame);
                }
                Node::Range(branch) => {
                    let found = self.pipe(&branch.pipe, frame);
                    self.whole(&found);
                    for variable in branch.pipe.variables.iter() {
                        frame.variables.insert(variable.slot, Where::Other);
                    }
                    self.bodies(branch, Some(Where::Other), frame);
                }
                Node::Template(call) => {
                    let dot = call.pipe.as_ref().map_or(Where::Other, |pipe| self.pipe(pipe, frame));
                    self.call(&call.name, dot, frame.depth + 1);
                }
                Node::Text(_) | Node::Literal(_) | Node::Break | Node::Continue => {}
            }
        }
    }

    fn bodies(&mut self, branch: &Branch, dot: Option<Where>, frame: &mut Frame) {
        let outer = frame.dot.clone();
        if let Some(dot) = dot {
            frame.dot = dot;
        }
        self.nodes(&branch.body, frame);
        frame.dot = outer;
        self.nodes(&branch.otherwise, frame);
    }

    /// Walks a condition: of what `and` and `or` bind together in it, only the truth counts.
    fn condition(&mut self, pipe: &Pipe, frame: &mut Frame) {
        if let ([command], []) = (&*pipe.commands, &*pipe.variables)
            && let [first, args @ ..] = &*command.words
            && matches!(&first.kind, ExprKind::Function(f) if matches!(f.name, "and" | "or" | "not"))
        {
            for arg in args {
                match &arg.kind {
                    ExprKind::Pipe(inner) => self.condition(inner, frame),
                    _ => {
                        let found = self.expr(arg, frame);
                        self.look(&found);
                    }
                }
            }
            return;
        }
        let found = self.pipe(pipe, frame);
        self.look(&found);
    }

    /// Walks a pipeline; says what its value is.
    fn pipe(&mut self, pipe: &Pipe, frame: &mut Frame) -> Where {
        let mut value = None;
        for command in pipe.commands.iter() {
            value = Some(self.command(command, value, frame));
        }
        let value = value.unwrap_or(Where::Other);
        for variable in pipe.variables.iter() {
            // A variable that is assigned in a branch may be either.
            if pipe.assign {
                self.whole(&value);
                frame.variables.insert(variable.slot, Where::Other);
            } else {
                frame.variables.insert(variable.slot, value.clone());
            }
        }
        value
    }

    fn command(&mut self, command: &Command, piped: Option<Where>, frame: &mut Frame) -> Where {
        let Some((first, args)) = command.words.split_first() else { return Where::Other };
        let ExprKind::Function(function) = &first.kind else {
            // A method or field with arguments: all that goes in is read.
            let found = self.expr(first, frame);
            if args.is_empty() && piped.is_none() {
                return found;
            }
            self.arguments(args, piped, frame);
            return Where::Other;
        };
        match (function.name, args) {
            ("include", [name, dot]) => self.include(name, Some(dot), None, frame),
            ("include", [name]) => self.include(name, None, piped, frame),
            ("index" | "get" | "hasKey", [map, keys @ ..]) if piped.is_none() && keys.iter().all(is_text) => {
                let base = self.expr(map, frame);
                let found = keys.iter().filter_map(text).fold(base, |at, key| field(at, &key));
                self.look(&found);
                if function.name == "hasKey" { Where::Other } else { found }
            }
            // The dot only serves the text, which is a value itself most of the time.
            ("tpl", [text, _dot]) => {
                self.arguments(std::slice::from_ref(text), None, frame);
                Where::Other
            }
            ("tpl", [_dot]) => {
                self.arguments(&[], piped, frame);
                Where::Other
            }
            ("default", [other, value]) => {
                self.arguments(std::slice::from_ref(other), None, frame);
                self.expr(value, frame)
            }
            ("not" | "empty" | "kindIs" | "typeIs" | "kindOf" | "typeOf", _) => {
                for found in self.values(args, piped, frame) {
                    self.look(&found);
                }
                Where::Other
            }
            _ => {
                self.arguments(args, piped, frame);
                Where::Other
            }
        }
    }

    fn include(&mut self, name: &Expr, dot: Option<&Expr>, piped: Option<Where>, frame: &mut Frame) -> Where {
        let dot = dot.map(|dot| self.expr(dot, frame)).or(piped).unwrap_or(Where::Other);
        match text(name) {
            Some(name) => self.call(name.as_bytes(), dot, frame.depth + 1),
            None => {
                self.arguments(std::slice::from_ref(name), None, frame);
                // Whichever it is, it is one of those that there are; the chart's own files are walked anyway.
                let templates = self.templates;
                for any in templates.keys().filter(|_| !is_own_file(name)) {
                    self.call(any, dot.clone(), frame.depth + 1);
                }
            }
        }
        Where::Other
    }

    fn values(&mut self, args: &[Expr], piped: Option<Where>, frame: &mut Frame) -> Vec<Where> {
        let mut found: Vec<Where> = args.iter().map(|arg| self.expr(arg, frame)).collect();
        found.extend(piped);
        found
    }

    /// What goes into a function is read as a whole.
    fn arguments(&mut self, args: &[Expr], piped: Option<Where>, frame: &mut Frame) {
        for found in self.values(args, piped, frame) {
            self.whole(&found);
        }
    }

    fn expr(&mut self, expr: &Expr, frame: &mut Frame) -> Where {
        let found = match &expr.kind {
            ExprKind::Dot => frame.dot.clone(),
            ExprKind::Field(names) => fields(frame.dot.clone(), names),
            ExprKind::Variable(variable, names) if variable.slot == 0 => fields(frame.root.clone(), names),
            ExprKind::Variable(variable, names) => {
                let base = frame.variables.get(&variable.slot).cloned().unwrap_or(Where::Other);
                fields(base, names)
            }
            ExprKind::Chain(inner, names) => {
                let base = self.expr(inner, frame);
                fields(base, names)
            }
            ExprKind::Pipe(pipe) => self.pipe(pipe, frame),
            _ => Where::Other,
        };
        self.look(&found);
        found
    }
}

/// Whether an expression makes the name of a file of the chart: `(print $.Template.BasePath "/configmap.yaml")`.
fn is_own_file(expr: &Expr) -> bool {
    let ends = |names: &[Str]| matches!(names, [.., last] if *last.to_text() == *"BasePath");
    match &expr.kind {
        ExprKind::Field(names) | ExprKind::Variable(_, names) | ExprKind::Chain(_, names) => ends(names),
        ExprKind::Pipe(pipe) => pipe.commands.iter().flat_map(|c| &c.words).any(is_own_file),
        _ => false,
    }
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::String { .. })
}

fn text(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::String { text, .. } => Some(text.to_text().into_owned()),
        _ => None,
    }
}

fn fields(base: Where, names: &[Str]) -> Where {
    names.iter().fold(base, |at, name| field(at, &name.to_text()))
}

fn field(base: Where, name: &str) -> Where {
    match base {
        Where::Root | Where::Other if name == "Values" => Where::Values(Path::new()),
        // A method of the values, which gives all of them.
        Where::Values(path) if path.is_empty() && name == "AsMap" => Where::Values(path),
        Where::Values(mut path) => {
            path.push(name.to_string());
            Where::Values(path)
        }
        _ => Where::Other,
    }
}

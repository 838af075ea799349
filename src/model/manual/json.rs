//! The language as data, for `lockgate grammar --json`.

use super::super::fields;
use super::super::pipeline::{FILE, VERSION};
use super::super::spec::{Arg, Prop, Spec, Ty};
use crate::diag::codes;
use serde_json::{Value, json};

/// The version of this description; it grows by what is added, and changes when something is taken away.
const FORMAT: u32 = 1;

/// The whole language: nodes, references, rules.
pub fn json() -> Value {
    let context = fields::CONTEXT.iter().map(|c| {
        let fields: Vec<Value> = c.fields.fields.iter().map(|f| json!({"name": f.name, "about": f.prose})).collect();
        json!({"name": c.name, "inEnvironment": c.in_environment, "fields": fields})
    });
    let rules =
        codes::ALL.iter().map(|c| json!({"code": c.id, "name": c.name, "level": c.severity, "about": c.summary}));
    json!({
        "format": FORMAT,
        "language": VERSION,
        "file": node(&FILE),
        "context": context.collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
    })
}

fn node(spec: &'static Spec) -> Value {
    let own = spec.own.as_ref().map(|o| json!({"name": o.name, "type": ty(&o.ty), "about": o.prose}));
    let child = |c: &super::super::spec::Child| json!({"many": c.many.words(), "node": node(c.spec)});
    let choice = |c: &super::super::spec::Choice| json!({"of": c.of, "needed": c.needed, "about": c.about});
    json!({
        "name": spec.name,
        "about": spec.prose,
        "usage": spec.usage(),
        "example": spec.example.trim_matches('\n'),
        "arguments": spec.args.iter().map(argument).collect::<Vec<_>>(),
        "more": spec.more.as_ref().map(argument),
        "properties": spec.props.iter().map(property).collect::<Vec<_>>(),
        "ownProperties": own,
        "children": spec.children.iter().map(child).collect::<Vec<_>>(),
        "choices": spec.choices.iter().map(choice).collect::<Vec<_>>(),
    })
}

fn argument(arg: &Arg) -> Value {
    json!({"name": arg.name, "type": ty(&arg.ty), "required": arg.required, "about": arg.prose})
}

fn property(prop: &Prop) -> Value {
    json!({"name": prop.name, "type": ty(&prop.ty), "required": prop.required, "default": prop.default, "about": prop.prose})
}

fn ty(ty: &Ty) -> Value {
    let kind = match ty {
        Ty::Text => "text",
        Ty::Template => "template",
        Ty::TemplateOrNumber => "template-or-number",
        Ty::Any => "any",
        Ty::Bool => "bool",
        Ty::Count(..) => "count",
        Ty::Word(_) => "word",
        Ty::Name(_) => "name",
        Ty::Format(_) => "format",
    };
    let mut value = json!({"kind": kind, "about": ty.words()});
    match ty {
        Ty::Count(least, most) => {
            value["least"] = json!(least);
            value["most"] = json!(most);
        }
        Ty::Word(words) => value["words"] = words.iter().map(|w| json!({"name": w.name, "about": w.prose})).collect(),
        Ty::Name(names) => value["of"] = json!(names.words()),
        Ty::Format(format) => value["written"] = json!(format.prose),
        _ => {}
    }
    value
}

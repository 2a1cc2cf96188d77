//! What fields the requests have, as reading their examples tells: a description that is made of it can't say anything
//! but what the code does.

use crate::{
    Fields, MessageInfo,
    fields::{Asked, AskedField, FieldKind},
};
use serde_json::{Map, Value};

/// The fields of a request, or of an object in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape(pub Vec<Field>);

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name; the one in camel case is good, too, but for query strings.
    pub name: String,
    /// What its values are.
    pub kind: FieldKind<Shape>,
    /// Whether no request is read without it.
    pub is_required: bool,
    /// Whether the body must say it, too, where the path does.
    pub is_repeated: bool,
}

impl MessageInfo {
    /// The fields of these requests, where the path says some of them.
    #[must_use]
    pub fn shape(&self, in_path: &[&str]) -> Shape {
        let examples = self.examples.iter().filter_map(|text| serde_json::from_str(text).ok());
        let examples: Examples<'_> = Examples { of: self, in_path, all: examples.collect() };
        let asked = Asked::default();
        for example in &examples.all {
            examples.is_read(example.clone(), Some(&asked));
        }
        examples.shape(&asked, &[])
    }
}

/// The examples of a kind of request.
struct Examples<'a> {
    of: &'a MessageInfo,
    in_path: &'a [&'a str],
    all: Vec<Map<String, Value>>,
}

impl Examples<'_> {
    fn is_read(&self, example: Map<String, Value>, asked: Option<&Asked>) -> bool {
        let in_path = self.in_path.iter().filter_map(|name| {
            let value = example.get(*name)?.as_str()?;
            Some(((*name).to_owned(), value.to_owned()))
        });
        let in_path: Vec<_> = in_path.collect();
        let mut fields = Fields::of_object(example).with_path(in_path).noted_in(asked.cloned());
        (self.of.decode)(&mut fields).is_ok()
    }

    /// The fields of the objects that lie below these names.
    fn shape(&self, asked: &Asked, names: &[&str]) -> Shape {
        let field = |AskedField { name, kind, is_repeated }| {
            let within = [names, &[name.as_str()]].concat();
            let kind = self.kind(&kind, &within);
            let is_required = self.is_required(names, &name);
            Field { name, kind, is_required, is_repeated }
        };
        Shape(asked.fields().into_iter().map(field).collect())
    }

    fn kind(&self, kind: &FieldKind<Asked>, names: &[&str]) -> FieldKind<Shape> {
        match kind {
            FieldKind::Object(asked) => FieldKind::Object(self.shape(asked, names)),
            FieldKind::Objects(asked) => FieldKind::Objects(self.shape(asked, names)),
            FieldKind::Text => FieldKind::Text,
            FieldKind::Integer => FieldKind::Integer,
            FieldKind::Number => FieldKind::Number,
            FieldKind::Boolean => FieldKind::Boolean,
            FieldKind::Names(names) => FieldKind::Names(names.clone()),
            FieldKind::Texts => FieldKind::Texts,
            FieldKind::TextsByName => FieldKind::TextsByName,
            FieldKind::AnyObject => FieldKind::AnyObject,
            FieldKind::Anything => FieldKind::Anything,
        }
    }

    /// Whether each object below `names` has the field, and none can do without it.
    fn is_required(&self, names: &[&str], field: &str) -> bool {
        let places = |example: &Map<String, Value>| {
            let example = Value::Object(example.clone());
            places(&example, names).into_iter().map(move |place| (example.clone(), place))
        };
        let mut all = self.all.iter().flat_map(places).peekable();
        all.peek().is_some()
            && all.all(|(mut example, place)| {
                let object = example.pointer_mut(&place).and_then(Value::as_object_mut);
                let removed = object.and_then(|object| object.shift_remove(field));
                let Value::Object(without) = example else { return false };
                removed.is_some() && !self.is_read(without, None)
            })
    }
}

/// The JSON pointers of the objects that lie below `names`.
fn places(example: &Value, names: &[&str]) -> Vec<String> {
    let mut places = vec![String::new()];
    for name in names {
        let below = places.iter().flat_map(|place| {
            let place = format!("{place}/{name}");
            match example.pointer(&place) {
                Some(Value::Object(_)) => vec![place],
                Some(Value::Array(items)) => {
                    (0..items.len()).map(|index| format!("{place}/{index}")).collect()
                }
                _ => Vec::new(),
            }
        });
        places = below.collect();
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MESSAGES;

    #[test]
    fn examples_have_every_field() {
        for message in MESSAGES {
            let examples = message.examples.iter().map(|text| serde_json::from_str(text).unwrap());
            let examples: Vec<Value> = examples.collect();
            let shape = message.shape(&[]);
            // A request that says nothing has one example, which is empty.
            assert_eq!(shape.0.is_empty(), message.examples == ["{}"], "{}", message.name);
            check(message, &examples, &shape, &[]);
        }
    }

    fn check(message: &MessageInfo, examples: &[Value], shape: &Shape, names: &[&str]) {
        for field in &shape.0 {
            let has = |place: &String, example: &Value| {
                example.pointer(&format!("{place}/{}", field.name)).is_some()
            };
            let is_there = examples
                .iter()
                .any(|example| places(example, names).iter().any(|place| has(place, example)));
            assert!(is_there, "{} has no example of {names:?} {}", message.name, field.name);
            if let FieldKind::Object(within) | FieldKind::Objects(within) = &field.kind {
                check(message, examples, within, &[names, &[field.name.as_str()]].concat());
            }
        }
    }

    #[test]
    fn a_field_is_required_where_nothing_is_read_without_it() {
        let shape_of = |name: &str, in_path: &[&str]| {
            MESSAGES.iter().find(|message| message.name == name).unwrap().shape(in_path)
        };
        let required = |shape: &Shape| {
            let fields = shape.0.iter().filter(|field| field.is_required);
            fields.map(|field| field.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(required(&shape_of("CreateExperiment", &[])), ["name"]);
        assert_eq!(required(&shape_of("CreatePresignedUploadUrl", &[])), ["path"]);
        let batch = shape_of("LogBatch", &[]);
        assert_eq!(required(&batch), ["run_id"]);
        let FieldKind::Objects(metric) = &batch.0[1].kind else { panic!("{batch:?}") };
        assert_eq!(required(metric), ["key", "value", "timestamp"]);
        assert_eq!(metric.0[1].kind, FieldKind::Number);
        let finalize = shape_of("FinalizeLoggedModel", &["model_id"]);
        assert_eq!(required(&finalize), ["model_id", "status"]);
        assert!(finalize.0[0].is_repeated);
    }
}

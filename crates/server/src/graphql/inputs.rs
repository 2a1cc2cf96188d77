//! Arguments and variables: what a client sends becomes what its type says, or an error in the reference's
//! words.

use super::{
    document::{Operation, Type, Value, VariableDefinition},
    schema::Input,
};
use mlferry_protocol::python::{repr_json, repr_str};
use serde_json::{Map, Value as Json};

/// The values of an operation's variables; those that have none are absent.
pub(super) type Variables = Map<String, Json>;

/// The values of the variables that an operation declares.
pub(super) fn variables(
    operation: &Operation<'_>,
    given: &Map<String, Json>,
) -> Result<Variables, Vec<String>> {
    let mut values = Variables::new();
    let mut errors = Vec::new();
    for definition in operation.variables {
        match variable(definition, given.get(&definition.name)) {
            Ok(Some(value)) => {
                values.insert(definition.name.clone(), value);
            }
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

fn variable(definition: &VariableDefinition, given: Option<&Json>) -> Result<Option<Json>, String> {
    let name = &definition.name;
    let shown = shown_type(&definition.var_type);
    let is_required = matches!(definition.var_type, Type::NonNullType(_));
    let kind = Input::named(&bare_type(&definition.var_type));
    let (Some(kind), Some(value)) = (kind, given) else {
        let default = definition.default_value.as_ref();
        return match (default, kind) {
            (Some(default), Some(kind)) => literal(kind, default, &Variables::new()),
            _ if is_required => {
                Err(format!("Variable '${name}' of required type '{shown}' was not provided."))
            }
            _ => Ok(None),
        };
    };
    if value.is_null() && is_required {
        return Err(format!("Variable '${name}' of non-null type '{shown}' must not be null."));
    }
    let refuse = |Refusal { value, path, reason }: Refusal| {
        let place = if path.is_empty() { String::new() } else { format!(" at '{name}{path}'") };
        format!("Variable '${name}' got invalid value {}{place}; {reason}", repr_json(&value))
    };
    coerced(kind, value, "").map(Some).map_err(refuse)
}

/// A type as it is written.
pub(super) fn shown_type(of: &Type) -> String {
    match of {
        Type::NamedType(name) => name.clone(),
        Type::ListType(of) => format!("[{}]", shown_type(of)),
        Type::NonNullType(of) => format!("{}!", shown_type(of)),
    }
}

/// A type without its exclamation marks: whether something may be null is looked at when it is.
pub(super) fn bare_type(of: &Type) -> String {
    shown_type(of).replace('!', "")
}

/// Why a value of a variable is refused, and where it stands in it.
struct Refusal {
    value: Json,
    path: String,
    reason: String,
}

fn coerced(kind: Input, value: &Json, path: &str) -> Result<Json, Refusal> {
    let refuse = |reason: String| Refusal { value: value.clone(), path: path.to_owned(), reason };
    let shown = || repr_json(value);
    match (kind, value) {
        (_, Json::Null)
        | (Input::Text, Json::String(_))
        | (Input::Long, Json::Number(_) | Json::String(_)) => Ok(value.clone()),
        (Input::Text, _) => {
            Err(refuse(format!("String cannot represent a non string value: {}", shown())))
        }
        (Input::Int, Json::Number(number)) if number.as_i64().is_some_and(is_short) => {
            Ok(value.clone())
        }
        (Input::Int, _) => {
            Err(refuse(format!("Int cannot represent non-integer value: {}", shown())))
        }
        (Input::Long, _) => Err(refuse("Expected type 'LongString'.".to_owned())),
        (Input::Texts, Json::Array(items)) => {
            let items = items.iter().enumerate();
            let texts =
                items.map(|(index, item)| coerced(Input::Text, item, &format!("{path}[{index}]")));
            texts.collect::<Result<Vec<_>, _>>().map(Json::Array)
        }
        (Input::Texts, single) => Ok(Json::Array(vec![coerced(Input::Text, single, path)?])),
        (Input::ViewType, Json::String(name)) if Input::is_view_type(name) => Ok(value.clone()),
        (Input::ViewType, Json::String(name)) => Err(refuse(format!(
            "Value {} does not exist in 'MlflowViewType' enum.",
            repr_str(name)
        ))),
        (Input::ViewType, _) => Err(refuse(format!(
            "Enum 'MlflowViewType' cannot represent non-string value: {}.",
            shown()
        ))),
        (Input::Object(of), Json::Object(members)) => {
            let mut object = Map::new();
            for (name, member) in members {
                let kind = of.field(name).ok_or_else(|| {
                    refuse(format!("Field '{name}' is not defined by type '{}'.", of.name))
                })?;
                object.insert(name.clone(), coerced(kind, member, &format!("{path}.{name}"))?);
            }
            Ok(Json::Object(object))
        }
        (Input::Object(of), _) => {
            Err(refuse(format!("Expected type '{}' to be a mapping.", of.name)))
        }
    }
}

fn is_short(integer: i64) -> bool {
    i32::try_from(integer).is_ok()
}

/// A value that stands in the document; a variable that has none leaves it absent.
pub(super) fn literal(
    kind: Input,
    value: &Value,
    variables: &Variables,
) -> Result<Option<Json>, String> {
    let expected = || format!("Expected value of type '{}', found {value}.", kind.name());
    let found = match (kind, value) {
        (_, Value::Variable(name)) => return Ok(variables.get(name).cloned()),
        (_, Value::Null) => Json::Null,
        (Input::Text, Value::String(text)) => text.as_str().into(),
        (Input::Text, _) => {
            return Err(format!("String cannot represent a non string value: {value}"));
        }
        (Input::Int, Value::Int(number)) if number.as_i64().is_some_and(is_short) => {
            number.as_i64().into()
        }
        (Input::Int, _) => return Err(format!("Int cannot represent non-integer value: {value}")),
        (Input::Long, Value::Int(number)) => number.as_i64().into(),
        (Input::Texts, Value::List(items)) => {
            let texts = items.iter().map(|item| literal(Input::Text, item, variables));
            let texts = texts.collect::<Result<Vec<_>, _>>()?;
            Json::Array(texts.into_iter().map(Option::unwrap_or_default).collect())
        }
        (Input::Texts, single) => {
            Json::Array(literal(Input::Text, single, variables)?.into_iter().collect())
        }
        (Input::ViewType, Value::Enum(name)) if Input::is_view_type(name) => name.as_str().into(),
        (Input::ViewType, Value::Enum(name)) => {
            return Err(format!("Value '{name}' does not exist in 'MlflowViewType' enum."));
        }
        (Input::ViewType, _) => {
            return Err(format!("Enum 'MlflowViewType' cannot represent non-enum value: {value}."));
        }
        (Input::Object(of), Value::Object(members)) => {
            let mut object = Map::new();
            for (name, member) in members {
                let kind = of.field(name).ok_or_else(|| {
                    format!("Field '{name}' is not defined by type '{}'.", of.name)
                })?;
                if let Some(member) = literal(kind, member, variables)? {
                    object.insert(name.clone(), member);
                }
            }
            Json::Object(object)
        }
        (Input::Long | Input::Object(_), _) => return Err(expected()),
    };
    Ok(Some(found))
}

//! What a schema is made of: types with fields, root fields with arguments, and types of what is sent.

use super::table::ROOTS;
use mlferry_protocol::{ViewType, WireEnum};

/// A type that has fields.
#[derive(Debug)]
pub(super) struct Type {
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// A field of a type, which the message behind it has under the same name in snake case.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// What a field holds. One that the message leaves out has protobuf's default.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// An integer of 64 bits, which travels as text.
    Long,
    Float(Nan),
    Bool,
    /// The name of a value, and the first one, which stands for none.
    Enum(&'static str, &'static str),
    Texts,
    Object(&'static Type),
    List(&'static Type),
    /// An object that is never there.
    Absent(&'static Type),
    /// An object that is always there, and of which nothing is known.
    Empty(&'static Type),
}

/// What becomes of a number that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nan {
    Null,
    /// Null, and an error.
    Error,
}

impl Type {
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Kind {
    /// The type of the objects in a field.
    pub(super) fn object(self) -> Option<&'static Type> {
        match self {
            Self::Object(of) | Self::List(of) | Self::Absent(of) | Self::Empty(of) => Some(of),
            _ => None,
        }
    }

    /// The type as messages show it.
    pub(super) fn shown(self) -> String {
        match self {
            Self::Text => "String".to_owned(),
            Self::Long => "LongString".to_owned(),
            Self::Float(_) => "Float".to_owned(),
            Self::Bool => "Boolean".to_owned(),
            Self::Enum(name, _) => name.to_owned(),
            Self::Texts => "[String]".to_owned(),
            Self::Object(of) | Self::Absent(of) | Self::Empty(of) => of.name.to_owned(),
            Self::List(of) => format!("[{}!]", of.name),
        }
    }
}

/// A field of `Query` or `Mutation`.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) field: Field,
    pub(super) call: Call,
    pub(super) argument: Argument,
}

/// The argument of a root field.
#[derive(Debug)]
pub(super) struct Argument {
    pub(super) name: &'static str,
    pub(super) kind: Input,
}

/// What a root field asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    GetExperiment,
    GetRun,
    GetMetricHistoryBulkInterval,
    ListArtifacts,
    SearchDatasets,
    SearchModelVersions,
    SearchRuns,
    Test,
    /// A field that never holds anything.
    Nothing,
}

/// What a client may send.
#[derive(Debug, Clone, Copy)]
pub(super) enum Input {
    Text,
    Int,
    Long,
    Texts,
    ViewType,
    Object(&'static InputType),
}

/// A type of which objects are sent.
#[derive(Debug)]
pub(super) struct InputType {
    pub(super) name: &'static str,
    pub(super) fields: &'static [(&'static str, Input)],
}

impl Input {
    /// The type as documents name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "String",
            Self::Int => "Int",
            Self::Long => "LongString",
            Self::Texts => "[String]",
            Self::ViewType => "MlflowViewType",
            Self::Object(of) => of.name,
        }
    }

    /// The type that a variable declares, without its exclamation marks.
    pub(super) fn named(name: &str) -> Option<Self> {
        let scalars = [Self::Text, Self::Int, Self::Long, Self::Texts, Self::ViewType];
        let objects = ROOTS.iter().map(|(_, root)| root.argument.kind);
        scalars.into_iter().chain(objects).find(|kind| kind.name() == name)
    }

    pub(super) fn is_view_type(name: &str) -> bool {
        ViewType::from_name(name).is_some()
    }
}

impl InputType {
    pub(super) fn field(&self, name: &str) -> Option<Input> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
}

/// The kinds of operations that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Query,
    Mutation,
}

impl Operation {
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Query => "Query",
            Self::Mutation => "Mutation",
        }
    }

    pub(super) fn root(self, name: &str) -> Option<&'static Root> {
        let mut roots = ROOTS.iter().filter(|(operation, _)| *operation == self);
        roots.find(|(_, root)| root.field.name == name).map(|(_, root)| root)
    }
}

/// Whether a fragment may be on a type.
pub(super) fn is_known(name: &str) -> bool {
    fn below(of: &'static Type, name: &str) -> bool {
        of.name == name
            || of.fields.iter().filter_map(|field| field.kind.object()).any(|of| below(of, name))
    }
    let operations = [Operation::Query, Operation::Mutation];
    operations.iter().any(|operation| operation.type_name() == name)
        || ROOTS.iter().filter_map(|(_, root)| root.field.kind.object()).any(|of| below(of, name))
}

//! A document as it is written: operations, fragments, and the fields that they select.

use super::schema;
use graphql_parser::query::{Definition, OperationDefinition, parse_query};
use std::collections::{HashMap, HashSet};

pub(super) type SelectionSet = graphql_parser::query::SelectionSet<'static, String>;
pub(super) type Selection = graphql_parser::query::Selection<'static, String>;
pub(super) type Field = graphql_parser::query::Field<'static, String>;
pub(super) type Value = graphql_parser::query::Value<'static, String>;
pub(super) type Type = graphql_parser::query::Type<'static, String>;
pub(super) type Directive = graphql_parser::query::Directive<'static, String>;
pub(super) type VariableDefinition = graphql_parser::query::VariableDefinition<'static, String>;
pub(super) type FragmentDefinition = graphql_parser::query::FragmentDefinition<'static, String>;
pub(super) type Parsed = graphql_parser::query::Document<'static, String>;

/// What stands in a document, by name.
#[derive(Debug)]
pub(super) struct Document<'d> {
    pub(super) operations: Vec<Operation<'d>>,
    pub(super) fragments: HashMap<&'d str, &'d FragmentDefinition>,
    /// Names of fragments in the order of the document.
    pub(super) fragment_names: Vec<&'d str>,
}

/// One operation of a document.
#[derive(Debug)]
pub(super) struct Operation<'d> {
    /// `None` for a subscription, of which there are none.
    pub(super) kind: Option<schema::Operation>,
    pub(super) name: Option<&'d str>,
    pub(super) variables: &'d [VariableDefinition],
    pub(super) directives: &'d [Directive],
    pub(super) selection_set: &'d SelectionSet,
}

/// Reads a document; the error says where it can't be read.
pub(super) fn parse(text: &str) -> Result<Parsed, String> {
    let parsed = parse_query::<String>(text).map_err(|error| error.to_string())?;
    Ok(parsed.into_static())
}

impl<'d> Document<'d> {
    pub(super) fn of(parsed: &'d Parsed) -> Self {
        let mut document =
            Self { operations: Vec::new(), fragments: HashMap::new(), fragment_names: Vec::new() };
        for definition in &parsed.definitions {
            match definition {
                Definition::Fragment(fragment) => {
                    document.fragment_names.push(&fragment.name);
                    document.fragments.insert(&fragment.name, fragment);
                }
                Definition::Operation(operation) => {
                    document.operations.push(Operation::of(operation));
                }
            }
        }
        document
    }
}

impl<'d> Operation<'d> {
    fn of(definition: &'d OperationDefinition<'static, String>) -> Self {
        use schema::Operation::{Mutation, Query};
        match definition {
            OperationDefinition::SelectionSet(selection_set) => Self {
                kind: Some(Query),
                name: None,
                variables: &[],
                directives: &[],
                selection_set,
            },
            OperationDefinition::Query(query) => Self {
                kind: Some(Query),
                name: query.name.as_deref(),
                variables: &query.variable_definitions,
                directives: &query.directives,
                selection_set: &query.selection_set,
            },
            OperationDefinition::Mutation(mutation) => Self {
                kind: Some(Mutation),
                name: mutation.name.as_deref(),
                variables: &mutation.variable_definitions,
                directives: &mutation.directives,
                selection_set: &mutation.selection_set,
            },
            OperationDefinition::Subscription(subscription) => Self {
                kind: None,
                name: subscription.name.as_deref(),
                variables: &subscription.variable_definitions,
                directives: &subscription.directives,
                selection_set: &subscription.selection_set,
            },
        }
    }
}

/// The fields that a set selects, those of its fragments included, each fragment once; and how many of
/// them have another name.
pub(super) fn fields_and_aliases<'d>(
    document: &Document<'d>,
    set: &'d SelectionSet,
) -> (Vec<&'d Field>, usize) {
    let mut fields = Vec::new();
    let mut aliases = 0;
    let mut seen = HashSet::new();
    let mut waiting: Vec<&'d Selection> = set.items.iter().rev().collect();
    while let Some(selection) = waiting.pop() {
        match selection {
            Selection::Field(field) => {
                aliases += usize::from(field.alias.is_some());
                fields.push(field);
            }
            Selection::InlineFragment(fragment) => {
                waiting.extend(fragment.selection_set.items.iter().rev());
            }
            Selection::FragmentSpread(spread) if seen.insert(&spread.fragment_name) => {
                let fragment = document.fragments.get(spread.fragment_name.as_str());
                let items = fragment.map(|fragment| fragment.selection_set.items.iter().rev());
                waiting.extend(items.into_iter().flatten());
            }
            Selection::FragmentSpread(_) => {}
        }
    }
    (fields, aliases)
}

/// Fields that stand under one name in the answer.
#[derive(Debug)]
pub(super) struct Selected<'d> {
    pub(super) key: &'d str,
    pub(super) fields: Vec<&'d Field>,
}

impl<'d> Selected<'d> {
    /// What is selected by `sets` together, in the order of the document.
    pub(super) fn by(
        document: &Document<'d>,
        sets: impl IntoIterator<Item = &'d SelectionSet>,
    ) -> Vec<Self> {
        let mut selected: Vec<Self> = Vec::new();
        for set in sets {
            for field in fields_and_aliases(document, set).0 {
                let key = field.alias.as_ref().unwrap_or(&field.name);
                match selected.iter_mut().find(|known| known.key == key) {
                    Some(known) => known.fields.push(field),
                    None => selected.push(Self { key, fields: vec![field] }),
                }
            }
        }
        selected
    }

    /// The first of the fields; all have its name and arguments.
    pub(super) fn field(&self) -> &'d Field {
        self.fields[0]
    }

    /// What is selected within them.
    pub(super) fn within(&self, document: &Document<'d>) -> Vec<Self> {
        Self::by(document, self.fields.iter().map(|field| &field.selection_set))
    }
}

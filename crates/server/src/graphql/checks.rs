//! Whether a document fits the schema, in the words of the reference. Rules that only make a document tidier
//! are left to the client.

use super::{
    document::{Directive, Document, Field, Operation, Selected, Selection, SelectionSet, Value},
    inputs::{Variables, bare_type, literal, shown_type},
    schema::{self, Input, Root, Type},
};
use graphql_parser::query::TypeCondition;
use std::collections::HashSet;

/// The directive that the page puts on its operations; it means nothing here.
const COMPONENT: &str = "component";

/// What is wrong with a document.
pub(super) fn check(document: &Document<'_>) -> Vec<String> {
    let mut check = Check {
        document,
        errors: Vec::new(),
        spread: HashSet::new(),
        open: Vec::new(),
        used: Vec::new(),
    };
    let mut names = HashSet::new();
    for operation in &document.operations {
        if let Some(name) = operation.name.filter(|name| !names.insert(*name)) {
            check.errors.push(format!("There can be only one operation named '{name}'."));
        }
        check.operation(operation);
    }
    for name in &document.fragment_names {
        if !check.spread.contains(name) {
            check.errors.push(format!("Fragment '{name}' is never used."));
        }
    }
    let mut errors = check.errors;
    if errors.is_empty() {
        for operation in &document.operations {
            conflicts(document, &Selected::by(document, [operation.selection_set]), &mut errors);
        }
    }
    errors
}

/// Refuses fields that share a name in the answer and are not the same.
fn conflicts(document: &Document<'_>, selected: &[Selected<'_>], errors: &mut Vec<String>) {
    for selected in selected {
        let (key, first) = (selected.key, selected.field());
        let reason = selected.fields.iter().find_map(|field| {
            if field.name != first.name {
                Some(format!("'{}' and '{}' are different fields", first.name, field.name))
            } else if field.arguments != first.arguments {
                Some("they have differing arguments".to_owned())
            } else {
                None
            }
        });
        match reason {
            Some(reason) => errors.push(format!(
                "Fields '{key}' conflict because {reason}. Use different aliases on the fields to \
                 fetch both if this was intentional."
            )),
            None => conflicts(document, &selected.within(document), errors),
        }
    }
}

/// What fields are looked for in.
#[derive(Clone, Copy)]
enum Parent {
    Top(schema::Operation),
    Type(&'static Type),
}

impl Parent {
    fn name(self) -> &'static str {
        match self {
            Self::Top(operation) => operation.type_name(),
            Self::Type(of) => of.name,
        }
    }
}

struct Check<'d> {
    document: &'d Document<'d>,
    errors: Vec<String>,
    /// Fragments that are spread somewhere.
    spread: HashSet<&'d str>,
    /// Fragments within which a selection stands.
    open: Vec<&'d str>,
    /// Variables of the operation, with the types of the places where they stand.
    used: Vec<(&'d str, Input)>,
}

impl<'d> Check<'d> {
    fn operation(&mut self, operation: &Operation<'d>) {
        let Some(kind) = operation.kind else { return };
        let others = operation.directives.iter().filter(|directive| directive.name != COMPONENT);
        self.directives(others);
        for definition in operation.variables {
            let bare = bare_type(&definition.var_type);
            if Input::named(&bare).is_none() {
                let name = bare.trim_matches(['[', ']']);
                self.errors.push(format!("Unknown type '{name}'."));
            }
        }
        self.used.clear();
        self.set(Parent::Top(kind), operation.selection_set, &mut HashSet::new());
        self.variables(operation);
    }

    fn directives<'a>(&mut self, directives: impl IntoIterator<Item = &'a Directive>) {
        let unknown = directives.into_iter();
        self.errors.extend(unknown.map(|of| format!("Unknown directive '@{}'.", of.name)));
    }

    fn set(&mut self, parent: Parent, set: &'d SelectionSet, seen: &mut HashSet<&'d str>) {
        for selection in &set.items {
            match selection {
                Selection::Field(field) => {
                    self.directives(&field.directives);
                    self.field(parent, field);
                }
                Selection::InlineFragment(fragment) => {
                    self.directives(&fragment.directives);
                    let condition = fragment.type_condition.as_ref();
                    if condition.is_none_or(|on| self.fits(parent, on, None)) {
                        self.set(parent, &fragment.selection_set, seen);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.directives);
                    self.fragment(parent, &spread.fragment_name, seen);
                }
            }
        }
    }

    fn fragment(&mut self, parent: Parent, name: &'d str, seen: &mut HashSet<&'d str>) {
        self.spread.insert(name);
        let Some(fragment) = self.document.fragments.get(name) else {
            self.errors.push(format!("Unknown fragment '{name}'."));
            return;
        };
        if self.open.contains(&name) {
            self.errors.push(format!("Cannot spread fragment '{name}' within itself."));
            return;
        }
        if !seen.insert(name) || !self.fits(parent, &fragment.type_condition, Some(name)) {
            return;
        }
        self.open.push(name);
        self.set(parent, &fragment.selection_set, seen);
        self.open.pop();
    }

    /// Whether a fragment is on the type that it is spread in.
    fn fits(
        &mut self,
        parent: Parent,
        condition: &TypeCondition<'static, String>,
        name: Option<&str>,
    ) -> bool {
        let TypeCondition::On(on) = condition;
        let of = parent.name();
        if on == of {
            return true;
        }
        self.errors.push(if schema::is_known(on) {
            let which = name.map_or_else(|| "Fragment".to_owned(), |name| format!("Fragment '{name}'"));
            format!(
                "{which} cannot be spread here as objects of type '{of}' can never be of type '{on}'."
            )
        } else {
            format!("Unknown type '{on}'.")
        });
        false
    }

    fn field(&mut self, parent: Parent, field: &'d Field) {
        let name = field.name.as_str();
        let found = match parent {
            _ if name == "__typename" => Some((schema::Kind::Text, None)),
            Parent::Top(operation) => {
                operation.root(name).map(|root| (root.field.kind, Some(root)))
            }
            Parent::Type(of) => of.field(name).map(|field| (field.kind, None)),
        };
        let Some((kind, root)) = found else {
            self.errors.push(format!("Cannot query field '{name}' on type '{}'.", parent.name()));
            return;
        };
        self.arguments(parent, field, root);
        match (kind.object(), field.selection_set.items.is_empty()) {
            (Some(of), false) => {
                self.set(Parent::Type(of), &field.selection_set, &mut HashSet::new());
            }
            (None, true) => {}
            (Some(_), true) => self.errors.push(format!(
                "Field '{name}' of type '{}' must have a selection of subfields. \
                 Did you mean '{name} {{ ... }}'?",
                kind.shown()
            )),
            (None, false) => self.errors.push(format!(
                "Field '{name}' must not have a selection since type '{}' has no subfields.",
                kind.shown()
            )),
        }
    }

    fn arguments(&mut self, parent: Parent, field: &'d Field, root: Option<&'static Root>) {
        for (name, value) in &field.arguments {
            let argument = root.map(|root| &root.argument).filter(|known| known.name == name);
            let Some(argument) = argument else {
                self.errors.push(format!(
                    "Unknown argument '{name}' on field '{}.{}'.",
                    parent.name(),
                    field.name
                ));
                continue;
            };
            self.uses(argument.kind, value);
            if let Err(error) = literal(argument.kind, value, &Variables::new()) {
                self.errors.push(error);
            }
        }
    }

    /// Notes the variables in a value.
    fn uses(&mut self, kind: Input, value: &'d Value) {
        match (kind, value) {
            (_, Value::Variable(name)) => self.used.push((name, kind)),
            (Input::Object(of), Value::Object(members)) => {
                for (name, member) in members {
                    if let Some(kind) = of.field(name) {
                        self.uses(kind, member);
                    }
                }
            }
            (Input::Texts, Value::List(items)) => {
                for item in items {
                    self.uses(Input::Text, item);
                }
            }
            _ => {}
        }
    }

    fn variables(&mut self, operation: &Operation<'d>) {
        let used = std::mem::take(&mut self.used);
        let place = |word: &str| match operation.name {
            Some(name) => format!(" {word} operation '{name}'"),
            None => String::new(),
        };
        for (name, kind) in &used {
            let mut definitions = operation.variables.iter();
            let Some(definition) = definitions.find(|definition| definition.name == *name) else {
                self.errors.push(format!("Variable '${name}' is not defined{}.", place("by")));
                continue;
            };
            let bare = bare_type(&definition.var_type);
            if Input::named(&bare).is_some() && bare != kind.name() {
                self.errors.push(format!(
                    "Variable '${name}' of type '{}' used in position expecting type '{}'.",
                    shown_type(&definition.var_type),
                    kind.name()
                ));
            }
        }
        for definition in operation.variables {
            let name = &definition.name;
            if !used.iter().any(|(known, _)| known == name) {
                self.errors.push(format!("Variable '${name}' is never used{}.", place("in")));
            }
        }
    }
}

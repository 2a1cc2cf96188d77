//! How much one document may ask for. The bounds are the reference's.

use super::document::{Document, SelectionSet, fields_and_aliases};

/// Fields of one document at the top.
const ROOT_FIELDS: usize = 10;
/// Aliases in one place.
const ALIASES: usize = 10;
/// Fields within fields.
const DEPTH: usize = 10;
/// Fields altogether, fragments written out.
const SELECTIONS: usize = 1000;

/// Refuses a document that asks for too much. Fragments that spread themselves are bounded, too.
pub(super) fn check(document: &Document<'_>) -> Result<(), String> {
    let (mut root_fields, mut aliases, mut selections) = (0, 0, 0);
    let mut waiting: Vec<(&SelectionSet, usize)> =
        document.operations.iter().map(|operation| (operation.selection_set, 1)).collect();
    while let Some((set, depth)) = waiting.pop() {
        if depth > DEPTH {
            return Err(format!("Query exceeds maximum depth of {DEPTH}"));
        }
        let (fields, here) = fields_and_aliases(document, set);
        aliases = aliases.max(here);
        for field in fields {
            if depth == 1 {
                root_fields += 1;
            }
            if !field.selection_set.items.is_empty() {
                waiting.push((&field.selection_set, depth + 1));
            }
            selections += 1;
            if selections > SELECTIONS {
                return Err(format!("Query exceeds maximum total selections of {SELECTIONS}"));
            }
        }
    }
    let too_many = |limit, given, what| {
        Err(format!("GraphQL queries should have at most {limit} {what}, got {given} {what}."))
    };
    if root_fields > ROOT_FIELDS {
        return too_many(ROOT_FIELDS, root_fields, "root fields");
    }
    if aliases > ALIASES {
        return too_many(ALIASES, aliases, "aliases");
    }
    Ok(())
}

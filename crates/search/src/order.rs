//! Items of `order_by`: a name, perhaps with `ASC` or `DESC`.

use crate::{
    pieces::{NoStatement, Statement},
    tokens::{Kind, is_space, tokens},
};
use mlferry_protocol::{InvalidParameter, python};
use std::{collections::HashSet, hash::Hash};

/// Items in one `order_by`: each may join a table, and SQLite joins 64 at most.
const MAX_ITEMS: usize = 60;

/// An item of which only the form is known.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) name: String,
    pub(crate) is_descending: bool,
}

impl Order {
    pub(crate) fn read(clause: &str) -> Result<Self, InvalidParameter> {
        let refuse = || {
            InvalidParameter::new(format!(
                "Invalid order_by clause '{clause}'. Could not be parsed."
            ))
        };
        let statement = Statement::read(clause).map_err(|reason| match reason {
            NoStatement::TooLong => NoStatement::too_long("order_by clause"),
            NoStatement::Blank | NoStatement::Several => refuse(),
        })?;
        let name = statement.only_identifier().ok_or_else(refuse)?;
        match words(clause).as_slice() {
            [name, direction] => match direction.to_ascii_lowercase().as_str() {
                "asc" => Ok(Self { name: name.clone(), is_descending: false }),
                "desc" => Ok(Self { name: name.clone(), is_descending: true }),
                _ => Err(InvalidParameter::new(format!(
                    "Invalid ordering key in order_by clause '{clause}'."
                ))),
            },
            [_] => Ok(Self { name: name.to_owned(), is_descending: false }),
            _ => Err(refuse()),
        }
    }
}

/// The words of a clause without their quotes, as a shell tells them apart.
fn words(clause: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut end = None;
    for token in tokens(clause) {
        let text = &clause[token.start..token.end];
        if token.kind == Kind::Direction {
            words.extend(text.split(is_space).filter(|word| !word.is_empty()).map(str::to_owned));
        } else {
            let is_quoted = text.len() > 1 && text.starts_with(['`', '"', '\'']);
            let text = if is_quoted { &text[1..text.len() - 1] } else { text };
            match words.last_mut() {
                Some(word) if end == Some(token.start) => word.push_str(text),
                _ => words.push(text.to_owned()),
            }
        }
        end = Some(token.end);
    }
    words
}

/// Reads as many items as a database can order by.
pub(crate) fn several<T, S: AsRef<str>>(
    clauses: &[S],
    parse: impl Fn(&str) -> Result<T, InvalidParameter>,
) -> Result<Vec<T>, InvalidParameter> {
    if clauses.len() > MAX_ITEMS {
        return Err(InvalidParameter::new(format!(
            "Invalid order_by: it has {} fields, and at most {MAX_ITEMS} are possible.",
            clauses.len()
        )));
    }
    clauses.iter().map(|clause| parse(clause.as_ref())).collect()
}

/// Reads items of which no two may have the same key.
pub(crate) fn distinct<T, K: Eq + Hash>(
    clauses: &[String],
    parse: impl Fn(&str) -> Result<T, InvalidParameter>,
    key: impl Fn(&T) -> &K,
) -> Result<Vec<T>, InvalidParameter> {
    let orders = several(clauses, parse)?;
    let mut seen = HashSet::new();
    if orders.iter().all(|order| seen.insert(key(order))) {
        return Ok(orders);
    }
    let clauses: Vec<&str> = clauses.iter().map(String::as_str).collect();
    let clauses = python::repr_list(&clauses);
    Err(InvalidParameter::new(format!("`order_by` contains duplicate fields: {clauses}")))
}

//! What of traces and spans has columns of its own, although the API knows it as tags and metadata.

use crate::{
    db::{DbError, Row},
    python_json::{self, Json},
    tables::TraceInfo,
};
use mlferry_protocol::{
    python,
    traces::{COST_METADATA, SESSION_METADATA, TOKENS_METADATA},
};
use sea_query::Expr;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The numbers of tokens, by their names in JSON. The first three are always there when one is.
pub(crate) const TOKENS: [(&str, TraceInfo); 6] = [
    ("input_tokens", TraceInfo::InputTokens),
    ("output_tokens", TraceInfo::OutputTokens),
    ("total_tokens", TraceInfo::TotalTokens),
    ("cache_read_input_tokens", TraceInfo::CacheReadInputTokens),
    ("cache_creation_input_tokens", TraceInfo::CacheCreationInputTokens),
    ("cache_creation_input_tokens_above_1hr", TraceInfo::CacheCreationInputTokensAbove1Hr),
];

/// The costs, by their names in JSON.
pub(crate) const COSTS: [(&str, TraceInfo); 3] = [
    ("input_cost", TraceInfo::InputCost),
    ("output_cost", TraceInfo::OutputCost),
    ("total_cost", TraceInfo::TotalCost),
];

/// Columns with the values that they get.
pub(crate) type Values = Vec<(TraceInfo, Expr)>;

/// The row that has some values in columns, and nothing in the others.
pub(crate) fn row_of<const N: usize>(columns: [TraceInfo; N], values: &Values) -> [Expr; N] {
    columns.map(|column| {
        let given = values.iter().find(|(given, _)| *given == column);
        given.map_or_else(|| absent(column), |(_, value)| value.clone())
    })
}

/// No value, of the type that the column has.
fn absent(column: TraceInfo) -> Expr {
    let is_one = |columns: &[(&str, TraceInfo)]| columns.iter().any(|(_, one)| *one == column);
    match column {
        TraceInfo::ExecutionTimeMs => None::<i64>.into(),
        _ if is_one(&TOKENS) => None::<i64>.into(),
        _ if is_one(&COSTS) => None::<f64>.into(),
        _ => None::<String>.into(),
    }
}

/// Takes what has columns out of a trace's metadata; only what it names is changed.
pub(crate) fn take(metadata: &mut BTreeMap<String, String>) -> Values {
    let mut values = Values::new();
    if let Some(session) = metadata.remove(SESSION_METADATA) {
        values.push((TraceInfo::SessionId, session.into()));
    }
    let object = |text: String| python_json::parse(&text);
    if let Some(tokens) = metadata.remove(TOKENS_METADATA).and_then(object) {
        let given = TOKENS.iter().filter_map(|(key, column)| Some((*column, tokens.get(key)?)));
        values.extend(given.map(|(column, value)| (column, value.token_count().into())));
    }
    if let Some(cost) = metadata.remove(COST_METADATA).and_then(object) {
        let given = COSTS.iter().filter_map(|(key, column)| Some((*column, cost.get(key)?)));
        values.extend(given.map(|(column, value)| (column, value.finite().into())));
    }
    values
}

/// Puts what has columns back where the API knows it.
pub(crate) fn put_back(row: &Row, metadata: &mut BTreeMap<String, String>) -> Result<(), DbError> {
    if let Some(session) = row.get(TraceInfo::SessionId)? {
        metadata.insert(SESSION_METADATA.to_owned(), session);
    }
    let mut tokens = Map::new();
    for (key, column) in TOKENS {
        let count: Option<i64> = row.get(column)?;
        tokens.extend(count.map(|count| (key.to_owned(), count.into())));
    }
    let mut costs = Map::new();
    for (key, column) in COSTS {
        let cost: Option<f64> = row.get(column)?;
        costs.extend(cost.map(|cost| (key.to_owned(), cost.into())));
    }
    for (name, numbers) in [(TOKENS_METADATA, tokens), (COST_METADATA, costs)] {
        if !numbers.is_empty() {
            metadata.insert(name.to_owned(), python::dumps(&numbers));
        }
    }
    Ok(())
}

/// The values that metadata must have in its columns to be the very text that [`put_back`] makes, or nothing
/// where it can't be.
pub(crate) fn written_as(name: &str, text: &str) -> Option<Vec<(TraceInfo, Option<Expr>)>> {
    let value = python_json::parse(text)?;
    let (columns, numbers) = match name {
        TOKENS_METADATA => numbers(&TOKENS, &value, Json::token_count),
        _ => numbers(&COSTS, &value, Json::finite),
    };
    (!numbers.is_empty() && python::dumps(&numbers) == text).then_some(columns)
}

type Columns = Vec<(TraceInfo, Option<Expr>)>;

fn numbers<T: Copy + Into<Expr> + Into<Value>>(
    known: &[(&str, TraceInfo)],
    value: &Json,
    read: impl Fn(&Json) -> Option<T>,
) -> (Columns, Map<String, Value>) {
    let mut columns = Vec::new();
    let mut numbers = Map::new();
    for (key, column) in known {
        let number = value.get(key).and_then(|value| read(&value));
        numbers.extend(number.map(|number| ((*key).to_owned(), number.into())));
        columns.push((*column, number.map(Into::into)));
    }
    (columns, numbers)
}

//! What a trace used altogether: the sum of its spans, without what a span and its parts both tell.

use crate::{
    StoreError,
    db::Transaction,
    python_json::{self, Json},
    tables::Spans,
    trace_columns::{COSTS, TOKENS, Values},
};
use sea_query::{Cond, Expr, ExprTrait, Query};
use std::collections::{HashMap, HashSet};

/// Numbers of tokens that are told whenever one is.
const TOKENS_ALWAYS: usize = 3;

/// What one span tells.
#[derive(Debug)]
pub(crate) struct Part {
    id: String,
    parent: Option<String>,
    told: Option<Json>,
}

impl Part {
    pub(crate) fn new(id: &str, parent: Option<&str>, told: Option<Json>) -> Self {
        let told = told.filter(|told| matches!(told, Json::Object(_)));
        Self { id: id.to_owned(), parent: parent.map(str::to_owned), told }
    }
}

/// The spans of a trace that count: those that tell something and have none above them that does.
fn that_count(parts: &[Part]) -> Vec<&Json> {
    let ids: HashSet<&str> = parts.iter().map(|part| part.id.as_str()).collect();
    let mut children: HashMap<&str, Vec<&Part>> = HashMap::new();
    let mut waiting: Vec<&Part> = Vec::new();
    for part in parts {
        match part.parent.as_deref().filter(|parent| ids.contains(parent)) {
            Some(parent) => children.entry(parent).or_default().push(part),
            None => waiting.push(part),
        }
    }
    let mut counted = Vec::new();
    while let Some(part) = waiting.pop() {
        match &part.told {
            Some(told) => counted.push(told),
            None => waiting.extend(children.remove(part.id.as_str()).unwrap_or_default()),
        }
    }
    counted
}

/// The numbers of tokens that a trace used; nothing where no span tells.
pub(crate) fn tokens(parts: &[Part]) -> Values {
    let counted = that_count(parts);
    if counted.is_empty() {
        return Values::new();
    }
    let sums = TOKENS.iter().enumerate().filter_map(|(index, (key, column))| {
        let mut told = counted.iter().filter_map(|told| told.get(key)).peekable();
        if index >= TOKENS_ALWAYS && told.peek().is_none() {
            return None;
        }
        let counts = told.filter_map(|told| told.token_count());
        Some((*column, counts.fold(0_i64, i64::saturating_add).into()))
    });
    sums.collect()
}

/// What a trace cost; nothing where no span tells.
pub(crate) fn costs(parts: &[Part]) -> Values {
    let counted = that_count(parts);
    if counted.is_empty() {
        return Values::new();
    }
    // Python starts at zero, and Rust's own sum at minus zero.
    let sum = |key: &str| {
        counted.iter().filter_map(|told| told.get(key)?.finite()).fold(0.0, |sum, cost| sum + cost)
    };
    let sums = COSTS.iter().map(|(key, column)| (*column, sum(key)));
    sums.filter(|(_, sum)| sum.is_finite()).map(|(column, sum)| (column, sum.into())).collect()
}

/// The spans of a trace that are stored, with what each attribute of `names` tells.
pub(crate) async fn stored<const N: usize>(
    transaction: &mut Transaction,
    trace_id: &str,
    names: [&str; N],
) -> Result<[Vec<Part>; N], StoreError> {
    // Spans have no bound, and most tell nothing of this.
    let tells = names.iter().fold(Cond::any(), |tells, name| {
        tells.add(Expr::col(Spans::Content).like(format!("%\"{name}\"%")))
    });
    let content = Expr::case(tells, Expr::col(Spans::Content));
    let select = Query::select()
        .columns([Spans::SpanId, Spans::ParentSpanId])
        .expr_as(content, Spans::Content)
        .from(Spans::Table)
        .and_where(Expr::col(Spans::TraceId).eq(trace_id))
        .take();
    let mut parts = [const { Vec::new() }; N];
    for row in transaction.fetch_all(&select).await? {
        let id: String = row.get(Spans::SpanId)?;
        let parent: Option<String> = row.get(Spans::ParentSpanId)?;
        let content: Option<String> = row.get(Spans::Content)?;
        let span = content.and_then(|content| python_json::parse(&content));
        let attributes = span.and_then(|span| span.get("attributes"));
        for (name, parts) in names.iter().zip(&mut parts) {
            let told = attributes.as_ref().and_then(|attributes| match attributes.get(name)? {
                Json::Text(text) => python_json::parse(&text),
                told => Some(told),
            });
            parts.push(Part::new(&id, parent.as_deref(), told));
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::TraceInfo as Traces;

    fn part(id: &str, parent: Option<&str>, told: Option<&str>) -> Part {
        Part::new(id, parent, told.and_then(python_json::parse))
    }

    fn numbers(values: Values) -> Vec<String> {
        values.into_iter().map(|(_, value)| format!("{value:?}")).collect()
    }

    #[test]
    fn a_span_counts_for_its_parts() {
        let parts = [
            part("1", None, None),
            part("2", Some("1"), Some(r#"{"input_tokens": 5, "output_tokens": 1}"#)),
            part("3", Some("2"), Some(r#"{"input_tokens": 5}"#)),
            part("4", Some("1"), Some(r#"{"input_tokens": 2, "cache_read_input_tokens": 7}"#)),
            part("5", Some("gone"), Some(r#"{"total_tokens": 1}"#)),
        ];
        let expected: Values = [7_i64, 1, 1, 7]
            .into_iter()
            .zip([
                Traces::InputTokens,
                Traces::OutputTokens,
                Traces::TotalTokens,
                Traces::CacheReadInputTokens,
            ])
            .map(|(sum, column)| (column, sum.into()))
            .collect();
        assert_eq!(numbers(tokens(&parts)), numbers(expected));
        assert!(tokens(&[part("1", None, Some("[]"))]).is_empty());
        assert_eq!(costs(&[part("1", None, Some(r#"{"total_cost": 0.5}"#))]).len(), 3);
    }
}

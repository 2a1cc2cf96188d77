//! Moves names, sessions, tokens and costs of traces and spans from tags, metadata and metrics into columns
//! of their own, as MLflow does at revision 75868b020152.

use super::Failure;
use crate::{
    db::{DbError, Transaction},
    python_json::{self, Json},
    schema::shape::Shape,
};
use sea_query::{Expr, ExprTrait, Order, Query};
use std::collections::BTreeMap;

/// Rows that are read at once.
const PAGE: u64 = 1000;

/// Characters that the columns of a span's model and provider take.
const MODEL_LENGTH: usize = 500;

const TOKENS: [&str; 6] = [
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation_input_tokens_above_1hr",
];
const COSTS: [&str; 3] = ["input_cost", "output_cost", "total_cost"];

const TOKEN_USAGE: &str = "mlflow.trace.tokenUsage";
const COST: &str = "mlflow.trace.cost";
const MODEL: &str = "mlflow.llm.model";
const PROVIDER: &str = "mlflow.llm.provider";

/// What SQL can say by itself, before traces and spans are looked at one by one.
const NAMES_AND_SPAN_COSTS: &str = include_str!("analytics.sql");

/// The cost of a trace that came through the gateway is the sum of its spans.
const GATEWAY_COSTS: &str = "UPDATE trace_info SET total_cost = \
     (SELECT SUM(s.total_cost) FROM spans s WHERE s.trace_id = trace_info.request_id) \
     WHERE total_cost IS NULL AND EXISTS (SELECT 1 FROM trace_request_metadata m \
     WHERE m.request_id = trace_info.request_id AND m.key = 'mlflow.gateway.endpointId')";

/// What is in columns now.
const MOVED: &str = "DELETE FROM trace_tags WHERE key = 'mlflow.traceName'; \
     DELETE FROM trace_request_metadata \
     WHERE key IN ('mlflow.trace.session', 'mlflow.trace.tokenUsage', 'mlflow.trace.cost'); \
     DELETE FROM trace_metrics WHERE key IN ('input_tokens', 'output_tokens', 'total_tokens', \
     'cache_read_input_tokens', 'cache_creation_input_tokens', 'cache_creation_input_tokens_above_1hr'); \
     DELETE FROM span_metrics WHERE key IN ('input_cost', 'output_cost', 'total_cost')";

/// Rows without their trace have no experiment to count for.
const WITHOUT_TRACE: &str = "SELECT 'assessment', assessment_id, trace_id FROM assessments a \
     WHERE NOT EXISTS (SELECT 1 FROM trace_info t WHERE t.request_id = a.trace_id) \
     UNION ALL SELECT 'span', span_id, trace_id FROM spans s \
     WHERE NOT EXISTS (SELECT 1 FROM trace_info t WHERE t.request_id = s.trace_id) LIMIT 1";

/// Fills the new columns, and deletes what was moved.
pub(super) async fn migrate(transaction: &mut Transaction, found: &Shape) -> Result<(), Failure> {
    if let Some([kind, id, trace]) = transaction.texts(WITHOUT_TRACE).await?.pop() {
        return Err(Failure::Contents(format!(
            "the {kind} '{id}' belongs to the trace '{trace}', which does not exist; delete it"
        )));
    }
    transaction.run_script(NAMES_AND_SPAN_COSTS).await?;
    fill_traces(transaction).await?;
    if found.has_column("spans", "dimension_attributes") {
        fill_models(transaction).await?;
    }
    transaction.run_script(GATEWAY_COSTS).await?;
    fill_assessments(transaction).await?;
    Ok(transaction.run_script(MOVED).await?)
}

/// What is known of a trace's tokens and costs: the JSON texts, and the numbers in `trace_metrics`.
#[derive(Default)]
struct Usage {
    tokens: Option<Json>,
    cost: Option<Json>,
    metrics: BTreeMap<String, Option<f64>>,
}

impl Usage {
    /// A metric counts more than the JSON text, even when it is no whole number.
    fn tokens(&self, key: &str) -> Option<i64> {
        match self.metrics.get(key) {
            Some(metric) => metric.and_then(python_json::whole),
            None => self.tokens.as_ref()?.get(key)?.token_count(),
        }
    }

    fn cost(&self, key: &str) -> Option<f64> {
        self.cost.as_ref()?.get(key)?.finite()
    }
}

async fn fill_traces(transaction: &mut Transaction) -> Result<(), DbError> {
    let mut last = String::new();
    loop {
        let page = Query::select()
            .column("request_id")
            .from("trace_info")
            .and_where(Expr::col("request_id").gt(last.as_str()))
            .order_by("request_id", Order::Asc)
            .limit(PAGE)
            .take();
        let rows = transaction.fetch_all(&page).await?;
        let ids = rows.iter().map(|row| row.get("request_id"));
        let ids = ids.collect::<Result<Vec<String>, DbError>>()?;
        let Some(newest) = ids.last() else { return Ok(()) };
        last.clone_from(newest);
        for (id, usage) in usage_of(transaction, ids).await? {
            write_usage(transaction, &id, &usage).await?;
        }
    }
}

async fn usage_of(
    transaction: &mut Transaction,
    ids: Vec<String>,
) -> Result<BTreeMap<String, Usage>, DbError> {
    let mut usages: BTreeMap<String, Usage> = BTreeMap::new();
    let metadata = Query::select()
        .columns(["request_id", "key", "value"])
        .from("trace_request_metadata")
        .and_where(Expr::col("request_id").is_in(ids.iter().map(String::as_str)))
        .and_where(Expr::col("key").is_in([TOKEN_USAGE, COST]))
        .take();
    for row in transaction.fetch_all(&metadata).await? {
        let usage = usages.entry(row.get("request_id")?).or_default();
        let key: String = row.get("key")?;
        let value: Option<String> = row.get("value")?;
        let value = value.as_deref().and_then(python_json::parse);
        if key == COST {
            usage.cost = value;
        } else {
            usage.tokens = value;
        }
    }
    let metrics = Query::select()
        .columns(["request_id", "key", "value"])
        .from("trace_metrics")
        .and_where(Expr::col("request_id").is_in(ids))
        .and_where(Expr::col("key").is_in(TOKENS))
        .take();
    for row in transaction.fetch_all(&metrics).await? {
        let usage = usages.entry(row.get("request_id")?).or_default();
        usage.metrics.insert(row.get("key")?, row.get("value")?);
    }
    Ok(usages)
}

async fn write_usage(
    transaction: &mut Transaction,
    id: &str,
    usage: &Usage,
) -> Result<(), DbError> {
    let mut statement = Query::update();
    statement.table("trace_info").and_where(Expr::col("request_id").eq(id));
    for key in TOKENS {
        statement.value(key, usage.tokens(key));
    }
    for key in COSTS {
        statement.value(key, usage.cost(key));
    }
    transaction.execute(&statement).await?;
    Ok(())
}

async fn fill_models(transaction: &mut Transaction) -> Result<(), Failure> {
    let mut last = (String::new(), String::new());
    loop {
        let key = || Expr::tuple([Expr::col("trace_id"), Expr::col("span_id")]);
        let page = Query::select()
            .columns(["trace_id", "span_id"])
            .expr_as(Expr::col("dimension_attributes").cast_as("text"), "dimensions")
            .from("spans")
            .and_where(Expr::col("dimension_attributes").is_not_null())
            .and_where(key().gt(Expr::tuple([last.0.as_str().into(), last.1.as_str().into()])))
            .order_by("trace_id", Order::Asc)
            .order_by("span_id", Order::Asc)
            .limit(PAGE)
            .take();
        let rows = transaction.fetch_all(&page).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            last = (row.get("trace_id")?, row.get("span_id")?);
            let text: String = row.get("dimensions")?;
            let (model, provider) = model_of(&text).ok_or_else(|| {
                Failure::Contents(format!(
                    "the span '{}' of the trace '{}' has dimension_attributes that no column takes: {text}",
                    last.1, last.0
                ))
            })?;
            if model.is_some() || provider.is_some() {
                let statement = Query::update()
                    .table("spans")
                    .value("model_name", model)
                    .value("model_provider", provider)
                    .and_where(Expr::col("trace_id").eq(last.0.as_str()))
                    .and_where(Expr::col("span_id").eq(last.1.as_str()))
                    .take();
                transaction.execute(&statement).await?;
            }
        }
    }
}

/// Model and provider of a span; nothing when there is more, which would be lost.
fn model_of(dimensions: &str) -> Option<(Option<String>, Option<String>)> {
    let dimensions = python_json::parse(dimensions)?;
    match &dimensions {
        Json::Null => return Some((None, None)),
        Json::Object(members) if members.keys().all(|key| key == MODEL || key == PROVIDER) => {}
        _ => return None,
    }
    let text_of = |key| match dimensions.get(key) {
        None | Some(Json::Null) => Some(None),
        Some(Json::Text(text)) => Some(Some(text.chars().take(MODEL_LENGTH).collect())),
        Some(_) => None,
    };
    Some((text_of(MODEL)?, text_of(PROVIDER)?))
}

async fn fill_assessments(transaction: &mut Transaction) -> Result<(), DbError> {
    let mut last = String::new();
    loop {
        let page = Query::select()
            .columns(["assessment_id", "value"])
            .from("assessments")
            .and_where(Expr::col("assessment_id").gt(last.as_str()))
            .order_by("assessment_id", Order::Asc)
            .limit(PAGE)
            .take();
        let rows = transaction.fetch_all(&page).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            last = row.get("assessment_id")?;
            let value: String = row.get("value")?;
            let (aggregate, is_numeric) = python_json::aggregate(&value);
            if aggregate.is_some() {
                let statement = Query::update()
                    .table("assessments")
                    .value("aggregate_value", aggregate)
                    .value("is_numeric_value", is_numeric)
                    .and_where(Expr::col("assessment_id").eq(last.as_str()))
                    .take();
                transaction.execute(&statement).await?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_taken_only_when_nothing_is_lost() {
        let of = |text| model_of(text);
        let model = Some("m".to_owned());
        assert_eq!(of(r#"{"mlflow.llm.model": "m"}"#), Some((model.clone(), None)));
        assert_eq!(
            of(r#"{"mlflow.llm.provider": "m", "mlflow.llm.model": null}"#),
            Some((None, model))
        );
        assert_eq!(of("null"), Some((None, None)));
        for bad in [r#"{"x": 1}"#, r#"{"mlflow.llm.model": 1}"#, "[]", "{"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}

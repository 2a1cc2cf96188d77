//! Spans of what the store does, for whoever collects traces; otherwise they cost nothing.
//!
//! Their fields have the names of OpenTelemetry's conventions:
//! <https://opentelemetry.io/docs/specs/semconv/db/database-spans/>.

use crate::db::Dialect;
use tracing::{Level, Span};

/// The span of a question or of a change, from its beginning until the caller has the answer.
pub(crate) fn operation<T>() -> Span {
    if !is_in_trace() {
        return Span::none();
    }
    // Most have a path and no parameters.
    let name = std::any::type_name::<T>().rsplit("::").next().unwrap_or_default();
    tracing::info_span!(target: "otel", "operation", otel.name = name, db.operation.name = name)
}

/// The span of one statement, whose values travel beside its text.
pub(crate) fn statement(dialect: Dialect, text: &str) -> Span {
    if !is_in_trace() {
        return Span::none();
    }
    tracing::info_span!(
        target: "otel",
        "statement",
        otel.kind = "client",
        otel.name = text.split_ascii_whitespace().next().unwrap_or_default(),
        db.system.name = name_of(dialect),
        db.query.text = text,
    )
}

/// The span of a commit. It belongs to the first of the changes that it makes last, and is linked with the others.
pub(crate) fn commit<'a>(
    dialect: Dialect,
    mut changes: impl ExactSizeIterator<Item = &'a Span>,
) -> Span {
    let count = changes.len();
    let Some(first) = changes.next() else { return Span::none() };
    let span = tracing::info_span!(
        target: "otel",
        parent: first,
        "commit",
        otel.kind = "client",
        otel.name = "COMMIT",
        db.system.name = name_of(dialect),
        mlferry.commit.changes = i64::try_from(count).unwrap_or(i64::MAX),
    );
    for other in changes {
        span.follows_from(other);
    }
    span
}

fn name_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "sqlite",
        Dialect::Postgres => "postgresql",
    }
}

/// Whether anybody traces what needs this: starts and probes would only be traces of one span.
fn is_in_trace() -> bool {
    tracing::enabled!(target: "otel", Level::INFO) && !Span::current().is_disabled()
}

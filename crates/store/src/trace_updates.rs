//! What a trace becomes by spans that arrived.

use crate::{
    StoreError, arrived_spans::Arrived, db::Transaction, span_sums, tables::TraceInfo as Traces,
    trace_columns::Values, traces::IN_DATABASE,
};
use mlferry_protocol::{
    WireEnum, limits,
    spans::{self, Span},
    traces::{
        COST_METADATA, FINALIZED_METADATA, NAME_TAG, SESSION_METADATA, SPANS_LOCATION_TAG,
        TOKENS_METADATA, TraceInfo, TraceState, USER_METADATA,
    },
    truncate,
};
use std::collections::BTreeMap;

/// What changes of a trace.
pub(crate) struct Update {
    /// Of its row.
    pub(crate) values: Values,
    pub(crate) tags: BTreeMap<String, String>,
    /// Whom it is for, unless that is known.
    pub(crate) user: Option<String>,
    /// Whether it starts earlier than was known.
    pub(crate) is_earlier: bool,
}

impl Update {
    /// What spans change of what is known of their trace.
    pub(crate) fn new(info: &TraceInfo, arrived: &Arrived, sums: Sums) -> Self {
        // What the client said of the trace's times counts more. The reference looks for it only where there is
        // something else that it might have said, too.
        let may_be_final = arrived.session.is_some() || sums.is_told;
        let is_final = may_be_final && info.metadata.contains_key(FINALIZED_METADATA);
        let mut values = sums.tokens;
        values.extend(sums.costs);
        if !is_final {
            values.extend(times(info, arrived));
        }
        if [TraceState::InProgress, TraceState::Unspecified].contains(&info.state)
            && let Some(state) = arrived.state
        {
            values.push((Traces::Status, state.name().into()));
        }
        if !info.metadata.contains_key(SESSION_METADATA)
            && let Some(session) = &arrived.session
        {
            values.push((Traces::SessionId, session.as_str().into()));
        }
        let mut tags = arrived.tags();
        if let Some(name) = tags.remove(NAME_TAG) {
            values.push((Traces::TraceName, name.into()));
        }
        tags.insert(SPANS_LOCATION_TAG.to_owned(), IN_DATABASE.to_owned());
        values.extend(previews(info, arrived));
        let mut user = arrived.user.clone().filter(|_| !info.metadata.contains_key(USER_METADATA));
        if let Some(user) = &mut user {
            truncate(user, limits::TRACE_TAG_VALUE);
        }
        let is_earlier = !is_final && info.request_time_ms > arrived.start_ms;
        Self { values, tags, user, is_earlier }
    }
}

/// What spans add up to.
pub(crate) struct Sums {
    tokens: Values,
    costs: Values,
    /// Whether spans that arrived tell of tokens or costs.
    is_told: bool,
}

impl Sums {
    /// Adds up tokens and costs of a trace that has no other spans.
    pub(crate) fn of_arrived(arrived: &Arrived) -> Self {
        let tokens = span_sums::tokens(&arrived.parts(spans::TOKENS));
        let costs = span_sums::costs(&arrived.parts(spans::COST));
        Self { is_told: !tokens.is_empty() || !costs.is_empty(), tokens, costs }
    }

    /// Adds up tokens and costs, unless the client has: of what arrived, and of what is stored.
    pub(crate) async fn with_stored(
        transaction: &mut Transaction,
        info: &TraceInfo,
        arrived: &Arrived,
    ) -> Result<Self, StoreError> {
        let mut sums = Self::of_arrived(arrived);
        let is_said = |metadata: &str| {
            info.metadata.contains_key(FINALIZED_METADATA) && info.metadata.contains_key(metadata)
        };
        if is_said(TOKENS_METADATA) {
            sums.tokens.clear();
        }
        if is_said(COST_METADATA) {
            sums.costs.clear();
        }
        if !sums.tokens.is_empty() || !sums.costs.is_empty() {
            let names = [spans::TOKENS, spans::COST];
            let [token_parts, cost_parts] =
                span_sums::stored(transaction, &info.trace_id, names).await?;
            if !sums.tokens.is_empty() {
                sums.tokens = span_sums::tokens(&token_parts);
            }
            if !sums.costs.is_empty() {
                sums.costs = span_sums::costs(&cost_parts);
            }
        }
        Ok(sums)
    }
}

/// A trace lasts from its first start to its last end.
fn times(info: &TraceInfo, arrived: &Arrived) -> Values {
    let start = Ord::min(info.request_time_ms, arrived.start_ms);
    let end = info.execution_duration_ms.map(|duration| info.request_time_ms + duration);
    let end = end.map_or(arrived.end_ms, |end| Ord::max(end, arrived.end_ms));
    vec![(Traces::TimestampMs, start.into()), (Traces::ExecutionTimeMs, (end - start).into())]
}

fn previews(info: &TraceInfo, arrived: &Arrived) -> Values {
    let (request, response) = arrived.root().map(Span::previews).unwrap_or_default();
    let mut values = Values::new();
    if let (None, Some(preview)) = (&info.request_preview, request) {
        values.push((Traces::RequestPreview, preview.into()));
    }
    if let (None, Some(preview)) = (&info.response_preview, response) {
        values.push((Traces::ResponsePreview, preview.into()));
    }
    values
}

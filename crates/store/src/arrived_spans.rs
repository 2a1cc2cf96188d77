//! Spans that arrived together, and what they tell of their trace.

use crate::{python_json, span_sums::Part};
use mlferry_protocol::{
    ExperimentId, InvalidParameter, check_length, limits,
    otel::SpanStatus,
    spans::Span,
    traces::{TraceInfo, TraceState},
};
use std::collections::BTreeMap;

const SESSIONS: [&str; 2] = ["session.id", "gen_ai.conversation.id"];
const USER: &str = "user.id";

/// The spans of one trace, and what they tell of it.
pub(crate) struct Arrived {
    pub(crate) spans: Vec<Span>,
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// What the root says, if it is among them.
    pub(crate) state: Option<TraceState>,
    pub(crate) session: Option<String>,
    pub(crate) user: Option<String>,
}

impl Arrived {
    pub(crate) fn new(spans: Vec<Span>) -> Result<Self, InvalidParameter> {
        let roots = || spans.iter().filter(|span| span.parent_id.is_none());
        for root in roots() {
            root.check_trace_name()?;
        }
        let state = roots().next().map(|root| match root.status {
            SpanStatus::Error => TraceState::Error,
            SpanStatus::Ok | SpanStatus::Unset => TraceState::Ok,
        });
        let told = |span: &Span, name: &str| span.text(name).filter(|text| !text.is_empty());
        let session =
            spans.iter().find_map(|span| SESSIONS.iter().find_map(|name| told(span, name)));
        if let Some(session) = &session {
            check_length("Session ID", session, limits::TRACE_SESSION)?;
        }
        let user = spans.iter().find_map(|span| told(span, USER));
        let start = spans.iter().map(|span| span.start_ns).min().unwrap_or_default();
        let end = spans.iter().map(|span| span.end_ns).max().unwrap_or_default();
        let milliseconds = |nanoseconds: i64| nanoseconds.div_euclid(1_000_000);
        let (start_ms, end_ms) = (milliseconds(start), milliseconds(end));
        Ok(Self { spans, start_ms, end_ms, state, session, user })
    }

    /// What is known of a trace that nobody has heard of but by these spans.
    pub(crate) fn new_trace(&self, id: &str, experiment_id: ExperimentId) -> TraceInfo {
        TraceInfo {
            trace_id: id.to_owned(),
            client_request_id: None,
            experiment_id,
            request_time_ms: self.start_ms,
            execution_duration_ms: None,
            state: self.state.unwrap_or(TraceState::InProgress),
            metadata: BTreeMap::new(),
            tags: BTreeMap::new(),
            request_preview: None,
            response_preview: None,
            assessments: Vec::new(),
        }
    }

    /// What the spans say of tokens or costs.
    pub(crate) fn parts(&self, attribute: &str) -> Vec<Part> {
        let part = |span: &Span| {
            let told = span.attribute(attribute).and_then(python_json::parse);
            Part::new(&span.span_id, span.parent_id.as_deref(), told)
        };
        self.spans.iter().map(part).collect()
    }

    /// The root that came last, and so has the last word.
    pub(crate) fn root(&self) -> Option<&Span> {
        self.spans.iter().rev().find(|span| span.parent_id.is_none())
    }

    pub(crate) fn tags(&self) -> BTreeMap<String, String> {
        let with_resource = self.spans.iter().find(|span| !span.resource_tags.is_empty());
        let resource =
            with_resource.into_iter().flat_map(|span| span.resource_tags.iter().cloned());
        let roots = self.spans.iter().filter(|span| span.parent_id.is_none());
        // What the user said counts more than what the resource is called.
        resource.chain(roots.flat_map(Span::trace_tags)).collect()
    }
}

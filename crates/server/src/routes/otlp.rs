//! Spans that OpenTelemetry's exporters send over HTTP.

use crate::{
    access::{Caller, Want},
    bodies::{Share, check_values, collect, is_short, too_many_values},
    error::ApiError,
    otlp_count::holds_more_than,
    otlp_messages::Export,
};
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use mlferry_protocol::{
    ErrorCode, ExperimentId, Fields, RunId,
    access::ResourceType,
    limits,
    otel::ResourceSpans,
    spans::{self, Span},
    trace_changes::LinkTracesToRun,
};
use mlferry_store::Store;
use prost::Message;
use std::{
    collections::BTreeSet,
    io::{self, Read},
};

const EXPERIMENT: &str = "x-mlflow-experiment-id";
const RUN: &str = "x-mlflow-run-id";
const PROTOBUF: &str = "application/x-protobuf";

pub(super) async fn export(
    State(store): State<Store>,
    caller: Caller,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let sent = Sent::of(&head.headers)?;
    let run = text(&head.headers, RUN).filter(|run| !run.is_empty()).map(RunId::new);
    let experiment = sent.experiment;
    let is_new = Want::NewIn(experiment, ResourceType::Trace);
    caller.judge(|wants| wants.add(is_new)).await?;
    if let Some(run) = &run {
        caller.judge(|wants| wants.run(run)).await?;
    }
    let share = Share::of(&head.extensions);
    let body = collect(&share, body, limits::JSON_BODY_BYTES).await?;
    let is_large = sent.compression.may_swell(&body) || !is_short(&body);
    // Reading spans takes its time, in which others are answered.
    let spans = share.aside(is_large, move |share| sent.read(share, &body)).await?;
    let finished: BTreeSet<String> = spans
        .iter()
        .filter(|span| span.parent_id.is_none())
        .map(|span| span.trace_id.clone())
        .collect();
    let traces: BTreeSet<&str> = spans.iter().map(|span| span.trace_id.as_str()).collect();
    caller
        .judge(|wants| {
            for id in traces {
                wants.add(Want::TraceIfThere(id.to_owned()));
            }
        })
        .await?;
    store.log_spans(experiment, spans).await?;
    if let Some(run_id) = run.filter(|_| !finished.is_empty()) {
        let trace_ids = finished.into_iter().collect();
        // The spans are stored, and must not be sent again for this.
        if let Err(error) = store.link_traces_to_run(LinkTracesToRun { trace_ids, run_id }).await {
            tracing::warn!(%error, "traces were stored, but not linked to their run");
        }
    }
    Ok(([(header::CONTENT_TYPE, PROTOBUF)], "").into_response())
}

#[derive(Debug, Clone, Copy)]
enum Encoding {
    Protobuf,
    Json,
}

#[derive(Debug, Clone, Copy)]
enum Compression {
    None,
    Gzip,
    Deflate,
}

/// What the headers of an export say.
struct Sent {
    experiment: ExperimentId,
    encoding: Encoding,
    compression: Compression,
}

impl Sent {
    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let experiment = text(headers, EXPERIMENT).ok_or_else(|| {
            unprocessable(format!("The header '{EXPERIMENT}' is missing: it names an experiment."))
        })?;
        let content_type = text(headers, header::CONTENT_TYPE.as_str());
        let media_type = content_type.and_then(|text| text.split(';').next()).map(str::trim);
        let encoding = match media_type {
            Some(PROTOBUF) => Encoding::Protobuf,
            Some("application/json") => Encoding::Json,
            _ => {
                return Err(ApiError::invalid_parameter(format!(
                    "Invalid Content-Type: {}. Expected: {PROTOBUF} or application/json",
                    content_type.unwrap_or("None")
                )));
            }
        };
        let encoded = text(headers, header::CONTENT_ENCODING.as_str()).unwrap_or_default();
        let compression = match encoded.to_ascii_lowercase().as_str() {
            "" => Compression::None,
            "gzip" => Compression::Gzip,
            "deflate" => Compression::Deflate,
            other => {
                let message = format!("Unsupported Content-Encoding: {other}");
                return Err(ApiError::invalid_parameter(message));
            }
        };
        // Without a name it is the default experiment.
        let experiment = if experiment.is_empty() { "0" } else { experiment };
        Ok(Self { experiment: ExperimentId::parse(experiment)?, encoding, compression })
    }

    fn read(self, share: &Share, body: &Bytes) -> Result<Vec<Span>, ApiError> {
        let body = self.compression.undo(share, body)?;
        check_values(share, &body)?;
        let malformed = || ApiError::invalid_parameter("Invalid OpenTelemetry format");
        let groups = match self.encoding {
            Encoding::Protobuf => {
                if holds_more_than(limits::BODY_VALUES, &body).ok_or_else(malformed)? {
                    return Err(too_many_values());
                }
                Export::decode(body).map_err(|_| malformed())?.into_groups()
            }
            Encoding::Json => {
                let mut fields = Fields::from_json(&body).map_err(|_| malformed())?;
                ResourceSpans::read_all(&mut fields).map_err(|_| malformed())?
            }
        };
        if groups.is_empty() {
            let message = "Invalid OpenTelemetry format - no spans found";
            return Err(ApiError::invalid_parameter(message));
        }
        spans::accept(groups)
            .map_err(|_| unprocessable("Cannot convert OpenTelemetry span to MLflow span"))
    }
}

/// Bytes of a compressed body that can't become large: deflate makes at most a thousand of one.
const HARMLESS_BYTES: usize = 4096;

impl Compression {
    /// Whether a body may be much larger than it looks.
    fn may_swell(self, body: &[u8]) -> bool {
        !matches!(self, Self::None) && body.len() > HARMLESS_BYTES
    }

    /// The body as it was, which may not be larger than one that comes as it is.
    fn undo(self, share: &Share, body: &Bytes) -> Result<Bytes, ApiError> {
        match self {
            Self::None => Ok(body.clone()),
            Self::Gzip => {
                read_all(share, || MultiGzDecoder::new(&body[..])).map_err(|error| error.of("gzip"))
            }
            // Some clients leave out the header of zlib.
            Self::Deflate => match read_all(share, || ZlibDecoder::new(&body[..])) {
                Err(Compressed::Malformed) => read_all(share, || DeflateDecoder::new(&body[..])),
                read => read,
            }
            .map_err(|error| error.of("deflate")),
        }
    }
}

/// Reads an export as it comes, and says how many spans it holds.
#[cfg(feature = "fuzzing")]
pub(crate) fn count_spans(headers: &HeaderMap, body: &Bytes) -> Result<usize, ApiError> {
    let share = Share::of(&axum::http::Extensions::new());
    Sent::of(headers)?.read(&share, body).map(|spans| spans.len())
}

enum Compressed {
    Malformed,
    TooLarge,
    NoRoom(ApiError),
}

impl Compressed {
    fn of(self, encoding: &str) -> ApiError {
        match self {
            Self::Malformed => {
                ApiError::invalid_parameter(format!("Failed to decompress {encoding} payload"))
            }
            Self::TooLarge => ApiError::payload_too_large(format!(
                "The request body is larger than {} bytes.",
                limits::JSON_BODY_BYTES
            )),
            Self::NoRoom(refusal) => refusal,
        }
    }
}

/// What a decoder makes, in no more memory than that takes: it is weighed first, and unpacked again once there is room. A buffer
/// that grew with it would leave behind twice as much.
fn read_all<R: Read>(share: &Share, decoder: impl Fn() -> R) -> Result<Bytes, Compressed> {
    let most = limits::JSON_BODY_BYTES;
    let mut weighed = decoder().take(most as u64 + 1);
    let size = io::copy(&mut weighed, &mut io::sink()).map_err(|_| Compressed::Malformed)?;
    let size = usize::try_from(size).ok().filter(|size| *size <= most);
    let size = size.ok_or(Compressed::TooLarge)?;
    share.take(size).map_err(Compressed::NoRoom)?;
    let mut body = Vec::with_capacity(size);
    decoder().read_to_end(&mut body).map_err(|_| Compressed::Malformed)?;
    Ok(body.into())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A request that is understood, and makes no sense.
fn unprocessable(message: impl Into<String>) -> ApiError {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    ApiError::with_status(status, ErrorCode::InvalidParameterValue, message)
}

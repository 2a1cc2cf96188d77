//! What the lines of the table do whose handlers don't tell by their type.

use super::described::{Content, Other, Parameter, schema_of};
use mlferry_protocol::{
    Empty,
    access::{CallerResponse, SignedOutResponse},
    artifacts::PresignedDownload,
    server_info::ServerInfo,
};
use serde_json::Value;

const JSON: Content = Content::Json(schema_of::<Value>);

/// What takes nothing, and answers 200.
const fn plain(does: &'static str, answers: &'static [(u16, Content)]) -> Other {
    Other { does, query: &[], headers: &[], body: &[], answers, refusals: &[] }
}

const fn may(name: &'static str, says: &'static str) -> Parameter {
    Parameter { name, is_required: false, says }
}

const fn must(name: &'static str, says: &'static str) -> Parameter {
    Parameter { name, is_required: true, says }
}

/// Headers of downloads.
const OF_DOWNLOADS: &[Parameter] = &[
    may("Range", "The part of the file that is wanted, such as `bytes=0-99`."),
    may("If-Match", "Entity tags of which the file must have one."),
    may("If-None-Match", "Entity tags of versions that the client has."),
    may("If-Modified-Since", "The time of the version that the client has."),
    may("If-Unmodified-Since", "The time after which the file must not have changed."),
    may("If-Range", "The version that `Range` is about."),
];

/// A file, a part of it, or that the client has it.
const FILE: &[(u16, Content)] = &[
    (200, Content::Bytes("application/octet-stream")),
    (206, Content::Bytes("application/octet-stream")),
    (304, Content::Empty),
];

const OF_FILES: &[u16] = &[404, 409, 412, 416, 501, 507];

/// What sends a file.
const fn download(does: &'static str, query: &'static [Parameter]) -> Other {
    Other { query, headers: OF_DOWNLOADS, refusals: OF_FILES, ..plain(does, FILE) }
}

const ARCHIVE: Parameter = may("archive", "`tar`, `tar.zst` or `zip`: the folder as an archive.");

pub(super) const PAGE: Other = Other {
    headers: OF_DOWNLOADS,
    refusals: OF_FILES,
    ..plain(
        "The web page",
        &[
            (200, Content::Bytes("text/html")),
            (206, Content::Bytes("text/html")),
            (304, Content::Empty),
        ],
    )
};
pub(super) const PAGE_FILE: Other = download("A file of the web page", &[]);
pub(super) const HEALTH: Other =
    plain("Whether the server runs", &[(200, Content::Bytes("text/plain"))]);
pub(super) const READY: Other =
    plain("Whether database and artifacts answer", &[(200, JSON), (503, JSON)]);
pub(super) const VERSION: Other =
    plain("The version of MLflow that is spoken", &[(200, Content::Bytes("text/html"))]);
pub(super) const METRICS: Other =
    plain("Metrics for Prometheus", &[(200, Content::Bytes("text/plain"))]);
pub(super) const SERVER_INFO: Other =
    plain("What the server can do", &[(200, Content::Json(schema_of::<ServerInfo>))]);
pub(super) const CALLER: Other =
    plain("Who the page is shown to", &[(200, Content::Json(schema_of::<CallerResponse>))]);
/// What the stock web page asks of parts that are not there.
pub(super) const ABSENT: Other =
    plain("That a part of the stock page is not set up", &[(200, JSON)]);
/// What else a page may be told as it comes.
pub(super) const CHANGES: Other = Other {
    query: &[
        may(
            "experiment_ids",
            "An experiment whose newest runs are watched; it may be named again.",
        ),
        may("run_ids", "A run that is watched; it may be named again."),
    ],
    refusals: &[404],
    ..plain("What changes of runs, as it does", &[(200, Content::Bytes("text/event-stream"))])
};
pub(super) const SIGN_UP: Other =
    plain("The page on which a user is made", &[(200, Content::Bytes("text/html"))]);
pub(super) const SIGNED_UP: Other = Other {
    body: &["application/x-www-form-urlencoded"],
    refusals: &[409],
    ..plain("Make a user from that page", &[(200, Content::Bytes("text/html"))])
};

pub(super) const SIGN_ON: Other = Other {
    query: &[may("to", "The path to which the browser goes afterwards.")],
    ..plain("Send a browser to the identity provider", &[(303, Content::Empty)])
};
pub(super) const SIGNED_ON: Other = Other {
    query: &[
        may("state", "What the browser was sent there with."),
        may("code", "What the provider answers."),
        may("error", "Why it does not."),
        may("error_description", "The same, in words."),
        may("iss", "Which provider answers."),
    ],
    ..plain("Take a browser back from the identity provider", &[(303, Content::Empty)])
};
pub(super) const SIGN_OUT: Other =
    plain("End the session of a browser", &[(200, Content::Json(schema_of::<SignedOutResponse>))]);

pub(super) const ROOT: Other = plain("Refused: it names the artifact root, not an artifact", &[]);
pub(super) const DOWNLOAD: Other =
    download("Download an artifact, or a folder as an archive", &[ARCHIVE]);
pub(super) const UPLOAD: Other = Other {
    query: &[may("extract", "`tar`, `tar.gz` or `tar.zst`: the body is unpacked into the folder.")],
    headers: &[
        may("If-Match", "Entity tags of which the file must have one to be replaced."),
        may("If-None-Match", "`*`: only where there is no such file yet."),
        may("Content-MD5", "The checksum of the body."),
        may("Repr-Digest", "The checksum of the body."),
        may("Content-Digest", "The checksum of the body."),
    ],
    body: &["application/octet-stream"],
    refusals: OF_FILES,
    ..plain("Upload an artifact, or an archive into a folder", &[(200, Content::Empty)])
};
pub(super) const DELETE: Other = Other {
    refusals: OF_FILES,
    ..plain("Delete an artifact or a folder", &[(200, Content::Json(schema_of::<Empty>))])
};
pub(super) const PRESIGNED_DOWNLOAD: Other = Other {
    refusals: OF_FILES,
    ..plain(
        "A URL that leads straight to the artifact store",
        &[(200, Content::Json(schema_of::<PresignedDownload>))],
    )
};
pub(super) const RUN_DOWNLOAD: Other = download(
    "Download an artifact of a run, or a folder as an archive",
    &[
        may("run_id", "The run."),
        may("run_uuid", "The run, by the old name of its id."),
        may("path", "The artifact below the run's root."),
        ARCHIVE,
    ],
);
pub(super) const VERSION_DOWNLOAD: Other = download(
    "Download a file of a model version",
    &[
        must("name", "The registered model."),
        must("version", "The number of its version."),
        must("path", "The file below the version's root."),
    ],
);
pub(super) const MODEL_DOWNLOAD: Other = download(
    "Download a file of a logged model",
    &[must("artifact_file_path", "The file below the model's root.")],
);
pub(super) const RUN_UPLOAD: Other = Other {
    query: &[must("run_uuid", "The run."), must("path", "The file below the run's root.")],
    body: &["application/octet-stream"],
    refusals: OF_FILES,
    ..plain("Upload a small artifact of a run", &[(200, Content::Empty)])
};
pub(super) const TRACE_DOWNLOAD: Other = download(
    "Download the spans of a trace, or a file that is attached to it",
    &[
        must("request_id", "The trace."),
        may("path", "The id of an attachment; without it, the spans are sent."),
    ],
);
pub(super) const EXPORT: Other = Other {
    headers: &[
        must("x-mlflow-experiment-id", "The experiment that the traces belong to."),
        may("x-mlflow-run-id", "The run that they are linked to."),
        may("Content-Encoding", "`gzip` or `deflate`."),
    ],
    body: &["application/x-protobuf", "application/json"],
    refusals: &[404, 409, 422, 507],
    ..plain(
        "Log spans that OpenTelemetry exports",
        &[(200, Content::Bytes("application/x-protobuf"))],
    )
};

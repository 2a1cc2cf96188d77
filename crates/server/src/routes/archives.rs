//! Folders as archives: `?archive=` of a download, and `?extract=` of an upload.

use super::Proxy;
use crate::{
    download::{attachment, put_condition},
    error::ApiError,
    rpc::query_pairs,
    upload::digests,
};
use axum::{
    Json,
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use mlferry_artifacts::{
    ArchiveFormat, ArtifactError, ArtifactPath, ExtractFormat, ExtractOptions, PutCondition,
    Service,
};
use serde_json::json;
use std::io;

/// What a request asks for with `name` in its query, if it does. Other names are ignored, and so is a
/// query that is none, as in the reference.
pub(super) fn asked(uri: &Uri, name: &str) -> Option<String> {
    let pairs = query_pairs(uri).ok()?;
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// How an archive is asked for.
pub(super) struct Asked<'a> {
    pub(super) format: &'a str,
    pub(super) method: &'a Method,
    pub(super) version: Version,
}

/// Sends a folder, in which an archive holds its files below a folder called `top`. Errors are told as
/// `explain` puts them.
pub(super) async fn send(
    service: &Service,
    folder: ArtifactPath,
    top: &str,
    asked: &Asked<'_>,
    explain: impl Fn(ArtifactError) -> ArtifactError,
) -> Result<Response, ApiError> {
    let (format, suffix, media_type) = format_of(asked.format)?;
    let in_words = |error| in_words(explain(error));
    let body = if asked.method == Method::HEAD {
        service.check_folder(&folder).await.map_err(in_words)?;
        // Of a length that nobody knows, as that of the archive.
        Body::from_stream(stream::empty::<io::Result<axum::body::Bytes>>())
    } else if asked.version < Version::HTTP_11 {
        return Err(old_version());
    } else {
        Body::from_stream(service.archive(folder, top, format).await.map_err(in_words)?)
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_DISPOSITION, attachment(&format!("{top}.{suffix}"))),
    ];
    Ok((headers, body).into_response())
}

/// Before HTTP/1.1, an answer of unknown length ends where the connection does: an archive that broke
/// off would look complete.
fn old_version() -> ApiError {
    ApiError::invalid_parameter(
        "Archives are sent over HTTP/1.1 only, as HTTP/1.0 can't tell one that broke off from a \
         complete one. Where a proxy stands before this server, let it use HTTP/1.1: in nginx, set \
         `proxy_http_version 1.1`.",
    )
}

/// The root is never sent: it may be all that there is.
pub(super) fn root_refusal() -> ApiError {
    ApiError::invalid_parameter(
        "The artifact root can't be downloaded as an archive; name one of the directories in it.",
    )
}

/// Unpacks the body of a request into a folder.
pub(super) async fn unpack(
    proxy: &Proxy,
    folder: &str,
    format: &str,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    // A folder may be named as one.
    let folder = ArtifactPath::parse_file(folder.strip_suffix('/').unwrap_or(folder))?;
    let format = extract_format_of(format)?;
    let (head, body) = request.into_parts();
    refuse_promises(&head.headers)?;
    let options = ExtractOptions { format, max_bytes: proxy.max_artifact_bytes };
    match proxy.service.extract(&folder, body.into_data_stream(), options).await {
        Ok(stored) => {
            Ok(Json(json!({"files": stored.files, "bytes": stored.bytes})).into_response())
        }
        Err(error) => {
            let message = error.to_string();
            Err(ApiError::from(error.reason).with_message(message))
        }
    }
}

fn format_of(name: &str) -> Result<(ArchiveFormat, &'static str, &'static str), ApiError> {
    match name {
        "tar" => Ok((ArchiveFormat::Tar, "tar", "application/x-tar")),
        "tar.zst" => Ok((ArchiveFormat::TarZst, "tar.zst", "application/zstd")),
        "zip" => Ok((ArchiveFormat::Zip, "zip", "application/zip")),
        _ => Err(ApiError::invalid_parameter(format!(
            "Invalid value '{name}' for parameter 'archive': it must be tar, tar.zst or zip."
        ))),
    }
}

fn extract_format_of(name: &str) -> Result<ExtractFormat, ApiError> {
    match name {
        "tar" => Ok(ExtractFormat::Tar),
        "tar.gz" => Ok(ExtractFormat::TarGz),
        "tar.zst" => Ok(ExtractFormat::TarZst),
        "zip" => Err(ApiError::invalid_parameter(
            "Invalid value 'zip' for parameter 'extract': what a zip holds is told at its end, so \
             it can't be unpacked while it comes in. Send tar, tar.gz or tar.zst.",
        )),
        _ => Err(ApiError::invalid_parameter(format!(
            "Invalid value '{name}' for parameter 'extract': it must be tar, tar.gz or tar.zst."
        ))),
    }
}

/// Refuses what an upload of one file may ask for: when it is known not to hold, files are stored.
fn refuse_promises(headers: &HeaderMap) -> Result<(), ApiError> {
    if put_condition(headers)? != PutCondition::Always {
        return Err(ApiError::invalid_parameter(
            "If-Match and If-None-Match can't be used with 'extract': its files are stored one by \
             one.",
        ));
    }
    if !digests(headers)?.is_empty() {
        return Err(ApiError::invalid_parameter(
            "Checksums can't be used with 'extract': files are stored before the end of the \
             archive is known. Those in tar.gz and tar.zst are verified.",
        ));
    }
    Ok(())
}

fn in_words(error: ArtifactError) -> ApiError {
    let message = match &error {
        ArtifactError::IsFile(_) => format!("{error}. Download it without 'archive'."),
        error => error.to_string(),
    };
    ApiError::from(error).with_message(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_asked_for() {
        for (uri, expected) in [
            ("/x?archive=tar", Some("tar")),
            ("/x?a=b&archive=tar.zst&archive=zip", Some("tar.zst")),
            ("/x?archive=", Some("")),
            ("/x?archives=tar", None),
            ("/x?a=archive", None),
            ("/x", None),
        ] {
            assert_eq!(asked(&uri.parse().unwrap(), "archive").as_deref(), expected, "{uri}");
        }
    }

    #[test]
    fn unknown_formats_are_refused_with_those_that_are_known() {
        let refused = |error: ApiError| error.to_string();
        for name in ["", "TAR", "tgz", "rar"] {
            let message = refused(format_of(name).unwrap_err());
            assert!(message.contains("tar, tar.zst or zip"), "{message}");
            let message = refused(extract_format_of(name).unwrap_err());
            assert!(message.contains("tar, tar.gz or tar.zst"), "{message}");
        }
        assert!(refused(extract_format_of("zip").unwrap_err()).contains("at its end"));
    }
}

//! An upload: what its headers promise, and its body as a stream.

use crate::{download::put_condition, error::ApiError};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, Request, header},
};
use mlferry_artifacts::{
    ArtifactError, ArtifactPath, ExpectedDigest, ExpectedDigests, PathError, PutOptions, Service,
};

static CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
static CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
static REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// Stores the body of `request` at `path`.
pub(crate) async fn store(
    service: &Service,
    path: Result<ArtifactPath, PathError>,
    max_bytes: Option<u64>,
    request: Request<Body>,
) -> Result<(), ApiError> {
    let (head, body) = request.into_parts();
    let (path, options) = options(path, &head.headers, max_bytes)?;
    service.put(path, body.into_data_stream(), options).await?;
    Ok(())
}

fn options(
    path: Result<ArtifactPath, PathError>,
    headers: &HeaderMap,
    max_bytes: Option<u64>,
) -> Result<(ArtifactPath, PutOptions), ApiError> {
    let path = path?;
    let length = declared_length(headers);
    if let (Some(limit), Some(declared)) = (max_bytes, length)
        && declared > limit
    {
        return Err(ArtifactError::TooLarge { limit }.into());
    }
    let (condition, digests) = (put_condition(headers)?, digests(headers)?);
    let options = PutOptions { condition, digests, max_bytes, length };
    Ok((path, options))
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The checksums that the client sent. Those of other algorithms are not verified, as RFC 9530 allows.
pub(crate) fn digests(headers: &HeaderMap) -> Result<ExpectedDigests, ApiError> {
    let mut digests = ExpectedDigests::new();
    let malformed = |name: &HeaderName| {
        ApiError::invalid_parameter(format!("The header {name} holds no valid checksum."))
    };
    for value in headers.get_all(&CONTENT_MD5) {
        let digest = value.to_str().ok().and_then(|text| ExpectedDigest::md5(text.trim()));
        digests.push(digest.ok_or_else(|| malformed(&CONTENT_MD5))?);
    }
    for name in [&CONTENT_DIGEST, &REPR_DIGEST] {
        for value in headers.get_all(name) {
            let text = value.to_str().map_err(|_| malformed(name))?;
            for member in text.split(',').map(str::trim).filter(|member| !member.is_empty()) {
                let (algorithm, digest) = member.split_once('=').ok_or_else(|| malformed(name))?;
                if algorithm.eq_ignore_ascii_case("sha-256") {
                    let digest = byte_sequence(digest).and_then(ExpectedDigest::sha256);
                    digests.push(digest.ok_or_else(|| malformed(name))?);
                }
            }
        }
    }
    Ok(digests)
}

/// The base64 text between the colons of a structured field (RFC 8941, section 3.3.5).
fn byte_sequence(text: &str) -> Option<&str> {
    text.strip_prefix(':')?.strip_suffix(':')
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const SHA256: &str = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";

    fn read(name: &HeaderName, value: &str) -> Result<usize, ApiError> {
        let value = HeaderValue::from_str(value).unwrap();
        digests(&HeaderMap::from_iter([(name.clone(), value)])).map(|digests| digests.len())
    }

    #[test]
    fn checksums_are_read_and_unknown_algorithms_passed_over() {
        assert_eq!(read(&CONTENT_MD5, "XUFAKrxLKna5cZ2REBfFkg==").unwrap(), 1);
        assert_eq!(read(&CONTENT_DIGEST, SHA256).unwrap(), 1);
        assert_eq!(read(&REPR_DIGEST, &format!("sha-512=:AA==:, {SHA256}")).unwrap(), 1);
        assert_eq!(read(&REPR_DIGEST, "unixsum=30637").unwrap(), 0);
        assert!(read(&CONTENT_MD5, "x").is_err());
        assert!(read(&CONTENT_DIGEST, "sha-256=LPJN").is_err());
        assert!(read(&CONTENT_DIGEST, "sha-256").is_err());
    }
}

//! Uploads in parts that clients send straight to the store, and downloads from there.

use super::artifacts::{AtPath, Proxy};
use crate::{
    download::attachment_text,
    error::ApiError,
    rpc::{Reply, Rpc},
};
use axum::{Json, extract::State};
use mlferry_artifacts::{ArtifactPath, DirectUrl, PartUrls, SentPart};
use mlferry_protocol::{
    Empty,
    artifacts::{
        AbortMultipartUpload, CompleteMultipartUpload, CreateMultipartUpload,
        CreateMultipartUploadResponse, MultipartUploadCredential, MultipartUploadPart,
        PresignedDownload, UrlHeaders,
    },
};

pub(super) async fn create(
    State(proxy): State<Proxy>,
    AtPath(folder): AtPath,
    Rpc(request): Rpc<CreateMultipartUpload>,
) -> Reply<CreateMultipartUploadResponse> {
    let path = file_in(&folder, &request.path)?;
    let count = request.num_parts.unwrap_or_default();
    let count = u32::try_from(count).map_err(|_| {
        ApiError::invalid_parameter(format!("num_parts must not be negative or so large: {count}"))
    })?;
    let PartUrls { upload_id, urls } = proxy.service.create_upload(&path, count).await?;
    let credentials = (1..).zip(urls).map(|(part_number, DirectUrl { url, headers })| {
        MultipartUploadCredential { url, part_number, headers: UrlHeaders(headers) }
    });
    Ok(Json(CreateMultipartUploadResponse { upload_id, credentials: credentials.collect() }))
}

pub(super) async fn complete(
    State(proxy): State<Proxy>,
    AtPath(folder): AtPath,
    Rpc(request): Rpc<CompleteMultipartUpload>,
) -> Reply<Empty> {
    let path = file_in(&folder, &request.path)?;
    let parts: Result<_, ApiError> = request.parts.into_iter().map(sent_part).collect();
    proxy.service.complete_upload(&path, request.upload_id.as_deref(), parts?).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn abort(
    State(proxy): State<Proxy>,
    AtPath(folder): AtPath,
    Rpc(request): Rpc<AbortMultipartUpload>,
) -> Reply<Empty> {
    let path = file_in(&folder, &request.path)?;
    proxy.service.abort_upload(&path, request.upload_id.as_deref()).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn download(
    State(proxy): State<Proxy>,
    AtPath(path): AtPath,
) -> Reply<PresignedDownload> {
    let disposition = attachment_text(path.name());
    let found = proxy.service.download_url(&path, proxy.download_url_time, &disposition).await;
    let (DirectUrl { url, headers }, size) = found?;
    Ok(Json(PresignedDownload { url, headers: UrlHeaders(headers), file_size: size }))
}

/// The file that an upload becomes: the client sends its own path, of which the last name counts.
pub(crate) fn file_in(folder: &ArtifactPath, client_path: &str) -> Result<ArtifactPath, ApiError> {
    let is_windows = client_path.starts_with(r"\\")
        || matches!(client_path.as_bytes(), [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic());
    let name = client_path.rsplit(|c| c == '/' || (is_windows && c == '\\')).next();
    let name = name.unwrap_or_default();
    Ok(folder.join(&ArtifactPath::parse_file(name)?))
}

fn sent_part(part: MultipartUploadPart) -> Result<SentPart, ApiError> {
    let number = part.part_number.and_then(|number| u32::try_from(number).ok());
    let number = number.filter(|number| *number > 0).ok_or_else(|| {
        ApiError::invalid_parameter("Every part must have a positive part_number.")
    })?;
    Ok(SentPart { number, etag: part.etag, url: part.url })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_named_by_the_last_name_of_the_client_s_path() {
        let folder = ArtifactPath::parse("0/run/artifacts").unwrap();
        let path = |client: &str| file_in(&folder, client).map(|path| path.to_string());
        assert_eq!(path("/home/me/model.bin").unwrap(), "0/run/artifacts/model.bin");
        assert_eq!(path("model.bin").unwrap(), "0/run/artifacts/model.bin");
        for client in
            [r"C:\Users\me\model.bin", "c:/Users/me\\model.bin", r"\\host\share\model.bin"]
        {
            assert_eq!(path(client).unwrap(), "0/run/artifacts/model.bin", "{client}");
        }
        for client in ["", "/home/me/", "..", "a/..", "x#y"] {
            assert!(path(client).is_err(), "{client}");
        }
    }
}

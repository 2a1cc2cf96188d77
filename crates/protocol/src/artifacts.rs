//! Messages of the artifact service, and of a run's artifacts.

use crate::{DecodeRequest, Fields, InvalidParameter, RunId, limits};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// One artifact in a listing.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct FileInfo {
    /// Its name, or its path below what is listed.
    pub path: String,
    /// Whether it is a folder.
    pub is_dir: bool,
    /// Bytes; absent for folders and, as the reference drops zeros, for empty files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_size: Option<u64>,
}

/// `GET …/mlflow-artifacts/artifacts`: one folder of the destination.
#[derive(Debug)]
pub struct ListArtifacts {
    /// The folder; empty for the root.
    pub path: String,
    /// Files of all folders below, an addition of mlferry's.
    pub recursive: bool,
    /// Entries at most, an addition of mlferry's.
    pub max_results: Option<usize>,
    /// Where the previous page ended.
    pub page_token: Option<String>,
}

impl DecodeRequest for ListArtifacts {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let path = fields.string("path")?.unwrap_or_default();
        let recursive = fields.boolean("recursive")?.unwrap_or_default();
        let max_results = match fields.integer("max_results")? {
            None => None,
            Some(given) => match usize::try_from(given) {
                Ok(max_results) if max_results > 0 => Some(max_results),
                _ => {
                    let reason = "It must be a positive integer.";
                    return Err(InvalidParameter::value("max_results", given, reason));
                }
            },
        };
        let page_token = fields.string("page_token")?.filter(|token| !token.is_empty());
        Ok(Self { path, recursive, max_results, page_token })
    }
}

/// The answer to [`ListArtifacts`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct ListArtifactsResponse {
    /// The entries, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileInfo>,
    /// Present when `max_results` cut the listing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// `POST …/mpu/create/{dir}`: begins an upload in parts.
#[derive(Debug)]
pub struct CreateMultipartUpload {
    /// The file's name, or its path on the client's machine.
    pub path: String,
    /// How many parts there will be.
    pub num_parts: Option<i64>,
}

impl DecodeRequest for CreateMultipartUpload {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let path = fields.required_string("path")?;
        Ok(Self { path, num_parts: fields.integer("num_parts")? })
    }
}

/// The answer to [`CreateMultipartUpload`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct CreateMultipartUploadResponse {
    /// The upload; Azure's have no name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
    /// Where the parts are sent to, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<MultipartUploadCredential>,
}

/// Where one part is sent to.
#[derive(Debug, JsonSchema, Serialize)]
pub struct MultipartUploadCredential {
    /// The URL for a PUT.
    pub url: String,
    /// The number of the part, from 1.
    pub part_number: u32,
    /// What must be sent with it.
    #[serde(skip_serializing_if = "UrlHeaders::is_empty")]
    pub headers: UrlHeaders,
}

/// Headers that a request to a URL must have, as an object.
#[derive(Debug, Default)]
pub struct UrlHeaders(pub Vec<(String, String)>);

impl UrlHeaders {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for UrlHeaders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The answer to `GET …/presigned/{path}`: a download that needs no server in between.
#[derive(Debug, JsonSchema, Serialize)]
pub struct PresignedDownload {
    /// The URL for a GET.
    pub url: String,
    /// What must be sent with it.
    pub headers: UrlHeaders,
    /// Bytes of the file.
    pub file_size: u64,
}

/// One part that a client has uploaded.
#[derive(Debug)]
pub struct MultipartUploadPart {
    /// Its number, from 1.
    pub part_number: Option<i64>,
    /// The entity tag that the store gave it.
    pub etag: Option<String>,
    /// The URL that it was sent to.
    pub url: Option<String>,
}

/// `POST …/mpu/complete/{dir}`: makes the parts one file.
#[derive(Debug)]
pub struct CompleteMultipartUpload {
    /// The file's name, or its path on the client's machine.
    pub path: String,
    /// The upload.
    pub upload_id: Option<String>,
    /// Its parts; may be empty.
    pub parts: Vec<MultipartUploadPart>,
}

impl DecodeRequest for CompleteMultipartUpload {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let path = fields.required_string("path")?;
        let upload_id = fields.string("upload_id")?;
        if !fields.has("parts") {
            return Err(InvalidParameter::missing("parts"));
        }
        let parts = fields.objects("parts", |part| {
            Ok(MultipartUploadPart {
                part_number: part.integer("part_number")?,
                etag: part.string("etag")?,
                url: part.string("url")?,
            })
        })?;
        Ok(Self { path, upload_id, parts })
    }
}

/// `POST …/mpu/abort/{dir}`: gives an upload in parts up.
#[derive(Debug)]
pub struct AbortMultipartUpload {
    /// The file's name, or its path on the client's machine.
    pub path: String,
    /// The upload.
    pub upload_id: Option<String>,
}

impl DecodeRequest for AbortMultipartUpload {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let path = fields.required_string("path")?;
        Ok(Self { path, upload_id: fields.string("upload_id")? })
    }
}

/// `GET …/mlflow/artifacts/list`: one folder of a run's artifacts.
#[derive(Debug)]
pub struct ListRunArtifacts {
    /// The run.
    pub run_id: RunId,
    /// The folder below the run's root; empty for the root.
    pub path: String,
}

impl DecodeRequest for ListRunArtifacts {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let run_id = fields.run_id()?;
        Ok(Self { run_id, path: fields.string("path")?.unwrap_or_default() })
    }
}

/// `GET …/logged-models/{model_id}/artifacts/directories`.
#[derive(Debug)]
pub struct ListLoggedModelArtifacts {
    /// The model.
    pub model_id: String,
    /// The folder below the model's root; empty for the root.
    pub path: String,
}

impl DecodeRequest for ListLoggedModelArtifacts {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let model_id = fields.required_string("model_id")?;
        let path = fields.string("artifact_directory_path")?;
        Ok(Self { model_id, path: path.unwrap_or_default() })
    }
}

/// The answer to [`ListRunArtifacts`] and [`ListLoggedModelArtifacts`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct ListBelowRootResponse {
    /// The artifact URI of the run or model.
    pub root_uri: String,
    /// The entries, with paths relative to that root.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileInfo>,
}

/// `GET …/logged-models/{model_id}/artifacts/files`.
#[derive(Debug)]
pub struct DownloadLoggedModelArtifact {
    /// The model.
    pub model_id: String,
    /// The file below the model's root; never empty.
    pub path: Option<String>,
}

impl DecodeRequest for DownloadLoggedModelArtifact {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let model_id = fields.required_string("model_id")?;
        let path = fields.string("artifact_file_path")?.filter(|path| !path.is_empty());
        Ok(Self { model_id, path })
    }
}

/// `POST …/artifacts/presigned-download-url`: asks for a URL that leads straight to the object store.
#[derive(Debug)]
pub struct CreatePresignedDownloadUrl {
    /// The run.
    pub run_id: RunId,
    /// The artifact, below the run's root.
    pub path: String,
    /// How long the URL is to be good; the server's choice when absent.
    pub expiration_seconds: Option<i64>,
}

impl DecodeRequest for CreatePresignedDownloadUrl {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let run_id = fields.run_id()?;
        let path = fields.required_string("path")?;
        Ok(Self { run_id, path, expiration_seconds: expiration(fields)? })
    }
}

/// How long a URL is to be good, in seconds.
fn expiration(fields: &mut Fields) -> Result<Option<i64>, InvalidParameter> {
    let most = limits::PRESIGNED_SECONDS;
    match fields.integer("expiration")? {
        Some(seconds) if !(1..=most).contains(&seconds) => Err(InvalidParameter::new(format!(
            "expiration must be between 1 and {most} seconds (got {seconds})."
        ))),
        given => Ok(given),
    }
}

/// The answer to [`CreatePresignedDownloadUrl`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct CreatePresignedDownloadUrlResponse {
    /// The URL for a GET.
    pub presigned_url: String,
    /// What must be sent with it.
    #[serde(skip_serializing_if = "UrlHeaders::is_empty")]
    pub headers: UrlHeaders,
    /// Bytes of the file; the reference drops a zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_size: Option<u64>,
}

/// Whose artifact it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactOwner {
    /// A run.
    Run(RunId),
    /// A logged model.
    Model(String),
}

/// `POST …/artifacts/presigned-upload-url`: asks for a URL to upload straight to the object store.
#[derive(Debug)]
pub struct CreatePresignedUploadUrl {
    /// Whose artifact it is.
    pub owner: ArtifactOwner,
    /// The artifact, below the root of its owner.
    pub path: String,
    /// How long the URL is to be good; the server's choice when absent.
    pub expiration_seconds: Option<i64>,
}

impl DecodeRequest for CreatePresignedUploadUrl {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let run_id = fields.string("run_id")?.filter(|id| !id.is_empty());
        let model_id = fields.string("model_id")?.filter(|id| !id.is_empty());
        let path = fields.required_string("path")?;
        let expiration_seconds = expiration(fields)?;
        let owner = match (run_id, model_id) {
            (Some(id), None) => ArtifactOwner::Run(RunId::new(id)),
            (None, Some(id)) => ArtifactOwner::Model(id),
            _ => {
                return Err(InvalidParameter::new(
                    "Exactly one of run_id and model_id must be provided.",
                ));
            }
        };
        Ok(Self { owner, path, expiration_seconds })
    }
}

/// The answer to [`CreatePresignedUploadUrl`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct CreatePresignedUploadUrlResponse {
    /// The URL for a PUT.
    pub presigned_url: String,
    /// What must be sent with it.
    #[serde(skip_serializing_if = "UrlHeaders::is_empty")]
    pub headers: UrlHeaders,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode<T: DecodeRequest>(json: &str) -> Result<T, String> {
        T::decode(&mut Fields::from_json(json.as_bytes()).unwrap()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_presigned_url_is_good_for_a_week_at_most() {
        let seconds = |given: i64| {
            let json = format!(r#"{{"run_id": "r", "path": "a", "expiration": {given}}}"#);
            decode::<CreatePresignedDownloadUrl>(&json).map(|url| url.expiration_seconds)
        };
        assert_eq!(seconds(1), Ok(Some(1)));
        assert_eq!(seconds(604_799), Ok(Some(604_799)));
        assert_eq!(seconds(604_800), Ok(Some(604_800)));
        for given in [0, -1, 604_801] {
            let message = format!("expiration must be between 1 and 604800 seconds (got {given}).");
            assert_eq!(seconds(given), Err(message));
        }
        let default = decode::<CreatePresignedDownloadUrl>(r#"{"run_id": "r", "path": "a"}"#);
        assert_eq!(default.unwrap().expiration_seconds, None);
    }

    #[test]
    fn an_upload_belongs_to_a_run_or_to_a_model() {
        let owner = |json| decode::<CreatePresignedUploadUrl>(json).map(|url| url.owner);
        assert_eq!(
            owner(r#"{"run_id": "r", "model_id": "", "path": "a"}"#),
            Ok(ArtifactOwner::Run(RunId::new("r")))
        );
        assert_eq!(
            owner(r#"{"model_id": "m", "path": "a"}"#),
            Ok(ArtifactOwner::Model("m".to_owned()))
        );
        for json in [r#"{"path": "a"}"#, r#"{"run_id": "r", "model_id": "m", "path": "a"}"#] {
            let message = "Exactly one of run_id and model_id must be provided.";
            assert_eq!(owner(json), Err(message.to_owned()));
        }
    }
}

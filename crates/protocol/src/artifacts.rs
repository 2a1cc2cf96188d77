//! Messages of the artifact service, and of a run's artifacts.

use crate::{DecodeRequest, Fields, InvalidParameter, RunId};
use serde::Serialize;

/// One artifact in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Serialize)]
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

/// The answer to [`ListRunArtifacts`].
#[derive(Debug, Serialize)]
pub struct ListRunArtifactsResponse {
    /// The run's artifact URI.
    pub root_uri: String,
    /// The entries, with paths relative to the run's root.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileInfo>,
}

//! Uploads in parts that nobody will complete.

use super::{
    Remote, StoreKind,
    direct::{Dialect, Direct},
    error::store_error,
};
use crate::{ArtifactError, StoreTrouble, path::STAGING_FOLDER};
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{
    client::{HttpRequestBody, HttpResponse},
    path::Path,
    signer::{Method, SignedUrlOptions},
};
use serde::Deserialize;
use std::{
    fmt::Display,
    future::ready,
    time::{Duration, SystemTime},
};

/// How long the URL of one page of uploads is good; it is used at once.
const URL_TIME: Duration = Duration::from_mins(5);

/// Requests to the bucket itself have no key.
static BUCKET: Path = Path::ROOT;

/// An upload in parts that is not complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// The key of the object it would become.
    pub key: String,
    /// When it was begun.
    pub begun: SystemTime,
    id: String,
}

/// The answer of S3 and GCS to `GET /bucket?uploads`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UploadsPage {
    #[serde(default)]
    upload: Vec<Upload>,
    #[serde(default)]
    is_truncated: bool,
    next_key_marker: Option<String>,
    next_upload_id_marker: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    key: String,
    #[serde(rename = "UploadId")]
    id: String,
    initiated: String,
}

impl Remote {
    /// Uploads below the root that were begun before `before`.
    pub(crate) async fn open_uploads(
        &self,
        before: SystemTime,
    ) -> Result<Vec<OpenUpload>, ArtifactError> {
        if self.0.opened.traits.kind == StoreKind::Host {
            return self.staged_uploads(before).await;
        }
        let direct = self.0.opened.direct.as_ref();
        let direct = direct.filter(|direct| direct.dialect == Dialect::Signed).ok_or_else(|| {
            ArtifactError::Store {
                trouble: StoreTrouble::Unsupported,
                words: "this store lists no unfinished uploads: Azure drops their blocks after a week, and \
                        another server sweeps its own"
                    .to_owned(),
            }
        })?;
        let (mut found, mut markers) = (Vec::new(), Vec::new());
        loop {
            let mut query = vec![("uploads", String::new()), ("prefix", self.prefix(None))];
            query.append(&mut markers);
            let (head, body) = ask(direct, query).await?.into_parts();
            let text = body.bytes().await.map_err(unavailable)?;
            let text = String::from_utf8_lossy(&text);
            if !head.status.is_success() {
                let status = head.status;
                return Err(unavailable(format!(
                    "the list of uploads was refused with {status}: {text}"
                )));
            }
            let page: UploadsPage = quick_xml::de::from_str(&text).map_err(|error| {
                unavailable(format!("the list of uploads can't be read: {error}"))
            })?;
            for upload in page.upload {
                let begun: jiff::Timestamp = upload.initiated.parse().map_err(|error| {
                    unavailable(format!("'{}' is no time: {error}", upload.initiated))
                })?;
                let begun = SystemTime::from(begun);
                if begun < before {
                    found.push(OpenUpload { key: upload.key, begun, id: upload.id });
                }
            }
            let next = page.next_key_marker.filter(|_| page.is_truncated);
            let Some(key) = next else { return Ok(found) };
            markers.push(("key-marker", key));
            markers.extend(page.next_upload_id_marker.map(|id| ("upload-id-marker", id)));
        }
    }

    /// What the store's clock says, to the second, where its answers tell. One that refuses the request tells as well.
    pub(crate) async fn clock(&self) -> Result<Option<SystemTime>, ArtifactError> {
        let direct = self.0.opened.direct.as_ref();
        let Some(direct) = direct.filter(|direct| direct.dialect == Dialect::Signed) else {
            return Ok(None);
        };
        let query = vec![("uploads", String::new()), ("max-uploads", "1".to_owned())];
        let answer = ask(direct, query).await?;
        let date = answer.headers().get(::http::header::DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        Ok(date.map(|date| date.timestamp().into()))
    }

    /// Files in the staging folder that nobody has written to since `before`.
    async fn staged_uploads(&self, before: SystemTime) -> Result<Vec<OpenUpload>, ArtifactError> {
        let folder = format!("{}{STAGING_FOLDER}", self.prefix(None));
        let folder = Path::parse(folder).map_err(|error| store_error(&error.into()))?;
        let staged: Vec<_> = self
            .store()
            .list(Some(&folder))
            .try_filter(|file| ready(SystemTime::from(file.last_modified) < before))
            .map_ok(|file| OpenUpload {
                key: file.location.to_string(),
                begun: file.last_modified.into(),
                id: String::new(),
            })
            .try_collect()
            .await
            .map_err(|error| store_error(&error))?;
        Ok(staged)
    }

    /// Gives an upload up.
    pub(crate) async fn abort_open_upload(&self, upload: &OpenUpload) -> Result<(), ArtifactError> {
        let key = Path::parse(&upload.key).map_err(|error| store_error(&error.into()))?;
        let Some(direct) = &self.0.opened.direct else {
            let deleted = self.store().delete_stream(stream::iter([Ok(key)]).boxed());
            return deleted
                .try_for_each(|_| ready(Ok(())))
                .await
                .map_err(|error| store_error(&error));
        };
        let aborted = direct.parts.abort_multipart(&key, &upload.id).await;
        aborted.map_err(|error| store_error(&error))
    }
}

/// Asks the bucket itself.
async fn ask(
    direct: &Direct,
    query: Vec<(&'static str, String)>,
) -> Result<HttpResponse, ArtifactError> {
    let options = SignedUrlOptions::new().with_query(query);
    let url = direct.own_signer.signed_url_opts(Method::GET, &BUCKET, URL_TIME, &options).await;
    let url = url.map_err(|error| store_error(&error))?;
    let request = ::http::Request::get(url.as_str()).body(HttpRequestBody::empty());
    direct.client.execute(request.map_err(unavailable)?).await.map_err(unavailable)
}

fn unavailable(words: impl Display) -> ArtifactError {
    ArtifactError::Store { trouble: StoreTrouble::Unavailable, words: words.to_string() }
}

//! URLs that lead clients straight to a store: parts of uploads, and downloads.

use super::{
    Remote,
    error::{explain, store_error, words_of},
};
use crate::{ArtifactError, ArtifactPath, StoreTrouble};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::header::CONTENT_TYPE;
use object_store::{
    MultipartId, PutMultipartOptions,
    client::HttpClient,
    multipart::{MultipartStore, PartId},
    path::Path,
    signer::{Method, SignedUrlOptions, Signer, Url},
};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// How long the URL of a part is good: as long as in the reference.
const PART_URL_TIME: Duration = Duration::from_hours(1);
/// Parts of one upload at most: the limit of S3 and GCS. Azure would take five times as many.
const MAX_PARTS: u32 = 10_000;

/// A store that gives out URLs.
#[derive(Clone)]
pub(crate) struct Direct {
    /// Signs with the address that clients reach.
    pub(crate) signer: Arc<dyn Signer>,
    /// Signs with the address that this server reaches.
    pub(crate) own_signer: Arc<dyn Signer>,
    pub(crate) parts: Arc<dyn MultipartStore>,
    pub(crate) dialect: Dialect,
    /// For requests that are signed here.
    pub(crate) client: HttpClient,
}

/// How a store wants to be addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Uploads have an id, and URLs hold whatever parameters are signed with them: S3 and GCS.
    Signed,
    /// Parts are blocks with names of their own, and URLs are good for a blob: Azure.
    Blocks,
}

/// A URL that leads a client straight to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectUrl {
    /// Where to send the request.
    pub url: String,
    /// What must be sent with it.
    pub headers: Vec<(String, String)>,
}

/// An upload in parts that a client sends straight to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartUrls {
    /// The upload at the store; some give it no name.
    pub upload_id: Option<String>,
    /// Where each part is sent to, the first one first.
    pub urls: Vec<DirectUrl>,
}

/// One part that a client has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentPart {
    /// Its number, from 1.
    pub number: u32,
    /// The entity tag that the store answered.
    pub etag: Option<String>,
    /// Where it was sent to.
    pub url: Option<String>,
}

impl Remote {
    /// Whether the store gives out URLs at all.
    pub(crate) fn is_direct(&self) -> bool {
        self.0.opened.direct.is_some()
    }

    fn direct(&self, what: &'static str) -> Result<&Direct, ArtifactError> {
        self.0.opened.direct.as_ref().ok_or(ArtifactError::NotDirect(what))
    }

    /// Begins an upload in parts, and says where each of them is sent to.
    pub(crate) async fn create_upload(
        &self,
        path: &ArtifactPath,
        part_count: u32,
    ) -> Result<PartUrls, ArtifactError> {
        let direct = self.direct(UPLOAD)?;
        if part_count > MAX_PARTS {
            let reason = format!(
                "an upload has at most {MAX_PARTS} parts, not {part_count}; send larger ones"
            );
            return Err(ArtifactError::BadUpload(reason));
        }
        let key = self.key(path)?;
        let upload_id = match direct.dialect {
            Dialect::Blocks => None,
            Dialect::Signed => {
                let options = PutMultipartOptions {
                    attributes: self.0.opened.attributes(path),
                    tags: self.0.opened.args.tags.clone(),
                    ..PutMultipartOptions::default()
                };
                let id = direct.parts.create_multipart_opts(&key, options).await;
                Some(id.map_err(|error| explain(&error, path))?)
            }
        };
        let urls = direct.part_urls(&key, upload_id.as_deref(), part_count).await;
        if let (Err(_), Some(id)) = (&urls, &upload_id)
            && let Err(error) = direct.parts.abort_multipart(&key, id).await
        {
            let reason = words_of(&error);
            tracing::warn!(reason, "an upload without URLs for its parts is left at the store");
        }
        let urls = urls.map_err(|error| unsigned(&error, UPLOAD))?;
        Ok(PartUrls { upload_id, urls })
    }

    /// Makes the parts that a client has sent one file.
    pub(crate) async fn complete_upload(
        &self,
        path: &ArtifactPath,
        upload_id: Option<&str>,
        mut parts: Vec<SentPart>,
    ) -> Result<(), ArtifactError> {
        let direct = self.direct(UPLOAD)?;
        let key = self.key(path)?;
        if parts.is_empty() {
            return Err(ArtifactError::BadUpload("no part was sent".to_owned()));
        }
        parts.sort_by_key(|part| part.number);
        if let Some((expected, part)) =
            (1..).zip(&parts).find(|(number, part)| *number != part.number)
        {
            let reason = format!(
                "part {expected} is missing or sent twice; the next one is {}",
                part.number
            );
            return Err(ArtifactError::BadUpload(reason));
        }
        let id = direct.upload_id(upload_id)?;
        let parts: Result<Vec<PartId>, ArtifactError> =
            parts.into_iter().map(|part| direct.part_id(part)).collect();
        let stored = direct.parts.complete_multipart(&key, &id, parts?).await;
        stored.map(drop).map_err(|error| explain(&error, path))
    }

    /// Gives an upload in parts up.
    pub(crate) async fn abort_upload(
        &self,
        path: &ArtifactPath,
        upload_id: Option<&str>,
    ) -> Result<(), ArtifactError> {
        let direct = self.direct(UPLOAD)?;
        let key = self.key(path)?;
        let id = direct.upload_id(upload_id)?;
        match direct.parts.abort_multipart(&key, &id).await.map_err(|error| explain(&error, path)) {
            // Given up already.
            Ok(()) | Err(ArtifactError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A URL from which a file can be downloaded for some time, with this `Content-Disposition`, and its size.
    pub(crate) async fn download_url(
        &self,
        path: &ArtifactPath,
        time: Duration,
        disposition: &str,
    ) -> Result<(DirectUrl, u64), ArtifactError> {
        let direct = self.direct(DOWNLOAD)?;
        let key = self.key(path)?;
        let meta = match self.stat(&key).await {
            Ok(meta) => meta,
            Err(error) => return Err(self.explain_missing(explain(&error, path)).await),
        };
        let name = match direct.dialect {
            Dialect::Signed => "response-content-disposition",
            Dialect::Blocks => "rscd",
        };
        let options = SignedUrlOptions::new().with_query([(name, disposition)]);
        let url = direct.signer.signed_url_opts(Method::GET, &key, time, &options).await;
        let url = url.map_err(|error| unsigned(&error, DOWNLOAD))?.into();
        Ok((DirectUrl { url, headers: Vec::new() }, meta.size))
    }

    /// A URL to which a file can be uploaded for some time.
    pub(crate) async fn upload_url(
        &self,
        path: &ArtifactPath,
        time: Duration,
    ) -> Result<DirectUrl, ArtifactError> {
        let direct = self.direct(UPLOAD)?;
        let key = self.key(path)?;
        let mut headers = Vec::new();
        let mut options = SignedUrlOptions::new();
        match direct.dialect {
            Dialect::Signed => {
                for (name, value) in self.0.opened.upload_headers(path) {
                    // The reference's spelling, which clients may look for.
                    let shown = if name == CONTENT_TYPE { "Content-Type" } else { name.as_str() };
                    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    headers.push((shown.to_owned(), text));
                    options = options.with_signed_header(name, value);
                }
            }
            Dialect::Blocks => headers.push(("x-ms-blob-type".to_owned(), "BlockBlob".to_owned())),
        }
        let url = direct.signer.signed_url_opts(Method::PUT, &key, time, &options).await;
        let url = url.map_err(|error| unsigned(&error, UPLOAD))?.into();
        Ok(DirectUrl { url, headers })
    }
}

/// What the reference calls what a store can't do.
pub(crate) const UPLOAD: &str = "upload";
pub(crate) const DOWNLOAD: &str = "download";

/// Why there is no URL. A client that is told that there are none sends the file through this server.
fn unsigned(error: &object_store::Error, what: &'static str) -> ArtifactError {
    match store_error(error) {
        ArtifactError::Store { trouble: StoreTrouble::Unsupported, words } => {
            tracing::debug!(reason = words, "the store signs no URL");
            ArtifactError::NotDirect(what)
        }
        error => error,
    }
}

impl Direct {
    /// Where each part of an upload is sent to.
    async fn part_urls(
        &self,
        key: &Path,
        upload_id: Option<&str>,
        count: u32,
    ) -> object_store::Result<Vec<DirectUrl>> {
        // Names its blocks, where the store itself names no upload.
        let upload = Uuid::new_v4();
        let mut urls = Vec::new();
        for number in 1..=count {
            let url = self.part_url(key, upload_id, upload, number).await?.into();
            urls.push(DirectUrl { url, headers: Vec::new() });
        }
        Ok(urls)
    }

    async fn part_url(
        &self,
        key: &Path,
        upload_id: Option<&str>,
        upload: Uuid,
        number: u32,
    ) -> object_store::Result<Url> {
        match self.dialect {
            Dialect::Signed => {
                let query = [
                    ("partNumber", number.to_string()),
                    ("uploadId", upload_id.unwrap_or_default().to_owned()),
                ];
                let options = SignedUrlOptions::new().with_query(query);
                self.signer.signed_url_opts(Method::PUT, key, PART_URL_TIME, &options).await
            }
            Dialect::Blocks => {
                let mut url = self.signer.signed_url(Method::PUT, key, PART_URL_TIME).await?;
                let block = BASE64_STANDARD.encode(block_name(upload, number));
                url.query_pairs_mut().append_pair("comp", "block").append_pair("blockid", &block);
                Ok(url)
            }
        }
    }

    fn upload_id(&self, given: Option<&str>) -> Result<MultipartId, ArtifactError> {
        match (self.dialect, given.filter(|id| !id.is_empty())) {
            (Dialect::Blocks, _) => Ok(MultipartId::new()),
            (Dialect::Signed, Some(id)) => Ok(id.to_owned()),
            (Dialect::Signed, None) => {
                Err(ArtifactError::BadUpload("the request names no upload_id".to_owned()))
            }
        }
    }

    /// What the store calls a part.
    fn part_id(&self, part: SentPart) -> Result<PartId, ArtifactError> {
        let number = part.number;
        let content_id = match self.dialect {
            Dialect::Signed => part
                .etag
                .filter(|etag| !etag.is_empty())
                .ok_or_else(|| ArtifactError::BadUpload(format!("part {number} has no etag")))?,
            Dialect::Blocks => part.url.as_deref().and_then(block_in).ok_or_else(|| {
                let reason = format!("part {number} has no url that names its block");
                ArtifactError::BadUpload(reason)
            })?,
        };
        Ok(PartId { content_id })
    }
}

/// The name of a block. All blocks of a blob must have names of the same length, also those of uploads
/// that were given up, and those that the library sends: 32 characters. Of an upload, 27 tell it from others.
fn block_name(upload: Uuid, number: u32) -> String {
    let upload = upload.simple().to_string();
    format!("{}{number:05}", &upload[..27])
}

/// The name of the block that a URL leads to.
fn block_in(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let (_, block) = url.query_pairs().find(|(name, _)| name == "blockid")?;
    String::from_utf8(BASE64_STANDARD.decode(block.as_bytes()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_found_in_its_url() {
        let mut url = Url::parse("http://h/c/b?sig=x").unwrap();
        let name = block_name(Uuid::from_u128(1 << 100), 7);
        assert_eq!(name, "00000010000000000000000000000007", "as long as the library's");
        let block = BASE64_STANDARD.encode(&name);
        url.query_pairs_mut().append_pair("comp", "block").append_pair("blockid", &block);
        assert_eq!(block_in(url.as_str()).as_deref(), Some(name.as_str()));
        for url in ["http://h/c/b", "http://h/?blockid=%FF", "blockid"] {
            assert_eq!(block_in(url), None, "{url}");
        }
    }
}

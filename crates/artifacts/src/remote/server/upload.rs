//! Uploads to another server: a small one in one request, a large one in one whose body comes bit by bit.

use super::{
    Server,
    client::{Call, Failure, Patience},
    list::Listed,
};
use crate::StoreTrouble;
use ::http::{HeaderMap, HeaderValue, Method, header};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use object_store::{
    Error, MultipartUpload, PutMode, PutPayload, PutResult, Result, UploadPart, path::Path,
};
use std::sync::Arc;
use tokio::sync::oneshot;

use super::super::{
    error::Trouble,
    piecewise::{Broken, Piecewise},
};

impl Server {
    /// Stores a file in one request.
    pub(super) async fn put_whole(
        &self,
        key: &Path,
        payload: PutPayload,
        mode: PutMode,
    ) -> Result<PutResult> {
        let is_mlferry = self.is_mlferry().await?;
        let (headers, patience) = match mode {
            PutMode::Overwrite if is_mlferry => (HeaderMap::new(), Patience::Full),
            PutMode::Overwrite => (HeaderMap::new(), Patience::NotAfter500),
            PutMode::Create => (one(header::IF_NONE_MATCH, "*".to_owned())?, Patience::OnlyUnsent),
            PutMode::Update(version) => {
                (one(header::IF_MATCH, version.e_tag.unwrap_or_default())?, Patience::OnlyUnsent)
            }
        };
        let (method, url) = (Method::PUT, self.url(key).await?);
        let mut call = Call { method, url, headers, body: Some(payload), patience };
        let mut outcome = self.0.client.send(&call).await;
        if let Err(failure) = &outcome {
            self.explain_500(key, failure).await?;
            if failure.is_500() && patience == Patience::NotAfter500 {
                call.patience = Patience::Full;
                outcome = self.0.client.send(&call).await;
            }
        }
        outcome
            .map(|response| stored(&response))
            .map_err(|failure| failure.into_error(key.as_ref()))
    }

    /// The reference answers 500 where a folder has the file's name, or a file that of a folder above it.
    async fn explain_500(&self, key: &Path, failure: &Failure) -> Result<()> {
        if !failure.is_500() || self.is_mlferry().await? {
            return Ok(());
        }
        let mut name = key.as_ref();
        let mut wanted = "file";
        loop {
            match (self.look_up(name).await?, wanted) {
                (Some(Listed::Folder), "file") => {
                    return Err(Trouble::refused(format!("'{name}' is a directory there")));
                }
                (Some(Listed::File(_)), "folder") => {
                    return Err(Trouble::refused(format!(
                        "'{name}' is a file there, not a directory"
                    )));
                }
                _ => {}
            }
            let Some((folder, _)) = name.rsplit_once('/') else { return Ok(()) };
            (name, wanted) = (folder, "folder");
        }
    }

    /// Begins a request whose body is sent in pieces.
    pub(super) async fn begin(&self, key: &Path) -> Result<StreamedUpload> {
        let url = self.url(key).await?;
        let client = self.0.client.clone();
        let request = Piecewise::begin(self.0.client.answer_time, |body| async move {
            client.stream(&url, body).await
        });
        let (begin, turn) = oneshot::channel();
        let _ = begin.send(());
        let wire = Arc::new(Wire { server: self.clone(), key: key.clone(), request });
        Ok(StreamedUpload { wire, turn: Some(turn), bytes: 0 })
    }
}

fn one(name: header::HeaderName, value: String) -> Result<HeaderMap> {
    let value = HeaderValue::from_maybe_shared(Bytes::from(value))
        .map_err(|_| Trouble::refused("the entity tag can't be sent as a header".to_owned()))?;
    Ok(HeaderMap::from_iter([(name, value)]))
}

fn stored(response: &reqwest::Response) -> PutResult {
    let e_tag = response.headers().get(header::ETAG).and_then(|etag| etag.to_str().ok());
    PutResult {
        e_tag: e_tag.map(str::to_owned),
        version: None,
        extensions: object_store::Extensions::default(),
    }
}

/// One request under way.
#[derive(Debug)]
struct Wire {
    server: Server,
    key: Path,
    request: Piecewise<Result<reqwest::Response, Failure>>,
}

impl Wire {
    async fn send(&self, piece: Option<Bytes>) -> Result<()> {
        match self.request.send(piece).await {
            Ok(()) => Ok(()),
            Err(Broken::Over) => Err(match self.answer().await {
                Ok(_) => broken("the server there answered before it had the whole file"),
                Err(error) => error,
            }),
            Err(Broken::Late) => Err(broken("the server there takes no more of the file")),
        }
    }

    async fn answer(&self) -> Result<reqwest::Response> {
        let outcome = self.request.answer().await.map_err(|why| match why {
            Broken::Over => broken("the upload is over"),
            Broken::Late => broken("the server there does not answer after it had the whole file"),
        })?;
        if let Err(failure) = &outcome {
            self.server.explain_500(&self.key, failure).await?;
        }
        outcome.map_err(|failure| failure.into_error(self.key.as_ref()))
    }
}

fn broken(words: &str) -> Error {
    Trouble { kind: StoreTrouble::Unavailable, words: words.to_owned() }.about("")
}

/// A file on its way. Until it is complete, the other server shows nothing of it.
#[derive(Debug)]
pub(super) struct StreamedUpload {
    wire: Arc<Wire>,
    /// Says when all parts so far are sent: they are polled side by side, but the body has an order.
    turn: Option<oneshot::Receiver<()>>,
    bytes: u64,
}

#[async_trait]
impl MultipartUpload for StreamedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (done, next) = oneshot::channel();
        let turn = self.turn.replace(next);
        let wire = Arc::clone(&self.wire);
        self.bytes += data.content_length() as u64;
        async move {
            if let Some(turn) = turn {
                turn.await.map_err(|_| broken("an earlier part was not sent"))?;
            }
            for piece in data {
                wire.send(Some(piece)).await?;
            }
            let _ = done.send(());
            Ok(())
        }
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let Some(turn) = self.turn.take() else { return Err(broken("the upload is over")) };
        turn.await.map_err(|_| broken("a part was not sent"))?;
        self.wire.send(None).await?;
        let response = self.wire.answer().await?;
        // compat: behind `--static-prefix` the reference stores a body of unknown length as an empty file.
        let server = &self.wire.server;
        if !server.is_mlferry().await? {
            let listed = server.look_up(self.wire.key.as_ref()).await?;
            if listed != Some(Listed::File(self.bytes)) {
                return Err(broken("the server there did not store all bytes of the file"));
            }
        }
        Ok(stored(&response))
    }

    async fn abort(&mut self) -> Result<()> {
        self.turn = None;
        // Upon which the other server forgets the file.
        self.wire.request.cut();
        Ok(())
    }
}

//! Another server as a destination: an mlferry, or the reference.
//!
//! Both serve the same routes. What only an mlferry has (pages, conditions, HEAD that costs nothing) is
//! used where there is one; what the reference gets wrong is worked around or refused.

mod client;
mod download;
mod list;
mod names;
mod upload;

use super::{
    Opened, StoreKind, StoreTraits,
    content::UploadArgs,
    delete::delete_each,
    error::{Trouble, innermost, words_of},
    http::{in_path, in_query},
};
use crate::{StoreSettings, StoreTrouble};
use ::http::{Method, StatusCode};
use async_trait::async_trait;
use client::{Call, Client};
use futures_util::{StreamExt, stream::BoxStream};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, path::Path,
};
use std::{
    fmt::{self, Write},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use tokio::sync::OnceCell;

/// How errors call it.
const STORE: &str = "MLflow server";
/// Time for the first answer. A server whose destination is itself would wait for ever.
const FIRST_ANSWER_TIME: Duration = Duration::from_secs(15);
/// The same where nobody insists that there is one.
const UNCHECKED_ANSWER_TIME: Duration = Duration::from_secs(2);

/// Opens the artifact route at `url`. `root` is where it is asked what it is.
pub(super) async fn open(
    url: &str,
    root: &str,
    settings: &StoreSettings,
) -> Result<Opened, String> {
    // Without the text, which may hold a password; who shows the error names the destination, too.
    let mut url = reqwest::Url::parse(url).map_err(|error| format!("it is no URL: {error}"))?;
    let client = Client::new(&mut url, settings)?;
    let server = Server(Arc::new(Inner {
        client,
        url: url.as_str().trim_end_matches('/').to_owned(),
        root: root.to_owned(),
        is_mlferry: OnceCell::new(),
        is_without_lengths: AtomicBool::new(false),
    }));
    let time = if settings.is_unchecked { UNCHECKED_ANSWER_TIME } else { FIRST_ANSWER_TIME };
    let is_mlferry = match tokio::time::timeout(time, server.is_mlferry()).await {
        Ok(Ok(is_mlferry)) => is_mlferry,
        // It is asked again when it is needed.
        _ if settings.is_unchecked => false,
        Ok(Err(error)) => return Err(words_of(&error)),
        Err(_) => {
            return Err(format!(
                "no answer within {} seconds; if the URI names this very server, name another one, or \
                 a folder or bucket. --no-destination-check starts the server all the same",
                time.as_secs()
            ));
        }
    };
    Ok(Opened {
        pages: is_mlferry.then(|| Arc::new(server.clone()) as _),
        direct: None,
        store: Arc::new(server),
        traits: StoreTraits { kind: StoreKind::Server, ..StoreTraits::default() },
        args: UploadArgs::default(),
    })
}

/// Another server. Cheap to clone.
#[derive(Debug, Clone)]
struct Server(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    /// The artifact route, without credentials and without a slash at its end.
    url: String,
    root: String,
    is_mlferry: OnceCell<bool>,
    /// It has answered a file without its length, and will do so again.
    is_without_lengths: AtomicBool,
}

impl Server {
    /// Whether it is an mlferry, which is asked once: only that one knows a limit of results, and refuses
    /// one of none.
    async fn is_mlferry(&self) -> Result<bool> {
        let ask = async || {
            let url = self.list_url(&self.0.root, &[("max_results", "0")]);
            match self.0.client.send(&Call { url, ..Call::default() }).await {
                Ok(_) => Ok(false),
                Err(failure)
                    if failure.status == Some(StatusCode::BAD_REQUEST)
                        && failure.words().contains("max_results") =>
                {
                    Ok(true)
                }
                Err(failure) => Err(failure.into_error(&self.0.root)),
            }
        };
        self.0.is_mlferry.get_or_try_init(ask).await.copied()
    }

    /// Where a file is. Never the root, nor what the server there would take for another file.
    async fn url(&self, key: &Path) -> Result<String> {
        let key = key.as_ref();
        if key.trim().is_empty() {
            return Err(Trouble::refused("the artifact root is no artifact".to_owned()));
        }
        if !self.is_mlferry().await? {
            names::check_for_reference(key)?;
        }
        Ok(format!("{}/{}", self.0.url, in_path(key)))
    }

    fn list_url(&self, folder: &str, query: &[(&str, &str)]) -> String {
        let mut url = format!("{}?path={}", self.0.url, in_query(folder));
        for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = write!(url, "&{name}={}", in_query(value));
        }
        url
    }

    /// Deletes a file, or a folder with all that is in it.
    async fn delete(&self, key: Path) -> Result<Path> {
        let call = Call { method: Method::DELETE, url: self.url(&key).await?, ..Call::default() };
        match self.0.client.send(&call).await {
            Ok(_) => Ok(key),
            Err(failure) => Err(failure.into_error(key.as_ref())),
        }
    }
}

/// An answer that broke off.
fn broken(error: &reqwest::Error, path: &str) -> Error {
    Trouble { kind: StoreTrouble::Unavailable, words: innermost(error) }.about(path)
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{STORE} at {}", self.0.url)
    }
}

#[async_trait]
impl ObjectStore for Server {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.put_whole(location, payload, options.mode).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(self.begin(location).await?))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.read(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        delete_each(self, locations, |server, key| async move { server.delete(key).await })
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.list_tree(prefix.map(ToString::to_string).unwrap_or_default()).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.list_folder(prefix.map_or("", AsRef::as_ref)).await
    }

    async fn copy_opts(&self, _from: &Path, _to: &Path, _options: CopyOptions) -> Result<()> {
        let (operation, implementer) = ("copy".to_owned(), STORE.to_owned());
        Err(Error::NotImplemented { operation, implementer })
    }
}

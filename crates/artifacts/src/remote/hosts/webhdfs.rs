//! HDFS, by way of `WebHDFS`: the HTTP interface of name nodes, and of `HttpFS`.

use super::{FileHost, Found, Kind, NewFile, NotDone, trouble};
use crate::{
    StoreSettings, StoreTrouble,
    remote::{
        error::{innermost, trouble_of},
        http::{in_path, in_query, reqwest_builder},
        piecewise::{Broken, Piecewise},
    },
};
use ::http::{Method, StatusCode, header};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{Error, Result};
use reqwest::{Client, Response, redirect::Policy};
use serde::Deserialize;
use std::{
    fmt,
    ops::Range,
    time::{Duration, SystemTime},
};

/// Time for an answer, and for a piece of a file.
const ANSWER_TIME: Duration = Duration::from_mins(1);

/// A name node.
pub(super) struct WebHdfs {
    client: Client,
    /// Without a limit of time: a client may take hours for an upload.
    uploads: Client,
    /// Until and with `/webhdfs/v1`.
    url: String,
    user: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StatusAnswer {
    file_status: FileStatus,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListAnswer {
    file_statuses: FileStatuses,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FileStatuses {
    file_status: Vec<FileStatus>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileStatus {
    #[serde(default)]
    path_suffix: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    length: u64,
    /// In milliseconds.
    #[serde(default)]
    modification_time: u64,
}

#[derive(Debug, Deserialize)]
struct BooleanAnswer {
    boolean: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LocationAnswer {
    location: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorAnswer {
    remote_exception: RemoteException,
}

#[derive(Debug, Deserialize)]
struct RemoteException {
    exception: String,
    message: String,
}

impl WebHdfs {
    /// `host` is the HTTP address of the name node, whose port is 9870 unless somebody changed it.
    pub(super) fn new(
        host: &str,
        user: Option<&str>,
        settings: &StoreSettings,
    ) -> Result<Self, String> {
        // Files go to and come from other machines, to which the name node leads.
        let builder = || reqwest_builder().redirect(Policy::none());
        let client = builder().read_timeout(ANSWER_TIME).build();
        let client = client.map_err(|error| error.to_string())?;
        let uploads = builder().build().map_err(|error| error.to_string())?;
        let user = user.or_else(|| settings.first(&["MLFLOW_KERBEROS_USER", "HADOOP_USER_NAME"]));
        let url = format!("http://{host}/webhdfs/v1");
        Ok(Self { client, uploads, url, user: user.map(str::to_owned) })
    }

    fn url(&self, path: &str, operation: &str, options: &[(&str, &str)]) -> String {
        let mut url = format!("{}/{}?op={operation}", self.url, in_path(path));
        let user = self.user.as_deref().map(|user| ("user.name", user));
        for (name, value) in options.iter().copied().chain(user) {
            url = format!("{url}&{name}={}", in_query(value));
        }
        url
    }

    async fn ask(&self, method: Method, url: &str, path: &str) -> Result<Response> {
        let request = self.client.request(method, url).header(header::CONTENT_LENGTH, 0);
        checked(request.send().await, path).await
    }

    async fn json<T: for<'de> Deserialize<'de>>(
        &self,
        method: Method,
        url: &str,
        path: &str,
    ) -> Result<T> {
        let body = self.ask(method, url, path).await?.bytes().await;
        let body = body.map_err(|error| unavailable(error.without_url(), path))?;
        serde_json::from_slice(&body).map_err(|error| {
            let words = format!(
                "no WebHDFS answers there, whose port is the name node's for HTTP: {error}"
            );
            unavailable(words, path)
        })
    }

    async fn remove(&self, path: &str, recursive: &str) -> Result<()> {
        let url = self.url(path, "DELETE", &[("recursive", recursive)]);
        match self.json(Method::DELETE, &url, path).await? {
            BooleanAnswer { boolean: true } => Ok(()),
            BooleanAnswer { boolean: false } => {
                Err(trouble(StoreTrouble::Absent, "there is no such file", path))
            }
        }
    }
}

async fn checked(answer: reqwest::Result<Response>, path: &str) -> Result<Response> {
    let response = answer.map_err(|error| {
        if error.is_timeout() {
            unavailable("the name node or a data node does not answer", path)
        } else {
            unavailable(innermost(&error.without_url()), path)
        }
    })?;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return Ok(response);
    }
    let body = response.bytes().await.unwrap_or_default();
    let Ok(ErrorAnswer { remote_exception: RemoteException { exception, message } }) =
        serde_json::from_slice(&body)
    else {
        let words = format!("the name node answers {status}");
        let kind = match status.as_u16() {
            401 | 403 => StoreTrouble::Denied,
            408 | 425 | 429 => StoreTrouble::Unavailable,
            400..=499 => StoreTrouble::Refused,
            _ => StoreTrouble::Unavailable,
        };
        return Err(trouble(kind, words, path));
    };
    let kind = match exception.as_str() {
        "FileNotFoundException" => StoreTrouble::Absent,
        "AccessControlException" | "SecurityException" => StoreTrouble::Denied,
        "DSQuotaExceededException" | "NSQuotaExceededException" => StoreTrouble::Full,
        // Most of them come with the status 403.
        "StandbyException"
        | "RetriableException"
        | "SafeModeException"
        | "IOException"
        | "ConnectException"
        | "SocketTimeoutException"
        | "EOFException" => StoreTrouble::Unavailable,
        _ if status.is_server_error() => StoreTrouble::Unavailable,
        _ => StoreTrouble::Refused,
    };
    let words = message.lines().next().unwrap_or_default();
    Err(trouble(kind, format!("{words} ({exception})"), path))
}

fn unavailable(words: impl fmt::Display, path: &str) -> Error {
    trouble(StoreTrouble::Unavailable, words, path)
}

/// Where a name node leads to, in a header or, as newer ones can, in the body.
async fn location_of(answer: Response, path: &str) -> Result<String> {
    let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    if let Some(location) = location {
        return Ok(location.to_owned());
    }
    let body = answer.bytes().await.unwrap_or_default();
    match serde_json::from_slice(&body) {
        Ok(LocationAnswer { location }) => Ok(location),
        Err(_) => Err(unavailable("the name node does not say where the file belongs", path)),
    }
}

impl From<&FileStatus> for Found {
    fn from(status: &FileStatus) -> Self {
        let kind = if status.kind == "DIRECTORY" { Kind::Folder } else { Kind::File };
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(status.modification_time);
        Self { kind, size: status.length, modified }
    }
}

#[async_trait]
impl FileHost for WebHdfs {
    async fn look(&self, path: &str) -> Result<Option<Found>> {
        let url = self.url(path, "GETFILESTATUS", &[]);
        match self.json::<StatusAnswer>(Method::GET, &url, path).await {
            Ok(answer) => Ok(Some((&answer.file_status).into())),
            Err(Error::NotFound { .. }) => Ok(None),
            // compat: so name nodes say that a part of the path is a file.
            Err(error) if error.to_string().contains("ParentNotDirectoryException") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn list(&self, folder: &str) -> Result<Vec<(String, Found)>> {
        let url = self.url(folder, "LISTSTATUS", &[]);
        let listed = match self.json::<ListAnswer>(Method::GET, &url, folder).await {
            Ok(answer) => answer.file_statuses.file_status,
            Err(Error::NotFound { .. }) => Vec::new(),
            Err(error) if error.to_string().contains("ParentNotDirectoryException") => Vec::new(),
            Err(error) => return Err(error),
        };
        // A file lists itself, without a name.
        let named = listed.iter().filter(|status| !status.path_suffix.is_empty());
        Ok(named.map(|status| (status.path_suffix.clone(), status.into())).collect())
    }

    async fn read(
        &self,
        path: &str,
        range: Range<u64>,
        expected: Found,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let (offset, length) = (range.start.to_string(), (range.end - range.start).to_string());
        let url = self.url(path, "OPEN", &[("offset", &offset), ("length", &length)]);
        let mut answer = self.ask(Method::GET, &url, path).await?;
        if answer.status().is_redirection() {
            let location = location_of(answer, path).await?;
            answer = self.ask(Method::GET, &location, path).await?;
        }
        // Only now it is certain which file the data node reads.
        expected.check_still(self.look(path).await?, path)?;
        let path = path.to_owned();
        let body = answer.bytes_stream();
        Ok(body.map_err(move |error| unavailable(error.without_url(), &path)).boxed())
    }

    async fn create(&self, path: &str) -> Result<Box<dyn NewFile>> {
        let url = self.url(path, "CREATE", &[("overwrite", "true")]);
        let answer = self.ask(Method::PUT, &url, path).await?;
        let location = location_of(answer, path).await?;
        let request = self.uploads.put(&location);
        let request = request.header(header::CONTENT_TYPE, "application/octet-stream");
        let path = path.to_owned();
        let of = path.clone();
        let request = Piecewise::begin(ANSWER_TIME, |body| async move {
            checked(request.body(body).send().await, &of).await
        });
        Ok(Box::new(Upload { request, path }))
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), NotDone> {
        let not_done = |error| match trouble_of(&error) {
            StoreTrouble::Unavailable => NotDone::Unclear(error),
            _ => NotDone::Refused(error),
        };
        // Without options, which `HttpFS` does not know, a file is moved into a folder of that name.
        let found = self.look(to).await.map_err(not_done)?;
        if found.is_some_and(|found| found.kind == Kind::Folder) {
            let words = format!("'{to}' is a directory there");
            return Err(NotDone::Refused(trouble(StoreTrouble::Refused, words, to)));
        }
        if let Some((folder, _)) = to.rsplit_once('/') {
            let url = self.url(folder, "MKDIRS", &[]);
            self.ask(Method::PUT, &url, to).await.map_err(not_done)?;
        }
        let target = format!("/{to}");
        let options = [("destination", target.as_str()), ("renameoptions", "OVERWRITE")];
        let url = self.url(from, "RENAME", &options);
        let answer = self.ask(Method::PUT, &url, to).await.map_err(not_done)?;
        // With options there is no answer but success; without them there is one.
        let body = answer.bytes().await;
        let body = body.map_err(|error| NotDone::Unclear(unavailable(error.without_url(), to)))?;
        match serde_json::from_slice(&body) {
            Ok(BooleanAnswer { boolean: false }) => {
                Err(NotDone::Refused(unavailable("the file was not renamed", to)))
            }
            _ => Ok(()),
        }
    }

    async fn remove_file(&self, path: &str) -> Result<()> {
        self.remove(path, "false").await
    }

    async fn remove_folder(&self, path: &str) -> Result<()> {
        self.remove(path, "false").await
    }

    /// It deletes whole folders itself.
    fn tells_links(&self) -> bool {
        true
    }

    async fn remove_tree(&self, path: &str) -> Result<bool> {
        self.remove(path, "true").await.map(|()| true)
    }
}

impl fmt::Debug for WebHdfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WebHdfs").field(&self.url).finish()
    }
}

/// A file that is being written to a data node.
struct Upload {
    request: Piecewise<Result<Response>>,
    path: String,
}

impl Upload {
    async fn send(&self, piece: Option<Bytes>) -> Result<()> {
        match self.request.send(piece).await {
            Ok(()) => Ok(()),
            Err(Broken::Over) => Err(match self.answer().await {
                Ok(_) => {
                    unavailable("the data node answered before it had the whole file", &self.path)
                }
                Err(error) => error,
            }),
            Err(Broken::Late) => {
                Err(unavailable("the data node takes no more of the file", &self.path))
            }
        }
    }

    async fn answer(&self) -> Result<Response> {
        self.request.answer().await.unwrap_or_else(|why| {
            let words = match why {
                Broken::Over => "the upload is over",
                Broken::Late => "the data node does not answer",
            };
            Err(unavailable(words, &self.path))
        })
    }
}

#[async_trait]
impl NewFile for Upload {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.send(Some(bytes)).await
    }

    async fn finish(&mut self) -> Result<()> {
        self.send(None).await?;
        let answer = self.answer().await?;
        if matches!(answer.status(), StatusCode::CREATED | StatusCode::OK) {
            Ok(())
        } else {
            Err(unavailable(format!("the data node answers {}", answer.status()), &self.path))
        }
    }
}

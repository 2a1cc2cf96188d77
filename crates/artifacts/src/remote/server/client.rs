//! Requests to another server, and what it says when it refuses.

use super::super::{
    error::{Trouble, innermost},
    http::{self as stores, FIRST_PAUSE, LAST_PAUSE, RETRIES, RETRY_TIME},
};
use crate::{
    StoreSettings, StoreTrouble,
    counters::{CountedStore, RequestCounter},
};
use ::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::stream;
use object_store::PutPayload;
use reqwest::{Body, Certificate, Identity, Response, redirect::Policy};
use serde::Deserialize;
use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

/// Time without a byte of an answer, as in the reference's client. A server that copies a file from
/// its own store before it answers needs it.
const ANSWER_TIME: Duration = Duration::from_mins(2);
/// Bytes of an error's body that are read.
const WORDS: usize = 4096;

/// The connections to another server.
#[derive(Debug, Clone)]
pub(super) struct Client {
    requests: reqwest::Client,
    /// Without a limit of time: a client may take hours for an upload.
    uploads: reqwest::Client,
    authorization: Option<HeaderValue>,
    counter: RequestCounter,
    pub(super) answer_time: Duration,
}

/// A request that can be made again.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<PutPayload>,
    pub(super) patience: Patience,
}

/// Which failures a request is repeated after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Patience {
    /// All that may pass.
    #[default]
    Full,
    /// All but the status 500, with which the reference answers mistakes, too.
    NotAfter500,
    /// None at all: a second time might find the first one's effect.
    OnlyUnsent,
}

/// A request that did not succeed.
#[derive(Debug)]
pub(super) struct Failure {
    /// As answered; `None` where nobody answered.
    pub(super) status: Option<StatusCode>,
    words: String,
    /// Whether there was not even a connection.
    is_unsent: bool,
    /// How long the server wants to be left alone.
    pause: Option<Duration>,
}

/// The body of an error of MLflow's, or of its web framework's.
#[derive(Debug, Deserialize)]
struct ErrorBody {
    #[serde(alias = "detail")]
    message: String,
}

impl Client {
    /// A client with the credentials that the reference's client would use: those of the URL, else
    /// those of the `MLFLOW_TRACKING_…` variables.
    pub(super) fn new(url: &mut reqwest::Url, settings: &StoreSettings) -> Result<Self, String> {
        let seconds =
            settings.get("MLFLOW_HTTP_REQUEST_TIMEOUT").and_then(|text| text.parse().ok());
        let answer_time = seconds.map_or(ANSWER_TIME, Duration::from_secs);
        let failed = |error: reqwest::Error| innermost(&error);
        Ok(Self {
            requests: builder(settings)?.read_timeout(answer_time).build().map_err(failed)?,
            uploads: builder(settings)?.build().map_err(failed)?,
            authorization: authorization(url, settings)?,
            counter: settings.counters.of(CountedStore::Server),
            answer_time,
        })
    }

    /// Makes a request, and again as often as that may help. An answer of 4xx or 5xx is a failure,
    /// but for the one that a range lies outside of the file.
    pub(super) async fn send(&self, call: &Call) -> Result<Response, Failure> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        for attempt in 0.. {
            let failure = match self.send_once(call).await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let is_late = attempt == RETRIES || began.elapsed() > RETRY_TIME;
            if is_late || !failure.may_pass(call.patience) {
                return Err(failure);
            }
            let wanted = failure.pause.unwrap_or_default();
            tokio::time::sleep(pause.max(wanted).min(LAST_PAUSE)).await;
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }

    async fn send_once(&self, call: &Call) -> Result<Response, Failure> {
        let mut request = self.requests.request(call.method.clone(), &call.url);
        request = request.headers(self.headers(&call.headers));
        if let Some(payload) = &call.body {
            let pieces: Vec<_> = payload.iter().cloned().map(Ok::<_, Infallible>).collect();
            request = request
                .header(header::CONTENT_LENGTH, payload.content_length())
                .body(Body::wrap_stream(stream::iter(pieces)));
        }
        self.answered(&call.method, request.send().await).await
    }

    /// Makes a request whose body comes bit by bit, and which therefore can't be repeated.
    pub(super) async fn stream(&self, url: &str, body: Body) -> Result<Response, Failure> {
        let request = self.uploads.put(url).headers(self.headers(&HeaderMap::new())).body(body);
        self.answered(&Method::PUT, request.send().await).await
    }

    async fn answered(
        &self,
        method: &Method,
        outcome: reqwest::Result<Response>,
    ) -> Result<Response, Failure> {
        self.counter.count(method, outcome.as_ref().ok().map(Response::status));
        answered(outcome).await
    }

    fn headers(&self, given: &HeaderMap) -> HeaderMap {
        let mut headers = given.clone();
        if let Some(authorization) = &self.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        headers
    }
}

impl Failure {
    fn may_pass(&self, patience: Patience) -> bool {
        match (patience, self.status) {
            (Patience::OnlyUnsent, _) => self.is_unsent,
            (Patience::NotAfter500, Some(StatusCode::INTERNAL_SERVER_ERROR)) => false,
            (_, None) => true,
            (_, Some(status)) => trouble_of(status) == StoreTrouble::Unavailable,
        }
    }

    /// In the words of `object_store`.
    pub(super) fn into_error(self, path: &str) -> object_store::Error {
        let kind = self.status.map_or(StoreTrouble::Unavailable, trouble_of);
        Trouble { kind, words: self.words }.about(path)
    }

    /// Whether it may be a mistake of this server's, if the other one is the reference.
    pub(super) fn is_500(&self) -> bool {
        self.status == Some(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Whether it says that the path is a folder's.
    pub(super) fn is_about_folder(&self) -> bool {
        self.status == Some(StatusCode::BAD_REQUEST) && self.words.contains("refers to a directory")
    }

    pub(super) fn words(&self) -> &str {
        &self.words
    }
}

async fn answered(outcome: reqwest::Result<Response>) -> Result<Response, Failure> {
    let response = outcome.map_err(|error| Failure {
        status: None,
        is_unsent: error.is_connect(),
        words: innermost(&error.without_url()),
        pause: None,
    })?;
    let status = response.status();
    if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE {
        return Ok(response);
    }
    if status.is_redirection() && response.headers().contains_key(header::LOCATION) {
        return Err(Failure {
            status: Some(status),
            words: words_of_redirection(&response),
            is_unsent: false,
            pause: None,
        });
    }
    let seconds = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let pause = seconds.and_then(|text| text.parse().ok()).map(Duration::from_secs);
    Err(Failure { status: Some(status), words: words_of(response).await, is_unsent: false, pause })
}

/// Where an answer leads, without what may be a secret in it.
fn words_of_redirection(response: &Response) -> String {
    let status = response.status();
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let target = location.and_then(|location| response.url().join(location).ok());
    let target = target.map_or("another address".to_owned(), |mut target| {
        without_credentials(&mut target);
        target.set_query(None);
        target.set_fragment(None);
        format!("'{target}'")
    });
    format!("the server there answers {status} and leads to {target}, which is not followed")
}

/// What an error's body says, or its status where it says nothing.
async fn words_of(mut response: Response) -> String {
    let status = response.status();
    let mut body = Vec::new();
    while body.len() < WORDS
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    if let Ok(ErrorBody { message }) = serde_json::from_slice(&body) {
        return message;
    }
    let text = String::from_utf8_lossy(&body);
    match text.trim() {
        "" => format!("the server there answers {status}"),
        page if page.starts_with('<') => format!("the server there answers {status}"),
        text => format!("the server there answers {status}: {text}"),
    }
}

/// What a status says: whether to try again, and whose fault it is.
fn trouble_of(status: StatusCode) -> StoreTrouble {
    match status.as_u16() {
        404 => StoreTrouble::Absent,
        304 | 412 => StoreTrouble::Condition,
        401 | 403 => StoreTrouble::Denied,
        501 => StoreTrouble::Unsupported,
        507 => StoreTrouble::Full,
        408 | 425 | 429 | 500.. => StoreTrouble::Unavailable,
        _ => StoreTrouble::Refused,
    }
}

fn builder(settings: &StoreSettings) -> Result<reqwest::ClientBuilder, String> {
    // None is followed: an upload can't be sent again, and a page to log in at is no artifact.
    let mut builder = stores::reqwest_builder()
        .redirect(Policy::none())
        .tls_danger_accept_invalid_certs(settings.is_true("MLFLOW_TRACKING_INSECURE_TLS"));
    if let Some(file) = settings.get("MLFLOW_TRACKING_SERVER_CERT_PATH") {
        let unusable = |error: reqwest::Error| format!("'{file}' holds no certificates: {error}");
        let certificates = Certificate::from_pem_bundle(&read(file)?).map_err(unusable)?;
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(file) = settings.get("MLFLOW_TRACKING_CLIENT_CERT_PATH") {
        let identity = Identity::from_pem(&read(file)?);
        let unusable = |error| format!("'{file}' holds no certificate with its key: {error}");
        builder = builder.identity(identity.map_err(unusable)?);
    }
    Ok(builder)
}

fn read(file: &str) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("cannot read '{file}': {error}"))
}

fn authorization(
    url: &mut reqwest::Url,
    settings: &StoreSettings,
) -> Result<Option<HeaderValue>, String> {
    let in_url = url.password().map(|password| {
        let decoded = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy();
        (decoded(url.username()).into_owned(), decoded(password).into_owned())
    });
    without_credentials(url);
    let user = settings.get("MLFLOW_TRACKING_USERNAME").map(str::to_owned);
    let in_settings = user.zip(settings.get("MLFLOW_TRACKING_PASSWORD").map(str::to_owned));
    let text = match (in_url.or(in_settings), settings.get("MLFLOW_TRACKING_TOKEN")) {
        (Some((user, password)), _) => {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
        }
        (None, Some(token)) => format!("Bearer {token}"),
        (None, None) => return Ok(None),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| "MLFLOW_TRACKING_TOKEN can't be sent as a header".to_owned())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// No URL that is shown in an error must hold them.
fn without_credentials(url: &mut reqwest::Url) {
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorized(url: &str, variables: &[(&str, &str)]) -> (Option<String>, String) {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let settings = StoreSettings { variables: variables.collect(), ..StoreSettings::default() };
        let mut url = reqwest::Url::parse(url).unwrap();
        let value = authorization(&mut url, &settings).unwrap();
        (value.map(|value| value.to_str().unwrap().to_owned()), url.to_string())
    }

    #[test]
    fn credentials_are_those_of_the_url_then_a_user_then_a_token() {
        let user = [("MLFLOW_TRACKING_USERNAME", "u"), ("MLFLOW_TRACKING_PASSWORD", "p")];
        let token = [("MLFLOW_TRACKING_TOKEN", "t")];
        let basic = |text: &str| Some(format!("Basic {}", BASE64_STANDARD.encode(text)));
        assert_eq!(authorized("http://h/", &[]), (None, "http://h/".into()));
        assert_eq!(authorized("http://h/", &user).0, basic("u:p"));
        assert_eq!(authorized("http://h/", &token).0.as_deref(), Some("Bearer t"));
        assert_eq!(authorized("http://h/", &[user[0], user[1], token[0]]).0, basic("u:p"));
        assert_eq!(authorized("http://h/", &user[..1]).0, None, "half of a pair is none");
        assert_eq!(authorized("http://me@h/", &[]), (None, "http://h/".into()));
        let (value, url) = authorized("http://me:s%40crt@h/", &user);
        assert_eq!((value, url.as_str()), (basic("me:s@crt"), "http://h/"));
    }
}

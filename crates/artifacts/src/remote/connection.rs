//! The connection to an object store, between its client and the network.

use super::{addressable::addressable, http::IDLE_TIME, plain::PlainClient};
use crate::counters::RequestCounter;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
        HttpService, ReqwestConnector,
    },
};
use std::{borrow::Cow, time::Duration};
use tracing::{Instrument, Level, Span, field};

/// Time until a store answers what takes long: the time in which a part comes through a narrow line counts, and so
/// does what a store needs to put parts together.
const LONG_TIME: Duration = Duration::from_mins(5);
/// Bytes of a request that take long.
const MANY_BYTES: usize = 256 * 1024;

/// Variables that name a proxy for addresses without TLS.
const PROXIES: [&str; 4] = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// Connects to stores.
#[derive(Debug)]
pub(super) struct StoreConnector {
    counter: RequestCounter,
    /// Whether the store is reached without TLS and without a proxy.
    is_plain: bool,
    /// What all requests have.
    headers: HeaderMap,
    usual: ReqwestConnector,
}

impl StoreConnector {
    /// The way to a store; `None` is that of a cloud.
    pub(super) fn to(endpoint: Option<&str>, counter: RequestCounter) -> Self {
        let is_plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"))
            && PROXIES.iter().all(|name| std::env::var_os(name).is_none());
        Self { counter, is_plain, headers: HeaderMap::new(), usual: ReqwestConnector::default() }
    }

    /// The same, with a header that all requests have.
    pub(super) fn sending(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

impl HttpConnector for StoreConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let (usual, long) = if self.is_plain {
            (
                HttpClient::new(PlainClient::new(IDLE_TIME)),
                HttpClient::new(PlainClient::new(LONG_TIME)),
            )
        } else {
            let long = options.clone().with_read_timeout(LONG_TIME);
            (self.usual.connect(options)?, self.usual.connect(&long)?)
        };
        let (counter, headers) = (self.counter.clone(), self.headers.clone());
        Ok(HttpClient::new(Connection { counter, headers, usual, long }))
    }
}

#[derive(Debug)]
struct Connection {
    counter: RequestCounter,
    headers: HeaderMap,
    usual: HttpClient,
    /// The same with more patience.
    long: HttpClient,
}

impl Connection {
    /// What whoever collects traces sees of a request that another one needs. Its query may hold a signature.
    fn span(&self, request: &HttpRequest) -> Span {
        if !tracing::enabled!(target: "otel", Level::INFO) || Span::current().is_disabled() {
            return Span::none();
        }
        tracing::info_span!(
            target: "otel",
            "store request",
            otel.kind = "client",
            otel.name = request.method().as_str(),
            http.request.method = request.method().as_str(),
            http.response.status_code = field::Empty,
            server.address = request.uri().host(),
            url.path = request.uri().path(),
            artifact.store = self.counter.store(),
        )
    }
}

#[async_trait]
impl HttpService for Connection {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let query = request.uri().query().unwrap_or_default();
        let is_listing =
            request.method() == Method::GET && has_one_of(query, ["list-type=2", "comp=list"]);
        let takes_long =
            request.method() == Method::POST || request.body().content_length() > MANY_BYTES;
        let is_deletion = is_deletion(request.method(), query);
        for (name, value) in &self.headers {
            request.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
        let client = if takes_long { &self.long } else { &self.usual };
        let method = request.method().clone();
        let span = self.span(&request);
        let response = client.execute(request).instrument(span.clone()).await;
        let status = response.as_ref().ok().map(HttpResponse::status);
        self.counter.count(&method, status);
        span.record("http.response.status_code", status.map(|status| i64::from(status.as_u16())));
        let response = response.map_err(|error| match error.kind() {
            HttpErrorKind::Interrupted if is_deletion => {
                HttpError::new(HttpErrorKind::Request, error)
            }
            _ => error,
        })?;
        if matches!(method, Method::GET | Method::HEAD) && is_directory(response.headers()) {
            return Ok(no_object(&method));
        }
        if !is_listing || !response.status().is_success() {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        let body = body.bytes().await?;
        let body = match std::str::from_utf8(&body).map(addressable) {
            Ok(Cow::Owned(listing)) => listing.into(),
            _ => body.into(),
        };
        Ok(HttpResponse::from_parts(head, body))
    }
}

/// Whether a request only deletes, one object or the many that its body names.
///
/// What was deleted already may be deleted again, so that such a request is repeated when its connection breaks, which
/// the stores' clients do only with what they know to be safe: a store closes a connection that nobody used for a while,
/// and a request may just be under way then.
fn is_deletion(method: &Method, query: &str) -> bool {
    *method == Method::DELETE
        || (*method == Method::POST && has_one_of(query, ["delete", "comp=batch"]))
}

/// Whether a query has one of the fields, as stores and their clients write them.
fn has_one_of(query: &str, fields: [&str; 2]) -> bool {
    query.split('&').any(|field| fields.contains(&field))
}

/// Whether an answer is about a directory of Data Lake Storage, which answers as if it were an empty object.
fn is_directory(headers: &HeaderMap) -> bool {
    let says = |name, expected: &str| {
        headers
            .get(name)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(expected.as_bytes()))
    };
    says("x-ms-resource-type", "directory") || says("x-ms-meta-hdi_isfolder", "true")
}

/// What a store without directories would answer.
fn no_object(method: &Method) -> HttpResponse {
    let words = "<?xml version=\"1.0\"?><Error><Code>BlobNotFound</Code><Message>It is a directory.</Message></Error>";
    let body = if *method == Method::HEAD { "" } else { words };
    let mut response = HttpResponse::new(Bytes::from_static(body.as_bytes()).into());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletions_of_all_stores_are_known() {
        for (method, query, expected) in [
            (Method::DELETE, "", true),
            (Method::POST, "delete", true),
            (Method::POST, "restype=container&comp=batch", true),
            (Method::POST, "uploads", false),
            (Method::POST, "uploadId=delete", false),
            (Method::PUT, "comp=block", false),
        ] {
            assert_eq!(is_deletion(&method, query), expected, "{method} ?{query}");
        }
    }

    #[test]
    fn a_directory_of_data_lake_storage_is_no_object() {
        for (name, value, expected) in [
            ("x-ms-resource-type", "directory", true),
            ("x-ms-resource-type", "file", false),
            ("x-ms-meta-hdi_isfolder", "True", true),
            ("x-ms-meta-other", "true", false),
        ] {
            let headers = HeaderMap::from_iter([(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )]);
            assert_eq!(is_directory(&headers), expected, "{name}: {value}");
        }
        assert_eq!(no_object(&Method::GET).status(), StatusCode::NOT_FOUND);
    }
}

//! The connection to an object store, between its client and the network.

use super::addressable::addressable;
use async_trait::async_trait;
use http::Method;
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService,
        ReqwestConnector,
    },
};
use std::{borrow::Cow, time::Duration};

/// Time until a store answers what takes long: the time in which a part comes through a narrow line counts, and so
/// does what a store needs to put parts together.
const LONG_TIME: Duration = Duration::from_mins(5);
/// Bytes of a request that take long.
const MANY_BYTES: usize = 256 * 1024;

/// Connects to stores.
#[derive(Debug, Default)]
pub(super) struct StoreConnector(ReqwestConnector);

impl HttpConnector for StoreConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let usual = self.0.connect(options)?;
        let long = self.0.connect(&options.clone().with_read_timeout(LONG_TIME))?;
        Ok(HttpClient::new(Connection { usual, long }))
    }
}

#[derive(Debug)]
struct Connection {
    usual: HttpClient,
    /// The same with more patience.
    long: HttpClient,
}

#[async_trait]
impl HttpService for Connection {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let query = request.uri().query().unwrap_or_default();
        let is_listing = request.method() == Method::GET
            && query.split('&').any(|field| matches!(field, "list-type=2" | "comp=list"));
        let takes_long =
            request.method() == Method::POST || request.body().content_length() > MANY_BYTES;
        let client = if takes_long { &self.long } else { &self.usual };
        let response = client.execute(request).await?;
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

//! Web pages that call the API: the Origin that a browser sends with their requests.

use crate::error::ApiError;
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use mlferry_protocol::ErrorCode;
use wildmatch::WildMatch;

/// The text of the reference's refusal.
const REFUSAL: &str = "Cross-origin request blocked";
/// Where a page stands to the server, in the words of browsers (Fetch Metadata).
static SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// The server's own page, and what a person typed.
const OWN_SITES: [&str; 2] = ["same-origin", "none"];
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
/// Seconds for which a browser may remember the answer to a preflight, as in the reference.
const PREFLIGHT_MAX_AGE: &str = "600";

/// The web pages that may call the API.
#[derive(Debug, Clone)]
pub enum OriginPolicy {
    /// All pages, without the credentials that a browser keeps.
    Any,
    /// Pages of this machine, and those of the operator's list.
    LocalAnd(Vec<WildMatch>),
}

impl OriginPolicy {
    /// The policy of `--cors-allowed-origins`; `None` is the default.
    #[must_use]
    pub fn new(allowed: Option<&[String]>) -> Self {
        let allowed = allowed.unwrap_or_default();
        if allowed.iter().any(|origin| origin == "*") {
            return Self::Any;
        }
        Self::LocalAnd(allowed.iter().map(|origin| WildMatch::new(origin)).collect())
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let Self::LocalAnd(patterns) = self else { return true };
        origin.to_str().is_ok_and(|origin| {
            is_local(origin) || patterns.iter().any(|pattern| pattern.matches(origin))
        })
    }

    /// Refuses a change that a page of another site asks for in its visitor's name.
    pub(super) fn check(&self, request: &Request) -> Result<(), ApiError> {
        let changes = [Method::POST, Method::PUT, Method::DELETE, Method::PATCH];
        if !changes.contains(request.method()) || self.allows_page_of(request.headers()) {
            return Ok(());
        }
        let headers = request.headers();
        tracing::warn!(
            origin = ?headers.get(header::ORIGIN),
            site = ?headers.get(&SITE),
            "refused a request of another site; start with --cors-allowed-origins to allow it"
        );
        Err(ApiError::new(ErrorCode::PermissionDenied, REFUSAL))
    }

    /// Whether the page that sends a request, if one does, may change something. Some browsers and their extensions
    /// leave the origin out, and still say that the page is of another site.
    fn allows_page_of(&self, headers: &HeaderMap) -> bool {
        match (headers.get(header::ORIGIN), headers.get(&SITE)) {
            (Some(origin), _) => self.allows(origin),
            (None, Some(site)) => {
                matches!(self, Self::Any) || OWN_SITES.iter().any(|own| site == own)
            }
            (None, None) => true,
        }
    }

    /// The answer to a browser that asks before it sends; `None` for other requests.
    pub(super) fn preflight(&self, request: &Request) -> Option<Response> {
        let headers = request.headers();
        let origin = headers.get(header::ORIGIN)?;
        let method = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        if request.method() != Method::OPTIONS {
            return None;
        }
        if !self.allows(origin) {
            let refusal = ApiError::invalid_parameter("Disallowed CORS origin");
            return Some(refusal.into_response());
        }
        if !METHODS.iter().any(|allowed| method == allowed) {
            let refusal = ApiError::invalid_parameter("Disallowed CORS method");
            return Some(refusal.into_response());
        }
        let mut response = (StatusCode::OK, "OK").into_response();
        let answer = response.headers_mut();
        answer.insert(
            header::VARY,
            HeaderValue::from_static(
                "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            ),
        );
        if let Ok(methods) = HeaderValue::from_str(&METHODS.join(", ")) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        let max_age = HeaderValue::from_static(PREFLIGHT_MAX_AGE);
        answer.insert(header::ACCESS_CONTROL_MAX_AGE, max_age);
        if let Some(requested) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, requested.clone());
        }
        Some(response)
    }

    /// Tells the browser whether the page at `origin` may read the answer.
    pub(super) fn mark(&self, origin: &HeaderValue, headers: &mut HeaderMap) {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
        if matches!(self, Self::Any) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            return;
        }
        let with_credentials = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, with_credentials);
        if self.allows(origin) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
    }
}

/// Whether a page comes from this machine, under any scheme and port.
fn is_local(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    let is_origin = uri.scheme().is_some() && matches!(uri.path(), "" | "/");
    is_origin && matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_machine_and_of_the_list_are_allowed() {
        let list = ["https://a.com".to_owned(), "https://*.b.com".to_owned()];
        let policy = OriginPolicy::new(Some(&list));
        for origin in [
            "http://localhost",
            "https://localhost:3000",
            "http://127.0.0.1:1",
            "http://[::1]:5",
            "https://a.com",
            "https://x.b.com",
        ] {
            assert!(policy.allows(&HeaderValue::from_static(origin)), "{origin}");
        }
        for origin in [
            "null",
            "http://a.com",
            "https://evil.com",
            "http://localhost.evil.com",
            "localhost",
            "https://b.com",
            "http://localhost@evil.com",
        ] {
            assert!(!policy.allows(&HeaderValue::from_static(origin)), "{origin}");
        }
    }

    #[test]
    fn a_page_that_hides_its_origin_is_told_by_its_site() {
        let from = |origin: Option<&'static str>, site: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            for (name, value) in [(&header::ORIGIN, origin), (&SITE, site)] {
                headers.extend(value.map(|value| (name.clone(), HeaderValue::from_static(value))));
            }
            headers
        };
        let policy = OriginPolicy::new(None);
        for (origin, site) in [
            (None, None),
            (None, Some("same-origin")),
            (None, Some("none")),
            (Some("http://localhost:3000"), Some("same-site")),
            (Some("http://[::1]:3000"), Some("cross-site")),
        ] {
            assert!(policy.allows_page_of(&from(origin, site)), "{origin:?} {site:?}");
        }
        for (origin, site) in [
            (None, Some("cross-site")),
            (None, Some("same-site")),
            (None, Some("unheard-of")),
            (Some("http://evil.com"), Some("same-origin")),
        ] {
            assert!(!policy.allows_page_of(&from(origin, site)), "{origin:?} {site:?}");
        }
        let any = OriginPolicy::new(Some(&["*".to_owned()]));
        assert!(any.allows_page_of(&from(None, Some("cross-site"))));
    }
}

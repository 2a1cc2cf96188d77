//! The page that `make ui` builds, out of this binary. Its files come compressed, in the form that the client reads.

use super::{INDEX, caching, media_type};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use headers::{ETag, HeaderMapExt, IfNoneMatch};
use rust_embed::{EmbeddedFile, RustEmbed};
use std::{borrow::Cow, fmt::Write as _, io::Read as _};

/// What `ui/scripts/pack.js` made of the page: a file that is worth it has only its two compressed forms, with `.br` and
/// `.gz` behind its name.
#[derive(RustEmbed)]
#[folder = "../../ui/packed"]
struct Files;

/// What the page may do. No script but its own files runs; what comes out of artifacts or records may neither run, nor
/// bring anything from elsewhere, nor send anything there. Mantine and `uPlot` set styles in the document.
/// `blob:` is what the page makes of artifacts itself: pictures, sounds, and PDFs for the browser's own viewer.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; \
     media-src 'self' blob:; font-src 'self'; connect-src 'self'; frame-src blob:; object-src blob:; \
     worker-src 'self'; base-uri 'none'; form-action 'none'",
);
/// Addresses of other pages name runs, and may stand behind a prefix that is nobody else's business.
const REFERRER: HeaderValue = HeaderValue::from_static("same-origin");
/// The form of a file depends on the first, and the headers of every answer on the second.
const VARY: HeaderValue = HeaderValue::from_static("Accept-Encoding, Origin");
/// Bytes of the digest in an entity tag.
const TAG_BYTES: usize = 16;

/// A form of a file, ready to be sent.
struct Form {
    content: Bytes,
    encoding: Option<&'static str>,
    tag: String,
}

/// The file of this name, or that the client has it already; `None` where the page has no such file.
pub(super) fn respond(name: &str, headers: &HeaderMap) -> Option<Response> {
    let form = form_of(name, headers)?;
    let tag: ETag = form.tag.parse().ok()?;
    let known = headers.typed_get::<IfNoneMatch>();
    let is_known = known.is_some_and(|known| !known.precondition_passes(&tag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(form.content).into_response()
    };
    let described = response.headers_mut();
    described.typed_insert(tag);
    described.insert(header::CACHE_CONTROL, caching(name));
    described.insert(header::VARY, VARY);
    described.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
    if let Some(encoding) = form.encoding {
        described.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if name == INDEX {
        described.insert(header::CONTENT_SECURITY_POLICY, POLICY);
        described.insert(header::REFERRER_POLICY, REFERRER);
    }
    Some(response)
}

fn form_of(name: &str, headers: &HeaderMap) -> Option<Form> {
    let path = std::path::Path::new(name);
    let is_form = path.extension().is_some_and(|ending| ending == "br" || ending == "gz");
    // `.gitignore` keeps the folder in the repository.
    if is_form || name.starts_with('.') {
        return None;
    }
    if let Some(file) = Files::get(name) {
        return Some(Form::of(file, None));
    }
    if accepts(headers, "br")
        && let Some(file) = Files::get(&format!("{name}.br"))
    {
        return Some(Form::of(file, Some("br")));
    }
    let gzip = Form::of(Files::get(&format!("{name}.gz"))?, Some("gzip"));
    if accepts(headers, "gzip") { Some(gzip) } else { gzip.unpacked() }
}

impl Form {
    fn of(file: EmbeddedFile, encoding: Option<&'static str>) -> Self {
        let mut tag = String::from('"');
        for byte in file.metadata.sha256_hash().iter().take(TAG_BYTES) {
            // A String takes whatever is written.
            let _ = write!(tag, "{byte:02x}");
        }
        tag.push('"');
        let content = match file.data {
            Cow::Borrowed(data) => Bytes::from_static(data),
            Cow::Owned(data) => Bytes::from(data),
        };
        Self { content, encoding, tag }
    }

    /// For programs that read no compression; browsers do.
    fn unpacked(self) -> Option<Self> {
        let mut content = Vec::new();
        GzDecoder::new(self.content.as_ref()).read_to_end(&mut content).ok()?;
        let tag = format!("{}-plain\"", self.tag.trim_end_matches('"'));
        Some(Self { content: content.into(), encoding: None, tag })
    }
}

/// Whether a request takes an encoding (RFC 9110, section 12.5.3), by its name or by `*`.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING);
    let mut accepted = None;
    for item in
        values.iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','))
    {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let is_refused = weight
            .trim()
            .strip_prefix("q=")
            .is_some_and(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0));
        let name = name.trim();
        if name.eq_ignore_ascii_case(encoding) {
            return !is_refused;
        }
        if name == "*" {
            accepted = Some(!is_refused);
        }
    }
    accepted.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_taken_by_name_before_the_star_and_not_with_a_weight_of_nothing() {
        for (text, takes_brotli, takes_gzip) in [
            ("", false, false),
            ("gzip, deflate, br, zstd", true, true),
            ("GZIP;q=0.5", false, true),
            ("br;q=0, gzip", false, true),
            ("br; q=0.000, *", false, true),
            ("*;q=0", false, false),
            ("*;q=0, br", true, false),
            ("brotli, x-gzip", false, false),
        ] {
            let headers = HeaderMap::from_iter([(
                header::ACCEPT_ENCODING,
                HeaderValue::from_str(text).unwrap(),
            )]);
            let taken = (accepts(&headers, "br"), accepts(&headers, "gzip"));
            assert_eq!(taken, (takes_brotli, takes_gzip), "{text}");
        }
        assert!(!accepts(&HeaderMap::new(), "gzip"));
    }
}

//! `Content-Disposition` of a download (RFC 6266), spelled as the reference spells it.

use axum::http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use unicode_normalization::UnicodeNormalization;

/// What `filename*` does not encode beside letters and digits.
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'_')
    .remove(b'.')
    .remove(b'-')
    .remove(b'~')
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'^')
    .remove(b'`')
    .remove(b'|');

/// An attachment called `name`.
pub(crate) fn attachment(name: &str) -> HeaderValue {
    HeaderValue::try_from(attachment_text(name))
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

/// The same for a URL that says how its answer is to be sent: stores take ASCII only.
pub(crate) fn attachment_text(name: &str) -> String {
    if name.is_ascii() {
        format!("attachment; filename={}", token_or_quoted(name))
    } else {
        let plain: String = name.nfkd().filter(char::is_ascii).collect();
        let plain = if plain.is_empty() { "download" } else { plain.as_str() };
        let extended = utf8_percent_encode(name, EXTENDED);
        format!("attachment; filename={}; filename*=UTF-8''{extended}", token_or_quoted(plain))
    }
}

fn token_or_quoted(name: &str) -> String {
    let is_token_character = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !name.is_empty() && name.chars().all(is_token_character) {
        return name.to_owned();
    }
    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens_quoted_or_encoded() {
        for (name, expected) in [
            ("a.txt", "attachment; filename=a.txt"),
            ("a b.csv", "attachment; filename=\"a b.csv\""),
            ("q\"x.png", "attachment; filename=\"q\\\"x.png\""),
            ("日本.txt", "attachment; filename=.txt; filename*=UTF-8''%E6%97%A5%E6%9C%AC.txt"),
            ("café.json", "attachment; filename=cafe.json; filename*=UTF-8''caf%C3%A9.json"),
            ("日本", "attachment; filename=download; filename*=UTF-8''%E6%97%A5%E6%9C%AC"),
        ] {
            assert_eq!(attachment(name), expected, "{name}");
        }
    }
}

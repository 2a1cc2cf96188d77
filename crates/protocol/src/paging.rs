//! Pages of a search: how many results, and where the previous page ended.

use crate::{Fields, InvalidParameter, python};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Where a page starts, as the reference writes it: base64 of `{"offset": 2}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PageToken(u64);

impl PageToken {
    /// The page that starts after `offset` results.
    #[must_use]
    pub fn new(offset: u64) -> Self {
        Self(offset)
    }

    /// Reads `page_token`; absent and empty are the first page.
    pub fn read(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        match fields.string("page_token")? {
            Some(token) if !token.is_empty() => Self::decode(&token),
            _ => Ok(Self(0)),
        }
    }

    pub(crate) fn decode(token: &str) -> Result<Self, InvalidParameter> {
        let refuse = |what: String| InvalidParameter::new(format!("Invalid page token, {what}"));
        let decoded =
            STANDARD.decode(token).map_err(|_| refuse("could not base64-decode".to_owned()))?;
        let parsed: Value = serde_json::from_slice(&decoded)
            .map_err(|_| refuse(format!("decoded value={}", python::repr_bytes(&decoded))))?;
        let offset = match parsed.get("offset") {
            Some(Value::String(text)) if !text.is_empty() => {
                text.parse().map_err(|_| refuse(format!("not stringable {text}")))?
            }
            Some(Value::Number(number)) => number.as_u64().unwrap_or(0),
            _ => 0,
        };
        // Beyond 63 bits no database counts rows.
        if offset == 0 || i64::try_from(offset).is_err() {
            return Err(refuse(format!("parsed value={}", python::repr_json(&parsed))));
        }
        Ok(Self(offset))
    }

    /// Results before this page.
    #[must_use]
    pub fn offset(self) -> u64 {
        self.0
    }

    /// The page after this one, which has `count` results.
    #[must_use]
    pub fn after(self, count: usize) -> Self {
        Self(self.0.saturating_add(count as u64))
    }
}

impl Serialize for PageToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(format!("{{\"offset\": {}}}", self.0)))
    }
}

/// Checks a number of results that must be positive; `end` ends the message.
pub(crate) fn positive(given: i64, end: &str) -> Result<u64, InvalidParameter> {
    match u64::try_from(given) {
        Ok(max_results) if max_results > 0 => Ok(max_results),
        _ => Err(InvalidParameter::new(format!(
            "Invalid value {given} for parameter 'max_results' supplied. \
             It must be a positive integer{end}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<PageToken, String> {
        PageToken::read(&mut Fields::from_json(json.as_bytes()).unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn tokens_are_those_of_the_reference() {
        assert_eq!(read(r#"{"page_token": "eyJvZmZzZXQiOiAyfQ=="}"#), Ok(PageToken(2)));
        assert_eq!(read(r#"{"page_token": "eyJvZmZzZXQiOiAiMSJ9"}"#), Ok(PageToken(1)));
        assert_eq!(read(r#"{"page_token": ""}"#), Ok(PageToken(0)));
        assert_eq!(read("{}"), Ok(PageToken(0)));
        assert_eq!(
            serde_json::to_string(&PageToken(0).after(2)).unwrap(),
            "\"eyJvZmZzZXQiOiAyfQ==\""
        );
    }

    #[test]
    fn broken_tokens_are_refused_in_the_words_of_the_reference() {
        for (token, message) in [
            ("abc", "could not base64-decode"),
            ("YWJj", "decoded value=b'abc'"),
            ("eyJvZmZzZXQiOiAwfQ==", "parsed value={'offset': 0}"),
            ("eyJvZmZzZXQiOiAieCJ9", "not stringable x"),
            ("W10=", "parsed value=[]"),
        ] {
            let refused = read(&format!(r#"{{"page_token": "{token}"}}"#)).unwrap_err();
            assert_eq!(refused, format!("Invalid page token, {message}"));
        }
    }
}

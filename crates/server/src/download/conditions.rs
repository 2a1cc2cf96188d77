//! Conditional requests (RFC 9110, section 13).

use crate::error::ApiError;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use headers::{
    ETag, HeaderMapExt, IfMatch, IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince,
    LastModified,
};
use mlferry_artifacts::{Metadata, PutCondition};

/// What the conditions of a GET or HEAD come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The client has it already: 304.
    NotModified,
    /// The client wants another one: 412.
    Failed,
    /// It is sent; ranges count unless `If-Range` names another one.
    Send { ranges_apply: bool },
}

pub(super) fn evaluate(headers: &HeaderMap, metadata: &Metadata) -> Verdict {
    let etag = metadata.etag().and_then(|etag| format!("\"{etag}\"").parse::<ETag>().ok());
    let modified = metadata.modified();
    let matches = match headers.typed_get::<IfMatch>() {
        Some(if_match) if if_match.is_any() => true,
        Some(if_match) => etag.as_ref().is_some_and(|etag| if_match.precondition_passes(etag)),
        // It asks for something that can't be ours.
        None if headers.contains_key(header::IF_MATCH) => false,
        None => headers
            .typed_get::<IfUnmodifiedSince>()
            .is_none_or(|since| since.precondition_passes(modified)),
    };
    if !matches {
        return Verdict::Failed;
    }
    let is_new = match headers.typed_get::<IfNoneMatch>() {
        Some(if_none_match) if if_none_match == IfNoneMatch::any() => false,
        Some(if_none_match) => {
            etag.as_ref().is_none_or(|etag| if_none_match.precondition_passes(etag))
        }
        None => {
            headers.typed_get::<IfModifiedSince>().is_none_or(|since| since.is_modified(modified))
        }
    };
    if !is_new {
        return Verdict::NotModified;
    }
    let last_modified = LastModified::from(modified);
    let is_same = |if_range: IfRange| !if_range.is_modified(etag.as_ref(), Some(&last_modified));
    // What is neither a tag nor a date matches nothing.
    let ranges_apply = !headers.contains_key(header::IF_RANGE)
        || headers.typed_get::<IfRange>().is_some_and(is_same);
    Verdict::Send { ranges_apply }
}

/// The condition of an upload: `If-None-Match: *` creates only; entity tags guard a replacement.
pub(crate) fn put_condition(headers: &HeaderMap) -> Result<PutCondition, ApiError> {
    let if_match = EntityTags::of(headers, &header::IF_MATCH)?;
    let if_none_match = EntityTags::of(headers, &header::IF_NONE_MATCH)?;
    match (if_match, if_none_match) {
        (None, None) => Ok(PutCondition::Always),
        (Some(EntityTags::Any), None) => Ok(PutCondition::Exists),
        (Some(EntityTags::These(tags)), None) => Ok(PutCondition::EtagIn(tags)),
        (None, Some(EntityTags::Any)) => Ok(PutCondition::Absent),
        (None, Some(EntityTags::These(tags))) => Ok(PutCondition::EtagNotIn(tags)),
        (Some(_), Some(_)) => Err(ApiError::invalid_parameter(
            "An upload takes either If-Match or If-None-Match, not both.",
        )),
    }
}

/// The value of `If-Match` or `If-None-Match`.
enum EntityTags {
    Any,
    These(Vec<String>),
}

impl EntityTags {
    fn of(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Self>, ApiError> {
        let values: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
        if values.is_empty() {
            return Ok(None);
        }
        let malformed = || {
            ApiError::invalid_parameter(format!("The header {name} holds no list of entity tags."))
        };
        let mut tags = Vec::new();
        for value in values {
            let text = value.to_str().map_err(|_| malformed())?;
            if text.trim() == "*" {
                return Ok(Some(Self::Any));
            }
            // None of ours holds a comma, so a tag that is cut at one matches nothing, as it should.
            for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
                let quoted = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
                let is_weak = tag.starts_with("W/\"");
                match quoted {
                    Some(tag) => tags.push(tag.to_owned()),
                    // Weak tags never match where bytes are written.
                    None if is_weak => {}
                    None => return Err(malformed()),
                }
            }
        }
        Ok(Some(Self::These(tags)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn an_upload_is_guarded_by_stars_and_entity_tags() {
        let parse = |name, value| put_condition(&headers(name, value)).unwrap();
        assert_eq!(parse(header::IF_NONE_MATCH, "*"), PutCondition::Absent);
        assert_eq!(parse(header::IF_MATCH, " * "), PutCondition::Exists);
        assert_eq!(
            parse(header::IF_MATCH, "\"a\", W/\"w\", \"b\""),
            PutCondition::EtagIn(vec!["a".into(), "b".into()])
        );
        assert_eq!(
            parse(header::IF_NONE_MATCH, "\"a\""),
            PutCondition::EtagNotIn(vec!["a".into()])
        );
        assert_eq!(put_condition(&HeaderMap::new()).unwrap(), PutCondition::Always);
        assert!(put_condition(&headers(header::IF_MATCH, "a")).is_err());
    }
}

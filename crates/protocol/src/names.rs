//! Names of metrics, params and tags, and the lengths of their values.

use crate::{InvalidParameter, limits};
use std::borrow::Cow;

/// Checks a metric's, param's or tag's key; `parameter` is the name that a message gives it.
///
/// Names end up as file names in file stores, so they must resolve to themselves as paths.
pub fn check_name(parameter: &str, name: &str) -> Result<(), InvalidParameter> {
    if !name.chars().all(is_name_character) {
        return Err(InvalidParameter::value(
            parameter,
            name,
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), \
             spaces ( ), colon(:) and slashes (/).",
        ));
    }
    check_resolution(parameter, name)
}

/// Checks the name of a registered model; `parameter` is the name that a message gives it.
pub(crate) fn check_model_name(parameter: &str, name: &str) -> Result<(), InvalidParameter> {
    if name.trim().is_empty() {
        return Err(InvalidParameter::new(format!(
            "Missing value for required parameter '{parameter}'."
        )));
    }
    if name.contains(['/', ':']) {
        return Err(InvalidParameter::new(format!(
            "Invalid model name '{name}'. Names cannot contain '/' or ':'."
        )));
    }
    check_resolution("name", name)
}

/// Refuses a name that is another one as a path.
fn check_resolution(parameter: &str, name: &str) -> Result<(), InvalidParameter> {
    let resolved = normalize(name);
    if resolved != name || name == "." || name.starts_with("..") || name.starts_with('/') {
        return Err(InvalidParameter::value(
            parameter,
            name,
            format_args!(
                "Names may be treated as files in certain cases, and must not resolve to other \
                 names when treated as such. This name would resolve to '{resolved}'"
            ),
        ));
    }
    Ok(())
}

/// Refuses `text` with more than `limit` characters.
pub fn check_length(parameter: &str, text: &str, limit: usize) -> Result<(), InvalidParameter> {
    if is_longer_than(text, limit) {
        return Err(InvalidParameter::too_long(parameter, limit));
    }
    Ok(())
}

/// Cuts `text` after `limit` characters, as the reference does with long values by default.
pub fn truncate(text: &mut String, limit: usize) {
    if let Some((end, _)) = text.char_indices().nth(limit) {
        text.truncate(end);
    }
}

fn is_longer_than(text: &str, limit: usize) -> bool {
    // Bytes bound characters from above, so most texts need no counting.
    text.len() > limit && text.chars().nth(limit).is_some()
}

fn is_name_character(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | ':' | '/')
}

/// What Python's `posixpath.normpath` makes of a path.
fn normalize(path: &str) -> Cow<'_, str> {
    let root = match path.bytes().take_while(|byte| *byte == b'/').count() {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => {
                kept.pop();
            }
            ".." if !root.is_empty() => {}
            _ => kept.push(segment),
        }
    }
    let joined = format!("{root}{}", kept.join("/"));
    match joined.as_str() {
        "" => Cow::Borrowed("."),
        same if same == path => Cow::Borrowed(path),
        _ => Cow::Owned(joined),
    }
}

/// Checks a key's characters and its length; `label` names the parameter in a length message.
pub fn check_key(parameter: &str, label: &str, name: &str) -> Result<(), InvalidParameter> {
    check_name(parameter, name)?;
    check_length(label, name, limits::KEY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_resolve_to_themselves_pass() {
        for good in ["loss", "val/loss", "a b", "a:b", "a.b-c_d", "naïve", "日本", "..."] {
            let result = check_name("name", good);
            assert_eq!(result.is_ok(), good != "...", "{good:?}: {result:?}");
        }
    }

    #[test]
    fn names_that_resolve_elsewhere_are_refused_with_what_they_resolve_to() {
        for (bad, resolved) in [
            ("../a", "../a"),
            ("a//b", "a/b"),
            ("/a", "/a"),
            (".", "."),
            ("", "."),
            ("a/../b", "b"),
            ("a/", "a"),
            ("./a", "a"),
        ] {
            let message = check_name("key", bad).unwrap_err().to_string();
            assert!(message.ends_with(&format!("would resolve to '{resolved}'")), "{message}");
        }
    }

    #[test]
    fn other_characters_are_refused() {
        for bad in ["a*b", "a?b", "a\nb", "a\\b", "a#b"] {
            let message = check_name("name", bad).unwrap_err().to_string();
            assert!(message.contains("Names may only contain"), "{message}");
        }
    }

    #[test]
    fn lengths_count_characters_not_bytes() {
        assert!(check_length("key", &"é".repeat(250), 250).is_ok());
        assert_eq!(
            check_length("key", &"é".repeat(251), 250).unwrap_err().to_string(),
            "'key' exceeds the maximum length of 250 characters"
        );
        let mut text = "éé".repeat(10);
        truncate(&mut text, 3);
        assert_eq!(text, "ééé");
    }
}

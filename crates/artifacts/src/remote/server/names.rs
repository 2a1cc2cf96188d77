//! Names on their way to another server.

use super::super::error::Trouble;
use object_store::Result;
use percent_encoding::percent_decode_str;

/// Refuses a key that the reference would take for another one: it decodes and re-parses what has
/// arrived until nothing changes, so that no encoding brings such a key there.
pub(super) fn check_for_reference(key: &str) -> Result<()> {
    if is_kept_by_reference(key) {
        return Ok(());
    }
    Err(Trouble::refused(format!(
        "the server there would take the name '{key}' for another one; choose a name without '%XX', \
         without '?' or ';' at its end, and that does not begin with a space or like a URI"
    )))
}

/// What Python's `unquote` and `urlunparse(urlparse(…))` leave as it is.
fn is_kept_by_reference(key: &str) -> bool {
    let is_decoded = percent_decode_str(key).decode_utf8().is_ok_and(|decoded| decoded == key);
    let (path, query) = match key.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (key, None),
    };
    let last = path.rsplit('/').next().unwrap_or_default();
    let has_empty_parameters = last.split_once(';').is_some_and(|(_, after)| after.is_empty());
    let first = key.split('/').next().unwrap_or_default();
    let has_scheme = first.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    });
    is_decoded
        && query != Some("")
        && !has_empty_parameters
        && !has_scheme
        && !key.starts_with(|c: char| c <= ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_the_reference_changes_are_known() {
        for key in [
            "x%41y", "f/100%25", "f/x%c3", " a", "f/a?", "f/a;", "?", "f/a;?b/c", "Ab:c",
            "http:x/y", "%20",
        ] {
            assert!(!is_kept_by_reference(key), "{key:?}");
        }
        for key in [
            "a", "f/ a", "f/a ", "100%", "%zz", "f/a?b", "f/a;b", "f/a?/b", "f/a;/b", "f/a:b",
            "f/Ab:c", "a\\b", "[x]", "ü", "f/a;;", "1:2",
        ] {
            assert!(is_kept_by_reference(key), "{key:?}");
        }
        let refused = check_for_reference("f/x%41").unwrap_err().to_string();
        assert!(refused.contains("'f/x%41'"), "{refused}");
    }
}

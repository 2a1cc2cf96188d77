//! Prompts: registered models, and versions of them, that a tag tells from models.

use mlferry_protocol::tags::IS_PROMPT_TAG;
use mlferry_search::{TextComparator, TextTest};

/// The value of the tag that makes a prompt.
pub(crate) const IS_PROMPT: &str = "true";

/// Whether a filter asks for prompts, by the first of its conditions on tags that is about them;
/// other searches find models only.
pub(crate) fn are_wanted<'a>(mut tags: impl Iterator<Item = (&'a str, &'a TextTest)>) -> bool {
    let first = tags.find(|(key, _)| *key == IS_PROMPT_TAG).map(|(_, test)| test);
    match first {
        Some(TextTest::Compare(TextComparator::Equal, value)) => value.to_lowercase() == "true",
        Some(TextTest::Compare(TextComparator::NotEqual, value)) => value.to_lowercase() == "false",
        _ => false,
    }
}

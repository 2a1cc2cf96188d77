//! The path of an artifact below a destination's root.

use percent_encoding::percent_decode_str;
use std::{borrow::Cow, fmt};
use thiserror::Error;

/// Bytes of one segment: `NAME_MAX` of Linux file systems.
const SEGMENT_BYTES: usize = 255;
/// Names in a path. Every folder of a tree costs a descriptor while it is walked or deleted.
pub(crate) const SEGMENTS: usize = 128;
/// How many percent-encodings are undone to look for a hidden refusal, as in the reference.
const DECODE_ROUNDS: usize = 10;
/// Begins the names of the reference's own staging files.
const REFERENCE_STAGING_PREFIX: &str = ".artifact.uploading.";
/// The folder at the root of a local destination that holds uploads not yet published. The name is
/// reserved in every folder: a destination may lie within another, and links may lead to its root.
pub const STAGING_FOLDER: &str = ".mlferry-staging";

/// A relative path of one or more names, kept as the client sent it after one percent-decoding.
///
/// It never names the root, never leaves it, and never names a staging file. `.` and empty segments
/// are dropped, as every file system does; no other character is changed, so that what was stored
/// is listed under the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArtifactPath(String);

/// Why a text is no artifact path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PathError {
    /// The text leaves the root, or does so once decoded, or holds a character that no name may.
    #[error("Invalid path")]
    Unsafe,
    /// The text holds a control character.
    #[error("Invalid path: names must not contain control characters")]
    ControlCharacter,
    /// The text names the root itself.
    #[error("Invalid path: it names the artifact root, not an artifact")]
    Root,
    /// The text ends with `/`, where a file is asked for.
    #[error("Artifact path must include a filename (cannot end with '/').")]
    NoFileName,
    /// The text would be stored under another name than it says.
    #[error(
        "Invalid artifact path: '{folder}'. Names may be treated as files in certain cases, and \
         must not resolve to other names when treated as such. This name would resolve to \
         '{resolved}'"
    )]
    NotNormal {
        /// The folder as sent.
        folder: String,
        /// The folder as a file system would take it.
        resolved: String,
    },
    /// The text names a file that is being uploaded.
    #[error("Invalid artifact file name: '{0}'. Artifact names starting with '{1}' are reserved.")]
    Reserved(String, &'static str),
    /// A name is too long for file systems.
    #[error("Invalid path: a name has {0} bytes; at most {SEGMENT_BYTES} are allowed")]
    TooLong(usize),
    /// There are too many folders above the artifact.
    #[error("Invalid path: it has {0} names; at most {SEGMENTS} are allowed")]
    TooDeep(usize),
}

impl ArtifactPath {
    /// Reads the path of an artifact, or of a folder other than the root.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        check_safe(text)?;
        let mut path = String::with_capacity(text.len());
        for segment in text.split('/').filter(|segment| !matches!(*segment, "" | ".")) {
            check_segment(segment)?;
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(segment);
        }
        if path.trim().is_empty() {
            return Err(PathError::Root);
        }
        // What follows a dot that was dropped begins the path now.
        if path != text {
            check_safe(&path)?;
        }
        let depth = path.split('/').count();
        if depth > SEGMENTS {
            return Err(PathError::TooDeep(depth));
        }
        Ok(Self(path))
    }

    /// Reads the path of a folder, where `None` is the root.
    pub fn parse_folder(text: &str) -> Result<Option<Self>, PathError> {
        match Self::parse(text) {
            Ok(path) => Ok(Some(path)),
            Err(PathError::Root) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the path of a file to be written: it must be stored under the name it says.
    pub fn parse_file(text: &str) -> Result<Self, PathError> {
        if text.is_empty() || text.ends_with('/') {
            return Err(PathError::NoFileName);
        }
        let path = Self::parse(text)?;
        let (folder, name) = text.rsplit_once('/').unwrap_or(("", text));
        // Several slashes before the file's name are one, as in the reference.
        let folder = folder.trim_end_matches('/');
        let resolved = path.folder().unwrap_or_default();
        if name == "." || folder != resolved {
            let folder = if name == "." { text } else { folder }.to_owned();
            let resolved = match resolved {
                _ if name == "." => path.as_str(),
                "" => ".",
                folder => folder,
            };
            return Err(PathError::NotNormal { folder, resolved: resolved.to_owned() });
        }
        Ok(path)
    }

    /// The path as text, segments divided by `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that holds the artifact; `None` is the root.
    #[must_use]
    pub fn folder(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(folder, _)| folder)
    }

    /// The last name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// The path of `relative` below this one.
    #[must_use]
    pub fn join(&self, relative: &Self) -> Self {
        Self(format!("{}/{}", self.0, relative.0))
    }

    /// The path of what a listing of this folder found there, under whatever name it was put there.
    /// `None` where a part of it is no name, so that no path leads to it.
    pub(crate) fn join_found(&self, found: &str) -> Option<Self> {
        let are_names = found.split('/').all(|name| !matches!(name, "" | "." | ".."));
        are_names.then(|| Self(format!("{}/{found}", self.0)))
    }
}

impl fmt::Display for ArtifactPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether listings leave out `name`.
#[must_use]
pub fn is_hidden(name: &str) -> bool {
    name.starts_with(REFERENCE_STAGING_PREFIX) || name == STAGING_FOLDER
}

/// Refuses what any number of further decodings could turn into a way out of the root.
///
/// Names are stored as they are, but other servers and the stock client decode what they read once
/// more, so a name must be harmless in each of its decoded forms.
fn check_safe(text: &str) -> Result<(), PathError> {
    if text.chars().any(|c| c.is_ascii_control()) {
        return Err(PathError::ControlCharacter);
    }
    let mut current = Cow::Borrowed(text);
    for round in 0..DECODE_ROUNDS {
        // What becomes nothing that is seen would leave what is below it to begin the path.
        let vanishes = round > 0 && current.chars().all(|c| c <= ' ');
        if vanishes || leaves_root(&current) {
            return Err(PathError::Unsafe);
        }
        let decoded = percent_decode_str(&current).decode_utf8_lossy().into_owned();
        if decoded == current {
            return Ok(());
        }
        current = Cow::Owned(decoded);
    }
    Err(PathError::Unsafe)
}

fn leaves_root(text: &str) -> bool {
    // URL parsers drop these, and what follows them then begins the path.
    let visible: Cow<'_, str> = if text.contains(['\t', '\r', '\n']) {
        Cow::Owned(text.replace(['\t', '\r', '\n'], ""))
    } else {
        Cow::Borrowed(text)
    };
    let visible = visible.trim_start_matches(|c: char| c <= ' ');
    let is_file_uri = visible.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"));
    visible.contains('#')
        || visible.starts_with('/')
        || is_file_uri
        || is_windows_absolute(visible)
        || visible.split('/').any(|segment| segment == "..")
}

fn is_windows_absolute(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.starts_with("\\\\")
        // A drive alone is one as soon as something is below it.
        || matches!(bytes, [drive, b':'] | [drive, b':', b'/' | b'\\', ..] if drive.is_ascii_alphabetic())
}

fn check_segment(segment: &str) -> Result<(), PathError> {
    if segment.len() > SEGMENT_BYTES {
        return Err(PathError::TooLong(segment.len()));
    }
    if segment.starts_with(REFERENCE_STAGING_PREFIX) {
        return Err(PathError::Reserved(segment.to_owned(), REFERENCE_STAGING_PREFIX));
    }
    if segment == STAGING_FOLDER {
        return Err(PathError::Reserved(segment.to_owned(), STAGING_FOLDER));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(text: &str, times: usize) -> String {
        (0..times).fold(text.to_owned(), |text, _| text.replace('%', "%25"))
    }

    #[test]
    fn paths_that_leave_the_root_are_refused_in_every_encoding() {
        let bad = [
            "..",
            "../a",
            "a/..",
            "a/../b",
            "%2e%2e/a",
            "..%2fa",
            "%252e%252e%252fx",
            "/a",
            "//a",
            "%2fa",
            "/",
            "C:/x",
            "C:\\x",
            "\\\\host\\x",
            "%43%3a%5cx",
            "file:a",
            "file:/a",
            "file:///a",
            "FILE:a",
            "a#b",
            "a%23b",
            "a%2523b",
            "a#",
            " /etc",
            "%09/etc",
            "%20/etc",
            "a/%2e%2e/%2e%2e/b",
            "%0a",
            "%20",
            "%2509",
            "u:",
            "%75:",
            "%2e.",
        ];
        for text in bad {
            assert_eq!(ArtifactPath::parse(text), Err(PathError::Unsafe), "{text}");
        }
        assert_eq!(ArtifactPath::parse(&nested("%2e%2e/a", 9)), Err(PathError::Unsafe));
        assert_eq!(ArtifactPath::parse(&nested("%41", 12)), Err(PathError::Unsafe), "too deep");
    }

    #[test]
    fn names_are_kept_as_they_were_sent() {
        let good = [
            "a",
            "a/b",
            "...",
            "..a",
            "a..",
            ".hidden",
            "~",
            "-x",
            "a b",
            "a+b",
            "a@b",
            "a*b",
            "a|b",
            "[x]",
            "a:b",
            "c:x",
            "a\\b",
            "..\\a",
            "a\\..\\b",
            "\\x",
            " a",
            "a?",
            "a;",
            "a?b",
            "a;b",
            "Ab:c",
            "http:/x",
            "100%",
            "x%20y",
            "x%2525y",
            "a%00b",
            "k%step%0%timestamp%17",
            "日本.txt",
            "a/ /b",
        ];
        for text in good {
            assert_eq!(ArtifactPath::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn the_root_is_no_artifact_in_any_spelling() {
        for text in ["", ".", "./", "./.", " ", "  ", ". /".trim_end()] {
            let parsed = ArtifactPath::parse(text);
            if text == ". /".trim_end() {
                assert!(parsed.is_ok(), "a dot and a blank is a name");
            } else {
                assert_eq!(parsed, Err(PathError::Root), "{text:?}");
                assert_eq!(ArtifactPath::parse_folder(text), Ok(None));
            }
        }
    }

    #[test]
    fn control_characters_are_refused() {
        for text in ["a\0b", "\0", "a\nb", "\ta", "a\u{7f}"] {
            assert_eq!(ArtifactPath::parse(text), Err(PathError::ControlCharacter), "{text:?}");
        }
    }

    #[test]
    fn dots_and_slashes_within_are_dropped_on_read_and_refused_on_write() {
        for text in ["a/./b", "a//b", "./a/b", "a/b/", "a/b//"] {
            assert_eq!(ArtifactPath::parse(text).unwrap().as_str(), "a/b");
        }
        assert_eq!(ArtifactPath::parse_file("a//x").unwrap().as_str(), "a/x");
        for (text, resolved) in
            [("./x", "."), ("a/./x", "a"), ("a//b/x", "a/b"), ("p/.", "p"), ("d2/./b/x", "d2/b")]
        {
            let message = ArtifactPath::parse_file(text).unwrap_err().to_string();
            assert!(message.ends_with(&format!("resolve to '{resolved}'")), "{text}: {message}");
        }
        for text in ["", "a/", "/"] {
            assert_eq!(ArtifactPath::parse_file(text), Err(PathError::NoFileName));
        }
    }

    #[test]
    fn what_is_left_without_dots_must_be_a_path_itself() {
        for text in [".", "./.", "./"] {
            for rest in ["/etc", " /etc", "file:a", "C:/a", "\\\\host\\a", "%2fetc"] {
                let text = format!("{text}/{rest}");
                let is_safe = rest == "/etc";
                assert_eq!(ArtifactPath::parse(&text).is_ok(), is_safe, "{text}");
            }
        }
    }

    #[test]
    fn staging_names_are_reserved() {
        for text in [
            ".artifact.uploading.x",
            "a/.artifact.uploading.x",
            ".mlferry-staging",
            "./.mlferry-staging/x",
            "a/.mlferry-staging/x",
        ] {
            assert!(matches!(ArtifactPath::parse(text), Err(PathError::Reserved(..))), "{text}");
        }
        assert!(ArtifactPath::parse(".mlferry-staging2").is_ok());
    }

    #[test]
    fn a_path_has_at_most_128_names() {
        assert!(ArtifactPath::parse(&vec!["a"; 128].join("/")).is_ok());
        assert_eq!(ArtifactPath::parse(&vec!["a"; 129].join("/")), Err(PathError::TooDeep(129)));
    }

    #[test]
    fn a_name_has_at_most_255_bytes() {
        assert!(ArtifactPath::parse(&"a".repeat(255)).is_ok());
        assert_eq!(ArtifactPath::parse(&"é".repeat(128)), Err(PathError::TooLong(256)));
    }
}

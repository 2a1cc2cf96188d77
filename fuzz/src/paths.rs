//! Paths of artifacts: a path is read as itself, leaves its root in none of its decoded forms, and has no name that is
//! another one on the disk.

use mlferry_artifacts::{ArtifactPath, PathError};
use mlferry_server::fuzzing;
use percent_encoding::percent_decode_str;
use std::path::{Component, Path};

/// Reads a text as a path in each way; two lines are a folder and what lies in it.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let path = ArtifactPath::parse(text);
    if let Ok(path) = &path {
        check_path(path);
        assert_eq!(ArtifactPath::parse_folder(text).as_ref(), Ok(&Some(path.clone())));
    }
    if let Ok(file) = ArtifactPath::parse_file(text) {
        assert_eq!(path.as_ref(), Ok(&file), "a file is a path");
        assert_eq!(ArtifactPath::parse_file(file.as_str()).as_ref(), Ok(&file));
    }
    if let Some((folder, below)) = text.split_once('\n') {
        check_joined(folder, below);
    }
}

fn check_joined(folder: &str, below: &str) {
    let Ok(folder) = ArtifactPath::parse(folder) else { return };
    if let Ok(below) = ArtifactPath::parse(below) {
        let joined = folder.join(&below);
        match ArtifactPath::parse(joined.as_str()) {
            Ok(path) => assert_eq!(path, joined),
            Err(error) => assert!(matches!(error, PathError::TooDeep(_)), "{joined}: {error}"),
        }
    }
    if let Some(file) = fuzzing::multipart_file(&folder, below) {
        assert_eq!(file.folder(), Some(folder.as_str()), "{below}");
        check_stays(file.as_str());
    }
}

fn check_path(path: &ArtifactPath) {
    assert_eq!(ArtifactPath::parse(path.as_str()).as_ref(), Ok(path), "a path is its own text");
    let (folder, name) = (path.folder(), path.name());
    assert!(!name.is_empty() && !name.contains('/'), "{path}");
    assert_eq!(folder.map_or(name.to_owned(), |folder| format!("{folder}/{name}")), path.as_str());
    check_stays(path.as_str());
    let header = fuzzing::attachment(name);
    assert!(http::HeaderValue::try_from(header.as_str()).is_ok(), "{header}");
}

/// Other servers and clients decode names, perhaps more than once.
fn check_stays(path: &str) {
    let mut decoded = path.to_owned();
    for _ in 0..=10 {
        let are_names = |component| matches!(component, Component::Normal(_) | Component::CurDir);
        assert!(Path::new(&decoded).components().all(are_names), "{path} becomes {decoded}");
        decoded = percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
    }
}

//! What a member of an archive must be in order to be unpacked.

use crate::{ArtifactPath, PathError};
use tokio_tar::EntryType;

/// What is done with a member.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is stored under this path, below the folder that the archive is unpacked into.
    File(ArtifactPath),
    /// Nothing: folders come with their files.
    Passed,
}

/// Reads the name and the type of a member, or says why it is refused.
pub(super) fn kind_of(kind: EntryType, name: &[u8], size: u64) -> Result<Kind, String> {
    let name = std::str::from_utf8(name).map_err(|_| "its name is not UTF-8".to_owned())?;
    let name = below_here(name);
    match kind {
        EntryType::Regular => file(name).map(Kind::File).map_err(|error| error.to_string()),
        EntryType::Directory if size > 0 => Err("it is a directory that holds bytes".to_owned()),
        EntryType::Directory => match ArtifactPath::parse_folder(name) {
            Ok(_) => Ok(Kind::Passed),
            Err(error) => Err(error.to_string()),
        },
        other => Err(refusal(other)),
    }
}

/// `tar -C DIR .` begins every name with `./`.
fn below_here(mut name: &str) -> &str {
    while let Some(rest) = name.strip_prefix("./") {
        name = rest;
    }
    name
}

fn file(name: &str) -> Result<ArtifactPath, PathError> {
    ArtifactPath::parse_file(name)
}

fn refusal(kind: EntryType) -> String {
    match kind {
        EntryType::Symlink => {
            "it is a symbolic link; make the archive with `tar --dereference`, or \
                               leave it out"
                .to_owned()
        }
        EntryType::Link => "it is a hard link; make the archive with `tar --hard-dereference`, or \
                            leave it out"
            .to_owned(),
        EntryType::GNUSparse => sparse(),
        EntryType::Char | EntryType::Block => "it is a device; leave it out".to_owned(),
        EntryType::Fifo => "it is a named pipe; leave it out".to_owned(),
        other => {
            let byte = other.as_byte().escape_ascii();
            format!("it has the type '{byte}'; only files and directories are unpacked")
        }
    }
}

/// The refusal of a file whose holes were left out.
pub(super) fn sparse() -> String {
    "it is a sparse file; make the archive without `--sparse`".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> Result<Kind, String> {
        kind_of(EntryType::Regular, name.as_bytes(), 1)
    }

    #[test]
    fn files_are_taken_under_their_names() {
        for (name, path) in [
            ("a", "a"),
            ("./a/b.txt", "a/b.txt"),
            ("././a", "a"),
            ("a//b", "a/b"),
            ("日本/ü", "日本/ü"),
            ("..a/...", "..a/..."),
            ("a\\..\\b", "a\\..\\b"),
            ("100%", "100%"),
        ] {
            let expected = Kind::File(ArtifactPath::parse(path).unwrap());
            assert_eq!(file(name).as_ref(), Ok(&expected), "{name}");
        }
    }

    #[test]
    fn names_that_lead_out_or_nowhere_are_refused() {
        for name in [
            "",
            ".",
            "./",
            "..",
            "../a",
            "./../a",
            "a/..",
            "a/../../b",
            "/a",
            ".//a",
            "./",
            "a/",
            "a/.",
            "a/./b",
            "C:/a",
            "\\\\h\\a",
            "file:/a",
            "%2e%2e/a",
            "a#b",
            "a\0b",
            "a\nb",
            ".mlferry-staging/a",
            "a/.artifact.uploading.b",
        ] {
            assert!(file(name).is_err(), "{name}");
        }
        assert!(file(&"x".repeat(256)).is_err());
        assert!(kind_of(EntryType::Regular, b"a\xff", 1).is_err());
    }

    #[test]
    fn folders_are_passed_over_where_they_are_inside() {
        for name in ["./", ".", "a/", "a/b/", "./a"] {
            let kind = kind_of(EntryType::Directory, name.as_bytes(), 0);
            assert_eq!(kind, Ok(Kind::Passed), "{name}");
        }
        for name in ["../", "/", "/a/", "a/../.."] {
            assert!(kind_of(EntryType::Directory, name.as_bytes(), 0).is_err(), "{name}");
        }
        assert!(kind_of(EntryType::Directory, b"a/", 1).is_err());
    }

    #[test]
    fn what_is_no_file_is_refused() {
        for kind in b"12346SMVX~" {
            assert!(kind_of(EntryType::new(*kind), b"a", 0).is_err(), "{kind}");
        }
    }
}

//! The list of artifacts: a checksum and a path each line, as `sha256sum --check` reads it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use mlferry_protocol::python::hex;
use sha2::{Digest, Sha256};

use super::manifest::ARTIFACTS;

/// A list that is written, and its own checksum.
pub(super) struct ListWriter {
    file: BufWriter<File>,
    digest: Sha256,
}

impl ListWriter {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = File::options().write(true).create_new(true).open(path)?;
        Ok(Self { file: BufWriter::new(file), digest: Sha256::new() })
    }

    /// Adds an artifact, by its path below the folder of artifacts.
    pub(super) fn add(&mut self, sha256: &str, path: &str) -> io::Result<()> {
        let line = format!("{}\n", line(sha256, path));
        self.digest.update(&line);
        self.file.write_all(line.as_bytes())
    }

    /// Makes the list durable, and returns its checksum.
    pub(super) fn finish(self) -> io::Result<String> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(hex(&self.digest.finalize()))
    }
}

/// An artifact of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) sha256: [u8; 32],
    /// Below the folder of artifacts.
    pub(super) path: String,
}

/// The artifacts of a list, one after the other.
pub(super) fn read(path: &Path) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Listed>>> {
    let context = format!("cannot read '{}'", path.display());
    let file = File::open(path).with_context(|| context.clone())?;
    let lines = BufReader::new(file).lines();
    Ok(lines.map(move |line| {
        let line = line.with_context(|| context.clone())?;
        parsed(&line).with_context(|| format!("{context}: no checksum and path are in '{line}'"))
    }))
}

/// A line as `sha256sum` writes it: a backslash at its start says that some stand in its path.
fn line(sha256: &str, path: &str) -> String {
    let escaped = path.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    let mark = if escaped == path { "" } else { "\\" };
    format!("{mark}{sha256}  {ARTIFACTS}/{escaped}")
}

fn parsed(line: &str) -> Option<Listed> {
    let (line, is_escaped) = match line.strip_prefix('\\') {
        Some(line) => (line, true),
        None => (line, false),
    };
    let (sha256, path) = line.split_once("  ")?;
    let path = path.strip_prefix(ARTIFACTS)?.strip_prefix('/')?;
    let path = if is_escaped { unescaped(path)? } else { path.to_owned() };
    Some(Listed { sha256: bytes_of(sha256)?, path })
}

fn unescaped(text: &str) -> Option<String> {
    let (mut plain, mut chars) = (String::with_capacity(text.len()), text.chars());
    while let Some(char) = chars.next() {
        plain.push(match char {
            '\\' => match chars.next()? {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            char => char,
        });
    }
    Some(plain)
}

fn bytes_of(sha256: &str) -> Option<[u8; 32]> {
    let (mut bytes, digits) = ([0; 32], sha256.as_bytes());
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let sha256 = [0xab; 32];
        for path in ["a.txt", "1/r/artifacts/a b  c", "back\\slash", "new\nline", "\\n", "日本\r"]
        {
            let line = line(&hex(&sha256), path);
            assert!(!line.contains('\n'), "{line}");
            assert_eq!(parsed(&line), Some(Listed { sha256, path: path.to_owned() }), "{line}");
        }
    }

    #[test]
    fn lines_that_are_none_are_refused() {
        let sha256 = hex(&[1; 32]);
        for bad in [
            String::new(),
            sha256.clone(),
            format!("{sha256} artifacts/a"),
            format!("{sha256}  elsewhere/a"),
            format!("{}  artifacts/a", &sha256[1..]),
            format!("\\{sha256}  artifacts/\\x"),
            format!("z{}  artifacts/a", &sha256[1..]),
        ] {
            assert_eq!(parsed(&bad), None, "{bad}");
        }
    }
}

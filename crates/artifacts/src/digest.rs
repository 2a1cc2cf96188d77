//! Checksums that a client sends with an upload, verified while the bytes pass.

use base64::{Engine, prelude::BASE64_STANDARD};
use md5::Md5;
use sha2::{Digest, Sha256};
use std::fmt;

/// A checksum that the bytes of an upload must have.
#[derive(Clone, PartialEq, Eq)]
pub enum ExpectedDigest {
    /// MD5, as in `Content-MD5` (RFC 1864).
    Md5([u8; 16]),
    /// SHA-256, as in `Content-Digest` and `Repr-Digest` (RFC 9530).
    Sha256([u8; 32]),
}

impl ExpectedDigest {
    /// Reads the base64 text of an MD5; `None` if it is none.
    #[must_use]
    pub fn md5(base64: &str) -> Option<Self> {
        BASE64_STANDARD.decode(base64).ok()?.try_into().ok().map(Self::Md5)
    }

    /// Reads the base64 text of a SHA-256; `None` if it is none.
    #[must_use]
    pub fn sha256(base64: &str) -> Option<Self> {
        BASE64_STANDARD.decode(base64).ok()?.try_into().ok().map(Self::Sha256)
    }
}

impl fmt::Debug for ExpectedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ExpectedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Md5(bytes) => write!(f, "MD5 {}", BASE64_STANDARD.encode(bytes)),
            Self::Sha256(bytes) => write!(f, "SHA-256 {}", BASE64_STANDARD.encode(bytes)),
        }
    }
}

/// The checksums that a client sent with one upload.
pub type ExpectedDigests = Vec<ExpectedDigest>;

/// Computes what is needed to verify an upload; costs nothing when nothing was sent.
pub(crate) struct Verifier {
    expected: ExpectedDigests,
    md5: Option<Md5>,
    sha256: Option<Sha256>,
}

impl Verifier {
    pub(crate) fn new(expected: ExpectedDigests) -> Self {
        let wants_md5 = expected.iter().any(|digest| matches!(digest, ExpectedDigest::Md5(_)));
        let wants_sha256 =
            expected.iter().any(|digest| matches!(digest, ExpectedDigest::Sha256(_)));
        Self { md5: wants_md5.then(Md5::new), sha256: wants_sha256.then(Sha256::new), expected }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
    }

    /// The first checksum that was sent and is not that of the bytes, with the one that is.
    pub(crate) fn finish(self) -> Result<(), (ExpectedDigest, ExpectedDigest)> {
        let md5 = self.md5.map(|md5| ExpectedDigest::Md5(md5.finalize().into()));
        let sha256 = self.sha256.map(|sha256| ExpectedDigest::Sha256(sha256.finalize().into()));
        for expected in self.expected {
            let actual = match &expected {
                ExpectedDigest::Md5(_) => &md5,
                ExpectedDigest::Sha256(_) => &sha256,
            };
            match actual {
                Some(actual) if *actual != expected => return Err((expected, actual.clone())),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_checksum_is_told_with_the_right_one() {
        let right = ExpectedDigest::md5("XUFAKrxLKna5cZ2REBfFkg==").unwrap();
        let wrong = ExpectedDigest::sha256("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
        let mut verifier = Verifier::new(vec![right, wrong.clone()]);
        verifier.update(b"hel");
        verifier.update(b"lo");
        let (expected, actual) = verifier.finish().unwrap_err();
        assert_eq!(expected, wrong);
        assert_eq!(actual.to_string(), "SHA-256 LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
    }

    #[test]
    fn texts_of_another_length_are_no_checksums() {
        for text in ["", "x", "AAAA", "XUFAKrxLKna5cZ2REBfFkg"] {
            assert!(ExpectedDigest::md5(text).is_none(), "{text:?}");
        }
    }
}

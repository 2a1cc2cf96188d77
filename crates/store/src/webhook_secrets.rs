//! Secrets of webhooks, encrypted as the reference does it, so that either server reads the other's: Fernet,
//! <https://github.com/fernet/spec/blob/master/Spec.md>, which is AES-128-CBC and HMAC-SHA256.

use aes::Aes128;
use base64::{Engine, prelude::BASE64_URL_SAFE};
use cbc::{
    Decryptor, Encryptor,
    cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{
    fmt,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};
use thiserror::Error;

/// The only version that there is.
const VERSION: u8 = 0x80;
/// Bytes of version and time, before what is encrypted.
const HEAD: usize = 1 + 8;
/// Bytes of the vector that makes equal secrets look different.
const VECTOR: usize = 16;
/// Bytes of the signature at the end.
const SIGNATURE: usize = 32;

/// What secrets are encrypted with: `MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey {
    signing: [u8; 16],
    encryption: [u8; 16],
}

/// A text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a key is 32 bytes in URL-safe base64, as `Fernet.generate_key()` makes them")]
pub struct InvalidSecretKey;

impl FromStr for SecretKey {
    type Err = InvalidSecretKey;

    fn from_str(text: &str) -> Result<Self, InvalidSecretKey> {
        let bytes = BASE64_URL_SAFE.decode(text.trim()).map_err(|_| InvalidSecretKey)?;
        let (signing, encryption) = bytes.split_at_checked(16).ok_or(InvalidSecretKey)?;
        let half = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).map_err(|_| InvalidSecretKey);
        Ok(Self { signing: half(signing)?, encryption: half(encryption)? })
    }
}

/// Keys are not shown.
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").finish_non_exhaustive()
    }
}

impl SecretKey {
    /// Encrypts a secret; nothing where the system has no random numbers.
    pub(crate) fn encrypt(&self, secret: &str) -> Option<String> {
        let mut vector = [0; VECTOR];
        getrandom::fill(&mut vector).ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.encrypt_with(secret, now, vector)
    }

    fn encrypt_with(&self, secret: &str, now: u64, vector: [u8; VECTOR]) -> Option<String> {
        let cipher = Encryptor::<Aes128>::new(&self.encryption.into(), &vector.into());
        let mut token = vec![VERSION];
        token.extend(now.to_be_bytes());
        token.extend(vector);
        token.extend(cipher.encrypt_padded_vec::<Pkcs7>(secret.as_bytes()));
        let signature = self.signing(&token)?.finalize().into_bytes();
        token.extend(signature);
        Some(BASE64_URL_SAFE.encode(token))
    }

    /// The secret in a token; nothing where another key made it, or it is damaged.
    pub(crate) fn decrypt(&self, token: &str) -> Option<String> {
        let token = BASE64_URL_SAFE.decode(token).ok()?;
        let (signed, signature) = token.split_at_checked(token.len().checked_sub(SIGNATURE)?)?;
        self.signing(signed)?.verify_slice(signature).ok()?;
        let (vector, encrypted) = signed.get(HEAD..)?.split_at_checked(VECTOR)?;
        if signed.first() != Some(&VERSION) {
            return None;
        }
        let vector = <[u8; VECTOR]>::try_from(vector).ok()?;
        let cipher = Decryptor::<Aes128>::new(&self.encryption.into(), &vector.into());
        String::from_utf8(cipher.decrypt_padded_vec::<Pkcs7>(encrypted).ok()?).ok()
    }

    fn signing(&self, signed: &[u8]) -> Option<Hmac<Sha256>> {
        let mut signing = Hmac::<Sha256>::new_from_slice(&self.signing).ok()?;
        signing.update(signed);
        Some(signing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";

    /// The example of the specification.
    #[test]
    fn tokens_are_those_of_the_specification() {
        let key: SecretKey = KEY.parse().unwrap();
        let vector = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let token = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
        assert_eq!(key.encrypt_with("hello", 499_162_800, vector).as_deref(), Some(token));
        assert_eq!(key.decrypt(token).as_deref(), Some("hello"));
    }

    #[test]
    fn what_was_changed_is_not_read() {
        let key: SecretKey = KEY.parse().unwrap();
        let token = key.encrypt("größe").unwrap();
        assert_eq!(key.decrypt(&token).as_deref(), Some("größe"));
        let other: SecretKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".parse().unwrap();
        assert_eq!(other.decrypt(&token), None);
        for bad in ["", "gAAA", "x", &token[4..]] {
            assert_eq!(key.decrypt(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_longest_secret_fits_its_column() {
        let key: SecretKey = KEY.parse().unwrap();
        let longest = "a".repeat(mlferry_protocol::limits::WEBHOOK_SECRET_BYTES);
        assert!(key.encrypt(&longest).unwrap().len() <= 1000);
        assert!(key.encrypt(&format!("{longest}a")).unwrap().len() > 1000);
    }

    #[test]
    fn keys_have_32_bytes() {
        for bad in ["", "abc", "AAAAAAAAAAAAAAAAAAAAAA==", "!"] {
            assert_eq!(bad.parse::<SecretKey>(), Err(InvalidSecretKey), "{bad}");
        }
    }
}

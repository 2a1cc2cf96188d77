//! What tokens and sessions are proved by: an id under which the row is found, and 256 random bits. Only the digest of all of it is
//! kept: nobody guesses so many bits, so that one round of SHA-256 is enough.

use super::AccessError;
use mlferry_protocol::python::hex;
use sha2::{Digest, Sha256};

/// Hexadecimal digits of an id.
const ID_DIGITS: usize = 16;

/// Hexadecimal digits of what is secret.
const SECRET_DIGITS: usize = 64;

/// A new secret, with the id in it.
pub(super) struct Secret {
    pub(super) id: String,
    pub(super) text: String,
}

impl Secret {
    /// One that begins with a prefix, by which its kind is known.
    pub(super) fn new(prefix: &str) -> Result<Self, AccessError> {
        let id = random(ID_DIGITS)?;
        let text = format!("{prefix}{id}_{}", random(SECRET_DIGITS)?);
        Ok(Self { id, text })
    }
}

/// What is kept of a secret.
pub(super) fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret))
}

/// The id in a text that has the form of a secret with this prefix.
pub(super) fn id_in<'s>(prefix: &str, secret: &'s str) -> Option<&'s str> {
    let (id, rest) = secret.strip_prefix(prefix)?.split_once('_')?;
    let is_hex =
        |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    (is_hex(id, ID_DIGITS) && is_hex(rest, SECRET_DIGITS)).then_some(id)
}

/// Random hexadecimal digits.
fn random(digits: usize) -> Result<String, AccessError> {
    let mut bytes = vec![0; digits / 2];
    getrandom::fill(&mut bytes).map_err(|_| AccessError::NoRandomNumbers)?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_the_form_of_a_secret_is_looked_up() {
        let Secret { id, text } = Secret::new("token_").unwrap();
        assert_eq!(id_in("token_", &text), Some(id.as_str()));
        let rest = &text[text.len() - SECRET_DIGITS..];
        for other in [
            String::new(),
            "token_".to_owned(),
            format!("token_{id}_"),
            format!("token__{rest}"),
            format!("token_{id}_{}", &rest[1..]),
            format!("token_{id}_{rest}0"),
            format!("token_0123456789abcdeg_{rest}"),
            format!("other_{id}_{rest}"),
        ] {
            assert_eq!(id_in("token_", &other), None, "{other}");
        }
    }
}

//! Hashes of passwords as Werkzeug writes and reads them: `method$salt$hash`, the hash in hexadecimal digits.

use hmac::{Hmac, KeyInit, Mac};
use mlferry_protocol::python::hex;
use sha2::{Sha256, Sha512};
use thiserror::Error;

/// Parameters of new hashes, those of Werkzeug 3.1.
const SCRYPT: Scrypt = Scrypt { n: 1 << 15, r: 8, p: 1 };

/// Rounds of PBKDF2 where a hash does not say, as in Werkzeug 3.1.
const PBKDF2_ROUNDS: u32 = 1_000_000;

/// Bytes of a hash made with scrypt, the default of Python.
const SCRYPT_BYTES: usize = 64;

/// Letters of a new salt: 16 of 62 letters are 95 bits.
const SALT_LETTERS: usize = 16;

/// What salts are made of.
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Memory that a hash may take; a new one takes 32 MiB. What asks for more was not made by Werkzeug.
const MAX_MEMORY_BYTES: u64 = 256 << 20;

/// Rounds that a hash may take, ten times those of Werkzeug.
const MAX_ROUNDS: u32 = 10_000_000;

/// Why there is no hash.
#[derive(Debug, Error)]
pub enum HashError {
    /// The system gave no random numbers.
    #[error("the system gives no random numbers")]
    NoRandomNumbers,
    /// The parameters are refused.
    #[error("the password can't be hashed")]
    Parameters,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Scrypt {
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Scrypt(Scrypt),
    Pbkdf2Sha256(u32),
    Pbkdf2Sha512(u32),
}

impl Method {
    /// Reads what Werkzeug writes: `scrypt:32768:8:1` or `pbkdf2:sha256:1000000`.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let method = match (parts.next()?, parts.next(), parts.next(), parts.next()) {
            ("scrypt", None, None, None) => Self::Scrypt(SCRYPT),
            ("scrypt", Some(n), Some(r), Some(p)) => {
                Self::Scrypt(Scrypt { n: n.parse().ok()?, r: r.parse().ok()?, p: p.parse().ok()? })
            }
            ("pbkdf2", name, rounds, None) => {
                let rounds = rounds.map_or(Ok(PBKDF2_ROUNDS), str::parse).ok()?;
                match name.unwrap_or("sha256") {
                    "sha256" => Self::Pbkdf2Sha256(rounds),
                    "sha512" => Self::Pbkdf2Sha512(rounds),
                    _ => return None,
                }
            }
            _ => return None,
        };
        parts.next().is_none().then_some(method)
    }

    fn hash(self, password: &[u8], salt: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Scrypt(Scrypt { n, r, p }) => {
                let memory = 128_u64.checked_mul(n)?.checked_mul(r.into())?;
                if memory > MAX_MEMORY_BYTES || u64::from(r) * u64::from(p) > 64 {
                    return None;
                }
                let log_n =
                    u8::try_from(n.checked_ilog2()?).ok().filter(|log| 1_u64 << *log == n)?;
                let params = scrypt::Params::new(log_n, r, p).ok()?;
                let mut hash = vec![0; SCRYPT_BYTES];
                scrypt::scrypt(password, salt, &params, &mut hash).ok()?;
                Some(hash)
            }
            Self::Pbkdf2Sha256(rounds) if (1..=MAX_ROUNDS).contains(&rounds) => {
                let mut hash = vec![0; 32];
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, rounds, &mut hash);
                Some(hash)
            }
            Self::Pbkdf2Sha512(rounds) if (1..=MAX_ROUNDS).contains(&rounds) => {
                let mut hash = vec![0; 64];
                pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, rounds, &mut hash);
                Some(hash)
            }
            Self::Pbkdf2Sha256(_) | Self::Pbkdf2Sha512(_) => None,
        }
    }
}

/// Hashes a password, which takes a twentieth of a second and 32 MiB: not on a thread where others wait.
pub fn hash_password(password: &str) -> Result<String, HashError> {
    let salt = new_salt()?;
    let Scrypt { n, r, p } = SCRYPT;
    let hash = Method::Scrypt(SCRYPT).hash(password.as_bytes(), salt.as_bytes());
    let hash = hash.ok_or(HashError::Parameters)?;
    Ok(format!("scrypt:{n}:{r}:{p}${salt}${}", hex(&hash)))
}

/// Whether a password is the one of a hash, which takes as long as to make the hash. One of a method that Werkzeug
/// does not write is nobody's.
#[must_use]
pub fn is_password(password: &str, hash: &str) -> bool {
    let mut parts = hash.splitn(3, '$');
    let (Some(method), Some(salt), Some(expected)) = (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let hash =
        Method::parse(method).and_then(|method| method.hash(password.as_bytes(), salt.as_bytes()));
    hash.is_some_and(|hash| is_same(hex(&hash).as_bytes(), expected.as_bytes()))
}

/// Compares in a time that does not tell where two texts differ: codes of both are compared, under a key that nobody
/// knows.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut key = [0; 32];
    if getrandom::fill(&mut key).is_err() {
        return false;
    }
    let code = |text: &[u8]| Hmac::<Sha256>::new_from_slice(&key).map(|mac| mac.chain_update(text));
    match (code(one), code(other)) {
        (Ok(one), Ok(other)) => one.finalize() == other.finalize(),
        _ => false,
    }
}

fn new_salt() -> Result<String, HashError> {
    let mut salt = String::with_capacity(SALT_LETTERS);
    let mut random = [0; 4 * SALT_LETTERS];
    while salt.len() < SALT_LETTERS {
        getrandom::fill(&mut random).map_err(|_| HashError::NoRandomNumbers)?;
        // Six bits choose among 64; the two that are no letters are thrown away, so that all are as likely.
        let letters = random.iter().filter_map(|byte| LETTERS.get(usize::from(byte & 63)));
        salt.extend(letters.take(SALT_LETTERS - salt.len()).map(|letter| char::from(*letter)));
    }
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_werkzeug_are_read() {
        for hash in [
            // Made with Werkzeug 3.1: generate_password_hash("correct horse", method=…).
            "scrypt:32768:8:1$ljCDDb2pHU4cxYlL$cae52bafb098d34b6cc7ab12d7a68dbd3f86c9346c9ebc6e0ce0bbea5005e271c0f78e4ff537f6fe28fdce97ea9a0b190ca265a8d5a26bca5f072750e0f136be",
            "pbkdf2:sha256:1000$gy5d34nZJgsqE5bF$b13fa746be3dc558f4f62273ac9fba4e3a3d3df06087cb6a2bce70b1724caf2e",
            "pbkdf2:sha512:500$XzJdTNOM96KvScil$4240af47e8dc3d6aa4752a49e458ea5b953d73147d2d15d9cc96e2fc31bc9009f59af4217d390b6152148b38137529e24253e258bd9852ef06bfe51e5455b6f9",
        ] {
            assert!(is_password("correct horse", hash), "{hash}");
            assert!(!is_password("correct horsf", hash), "{hash}");
        }
    }

    #[test]
    fn a_new_hash_is_as_werkzeug_makes_it() {
        let hash = hash_password("correct horse").unwrap();
        let parts: Vec<&str> = hash.split('$').collect();
        assert_eq!(parts[0], "scrypt:32768:8:1");
        assert_eq!((parts[1].len(), parts[2].len(), parts.len()), (16, 128, 3));
        assert!(is_password("correct horse", &hash));
        assert_ne!(hash, hash_password("correct horse").unwrap());
    }

    #[test]
    fn what_is_no_hash_lets_nobody_in() {
        for hash in [
            "",
            "$$",
            "plain$$correct horse",
            "sha256$x$y",
            "scrypt:3:8:1$salt$",
            "scrypt:1073741824:8:1$salt$00",
            "scrypt:32768:8:1:1$salt$00",
            "pbkdf2:md5:1$salt$00",
            "pbkdf2:sha256:0$salt$00",
            "pbkdf2:sha256:4000000000$salt$00",
        ] {
            assert!(!is_password("correct horse", hash), "{hash}");
        }
    }
}

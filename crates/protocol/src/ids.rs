//! Ids of experiments and runs.

use crate::InvalidParameter;
use serde::{Serialize, Serializer};
use std::fmt;

/// The id of an experiment: an integer in the database, a string on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExperimentId(pub i64);

impl ExperimentId {
    /// Reads the id of a request. Integers beyond 64 bits are saturated: no such experiment
    /// exists, and the store says so.
    pub fn parse(text: &str) -> Result<Self, InvalidParameter> {
        let trimmed = text.trim();
        let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidParameter::new(format!(
                "Invalid experiment ID '{text}'. Experiment ID must be a valid integer."
            )));
        }
        let saturated = if trimmed.starts_with('-') { i64::MIN } else { i64::MAX };
        Ok(Self(trimmed.parse().unwrap_or(saturated)))
    }
}

impl fmt::Display for ExperimentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for ExperimentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The id of a run: 32 hexadecimal digits when mlferry or the reference made it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// Takes the id of a request as it is; the store answers for one that names no run.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Takes the id of a request whose handler checks its form: a letter or digit, then at most
    /// 255 letters, digits, `_` or `-`.
    pub fn checked(id: String) -> Result<Self, InvalidParameter> {
        let mut characters = id.chars();
        let well_formed = characters.next().is_some_and(|first| first.is_ascii_alphanumeric())
            && characters.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
            && id.chars().count() <= 256;
        if well_formed {
            return Ok(Self(id));
        }
        let shown = serde_json::Value::from(id);
        Err(InvalidParameter::new(format!(
            "Invalid value {shown} for parameter 'run_id' supplied."
        )))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn experiment_ids_are_integers() {
        assert_eq!(ExperimentId::parse("12").unwrap(), ExperimentId(12));
        assert_eq!(ExperimentId::parse("-1").unwrap(), ExperimentId(-1));
        assert_eq!(ExperimentId::parse("99999999999999999999999").unwrap(), ExperimentId(i64::MAX));
        for bad in ["", "abc", "1.5", "1 2", "-"] {
            assert!(ExperimentId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_checked_run_id_has_no_blanks_and_at_most_256_characters() {
        assert!(RunId::checked("0d0d27befa994a8a8a9844b9b6f2c296".into()).is_ok());
        assert!(RunId::checked("a".repeat(256)).is_ok());
        for bad in ["a b".to_owned(), String::new(), "-a".to_owned(), "a".repeat(257)] {
            assert!(RunId::checked(bad.clone()).is_err(), "{bad:?}");
        }
    }
}

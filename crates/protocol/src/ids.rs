//! Ids of experiments and runs.

use crate::InvalidParameter;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use std::fmt;

/// The id of an experiment: an integer in the database, a string on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExperimentId(pub i64);

impl ExperimentId {
    /// Reads the id of a request. An integer beyond 64 bits is the id of no experiment.
    pub fn parse(text: &str) -> Result<Self, InvalidParameter> {
        Self::read(text)?.ok_or_else(|| InvalidParameter::no_experiment(canonical(text).as_str()))
    }

    /// Reads ids of a request, without those that are beyond 64 bits: a search finds nothing there.
    pub fn parse_list(texts: &[String]) -> Result<Vec<Self>, InvalidParameter> {
        texts.iter().filter_map(|text| Self::read(text).transpose()).collect()
    }

    fn read(text: &str) -> Result<Option<Self>, InvalidParameter> {
        let trimmed = text.trim();
        let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidParameter::new(format!(
                "Invalid experiment ID '{text}'. Experiment ID must be a valid integer."
            )));
        }
        Ok(trimmed.parse().ok().map(Self))
    }
}

/// An integer's text without what Python drops when it prints it.
fn canonical(integer: &str) -> String {
    let trimmed = integer.trim();
    let sign = if trimmed.starts_with('-') { "-" } else { "" };
    format!("{sign}{}", trimmed.trim_start_matches(['-', '+', '0']))
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
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize)]
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
    use crate::ErrorCode;

    #[test]
    fn experiment_ids_are_integers() {
        assert_eq!(ExperimentId::parse("12").unwrap(), ExperimentId(12));
        assert_eq!(ExperimentId::parse("-1").unwrap(), ExperimentId(-1));
        assert_eq!(ExperimentId::parse("+01").unwrap(), ExperimentId(1));
        for bad in ["", "abc", "1.5", "1 2", "-"] {
            assert!(ExperimentId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_experiment_has_an_id_beyond_64_bits() {
        assert_eq!(ExperimentId::parse("9223372036854775807").unwrap(), ExperimentId(i64::MAX));
        for (given, shown) in [
            ("9223372036854775808", "9223372036854775808"),
            (" +0099999999999999999999", "99999999999999999999"),
            ("-9223372036854775809", "-9223372036854775809"),
        ] {
            let error = ExperimentId::parse(given).unwrap_err();
            assert_eq!(error.to_string(), format!("No Experiment with id={shown} exists"));
            assert_eq!(error.code(), ErrorCode::ResourceDoesNotExist);
        }
        let list = ["1", "99999999999999999999", "2"].map(str::to_owned);
        assert_eq!(ExperimentId::parse_list(&list).unwrap(), [ExperimentId(1), ExperimentId(2)]);
        assert!(ExperimentId::parse_list(&["x".to_owned()]).is_err());
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

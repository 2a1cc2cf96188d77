//! Tokens by which programs sign in: `Authorization: Bearer`. They are mlferry's own; the reference has none.

use crate::{DecodeRequest, ExperimentId, Fields, InvalidParameter, WireEnum, limits};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// What all tokens begin with, so that those who look for secrets in files find them.
pub const TOKEN_PREFIX: &str = "mlferry_";

/// What a token may be used for, of what its user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenScope {
    /// To see.
    Read,
    /// To see, to change and to delete.
    Write,
    /// To list, download, upload and delete artifacts, and to find out where they are.
    Artifacts,
}

impl WireEnum for TokenScope {
    const VALUES: &'static [(Self, i64, &'static str)] =
        &[(Self::Read, 1, "READ"), (Self::Write, 2, "WRITE"), (Self::Artifacts, 3, "ARTIFACTS")];
}

impl TokenScope {
    /// The scope that a client or an operator names, in any case.
    pub fn parse(name: &str) -> Result<Self, InvalidParameter> {
        Self::from_name(&name.to_ascii_uppercase()).ok_or_else(|| {
            InvalidParameter::new(format!(
                "Invalid scope '{name}'. Scopes are {}.",
                Self::names().join(", ")
            ))
        })
    }
}

impl Serialize for TokenScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A token, without what its user sends.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Token {
    /// By which it is revoked: the part of the secret that is none.
    pub id: String,
    /// What it is for, in the words of whoever made it.
    pub name: String,
    /// The user that it stands for.
    pub username: String,
    /// What it may be used for.
    pub scope: TokenScope,
    /// The only experiments for which it may be used; absent if it is good for whatever its user may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment_ids: Option<Vec<ExperimentId>>,
    /// When it was made, in milliseconds.
    pub creation_time: i64,
    /// When it ends, in milliseconds; absent if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<i64>,
}

/// What a new token is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenTerms {
    /// What it is for.
    pub name: String,
    /// What it may be used for.
    pub scope: TokenScope,
    /// The only experiments for which it may be used, if not for all.
    pub experiment_ids: Option<Vec<ExperimentId>>,
    /// Seconds after which it ends, if it does.
    pub lifetime_seconds: Option<i64>,
}

impl TokenTerms {
    /// Terms on which a token may be made. A list of experiments that turned out to be empty is no list of all of them.
    pub fn new(
        name: String,
        scope: TokenScope,
        experiment_ids: Option<&[String]>,
        lifetime_seconds: Option<i64>,
    ) -> Result<Self, InvalidParameter> {
        let length = name.chars().count();
        if length == 0 || length > limits::TOKEN_NAME_LENGTH || name.contains(char::is_control) {
            return Err(InvalidParameter::new(format!(
                "Invalid name '{}' of a token. It must have 1 to {} characters, and no control characters.",
                name.escape_debug(),
                limits::TOKEN_NAME_LENGTH
            )));
        }
        let experiment_ids = experiment_ids.map(experiments).transpose()?;
        if let Some(seconds) = lifetime_seconds
            && !(1..=limits::TOKEN_LIFETIME_SECONDS).contains(&seconds)
        {
            return Err(InvalidParameter::new(format!(
                "Invalid lifetime of {seconds} s. A token lasts 1 to {} s (ten years), or without an end.",
                limits::TOKEN_LIFETIME_SECONDS
            )));
        }
        Ok(Self { name, scope, experiment_ids, lifetime_seconds })
    }
}

/// The experiments of a token, each once.
fn experiments(ids: &[String]) -> Result<Vec<ExperimentId>, InvalidParameter> {
    if ids.is_empty() || ids.len() > limits::TOKEN_EXPERIMENTS {
        return Err(InvalidParameter::new(format!(
            "A token is for 1 to {} experiments; {} were given. Leave 'experiment_ids' out for all of them.",
            limits::TOKEN_EXPERIMENTS,
            ids.len()
        )));
    }
    let mut ids: Vec<ExperimentId> =
        ids.iter().map(|id| ExperimentId::parse(id)).collect::<Result<_, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// `POST …/tokens/create`: for oneself, or by an operator for somebody else.
#[derive(Debug)]
pub struct CreateToken {
    /// The user that it is to stand for; absent for whoever asks.
    pub username: Option<String>,
    /// What it is to be.
    pub terms: TokenTerms,
}

impl DecodeRequest for CreateToken {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let name = fields.present_string("name")?;
        let scope = TokenScope::parse(&fields.present_string("scope")?)?;
        let is_limited = fields.has("experiment_ids");
        let ids = fields.strings("experiment_ids")?;
        let experiments = is_limited.then_some(ids.as_slice());
        let lifetime = fields.integer("lifetime_seconds")?;
        let username = fields.string("username")?.filter(|name| !name.is_empty());
        Ok(Self { username, terms: TokenTerms::new(name, scope, experiments, lifetime)? })
    }
}

/// The answer to [`CreateToken`].
#[derive(JsonSchema, Serialize)]
pub struct CreatedToken {
    /// What was made.
    pub token: Token,
    /// What a client sends, as `MLFLOW_TRACKING_TOKEN`: shown now, and never again.
    pub secret: String,
}

/// Without the secret.
impl std::fmt::Debug for CreatedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CreatedToken({:?})", self.token)
    }
}

/// `GET …/tokens/list`: one's own, or by an operator somebody else's, or all.
#[derive(Debug)]
pub struct ListTokens {
    /// Whose; absent for those of whoever asks, and for all where an operator does.
    pub username: Option<String>,
}

impl DecodeRequest for ListTokens {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { username: fields.string("username")?.filter(|name| !name.is_empty()) })
    }
}

/// The answer to [`ListTokens`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct TokensResponse {
    /// Tokens, also those that have ended.
    pub tokens: Vec<Token>,
}

/// `DELETE …/tokens/revoke`: one's own, or by an operator anybody's.
#[derive(Debug)]
pub struct RevokeToken {
    /// The token.
    pub id: String,
}

impl DecodeRequest for RevokeToken {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { id: fields.present_string("token_id")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(name: &str, ids: Option<&[&str]>, seconds: Option<i64>) -> Result<TokenTerms, String> {
        let ids: Option<Vec<String>> =
            ids.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect());
        let terms = TokenTerms::new(name.to_owned(), TokenScope::Read, ids.as_deref(), seconds);
        terms.map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_is_for_each_experiment_once_or_for_all() {
        let two = Some(vec![ExperimentId(1), ExperimentId(3)]);
        assert_eq!(terms("ci", Some(&["3", "1", "+3"]), None).unwrap().experiment_ids, two);
        assert_eq!(terms("ci", None, Some(60)).unwrap().experiment_ids, None);
    }

    #[test]
    fn what_can_t_be_is_refused() {
        assert!(terms("", None, None).unwrap_err().contains("1 to 255 characters"));
        assert!(terms("a\nb", None, None).unwrap_err().contains("'a\\nb'"));
        assert!(terms("ci", None, Some(0)).unwrap_err().contains("lifetime of 0 s"));
        let many = vec!["1"; 1_001];
        for ids in [&[][..], &many, &["x"], &["99999999999999999999"]] {
            assert!(terms("ci", Some(ids), None).is_err(), "{ids:?}");
        }
        let refusal = TokenScope::parse("all").unwrap_err().to_string();
        assert_eq!(refusal, "Invalid scope 'all'. Scopes are READ, WRITE, ARTIFACTS.");
        assert_eq!(TokenScope::parse("write"), Ok(TokenScope::Write));
    }
}

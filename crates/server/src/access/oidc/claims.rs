//! What the provider says of somebody: its tokens, verified and read.

use super::{
    Oidc,
    keys::ALGORITHMS,
    provider::{Provider, ProviderError},
};
use jsonwebtoken::{DecodingKey, TokenData, Validation, decode, decode_header, errors::Error};
use mlferry_store::SignOn;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Characters of a user's name, as many as the database has room for.
const NAME_LENGTH: usize = 255;

/// What a token must say, beside that it is the provider's and has not ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'e> {
    /// For whom it was made.
    pub(super) audience: &'e str,
    /// That it was made for this very attempt to sign on.
    pub(super) nonce: Option<&'e str>,
}

/// What a verified token says.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    sub: String,
    nonce: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Reads a token, if it is one that can be believed.
pub(super) async fn verify(
    provider: &Provider,
    token: &str,
    expected: Expected<'_>,
) -> Result<Option<Claims>, ProviderError> {
    let Ok(header) = decode_header(token) else { return Ok(None) };
    if !ALGORITHMS.contains(&header.alg) {
        return Ok(None);
    }
    let Some(key) = provider.key(header.kid.as_deref(), header.alg).await? else {
        tracing::debug!(
            kid = header.kid,
            "a token is signed with a key that the identity provider does not have"
        );
        return Ok(None);
    };
    let mut validation = Validation::new(header.alg);
    validation.validate_nbf = true;
    validation.set_issuer(&[provider.issuer()]);
    validation.set_audience(&[expected.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let read = DecodingKey::from_jwk(&key)
        .and_then(|key| decode(token, &key, &validation))
        .map(|TokenData { claims, .. }: TokenData<Claims>| claims);
    Ok(read
        .map_err(|error: Error| tracing::debug!(%error, "a token is refused"))
        .ok()
        .filter(|claims| expected.nonce.is_none_or(|nonce| claims.nonce.as_deref() == Some(nonce))))
}

impl Oidc {
    /// The user that somebody is, or what is missing to know that.
    pub(super) fn sign_on(&self, claims: Claims) -> Result<SignOn, String> {
        let options = &self.0.options;
        let name = match claim(&claims.others, &options.username_claim) {
            Some(Value::String(name)) => name.clone(),
            None if options.username_claim == "sub" => claims.sub.clone(),
            _ => return Err(format!("it has no text in the claim '{}'", options.username_claim)),
        };
        // With a colon, nobody could sign in with a password.
        let is_name = |c: char| !c.is_control() && c != ':';
        if name.is_empty() || name.chars().count() > NAME_LENGTH || !name.chars().all(is_name) {
            return Err(format!("'{}' can't be the name of a user", name.escape_debug()));
        }
        let groups = groups_in(&claims.others, &options.groups_claim);
        let is_in = |group: &String| groups.contains(&group.as_str());
        Ok(SignOn {
            username: name,
            issuer: options.issuer.clone(),
            subject: claims.sub,
            roles_of_groups: options.group_roles.iter().map(|(_, role)| role.clone()).collect(),
            roles: options
                .group_roles
                .iter()
                .filter(|(group, _)| is_in(group))
                .map(|(_, role)| role.clone())
                .collect(),
            is_admin: (!options.admin_groups.is_empty())
                .then(|| options.admin_groups.iter().any(is_in)),
        })
    }
}

/// A claim by its name, or by the names of those that it is within, with dots between them.
fn claim<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c Value> {
    claims.get(name).or_else(|| {
        let (outer, rest) = name.split_once('.')?;
        claim(claims.get(outer)?.as_object()?, rest)
    })
}

/// A list of groups, or a single one.
fn groups_in<'c>(claims: &'c Map<String, Value>, name: &str) -> Vec<&'c str> {
    match claim(claims, name) {
        Some(Value::Array(groups)) => groups.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(group)) => vec![group.as_str()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_are_found_within_others() {
        let claims =
            json!({"a.b": ["x"], "realm": {"roles": ["y", 1, "z"]}, "one": "w", "none": 5});
        let claims = claims.as_object().unwrap();
        assert_eq!(groups_in(claims, "a.b"), ["x"]);
        assert_eq!(groups_in(claims, "realm.roles"), ["y", "z"]);
        assert_eq!(groups_in(claims, "one"), ["w"]);
        for other in ["none", "realm", "realm.none", "one.more", "absent", ""] {
            assert_eq!(groups_in(claims, other), [""; 0], "{other}");
        }
    }
}

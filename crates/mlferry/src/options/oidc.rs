//! Single sign-on: the identity provider, and what is made of what it says.

use std::time::Duration;

use clap::Args;
use mlferry_server::{CALLBACK_PATH, OidcOptions};
use url::Url;

use super::set;
use crate::units::parse_duration;
use crate::usage::Stop;

/// What is asked of the provider when nothing else is said.
const SCOPES: &str = "openid,profile,email";

/// Where names and groups stand when nothing else is said.
const USERNAME_CLAIM: &str = "preferred_username";
const GROUPS_CLAIM: &str = "groups";

/// How long people stay signed on when nothing else is said.
const SESSION_TIME: Duration = Duration::from_hours(8);

/// The flags of single sign-on.
#[expect(clippy::struct_field_names, reason = "each is named after its flag")]
#[expect(clippy::doc_markdown, reason = "the help is no Markdown")]
#[derive(Args, Clone, Default)]
pub(crate) struct OidcFlags {
    /// URL of an OpenID Connect issuer whose users may sign on, as it stands in its tokens; only with --app-name
    /// (docs/access.md)
    #[arg(long, value_name = "URL", env = "MLFERRY_OIDC_ISSUER")]
    oidc_issuer: Option<String>,

    /// Id of this server as a client of that issuer
    #[arg(long, value_name = "TEXT", env = "MLFERRY_OIDC_CLIENT_ID")]
    oidc_client_id: Option<String>,

    /// Secret of that client, if it has one; better given by MLFERRY_OIDC_CLIENT_SECRET_FILE, since others see flags
    #[arg(long, value_name = "TEXT", env = "MLFERRY_OIDC_CLIENT_SECRET", hide_env_values = true)]
    oidc_client_secret: Option<String>,

    /// Where the issuer sends browsers back to: the URL of the page with oidc/callback behind it; without, only programs
    /// come with its tokens
    #[arg(long, value_name = "URL", env = "MLFERRY_OIDC_REDIRECT_URL")]
    oidc_redirect_url: Option<String>,

    /// Audience of the tokens that programs bring (default: the client id)
    #[arg(long, value_name = "TEXT", env = "MLFERRY_OIDC_AUDIENCE")]
    oidc_audience: Option<String>,

    /// What is asked of the issuer when people sign on, separated by commas (default: openid,profile,email)
    #[arg(long, value_name = "LIST", env = "MLFERRY_OIDC_SCOPES")]
    oidc_scopes: Option<String>,

    /// Claim that names users (default: preferred_username)
    #[arg(long, value_name = "CLAIM", env = "MLFERRY_OIDC_USERNAME_CLAIM")]
    oidc_username_claim: Option<String>,

    /// Claim with the groups of users; with dots, one within another (default: groups)
    #[arg(long, value_name = "CLAIM", env = "MLFERRY_OIDC_GROUPS_CLAIM")]
    oidc_groups_claim: Option<String>,

    /// Groups whose members may do everything, separated by commas (default: operators say who may)
    #[arg(long, value_name = "LIST", env = "MLFERRY_OIDC_ADMIN_GROUPS")]
    oidc_admin_groups: Option<String>,

    /// Roles that members of groups have, as GROUP=ROLE separated by commas (default: operators give roles to users)
    #[arg(long, value_name = "LIST", env = "MLFERRY_OIDC_GROUP_ROLES")]
    oidc_group_roles: Option<String>,

    /// How long people stay signed on, in seconds or with a unit (default: 8h)
    #[arg(long, value_name = "TIME", env = "MLFERRY_OIDC_SESSION_TIME")]
    oidc_session_time: Option<String>,
}

/// Without the secret.
impl std::fmt::Debug for OidcFlags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OidcFlags").field("issuer", &self.oidc_issuer).finish_non_exhaustive()
    }
}

impl OidcFlags {
    fn names_something(&self) -> bool {
        let all = [
            &self.oidc_issuer,
            &self.oidc_client_id,
            &self.oidc_client_secret,
            &self.oidc_redirect_url,
            &self.oidc_audience,
            &self.oidc_scopes,
            &self.oidc_username_claim,
            &self.oidc_groups_claim,
            &self.oidc_admin_groups,
            &self.oidc_group_roles,
            &self.oidc_session_time,
        ];
        all.iter().any(|value| value.as_deref().is_some_and(|value| !value.is_empty()))
    }
}

pub(super) fn oidc_of(flags: OidcFlags, has_users: bool) -> Result<Option<OidcOptions>, Stop> {
    if !flags.names_something() {
        return Ok(None);
    }
    if !has_users {
        return Err(Stop::usage(
            "Without --app-name basic-auth nobody signs on, and --oidc-… is of no use. Leave it out, or add that.",
        ));
    }
    let (Some(issuer), Some(client_id)) = (set(flags.oidc_issuer), set(flags.oidc_client_id))
    else {
        return Err(Stop::usage(
            "Single sign-on needs both --oidc-issuer and --oidc-client-id. Give both, or no --oidc-… at all.",
        ));
    };
    url("'--oidc-issuer'", &issuer)?;
    let list = |value| set(value).as_deref().map(list).unwrap_or_default();
    Ok(Some(OidcOptions {
        client_secret: set(flags.oidc_client_secret),
        redirect_url: set(flags.oidc_redirect_url).map(|url| redirect_url(&url)).transpose()?,
        audience: set(flags.oidc_audience).unwrap_or_else(|| client_id.clone()),
        scopes: self::list(&set(flags.oidc_scopes).unwrap_or_else(|| SCOPES.to_owned())).join(" "),
        username_claim: set(flags.oidc_username_claim).unwrap_or_else(|| USERNAME_CLAIM.to_owned()),
        groups_claim: set(flags.oidc_groups_claim).unwrap_or_else(|| GROUPS_CLAIM.to_owned()),
        admin_groups: list(flags.oidc_admin_groups),
        group_roles: list(flags.oidc_group_roles)
            .iter()
            .map(|pair| group_role(pair))
            .collect::<Result<_, _>>()?,
        session_time: session_time(set(flags.oidc_session_time).as_deref())?,
        issuer,
        client_id,
    }))
}

fn list(text: &str) -> Vec<String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

fn url(flag: &str, text: &str) -> Result<Url, Stop> {
    let read = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    read.ok_or_else(|| {
        Stop::invalid(
            flag,
            format_args!("'{text}' is no URL with http or https. Write https://login.example.org"),
        )
    })
}

fn redirect_url(text: &str) -> Result<Url, Stop> {
    let flag = "'--oidc-redirect-url'";
    let read = url(flag, text)?;
    let is_complete = read.path().ends_with(&format!("/{CALLBACK_PATH}"));
    if is_complete && read.query().is_none() && read.fragment().is_none() {
        return Ok(read);
    }
    Err(Stop::invalid(
        flag,
        format_args!(
            "'{text}' does not end with /{CALLBACK_PATH}. Write the URL of the page with that behind it, such as \
             https://mlflow.example.org/{CALLBACK_PATH}"
        ),
    ))
}

/// The last equals sign counts: groups of directories have many.
fn group_role(pair: &str) -> Result<(String, String), Stop> {
    pair.rsplit_once('=')
        .map(|(group, role)| (group.trim().to_owned(), role.trim().to_owned()))
        .filter(|(group, role)| !group.is_empty() && !role.is_empty())
        .ok_or_else(|| {
            Stop::invalid(
                "'--oidc-group-roles'",
                format_args!(
                    "'{pair}' is no group with a role. Write GROUP=ROLE, with commas between them."
                ),
            )
        })
}

fn session_time(text: Option<&str>) -> Result<Duration, Stop> {
    let Some(text) = text else { return Ok(SESSION_TIME) };
    parse_duration(text).filter(|time| time.as_secs() > 0).ok_or_else(|| {
        Stop::invalid(
            "'--oidc-session-time'",
            format_args!("'{text}' is no time. Write seconds, or 30m or 8h."),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> OidcFlags {
        OidcFlags {
            oidc_issuer: Some("https://login.example.org/realm".to_owned()),
            oidc_client_id: Some("mlferry".to_owned()),
            ..OidcFlags::default()
        }
    }

    fn refusal(flags: OidcFlags, has_users: bool) -> String {
        oidc_of(flags, has_users).unwrap_err().to_string()
    }

    #[test]
    fn issuer_and_client_are_enough() {
        let read = oidc_of(flags(), true).unwrap().unwrap();
        assert_eq!(read.issuer, "https://login.example.org/realm");
        assert_eq!((read.audience.as_str(), read.redirect_url), ("mlferry", None));
        assert_eq!(oidc_of(OidcFlags::default(), false).unwrap(), None);
    }

    #[test]
    fn groups_have_roles() {
        let given = OidcFlags {
            oidc_group_roles: Some("ml=editors, /org/team=a=readers ,".to_owned()),
            oidc_admin_groups: Some("ops,,root".to_owned()),
            ..flags()
        };
        let read = oidc_of(given, true).unwrap().unwrap();
        let pair = |group: &str, role: &str| (group.to_owned(), role.to_owned());
        assert_eq!(read.group_roles, [pair("ml", "editors"), pair("/org/team=a", "readers")]);
        assert_eq!(read.admin_groups, ["ops", "root"]);
        let given = OidcFlags { oidc_group_roles: Some("ml".to_owned()), ..flags() };
        assert!(refusal(given, true).contains("Write GROUP=ROLE"));
    }

    #[test]
    fn mistakes_are_told() {
        assert!(refusal(flags(), false).contains("--app-name basic-auth"));
        let without_client = OidcFlags { oidc_client_id: None, ..flags() };
        assert!(refusal(without_client, true).contains("needs both"));
        let back = |url: &str| OidcFlags { oidc_redirect_url: Some(url.to_owned()), ..flags() };
        assert!(oidc_of(back("https://a.example/mlflow/oidc/callback"), true).is_ok());
        for url in
            ["https://a.example/", "https://a.example/oidc/callback?a=b", "a.example/oidc/callback"]
        {
            assert!(refusal(back(url), true).contains(url), "{url}");
        }
        let time = OidcFlags { oidc_session_time: Some("long".to_owned()), ..flags() };
        assert!(refusal(time, true).contains("'long' is no time"));
    }
}

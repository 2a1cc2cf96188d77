//! `mlferry tokens`: the tokens by which programs sign in as users, without a server.

use clap::{Args, Subcommand};
use mlferry_protocol::access::{Token, TokenScope, TokenTerms};
use mlferry_protocol::{ExperimentId, WireEnum, times};
use mlferry_store::AccessStore;

use crate::env::Env;
use crate::units::parse_age;
use crate::usage::Stop;
use crate::users::{DatabaseFlags, Opening};

/// Arguments of `mlferry tokens`.
#[derive(Debug, Args)]
pub(crate) struct TokensFlags {
    /// What to do.
    #[command(subcommand)]
    action: TokensAction,
}

/// The subcommands of `mlferry tokens`.
#[derive(Debug, Subcommand)]
enum TokensAction {
    /// List tokens: id, user, name, scope, experiments, and when they were made and end
    List {
        #[command(flatten)]
        database: DatabaseFlags,
        /// List those of this user alone
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },

    /// Make a token, and show it once
    Create {
        #[command(flatten)]
        database: DatabaseFlags,
        /// The user that it stands for
        #[arg(value_name = "USER")]
        user: String,
        /// What it is for
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        terms: TermFlags,
    },

    /// End a token
    Revoke {
        #[command(flatten)]
        database: DatabaseFlags,
        /// Its id, as `list` shows it
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// What a new token is good for.
#[derive(Debug, Args)]
struct TermFlags {
    /// Of what its user may do, what may be done with it: read, write, or artifacts
    #[arg(long, value_name = "SCOPE")]
    scope: String,
    /// The only experiments for which it is good, separated by commas [default: all]
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    experiment_ids: Option<Vec<String>>,
    /// How long it lasts, such as 90d or 1d12h [default: without an end]
    #[arg(long, value_name = "TIME")]
    expires_in: Option<String>,
}

impl TokensAction {
    fn database(&self) -> &DatabaseFlags {
        match self {
            Self::List { database, .. }
            | Self::Create { database, .. }
            | Self::Revoke { database, .. } => database,
        }
    }
}

/// Carries a subcommand out; `say` prints what the operator should read.
pub(crate) fn run(
    flags: TokensFlags,
    env: &Env,
    say: impl Fn(String) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let action = flags.action;
    let said = action
        .database()
        .with(env, Opening::Existing, async |users| carry_out(users, &action).await)?;
    say(said)
}

async fn carry_out(users: &AccessStore, action: &TokensAction) -> anyhow::Result<String> {
    Ok(match action {
        TokensAction::List { user, .. } => {
            users.list_tokens(user.clone()).await?.iter().map(line).collect()
        }
        TokensAction::Create { user, name, terms, .. } => {
            let created = users.create_token(user.clone(), terms.read(name)?).await?;
            format!(
                "Made the token {} of '{user}', which is shown only now:\n{}\n",
                created.token.id, created.secret
            )
        }
        TokensAction::Revoke { id, .. } => {
            users.revoke_token(id.clone(), None).await?;
            format!("Revoked the token {id}.\n")
        }
    })
}

impl TermFlags {
    fn read(&self, name: &str) -> anyhow::Result<TokenTerms> {
        let seconds = self.expires_in.as_ref().map(|text| {
            let age = parse_age(text).ok_or_else(|| {
                anyhow::anyhow!("'{text}' is no time: write it like 90d or 1d12h30m")
            })?;
            anyhow::Ok(i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
        });
        let scope = TokenScope::parse(&self.scope)?;
        let experiments = self.experiment_ids.as_deref();
        Ok(TokenTerms::new(name.to_owned(), scope, experiments, seconds.transpose()?)?)
    }
}

fn line(token: &Token) -> String {
    let Token { id, username, name, scope, experiment_ids, creation_time, expiration_time } = token;
    let experiments = experiment_ids.as_ref().map_or_else(
        || "all".to_owned(),
        |ids| ids.iter().map(ExperimentId::to_string).collect::<Vec<_>>().join(","),
    );
    let end = expiration_time.map_or_else(|| "never".to_owned(), times::time);
    let made = times::time(*creation_time);
    let scope = scope.name().to_lowercase();
    format!("{id}\t{username}\t{name}\t{scope}\t{experiments}\t{made}\t{end}\n")
}

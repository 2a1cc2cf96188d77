//! `mlferry users`: users and what is granted to them, without a server.

use std::fs;
use std::io::{self, Read};

use clap::{Args, Subcommand};
use mlferry_protocol::access::{
    CreateUser, GrantUserPermission, Permission, Resource, RevokeUserPermission, User,
    check_password,
};
use mlferry_store::{AccessStore, Connections, hash_password};

use crate::access;
use crate::env::Env;
use crate::options::access as settings;
use crate::usage::Stop;

/// Bytes of a file that holds a password.
const PASSWORD_FILE_BYTES: u64 = 64 * 1024;

/// Arguments of `mlferry users`.
#[derive(Debug, Args)]
pub(crate) struct UsersFlags {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: UsersAction,
}

/// The subcommands of `mlferry users`.
#[derive(Debug, Subcommand)]
pub(crate) enum UsersAction {
    /// List all users: number, name, and whether they may do everything
    List(DatabaseFlags),

    /// Make a user
    Add {
        #[command(flatten)]
        database: DatabaseFlags,
        /// The name to sign in with
        #[arg(value_name = "NAME")]
        name: String,
        /// Let the user do everything
        #[arg(long)]
        admin: bool,
        #[command(flatten)]
        password: PasswordFlags,
    },

    /// Give a user another password
    Passwd {
        #[command(flatten)]
        database: DatabaseFlags,
        /// The user
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        password: PasswordFlags,
    },

    /// Delete a user, with all that was granted to this user alone
    Delete {
        #[command(flatten)]
        database: DatabaseFlags,
        /// The user
        #[arg(value_name = "NAME")]
        name: String,
    },

    /// Let a user do something, whatever was granted on the same before
    Grant {
        #[command(flatten)]
        database: DatabaseFlags,
        /// The user
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        on: ResourceFlags,
        /// READ, USE, EDIT, MANAGE, or DENY
        #[arg(value_name = "PERMISSION")]
        permission: String,
    },

    /// Take back what was granted
    Revoke {
        #[command(flatten)]
        database: DatabaseFlags,
        /// The user
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        on: ResourceFlags,
    },
}

/// Where users are.
#[derive(Debug, Args)]
pub(crate) struct DatabaseFlags {
    /// As `database_uri` in `basic_auth.ini`.
    #[arg(
        long,
        value_name = "URI",
        help = "Database of users [default: what the file of MLFLOW_AUTH_CONFIG_PATH says, or sqlite:///basic_auth.db]"
    )]
    url: Option<String>,
}

/// Whether a database must be there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    Existing,
    OrNew,
}

impl DatabaseFlags {
    /// Opens the database of users, does something with it, and closes it again.
    pub(crate) fn with<T>(
        &self,
        env: &Env,
        opening: Opening,
        work: impl AsyncFnOnce(&AccessStore) -> anyhow::Result<T>,
    ) -> Result<T, Stop> {
        let uri = match &self.url {
            Some(uri) => uri.clone(),
            None => settings::settings(env)?.database_uri,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| Stop::Refused(format!("cannot start: {error}")))?;
        let done = runtime.block_on(async {
            let connections = Connections::default();
            let users = match opening {
                Opening::OrNew => AccessStore::open(&uri, &connections).await?,
                Opening::Existing => AccessStore::open_existing(&uri, &connections).await?,
            };
            let done = work(&users).await;
            users.close().await;
            done
        });
        done.map_err(|error: anyhow::Error| Stop::Refused(crate::one_line(&error)))
    }
}

/// What a password is.
#[derive(Debug, Args)]
pub(crate) struct PasswordFlags {
    /// Take the password from a file, or from stdin with '-'; without, one is chosen and shown
    #[arg(long, value_name = "PATH")]
    password_file: Option<String>,
}

/// On what something is granted.
#[derive(Debug, Args)]
pub(crate) struct ResourceFlags {
    /// Its kind.
    #[arg(
        value_name = "TYPE",
        help = "What it is granted on, such as experiment, registered_model or prompt"
    )]
    kind: String,
    /// Its id or name, or '*' for all
    #[arg(value_name = "ID")]
    id: String,
}

impl UsersAction {
    fn database(&self) -> &DatabaseFlags {
        match self {
            Self::List(database)
            | Self::Add { database, .. }
            | Self::Passwd { database, .. }
            | Self::Delete { database, .. }
            | Self::Grant { database, .. }
            | Self::Revoke { database, .. } => database,
        }
    }
}

/// Carries a subcommand out; `say` prints what the operator should read.
pub(crate) fn run(
    flags: UsersFlags,
    env: &Env,
    say: impl Fn(String) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let action = flags.action;
    // The first user may be made before the first start.
    let makes_one = matches!(action, UsersAction::Add { .. });
    let opening = if makes_one { Opening::OrNew } else { Opening::Existing };
    let said =
        action.database().with(env, opening, async |users| carry_out(users, &action).await)?;
    say(said)
}

async fn carry_out(users: &AccessStore, action: &UsersAction) -> anyhow::Result<String> {
    Ok(match action {
        UsersAction::List(_) => {
            let listed = users.list_users().await?.users;
            let line = |user: &User| {
                let role = if user.is_admin { "admin" } else { "" };
                format!("{}\t{}\t{role}\n", user.id, user.username)
            };
            listed.iter().map(|listed| line(&listed.user)).collect()
        }
        UsersAction::Add { name, admin, password, .. } => {
            let (password, shown) = password_of(password)?;
            let CreateUser { username, password } = access::checked(name, &password)?;
            let user = users.create_user(username, hash_password(&password)?, *admin).await?;
            format!("Made the user '{}' with number {}.\n{shown}", user.username, user.id)
        }
        UsersAction::Passwd { name, password, .. } => {
            let (password, shown) = password_of(password)?;
            check_password(&password)?;
            users.set_password(name.clone(), hash_password(&password)?).await?;
            format!("Changed the password of '{name}'.\n{shown}")
        }
        UsersAction::Delete { name, .. } => {
            users.delete_user(name.clone()).await?;
            format!("Deleted the user '{name}'.\n")
        }
        UsersAction::Grant { name, on, permission, .. } => {
            let resource = Resource::parse(&on.kind, on.id.clone())?;
            let permission = Permission::parse(permission)?;
            resource.kind.check_permission(permission)?;
            let said = format!(
                "'{name}' has {} on {} '{}'.\n",
                permission.name(),
                resource.kind.name(),
                resource.id
            );
            users
                .set_grant(GrantUserPermission { username: name.clone(), resource, permission })
                .await?;
            said
        }
        UsersAction::Revoke { name, on, .. } => {
            let resource = Resource::parse(&on.kind, on.id.clone())?;
            let said =
                format!("'{name}' has nothing on {} '{}'.\n", resource.kind.name(), resource.id);
            users.revoke(RevokeUserPermission { username: name.clone(), resource }).await?;
            said
        }
    })
}

/// The password, and what is shown of it: one that was given is never shown.
fn password_of(flags: &PasswordFlags) -> anyhow::Result<(String, String)> {
    let Some(path) = &flags.password_file else {
        let password = access::new_password();
        let shown = format!("The password is {password}\n");
        return Ok((password, shown));
    };
    let mut text = String::new();
    if path == "-" {
        io::stdin().take(PASSWORD_FILE_BYTES).read_to_string(&mut text)?;
    } else {
        let file = fs::File::open(path)
            .map_err(|error| anyhow::anyhow!("cannot read the password from '{path}': {error}"))?;
        file.take(PASSWORD_FILE_BYTES).read_to_string(&mut text)?;
    }
    let password = text.trim_end_matches(['\r', '\n']).to_owned();
    anyhow::ensure!(
        password != access::KNOWN_PASSWORD,
        "that password is one that everybody knows: choose another one"
    );
    Ok((password, String::new()))
}

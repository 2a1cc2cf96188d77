//! How a start stops before the server runs: help, a usage error in click's shape, or a refusal of one line.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::config::masked;
use crate::env::Env;

/// The command whose usage an error shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// `mlferry` itself.
    Root,
    /// `mlferry server`.
    Server,
    /// `mlferry gc`.
    Gc,
    /// `mlferry doctor`.
    Doctor,
    /// `mlferry backup`.
    Backup,
    /// `mlferry restore`.
    Restore,
    /// `mlferry import`.
    Import,
    /// `mlferry artifacts`.
    Artifacts,
    /// `mlferry artifacts ls`.
    ArtifactsLs,
    /// `mlferry artifacts cp`.
    ArtifactsCp,
    /// `mlferry artifacts rm`.
    ArtifactsRm,
    /// `mlferry artifacts du`.
    ArtifactsDu,
    /// `mlferry artifacts verify`.
    ArtifactsVerify,
    /// `mlferry artifacts sweep`.
    ArtifactsSweep,
    /// `mlferry db`.
    Db,
    /// `mlferry db upgrade`.
    DbUpgrade,
    /// `mlferry db check`.
    DbCheck,
    /// `mlferry users`.
    Users,
    /// `mlferry users list`.
    UsersList,
    /// `mlferry users add`.
    UsersAdd,
    /// `mlferry users passwd`.
    UsersPasswd,
    /// `mlferry users delete`.
    UsersDelete,
    /// `mlferry users grant`.
    UsersGrant,
    /// `mlferry users revoke`.
    UsersRevoke,
    /// `mlferry tokens`.
    Tokens,
    /// `mlferry tokens list`.
    TokensList,
    /// `mlferry tokens create`.
    TokensCreate,
    /// `mlferry tokens revoke`.
    TokensRevoke,
    /// `mlferry healthcheck`.
    Healthcheck,
    /// `mlferry config`.
    Config,
    /// `mlferry config show`.
    ConfigShow,
    /// `mlferry config reference`.
    ConfigReference,
    /// `mlferry routes`.
    Routes,
    /// `mlferry openapi`.
    Openapi,
    /// `mlferry completions`.
    Completions,
    /// `mlferry man`.
    Man,
}

impl Usage {
    /// The command an error belongs to: the first word that is neither an option nor an option's value.
    pub(crate) fn of(args: &[OsString]) -> Self {
        let mut words = args.iter().skip(1);
        while let Some(word) = words.next() {
            match word.to_str() {
                Some("--env-file" | "--config") => {
                    words.next();
                }
                Some("server" | "ui") => return Self::Server,
                Some("gc") => return Self::Gc,
                Some("doctor") => return Self::Doctor,
                Some("backup") => return Self::Backup,
                Some("restore") => return Self::Restore,
                Some("import") => return Self::Import,
                Some("healthcheck") => return Self::Healthcheck,
                Some("artifacts") => {
                    return match words.next().and_then(|word| word.to_str()) {
                        Some("ls") => Self::ArtifactsLs,
                        Some("cp") => Self::ArtifactsCp,
                        Some("rm") => Self::ArtifactsRm,
                        Some("du") => Self::ArtifactsDu,
                        Some("verify") => Self::ArtifactsVerify,
                        Some("sweep") => Self::ArtifactsSweep,
                        _ => Self::Artifacts,
                    };
                }
                Some("db") => {
                    return match words.next().and_then(|word| word.to_str()) {
                        Some("upgrade") => Self::DbUpgrade,
                        Some("check") => Self::DbCheck,
                        _ => Self::Db,
                    };
                }
                Some("users") => {
                    return match words.next().and_then(|word| word.to_str()) {
                        Some("list") => Self::UsersList,
                        Some("add") => Self::UsersAdd,
                        Some("passwd") => Self::UsersPasswd,
                        Some("delete") => Self::UsersDelete,
                        Some("grant") => Self::UsersGrant,
                        Some("revoke") => Self::UsersRevoke,
                        _ => Self::Users,
                    };
                }
                Some("tokens") => {
                    return match words.next().and_then(|word| word.to_str()) {
                        Some("list") => Self::TokensList,
                        Some("create") => Self::TokensCreate,
                        Some("revoke") => Self::TokensRevoke,
                        _ => Self::Tokens,
                    };
                }
                Some("config") => {
                    return match words.next().and_then(|word| word.to_str()) {
                        Some("show") => Self::ConfigShow,
                        Some("reference") => Self::ConfigReference,
                        _ => Self::Config,
                    };
                }
                Some("routes") => return Self::Routes,
                Some("openapi") => return Self::Openapi,
                Some("completions") => return Self::Completions,
                Some("man") => return Self::Man,
                Some(option) if option.starts_with('-') => {}
                _ => return Self::Root,
            }
        }
        Self::Root
    }

    fn command(self) -> &'static str {
        match self {
            Self::Root => "mlferry",
            Self::Server => "mlferry server",
            Self::Gc => "mlferry gc",
            Self::Doctor => "mlferry doctor",
            Self::Backup => "mlferry backup",
            Self::Restore => "mlferry restore",
            Self::Import => "mlferry import",
            Self::Artifacts => "mlferry artifacts",
            Self::ArtifactsLs => "mlferry artifacts ls",
            Self::ArtifactsCp => "mlferry artifacts cp",
            Self::ArtifactsRm => "mlferry artifacts rm",
            Self::ArtifactsDu => "mlferry artifacts du",
            Self::ArtifactsVerify => "mlferry artifacts verify",
            Self::ArtifactsSweep => "mlferry artifacts sweep",
            Self::Db => "mlferry db",
            Self::DbUpgrade => "mlferry db upgrade",
            Self::DbCheck => "mlferry db check",
            Self::Users => "mlferry users",
            Self::UsersList => "mlferry users list",
            Self::UsersAdd => "mlferry users add",
            Self::UsersPasswd => "mlferry users passwd",
            Self::UsersDelete => "mlferry users delete",
            Self::UsersGrant => "mlferry users grant",
            Self::UsersRevoke => "mlferry users revoke",
            Self::Tokens => "mlferry tokens",
            Self::TokensList => "mlferry tokens list",
            Self::TokensCreate => "mlferry tokens create",
            Self::TokensRevoke => "mlferry tokens revoke",
            Self::Healthcheck => "mlferry healthcheck",
            Self::Config => "mlferry config",
            Self::ConfigShow => "mlferry config show",
            Self::ConfigReference => "mlferry config reference",
            Self::Routes => "mlferry routes",
            Self::Openapi => "mlferry openapi",
            Self::Completions => "mlferry completions",
            Self::Man => "mlferry man",
        }
    }

    fn arguments(self) -> &'static str {
        match self {
            Self::Root => "[OPTIONS] COMMAND [ARGS]...",
            Self::Server
            | Self::Gc
            | Self::Doctor
            | Self::ConfigShow
            | Self::ConfigReference
            | Self::Healthcheck
            | Self::UsersList
            | Self::TokensList
            | Self::Routes
            | Self::Openapi
            | Self::Man => "[OPTIONS]",
            Self::Import | Self::Backup | Self::Restore => "[OPTIONS] FOLDER",
            Self::ArtifactsCp | Self::ArtifactsVerify => "[OPTIONS] FROM TO",
            Self::ArtifactsLs | Self::ArtifactsRm | Self::ArtifactsDu | Self::ArtifactsSweep => {
                "[OPTIONS] DEST"
            }
            Self::Artifacts | Self::Config | Self::Db | Self::Users | Self::Tokens => {
                "COMMAND [ARGS]..."
            }
            Self::TokensCreate => "[OPTIONS] USER NAME",
            Self::TokensRevoke => "[OPTIONS] ID",
            Self::UsersAdd | Self::UsersPasswd | Self::UsersDelete => "[OPTIONS] NAME",
            Self::UsersGrant => "[OPTIONS] NAME TYPE ID PERMISSION",
            Self::UsersRevoke => "[OPTIONS] NAME TYPE ID",
            Self::DbUpgrade | Self::DbCheck => "[OPTIONS] [URI]",
            Self::Completions => "[OPTIONS] SHELL",
        }
    }
}

/// Why the program ends here.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Help or the version was asked for.
    Shown(clap::Error),
    /// The command line is wrong: exit 2.
    Usage(Usage, String),
    /// The command line is right, but the server can't do that: exit 1.
    Refused(String),
    /// All was said already, and this is the exit code.
    Told(u8),
}

impl Stop {
    /// A usage error of `mlferry server`.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(Usage::Server, message.into())
    }

    /// A usage error in click's words for a value that does not fit: `flag` is `'--port' / '-p'`.
    pub(crate) fn invalid(flag: &str, what: impl fmt::Display) -> Self {
        Self::usage(format!("Invalid value for {flag}: {what}"))
    }

    /// Changes what is said.
    pub(crate) fn map(self, change: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Shown(error) => Self::Shown(error),
            Self::Told(code) => Self::Told(code),
            Self::Usage(usage, message) => Self::Usage(usage, change(message)),
            Self::Refused(message) => Self::Refused(change(message)),
        }
    }

    /// The same without what was read from files that variables name.
    pub(crate) fn without_secrets(self, env: &Env) -> Self {
        self.map(|message| masked::without(message, env.secrets()))
    }

    /// Says it in click's words where clap found the mistake.
    pub(crate) fn from_clap(error: clap::Error, usage: Usage) -> Self {
        match click_message(&error) {
            Some(message) => Self::Usage(usage, message),
            None => Self::Shown(error),
        }
    }

    /// The code the process ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Shown(error) => u8::try_from(error.exit_code()).unwrap_or(1),
            Self::Usage(..) => 2,
            Self::Refused(_) => 1,
            Self::Told(code) => *code,
        }
    }

    /// Prints it where it belongs.
    pub(crate) fn print(&self) -> io::Result<()> {
        match self {
            Self::Shown(error) => error.print(),
            Self::Told(_) => Ok(()),
            Self::Usage(..) | Self::Refused(_) => writeln!(io::stderr(), "{self}"),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shown(error) => write!(f, "{error}"),
            Self::Usage(usage, message) => {
                let command = usage.command();
                writeln!(f, "Usage: {command} {}", usage.arguments())?;
                writeln!(f, "Try '{command} --help' for help.\n")?;
                write!(f, "Error: {message}")
            }
            Self::Refused(message) => write!(f, "Error: {message}"),
            Self::Told(_) => Ok(()),
        }
    }
}

/// Click's words for clap's error; `None` when it is no error but help or the version.
fn click_message(error: &clap::Error) -> Option<String> {
    let argument = text(error, ContextKind::InvalidArg);
    // clap writes `--port <INTEGER>`, click `--port`.
    let option = argument.split(' ').next().unwrap_or_default().trim_matches(['<', '>']);
    let value = text(error, ContextKind::InvalidValue);
    Some(match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::DisplayVersion => return None,
        ErrorKind::UnknownArgument if option.starts_with('-') => {
            let suggested = suggestion(error, ContextKind::SuggestedArg);
            format!("No such option '{option}'.{suggested}")
        }
        ErrorKind::UnknownArgument => format!("Got unexpected extra argument ({argument})"),
        ErrorKind::InvalidSubcommand => {
            let command = text(error, ContextKind::InvalidSubcommand);
            let suggested = suggestion(error, ContextKind::SuggestedSubcommand);
            format!("No such command '{command}'.{suggested}")
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            format!("Option '{option}' requires an argument.")
        }
        ErrorKind::InvalidValue => {
            let choices: Vec<String> = list(error, ContextKind::ValidValue)
                .iter()
                .map(|choice| format!("'{choice}'"))
                .collect();
            format!("Invalid value for '{option}': '{value}' is not one of {}.", choices.join(", "))
        }
        ErrorKind::TooManyValues => format!("Option '{option}' does not take a value."),
        ErrorKind::MissingRequiredArgument => {
            format!("Missing argument '{}'.", argument.trim_matches(['<', '>']))
        }
        _ => {
            let rendered = error.render().to_string();
            let first = rendered.lines().next().unwrap_or_default();
            first.strip_prefix("error: ").unwrap_or(first).to_owned()
        }
    })
}

fn suggestion(error: &clap::Error, kind: ContextKind) -> String {
    let possible: Vec<String> = list(error, kind).iter().map(|name| format!("'{name}'")).collect();
    match possible.as_slice() {
        [] => String::new(),
        [one] => format!(" Did you mean {one}?"),
        several => format!(" (Did you mean one of: {}?)", several.join(", ")),
    }
}

fn text(error: &clap::Error, kind: ContextKind) -> String {
    list(error, kind).into_iter().next().unwrap_or_default()
}

fn list(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(one)) => vec![one.clone()],
        Some(ContextValue::Strings(all)) => all.clone(),
        _ => Vec::new(),
    }
}

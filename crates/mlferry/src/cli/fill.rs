//! Values for flags that are not typed: of their variables, and below these of the configuration file.

use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::{Arg, ArgAction, CommandFactory};

use super::Cli;
use crate::config::keys;
use crate::env::Env;
use crate::usage::Stop;

/// What stands in for a flag of a subcommand.
pub(super) struct EnvName {
    subcommand: &'static [&'static str],
    id: String,
    /// An environment variable.
    variable: Option<OsString>,
    /// A key of the configuration file.
    key: Option<String>,
}

impl EnvName {
    /// Whether a flag of the subcommand has this variable.
    pub(super) fn is(&self, subcommand: &[&str], variable: &str) -> bool {
        self.subcommand == subcommand && self.variable.as_deref() == Some(OsStr::new(variable))
    }
}

/// The subcommands whose flags may come from the environment.
const WITH_ENV: [&[&str]; 8] = [
    &["server"],
    &["gc"],
    &["doctor"],
    &["backup"],
    &["restore"],
    &["import"],
    &["healthcheck"],
    &["config", "show"],
];

/// The grammar, with variables named in the help only: clap itself would read the process's environment, take an
/// empty variable as a value, and print values, passwords included, in its help.
pub(super) fn grammar() -> (clap::Command, Vec<EnvName>) {
    let keys = keys::all();
    let mut names = Vec::new();
    let mut command = Cli::command();
    for subcommand in WITH_ENV {
        let mut note = |arg: Arg| {
            let takes_all = subcommand == ["server"] || subcommand == ["config", "show"];
            let arg = if takes_all && arg.get_action().takes_values() {
                // As click does it: what follows `--gunicorn-opts` is its value, even `--log-level debug`.
                arg.allow_hyphen_values(true)
            } else {
                arg
            };
            let variable = arg.get_env().map(ToOwned::to_owned);
            let key = keys.iter().find(|key| Some(key.name.as_str()) == arg.get_long());
            let key = key.map(|key| key.name.clone());
            if variable.is_some() || key.is_some() {
                let id = arg.get_id().to_string();
                names.push(EnvName { subcommand, id, variable: variable.clone(), key });
            }
            let Some(variable) = variable else { return arg };
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let help = format!("{help} [env: {}]", variable.to_string_lossy());
            arg.env(Resettable::Reset).help(help)
        };
        command = mut_at(command, subcommand, &mut |command| command.mut_args(&mut note));
    }
    (command, names)
}

/// Changes a subcommand, which may be one of another's.
fn mut_at(
    command: clap::Command,
    path: &[&str],
    change: &mut dyn FnMut(clap::Command) -> clap::Command,
) -> clap::Command {
    match path {
        [] => change(command),
        [first, below @ ..] => {
            command.mut_subcommand(first, |command| mut_at(command, below, change))
        }
    }
}

/// Gives flags of the subcommand that were not typed the values of their variables, or else of their keys.
pub(super) fn with_env(
    mut grammar: clap::Command,
    subcommand: &[&str],
    names: &[EnvName],
    typed: &[String],
    env: &Env,
) -> Result<clap::Command, Stop> {
    for name in names.iter().filter(|name| name.subcommand == subcommand) {
        if typed.contains(&name.id) {
            continue;
        }
        let mut found = Ok(());
        let mut fill = |arg: Arg| match value_for(&arg, name, env) {
            Ok(None) => arg,
            Ok(Some(value)) => arg.default_value(value),
            Err(stop) => {
                found = Err(stop);
                arg
            }
        };
        grammar =
            mut_at(grammar, name.subcommand, &mut |command| command.mut_arg(&name.id, &mut fill));
        found?;
    }
    Ok(grammar)
}

fn value_for(arg: &Arg, name: &EnvName, env: &Env) -> Result<Option<String>, Stop> {
    if let Some(variable) = &name.variable
        && let Some(value) = env_value(arg, variable, env)?
    {
        return Ok(Some(value));
    }
    Ok(name.key.as_deref().and_then(|key| env.setting(key)).map(ToOwned::to_owned))
}

fn env_value(arg: &Arg, name: &OsString, env: &Env) -> Result<Option<String>, Stop> {
    let flag = format!("'--{}'", arg.get_long().unwrap_or_default());
    let value = env.get(name).map_err(|_| {
        Stop::invalid(
            &flag,
            format_args!("the variable {} is not valid UTF-8.", name.to_string_lossy()),
        )
    })?;
    match (value, arg.get_action()) {
        (Some(value), ArgAction::SetTrue) => match boolean(value) {
            Some(value) => Ok(Some(value.to_string())),
            None => Err(Stop::invalid(
                &flag,
                format_args!(
                    "'{value}' is not a valid boolean. Recognized values: , 0, 1, f, false, n, no, off, on, t, \
                     true, y, yes"
                ),
            )),
        },
        (value, _) => Ok(value.map(ToOwned::to_owned)),
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

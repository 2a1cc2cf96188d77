//! `mlferry config`, and the configuration file.

pub(crate) mod file;
pub(crate) mod keys;
pub(crate) mod masked;
mod reference;
mod show;
pub(crate) mod variables;

use std::collections::BTreeSet;

use clap::{Args, Subcommand};

use crate::env::{Env, Origin};
use crate::usage::Stop;
use show::ShowFlags;

/// Arguments of `mlferry config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigFlags {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: ConfigAction,
}

/// The subcommands of `mlferry config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Show all settings of a server that is started like this, and where each comes from; secrets are masked
    #[command(disable_help_flag = true, args_override_self = true)]
    Show(Box<ShowFlags>),

    /// Describe all flags, variables and keys of the configuration file, in Markdown
    Reference,
}

/// Carries a subcommand out; `say` prints.
pub(crate) fn run(
    flags: ConfigFlags,
    env: &Env,
    say: impl Fn(String) -> Result<(), Stop>,
) -> Result<(), Stop> {
    match flags.action {
        ConfigAction::Show(flags) => show::run(*flags, env, say),
        ConfigAction::Reference => say(reference::page()),
    }
}

/// Says where a wrong value stands, if that is the configuration file and no flag that was typed.
pub(crate) fn with_origin(stop: Stop, typed: &BTreeSet<String>, env: &Env) -> Stop {
    stop.map(|message| {
        let is_meant = |key: &&keys::Key| {
            !typed.contains(&key.id)
                && message.starts_with(&format!("Invalid value for '--{}'", key.name))
        };
        let Some(key) = keys::all().iter().find(is_meant) else { return message };
        let variable = key.variable.as_deref().and_then(|variable| env.found(variable));
        match variable.or_else(|| env.found_setting(&key.name)) {
            Some(found) if matches!(found.origin, Origin::Config { .. }) => {
                format!("{message} It stands in {}.", found.origin)
            }
            _ => message,
        }
    })
}

//! The command line: its grammar, and where its values come from (typed, environment, `--env-file`).

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::artifacts::ArtifactsFlags;
use crate::db::DbFlags;
use crate::env::Env;
use crate::flags::ServerFlags;
use crate::gc::GcFlags;
use crate::healthcheck::HealthcheckFlags;
use crate::import::ImportFlags;
use crate::usage::{Stop, Usage};

/// A drop-in replacement of `mlflow server`: experiments, runs and artifacts, in one binary.
#[derive(Debug, Parser)]
#[command(name = "mlferry", version, disable_help_subcommand = true)]
#[command(subcommand_required = true, arg_required_else_help = true, args_override_self = true)]
pub(crate) struct Cli {
    /// Load environment variables from a dotenv file; those already set stay as they are
    #[arg(long, value_name = "PATH")]
    pub(crate) env_file: Option<String>,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the tracking and artifact server
    #[command(visible_alias = "ui", disable_help_flag = true, args_override_self = true)]
    Server(Box<ServerFlags>),

    /// Remove deleted runs, experiments and logged models for good, with their artifacts
    #[command(args_override_self = true)]
    Gc(Box<GcFlags>),

    /// Bring the experiments and runs of a file store, such as ./mlruns, into a database
    #[command(args_override_self = true)]
    Import(ImportFlags),

    /// List, weigh, copy, compare and remove artifacts at any destination, without a server
    #[command(disable_help_subcommand = true, arg_required_else_help = true)]
    Artifacts(ArtifactsFlags),

    /// Check and upgrade the schema of a database
    #[command(disable_help_subcommand = true, arg_required_else_help = true)]
    Db(DbFlags),

    /// Ask a server whether it is well: exit 0 if so, else 1 and a line that says why
    #[command(disable_help_flag = true, args_override_self = true)]
    Healthcheck(HealthcheckFlags),

    /// Print a script that completes mlferry's commands and flags in a shell
    Completions {
        /// The shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },

    /// Print the manual page, to be read with `man -l`
    Man,
}

/// A command line that reads well, with the environment it runs in.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// What to do; absent flags are filled from the environment.
    pub(crate) command: Command,
    /// The environment, variables of `--env-file` included.
    pub(crate) env: Env,
    /// What the operator should read about where the values came from.
    pub(crate) notices: Vec<String>,
}

/// Reads a command line whose first word is the program's name.
pub(crate) fn parse(args: &[OsString], mut env: Env) -> Result<Parsed, Stop> {
    let usage = usage_of(args);
    let (grammar, names) = grammar();
    let typed = matches(grammar.clone(), args, usage)?;

    let mut notices = Vec::new();
    if let Some(file) = typed.get_one::<String>("env_file") {
        let bad_lines = env.add_file(file).map_err(|why| {
            Stop::Usage(Usage::Root, format!("Invalid value for '--env-file': {why}"))
        })?;
        notices.push(format!("Loaded environment variables from: {file}"));
        notices.extend(bad_lines.iter().map(|line| {
            format!("WARNING: Left out line {line} of {file}, which is not of the form NAME=value")
        }));
    }

    // Read twice: what was typed decides which variables are looked at, so that a bad value in the environment
    // neither hides `--help` nor outvotes a flag.
    let (subcommand, typed_flags) = match typed.subcommand() {
        Some((name, flags)) => (name.to_owned(), typed_ids(flags)),
        None => (String::new(), Vec::new()),
    };
    let grammar = with_env(grammar, &subcommand, &names, &typed_flags, &env)?;
    let mut cli = Cli::from_arg_matches(&matches(grammar, args, usage)?)
        .map_err(|error| Stop::from_clap(error, usage))?;
    if let Command::Server(flags) = &mut cli.command {
        flags.typed = typed_flags.into_iter().collect();
    }
    Ok(Parsed { command: cli.command, env, notices })
}

/// The grammar without any value of the environment, for help, completions and the manual.
pub(crate) fn command() -> clap::Command {
    grammar().0
}

/// The environment variable that stands in for a flag of a subcommand.
struct EnvName {
    subcommand: &'static str,
    id: String,
    variable: OsString,
}

/// The subcommands whose flags may come from the environment.
const WITH_ENV: [&str; 4] = ["server", "gc", "import", "healthcheck"];

/// The grammar, with variables named in the help only: clap itself would read the process's environment, take an
/// empty variable as a value, and print values, passwords included, in its help.
fn grammar() -> (clap::Command, Vec<EnvName>) {
    let mut names = Vec::new();
    let mut command = Cli::command();
    for subcommand in WITH_ENV {
        let note = |arg: Arg| {
            let arg = if subcommand == "server" && arg.get_action().takes_values() {
                // As click does it: what follows `--gunicorn-opts` is its value, even `--log-level debug`.
                arg.allow_hyphen_values(true)
            } else {
                arg
            };
            let Some(variable) = arg.get_env().map(ToOwned::to_owned) else { return arg };
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let help = format!("{help} [env: {}]", variable.to_string_lossy());
            names.push(EnvName { subcommand, id: arg.get_id().to_string(), variable });
            arg.env(Resettable::Reset).help(help)
        };
        command = command.mut_subcommand(subcommand, |command| command.mut_args(note));
    }
    (command, names)
}

/// Gives flags of the subcommand that were not typed the values of their variables.
fn with_env(
    mut grammar: clap::Command,
    subcommand: &str,
    names: &[EnvName],
    typed: &[String],
    env: &Env,
) -> Result<clap::Command, Stop> {
    for name in names.iter().filter(|name| name.subcommand == subcommand) {
        if typed.contains(&name.id) {
            continue;
        }
        let mut found = Ok(());
        let fill = |arg: Arg| match env_value(&arg, &name.variable, env) {
            Ok(None) => arg,
            Ok(Some(value)) => arg.default_value(value),
            Err(stop) => {
                found = Err(stop);
                arg
            }
        };
        grammar =
            grammar.mut_subcommand(name.subcommand, |command| command.mut_arg(&name.id, fill));
        found?;
    }
    Ok(grammar)
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

fn matches(grammar: clap::Command, args: &[OsString], usage: Usage) -> Result<ArgMatches, Stop> {
    grammar.try_get_matches_from(args).map_err(|error| Stop::from_clap(error, usage))
}

fn typed_ids(flags: &ArgMatches) -> Vec<String> {
    let typed =
        flags.ids().filter(|id| flags.value_source(id.as_str()) == Some(ValueSource::CommandLine));
    typed.map(ToString::to_string).collect()
}

/// The command an error belongs to: the first word that is neither an option nor an option's value.
fn usage_of(args: &[OsString]) -> Usage {
    let mut words = args.iter().skip(1);
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--env-file") => {
                words.next();
            }
            Some("server" | "ui") => return Usage::Server,
            Some("gc") => return Usage::Gc,
            Some("import") => return Usage::Import,
            Some("healthcheck") => return Usage::Healthcheck,
            Some("artifacts") => {
                return match words.next().and_then(|word| word.to_str()) {
                    Some("ls") => Usage::ArtifactsLs,
                    Some("cp") => Usage::ArtifactsCp,
                    Some("rm") => Usage::ArtifactsRm,
                    Some("du") => Usage::ArtifactsDu,
                    Some("verify") => Usage::ArtifactsVerify,
                    Some("sweep") => Usage::ArtifactsSweep,
                    _ => Usage::Artifacts,
                };
            }
            Some("db") => {
                return match words.next().and_then(|word| word.to_str()) {
                    Some("upgrade") => Usage::DbUpgrade,
                    Some("check") => Usage::DbCheck,
                    _ => Usage::Db,
                };
            }
            Some("completions") => return Usage::Completions,
            Some("man") => return Usage::Man,
            Some(option) if option.starts_with('-') => {}
            _ => return Usage::Root,
        }
    }
    Usage::Root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(words: &[&str]) -> Stop {
        let args: Vec<OsString> = ["mlferry"].iter().chain(words).map(Into::into).collect();
        parse(&args, Env::default()).expect_err("it should not parse")
    }

    #[test]
    fn grammar_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn mistakes_are_told_in_clicks_words() {
        let cases: [(&[&str], &str, &str); 21] = [
            (&["server", "--foo"], "server [OPTIONS]", "No such option '--foo'."),
            (&["ui", "-x"], "server [OPTIONS]", "No such option '-x'."),
            (
                &["server", "--prot", "5"],
                "server [OPTIONS]",
                "No such option '--prot'. Did you mean '--port'?",
            ),
            (&["server", "extra"], "server [OPTIONS]", "Got unexpected extra argument (extra)"),
            (&["server", "--port"], "server [OPTIONS]", "Option '--port' requires an argument."),
            (&["server", "-p"], "server [OPTIONS]", "Option '--port' requires an argument."),
            (
                &["server", "--serve-artifacts=yes"],
                "server [OPTIONS]",
                "Option '--serve-artifacts' does not take a value.",
            ),
            (&["--foo"], "[OPTIONS] COMMAND [ARGS]...", "No such option '--foo'."),
            (
                &["--env-file"],
                "[OPTIONS] COMMAND [ARGS]...",
                "Option '--env-file' requires an argument.",
            ),
            (
                &["servr"],
                "[OPTIONS] COMMAND [ARGS]...",
                "No such command 'servr'. Did you mean 'server'?",
            ),
            (
                &["--env-file", "/nope", "server"],
                "[OPTIONS] COMMAND [ARGS]...",
                "Invalid value for '--env-file': Environment file '/nope' does not exist.",
            ),
            (&["completions"], "completions [OPTIONS] SHELL", "Missing argument 'SHELL'."),
            (
                &["completions", "dos"],
                "completions [OPTIONS] SHELL",
                "Invalid value for 'SHELL': 'dos' is not one of 'bash', 'elvish', 'fish', 'powershell', 'zsh'.",
            ),
            (&["import"], "import [OPTIONS] FOLDER", "Missing argument 'FOLDER'."),
            (&["artifacts", "cp", "a"], "artifacts cp [OPTIONS] FROM TO", "Missing argument 'TO'."),
            (&["artifacts", "mv"], "artifacts COMMAND [ARGS]...", "No such command 'mv'."),
            (&["artifacts", "ls", "--x"], "artifacts ls [OPTIONS] DEST", "No such option '--x'."),
            (&["db", "stamp"], "db COMMAND [ARGS]...", "No such command 'stamp'."),
            (&["db", "check", "--x"], "db check [OPTIONS] [URI]", "No such option '--x'."),
            (
                &["db", "upgrade", "a", "b"],
                "db upgrade [OPTIONS] [URI]",
                "Got unexpected extra argument (b)",
            ),
            (&["man", "x"], "man [OPTIONS]", "Got unexpected extra argument (x)"),
        ];
        for (arguments, usage, message) in cases {
            let stop = stop(arguments);
            let is_command = |word: &&str| word.chars().all(|char| char.is_ascii_lowercase());
            let words = usage.split(' ').take_while(is_command);
            let command = ["mlferry"].into_iter().chain(words).collect::<Vec<_>>().join(" ");
            let usage = format!("mlferry {usage}");
            let expected =
                format!("Usage: {usage}\nTry '{command} --help' for help.\n\nError: {message}");
            assert_eq!(stop.to_string(), expected, "{arguments:?}");
            assert_eq!(stop.exit_code(), 2, "{arguments:?}");
        }
    }

    #[test]
    fn help_and_version_exit_well_and_no_command_does_not() {
        for (words, code) in
            [(&["--version"][..], 0), (&["--help"], 0), (&["server", "--help"], 0), (&[], 2)]
        {
            let stop = stop(words);
            assert!(matches!(stop, Stop::Shown(_)), "{words:?}: {stop}");
            assert_eq!(stop.exit_code(), code, "{words:?}");
        }
    }

    #[test]
    fn help_names_variables_but_never_their_values() {
        let args = ["mlferry", "server", "--help"].map(OsString::from);
        let env = Env::from([
            ("MLFLOW_BACKEND_STORE_URI", "postgresql://u:hunter2@h/d"),
            ("MLFLOW_PORT", "x"),
        ]);
        let help = parse(&args, env).expect_err("help is shown").to_string();
        assert!(help.contains("MLFLOW_BACKEND_STORE_URI") && !help.contains("hunter2"), "{help}");
    }
}

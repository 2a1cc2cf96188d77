//! The command line: its grammar, and where its values come from (typed, environment, `--env-file`, `--config`).

mod fill;

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{ArgMatches, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::artifacts::ArtifactsFlags;
use crate::backup::{BackupFlags, RestoreFlags};
use crate::config::file::ConfigFile;
use crate::config::{ConfigAction, ConfigFlags, keys, variables};
use crate::db::{self, DbFlags};
use crate::doctor::DoctorFlags;
use crate::env::Env;
use crate::flags::ServerFlags;
use crate::gc::GcFlags;
use crate::healthcheck::HealthcheckFlags;
use crate::import::ImportFlags;
use crate::options::access;
use crate::tokens::TokensFlags;
use crate::usage::{Stop, Usage};
use crate::users::UsersFlags;
use fill::{EnvName, grammar, with_env};

/// A drop-in replacement of `mlflow server`: experiments, runs and artifacts, in one binary.
#[derive(Debug, Parser)]
#[command(name = "mlferry", version, disable_help_subcommand = true)]
#[command(subcommand_required = true, arg_required_else_help = true, args_override_self = true)]
pub(crate) struct Cli {
    /// Load environment variables from a dotenv file; those already set stay as they are
    #[arg(long, value_name = "PATH")]
    pub(crate) env_file: Option<String>,

    /// Values of flags and variables that are not given otherwise.
    #[arg(
        long,
        value_name = "PATH",
        global = true,
        help = "Take what is neither typed nor in the environment from a TOML file, whose keys are the server's flags \
                [env: MLFERRY_CONFIG]"
    )]
    pub(crate) config: Option<String>,

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

    /// Examine a database, its artifacts and this machine: exit 0 if there is no problem, 1 if there is, 2 if something
    /// could not be examined
    #[command(args_override_self = true)]
    Doctor(DoctorFlags),

    /// Copy a SQLite database, and with --artifacts a local artifact destination, while servers run
    #[command(args_override_self = true)]
    Backup(BackupFlags),

    /// Bring a backup back, wholly or not at all
    #[command(args_override_self = true)]
    Restore(RestoreFlags),

    /// Bring the experiments and runs of a file store, such as ./mlruns, into a database
    #[command(args_override_self = true)]
    Import(ImportFlags),

    /// List, weigh, copy, compare and remove artifacts at any destination, without a server
    #[command(disable_help_subcommand = true, arg_required_else_help = true)]
    Artifacts(ArtifactsFlags),

    /// Check and upgrade the schema of a database
    #[command(disable_help_subcommand = true, arg_required_else_help = true)]
    Db(DbFlags),

    /// Make, list and delete users of `--app-name basic-auth`, and say what they may do
    #[command(disable_help_subcommand = true, arg_required_else_help = true)]
    Users(UsersFlags),

    /// Make, list and revoke the tokens by which programs sign in as users
    #[command(disable_help_subcommand = true, arg_required_else_help = true)]
    Tokens(TokensFlags),

    /// Show which settings are in force and where they come from, and describe all of them
    #[command(disable_help_subcommand = true, arg_required_else_help = true)]
    Config(ConfigFlags),

    /// Ask a server whether it is well: exit 0 if so, else 1 and a line that says why
    #[command(disable_help_flag = true, args_override_self = true)]
    Healthcheck(HealthcheckFlags),

    /// List every path that a server answers: who is meant to call it, its method, and the path
    Routes,

    /// Describe the API as OpenAPI 3.1, in JSON: every path that a server answers, what it takes and what it answers
    Openapi,

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
    let usage = Usage::of(args);
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
    let (subcommand, flags) = leaf(&typed);
    let typed_flags = typed_ids(flags);
    if has_settings(&subcommand) {
        notices.extend(add_config(&mut env, flags, usage)?);
        let is_read = |variable: &str| is_read(&subcommand, variable, &names);
        read_secret_files(&mut env, &typed_flags, is_read)?;
    }
    let filled = with_env(grammar, &subcommand, &names, &typed_flags, &env)
        .and_then(|grammar| matches(grammar, args, usage))
        .and_then(|filled| {
            let cli = Cli::from_arg_matches(&filled);
            Ok((cli.map_err(|error| Stop::from_clap(error, usage))?, filled))
        });
    let (mut cli, filled) = filled.map_err(|stop| stop.without_secrets(&env))?;
    match &mut cli.command {
        Command::Server(flags) => flags.typed = typed_flags.into_iter().collect(),
        Command::Config(ConfigFlags { action: ConfigAction::Show(flags) }) => {
            flags.server.typed = typed_flags.into_iter().collect();
            flags.values = values_of(leaf(&filled).1);
        }
        _ => {}
    }
    Ok(Parsed { command: cli.command, env, notices })
}

/// The names of the subcommand and of that below it, and what was given to the last of them.
fn leaf(matches: &ArgMatches) -> (Vec<&str>, &ArgMatches) {
    let (mut names, mut last) = (Vec::new(), matches);
    while let Some((name, below)) = last.subcommand() {
        names.push(name);
        last = below;
    }
    (names, last)
}

/// The commands that do what variables and the configuration file say, all of their subcommands included.
const WITH_SETTINGS: [&str; 10] = [
    "server",
    "gc",
    "doctor",
    "backup",
    "restore",
    "import",
    "artifacts",
    "db",
    "users",
    "healthcheck",
];

/// Whether a subcommand does what variables and the configuration file say.
fn has_settings(subcommand: &[&str]) -> bool {
    match subcommand {
        [command, ..] if WITH_SETTINGS.contains(command) => true,
        ["config", below @ ..] => below == ["show"],
        _ => false,
    }
}

/// Whether such a subcommand reads a variable.
fn is_read(subcommand: &[&str], variable: &str, names: &[EnvName]) -> bool {
    match subcommand {
        ["server" | "config", ..] => true,
        ["db", ..] => variable == db::URI_VARIABLE,
        ["artifacts", ..] => variables::is_for_stores(variable),
        ["users", ..] => access::VARIABLES.contains(&variable),
        of_flags => {
            names.iter().any(|name| name.is(of_flags, variable))
                || matches!(of_flags, ["gc" | "doctor"]) && variables::is_for_stores(variable)
        }
    }
}

/// Reads the configuration file, if there is one, and says so.
fn add_config(env: &mut Env, flags: &ArgMatches, usage: Usage) -> Result<Option<String>, Stop> {
    let invalid = |why: String| Stop::Usage(usage, format!("Invalid value for '--config': {why}"));
    let path = match flags.get_one::<String>("config") {
        Some(typed) => typed.clone(),
        None => match env.get(VARIABLE_OF_CONFIG) {
            Ok(None) => return Ok(None),
            Ok(Some(path)) => path.to_owned(),
            Err(_) => {
                let why = format!("the variable {VARIABLE_OF_CONFIG} is not valid UTF-8.");
                return Err(invalid(why));
            }
        },
    };
    let text = ConfigFile::read(&path).map_err(invalid)?;
    env.add_config(ConfigFile::parse(&path, &text).map_err(Stop::Refused)?);
    Ok(Some(format!("Loaded settings from: {path}")))
}

/// Names the configuration file where `--config` does not.
const VARIABLE_OF_CONFIG: &str = "MLFERRY_CONFIG";

/// Gives the variables that are read their values out of files, but for those of flags that were typed.
fn read_secret_files(
    env: &mut Env,
    typed: &[String],
    is_read: impl Fn(&str) -> bool,
) -> Result<(), Stop> {
    let is_typed =
        |variable: &str| keys::by_variable(variable).is_some_and(|key| typed.contains(&key.id));
    let in_files = variables::in_files();
    let is_read = |variable: &&str| is_read(variable) && !is_typed(variable);
    let names = in_files.iter().copied().filter(is_read);
    env.read_secret_files(names).map_err(Stop::Refused)?;
    let paths = keys::all().iter().filter(|key| key.kind == keys::Kind::Path);
    for variable in paths.filter_map(|key| key.variable.as_deref()).filter(is_read) {
        let in_file = format!("{variable}{}", variables::SUFFIX);
        if env.found(&in_file).is_some() {
            return Err(Stop::Refused(format!(
                "{in_file} is not read, since {variable} names a file or a folder itself. Set {variable} to its path."
            )));
        }
    }
    Ok(())
}

/// What flags of the server are set to, by their ids.
fn values_of(flags: &ArgMatches) -> BTreeMap<String, String> {
    let value = |key: &keys::Key| match key.kind {
        keys::Kind::Switch => Some(flags.get_flag(&key.id).to_string()),
        _ => flags.get_one::<String>(&key.id).cloned(),
    };
    keys::all().iter().filter_map(|key| Some((key.id.clone(), value(key)?))).collect()
}

/// The grammar without any value of the environment, for help, completions and the manual.
pub(crate) fn command() -> clap::Command {
    grammar().0
}

fn matches(grammar: clap::Command, args: &[OsString], usage: Usage) -> Result<ArgMatches, Stop> {
    grammar.try_get_matches_from(args).map_err(|error| Stop::from_clap(error, usage))
}

fn typed_ids(flags: &ArgMatches) -> Vec<String> {
    let typed =
        flags.ids().filter(|id| flags.value_source(id.as_str()) == Some(ValueSource::CommandLine));
    typed.map(ToString::to_string).collect()
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
        let cases: [(&[&str], &str, &str); 28] = [
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
                &["imprt"],
                "[OPTIONS] COMMAND [ARGS]...",
                "No such command 'imprt'. Did you mean 'import'?",
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
            (
                &["doctor", "--fixx"],
                "doctor [OPTIONS]",
                "No such option '--fixx'. Did you mean '--fix'?",
            ),
            (&["backup"], "backup [OPTIONS] FOLDER", "Missing argument 'FOLDER'."),
            (&["restore"], "restore [OPTIONS] FOLDER", "Missing argument 'FOLDER'."),
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
            (&["config", "set"], "config COMMAND [ARGS]...", "No such command 'set'."),
            (
                &["config", "show", "--prot", "5"],
                "config show [OPTIONS]",
                "No such option '--prot'. Did you mean '--port'?",
            ),
            (
                &["config", "show", "--format", "xml"],
                "config show [OPTIONS]",
                "Invalid value for '--format': 'xml' is not one of 'table', 'json', 'toml'.",
            ),
            (
                &["--config", "/nope", "db", "check"],
                "db check [OPTIONS] [URI]",
                "Invalid value for '--config': Configuration file '/nope' does not exist.",
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

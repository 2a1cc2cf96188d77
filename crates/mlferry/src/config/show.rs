//! `mlferry config show`: what is in force, and where it comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::file::ENVIRONMENT;
use super::keys::{self, Key, Kind};
use super::masked::{self, MASK};
use super::variables::{self, SUFFIX, Value};
use crate::env::{Env, Found, Origin};
use crate::flags::ServerFlags;
use crate::options::{self, ServerOptions, stores};
use crate::usage::Stop;

/// The flags of `mlferry config show`: those of the server, and one more.
#[derive(Args, Debug)]
pub(crate) struct ShowFlags {
    /// How to print: 'table', 'json', or 'toml', which can be used as a configuration file
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    format: Format,

    /// As the server takes them.
    #[command(flatten)]
    pub(crate) server: ServerFlags,

    /// What the server's flags are set to, by their ids.
    #[arg(skip)]
    pub(crate) values: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
    Toml,
}

/// A setting or a variable that is in force.
#[derive(Debug)]
struct Line {
    name: String,
    kind: Kind,
    shown: Shown,
    source: Source,
}

/// A value, as far as it may be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shown {
    Plain(String),
    /// With a mask in it.
    Masked(String),
    /// What the absence of a value means.
    Absent(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Flag(String),
    Variable {
        name: String,
        origin: Origin,
    },
    SecretFile {
        name: String,
        path: String,
        origin: Origin,
    },
    Config(Origin),
    Default,
    /// Not what the help names as the default, since other settings say so.
    Others,
}

/// Prints all settings. Where the server would not start, it is told why, too.
pub(super) fn run(
    flags: ShowFlags,
    env: &Env,
    say: impl Fn(String) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let ShowFlags { format, server, values } = flags;
    let typed = server.typed.clone();
    let options = options::resolve(server.clone(), env, Path::new("."));
    let settings: Vec<Line> = keys::all()
        .iter()
        .map(|key| setting(key, &server, values.get(&key.id), options.as_ref().ok(), env))
        .collect();
    let environment = environment(env);
    say(match format {
        Format::Table => table(&settings, &environment),
        Format::Json => json_of(&settings, &environment),
        Format::Toml => toml_of(&settings, &environment),
    })?;
    options.map(drop).map_err(|stop| super::with_origin(stop, &typed, env))
}

fn setting(
    key: &Key,
    flags: &ServerFlags,
    value: Option<&String>,
    options: Option<&ServerOptions>,
    env: &Env,
) -> Line {
    let mut source = source(key, flags, env);
    let shown = match (&source, value) {
        (Source::Flag(name), _) if *name != key.name => Shown::Plain("false".to_owned()),
        (Source::Default, _) | (_, None) => {
            let shown = by_default(key, value, options);
            if differs(&shown, key) {
                source = Source::Others;
            }
            shown
        }
        (Source::SecretFile { .. }, Some(value)) if key.kind == Kind::Text => {
            Shown::of(value, masked::from_file(value))
        }
        (_, Some(value)) => Shown::of(value, masked::setting(key, value)),
    };
    Line { name: key.name.clone(), kind: key.kind, shown, source }
}

fn by_default(key: &Key, value: Option<&String>, options: Option<&ServerOptions>) -> Shown {
    let in_force = options.and_then(|options| options.in_force(&key.name));
    match in_force.or_else(|| value.cloned()) {
        Some(value) => Shown::of(&value, masked::setting(key, &value)),
        None => Shown::Absent(key.default.clone().unwrap_or_else(|| "-".to_owned())),
    }
}

/// Whether the default is something else than the help says, as far as it is a word.
fn differs(shown: &Shown, key: &Key) -> bool {
    let default = key.default.as_deref().filter(|default| !default.contains(' '));
    match (key.kind, default) {
        (Kind::Text, Some(default)) => shown.text() != default,
        (Kind::Text | Kind::Path, None) if key.default.is_none() => {
            !matches!(shown, Shown::Absent(_))
        }
        _ => false,
    }
}

fn source(key: &Key, flags: &ServerFlags, env: &Env) -> Source {
    if flags.typed.contains(&key.id) {
        return Source::Flag(key.name.clone());
    }
    if let Some((name, id)) = &key.opposite
        && flags.typed.contains(id)
    {
        return Source::Flag(name.clone());
    }
    let variable = key.variable.as_deref();
    if let Some((name, found)) = variable.and_then(|name| Some((name, env.found(name)?))) {
        return Source::of_variable(name, found);
    }
    match env.found_setting(&key.name) {
        Some(found) => Source::Config(found.origin.clone()),
        None => Source::Default,
    }
}

/// The variables that are set and have no flag.
fn environment(env: &Env) -> Vec<Line> {
    let in_files = variables::in_files();
    let is_other = |name: &str| {
        let is_file = name.strip_suffix(SUFFIX).is_some_and(|base| in_files.contains(base));
        // They say more about the machine than about mlferry.
        let is_common = ["HOME", "TZ"].contains(&name);
        !is_file && !is_common && keys::by_variable(name).is_none()
    };
    let lines = env.texts().filter(|(name, _)| is_other(name)).filter_map(|(name, value)| {
        let known = variables::find(name);
        let is_secret = match &known {
            Some(known) => known.value == Value::Secret,
            None if stores::is_read(name) => masked::sounds_secret(name),
            None => return None,
        };
        let found = env.found(name)?;
        let shown = match found.secret_file {
            _ if is_secret => Shown::Masked(MASK.to_owned()),
            Some(_) => Shown::of(value, masked::from_file(value)),
            None => Shown::of(value, masked::uri(value)),
        };
        let source = Source::of_variable(name, found);
        Some(Line { name: name.to_owned(), kind: Kind::Text, shown, source })
    });
    lines.collect()
}

impl Shown {
    fn of(value: &str, masked: String) -> Self {
        if value == masked { Self::Plain(masked) } else { Self::Masked(masked) }
    }

    fn text(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Masked(text) | Self::Absent(text) => text,
        }
    }
}

impl Source {
    fn of_variable(name: &str, found: Found<'_>) -> Self {
        let (name, origin) = (name.to_owned(), found.origin.clone());
        match (found.secret_file, &origin) {
            (Some(path), _) => Self::SecretFile { name, path: path.to_owned(), origin },
            (None, Origin::Config { .. }) => Self::Config(origin),
            (None, _) => Self::Variable { name, origin },
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag --{name}"),
            Self::Variable { name, origin: Origin::Process } => write!(f, "variable {name}"),
            Self::Variable { name, origin } => write!(f, "variable {name} of {origin}"),
            Self::SecretFile { name, path, origin: Origin::EnvFile(env_file) } => {
                write!(f, "variable {name}{SUFFIX} ({path}) of env file {env_file}")
            }
            Self::SecretFile { name, path, origin: Origin::Process } => {
                write!(f, "variable {name}{SUFFIX} ({path})")
            }
            Self::SecretFile { path, origin, .. } => write!(f, "{origin} ({path})"),
            Self::Config(origin) => write!(f, "{origin}"),
            Self::Default => write!(f, "default"),
            Self::Others => write!(f, "follows from other settings"),
        }
    }
}

fn table(settings: &[Line], environment: &[Line]) -> String {
    let mut table = aligned("SETTING", settings);
    if !environment.is_empty() {
        table.push('\n');
        table.push_str(&aligned("VARIABLE", environment));
    }
    table
}

fn aligned(title: &str, lines: &[Line]) -> String {
    let cells = lines.iter().map(|line| {
        let value = match &line.shown {
            Shown::Absent(text) if text != "-" => format!("({text})"),
            shown => shown.text().escape_debug().to_string(),
        };
        [line.name.clone(), value, line.source.to_string()]
    });
    let head = [title, "VALUE", "SOURCE"].map(str::to_owned);
    let rows: Vec<[String; 3]> = std::iter::once(head).chain(cells).collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let (names, values) = (width(0), width(1));
    let mut text = String::new();
    for [name, value, source] in &rows {
        // Writing to a text can't fail.
        let _ = writeln!(text, "{name:names$}  {value:values$}  {source}");
    }
    text
}

fn json_of(settings: &[Line], environment: &[Line]) -> String {
    let line = |line: &Line| {
        let value = match &line.shown {
            Shown::Absent(_) => json!(null),
            shown => typed(line.kind, shown.text()),
        };
        let masked = matches!(line.shown, Shown::Masked(_));
        json!({"name": line.name, "value": value, "masked": masked, "source": line.source.to_string()})
    };
    let settings: Vec<_> = settings.iter().map(line).collect();
    let environment: Vec<_> = environment.iter().map(line).collect();
    format!("{:#}\n", json!({"settings": settings, ENVIRONMENT: environment}))
}

fn typed(kind: Kind, text: &str) -> serde_json::Value {
    match kind {
        Kind::Switch => json!(text == "true"),
        Kind::Integer => {
            text.trim().parse::<i64>().map_or_else(|_| json!(text), |number| json!(number))
        }
        Kind::List => json!(text.split(',').map(str::trim).collect::<Vec<_>>()),
        _ => json!(text),
    }
}

/// A configuration file that says the same. Secrets are left out, as comments, and defaults are comments, too.
fn toml_of(settings: &[Line], environment: &[Line]) -> String {
    let mut text = String::new();
    let (in_files, settings): (Vec<&Line>, Vec<&Line>) =
        settings.iter().partition(|line| matches!(line.source, Source::SecretFile { .. }));
    for line in settings {
        let key = &line.name;
        let value = match &line.shown {
            Shown::Absent(words) => {
                let _ = writeln!(text, "# {key}: {words}");
                continue;
            }
            shown => toml_value(line.kind, shown.text()),
        };
        let is_comment = matches!(line.source, Source::Default | Source::Others)
            || matches!(line.shown, Shown::Masked(_));
        let begin = if is_comment { "# " } else { "" };
        let _ = writeln!(text, "{begin}{key} = {value}  # {}", line.source);
    }
    let _ = writeln!(text, "\n[{ENVIRONMENT}]");
    for line in in_files.into_iter().chain(environment) {
        let (name, value) = match &line.source {
            Source::SecretFile { name, path, .. } => (format!("{name}{SUFFIX}"), path.as_str()),
            _ => (line.name.clone(), line.shown.text()),
        };
        let is_file = matches!(line.source, Source::SecretFile { .. });
        let is_of_process =
            variables::find(&name).is_none_or(|known| known.reader == variables::Reader::Process);
        let is_comment = is_of_process || !is_file && matches!(line.shown, Shown::Masked(_));
        let begin = if is_comment { "# " } else { "" };
        let value = toml_value(Kind::Text, value);
        let _ = writeln!(text, "{begin}{name} = {value}  # {}", line.source);
    }
    text
}

fn toml_value(kind: Kind, text: &str) -> String {
    let value = match kind {
        Kind::Switch => toml::Value::Boolean(text == "true"),
        Kind::Integer => match text.trim().parse() {
            Ok(number) => toml::Value::Integer(number),
            Err(_) => toml::Value::String(text.to_owned()),
        },
        Kind::List => {
            text.split(',').map(|entry| entry.trim().to_owned()).collect::<Vec<_>>().into()
        }
        _ => toml::Value::String(text.to_owned()),
    };
    // A text of several lines would not fit a comment.
    value.to_string().replace('\n', "\\n")
}

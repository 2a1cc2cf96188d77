//! The keys of a configuration file: the flags of `mlferry server`, as the command line's grammar has them.

use std::sync::LazyLock;

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, CommandFactory};

use crate::cli::Cli;

/// A flag of the server, which is a key of the configuration file as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The flag's long name.
    pub(crate) name: String,
    /// The flag's id in the grammar.
    pub(crate) id: String,
    /// The flag's letter.
    pub(crate) short: Option<char>,
    /// The variable that stands in for the flag.
    pub(crate) variable: Option<String>,
    /// What it takes.
    pub(crate) kind: Kind,
    /// The name of the flag that says the opposite, with its id.
    pub(crate) opposite: Option<(String, String)>,
    /// What it means, in the words of the flag's help.
    pub(crate) about: String,
    /// What holds when nothing is said, in the words of the flag's help.
    pub(crate) default: Option<String>,
}

/// What a key takes; a flag says it by the name of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A flag without a value.
    Switch,
    /// `on` or `off`.
    OnOff,
    /// A whole number.
    Integer,
    /// A number of bytes.
    Size,
    /// A number of seconds.
    Duration,
    /// Several values.
    List,
    /// The path of a file or a folder.
    Path,
    /// Anything else.
    Text,
}

impl Kind {
    fn of(arg: &Arg) -> Self {
        if !arg.get_action().takes_values() {
            return Self::Switch;
        }
        let value = arg.get_value_names().and_then(<[_]>::first).map(clap::builder::Str::as_str);
        match value.unwrap_or_default() {
            "INTEGER" => Self::Integer,
            "SIZE" => Self::Size,
            "DURATION" => Self::Duration,
            "LIST" => Self::List,
            "on|off" => Self::OnOff,
            "PATH" | "FILE" | "DIR" | "FOLDER" => Self::Path,
            _ => Self::Text,
        }
    }

    /// What it is in TOML, in words.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Switch => "true or false",
            Self::OnOff => "true or false, or \"on\" or \"off\"",
            Self::Integer => "a whole number",
            Self::Size => "a number of bytes, or text with a unit such as \"10G\"",
            Self::Duration => "a number of seconds, or text with a unit such as \"30s\"",
            Self::List => "a list of texts, such as [\"a\", \"b\"]",
            Self::Path | Self::Text => "text in quotes",
        }
    }

    /// What it is in TOML, in a word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Switch => "boolean",
            Self::OnOff => "boolean or text",
            Self::Integer => "integer",
            Self::Size => "integer or text",
            Self::Duration => "number or text",
            Self::List => "list of texts",
            Self::Path | Self::Text => "text",
        }
    }
}

/// All keys, in the order of the help.
pub(crate) fn all() -> &'static [Key] {
    static KEYS: LazyLock<Vec<Key>> = LazyLock::new(of_grammar);
    &KEYS
}

/// The key for which a variable stands in.
pub(crate) fn by_variable(name: &str) -> Option<&'static Key> {
    all().iter().find(|key| key.variable.as_deref() == Some(name))
}

fn of_grammar() -> Vec<Key> {
    let grammar = Cli::command();
    let Some(server) = grammar.find_subcommand("server") else { return Vec::new() };
    let mut keys: Vec<Key> = server.get_arguments().filter_map(key).collect();
    for (opposite, of) in opposites(&keys) {
        let opposite = keys.iter().find(|key| key.name == opposite).cloned();
        if let (Some(opposite), Some(key)) = (opposite, keys.iter_mut().find(|key| key.name == of))
        {
            key.opposite = Some((opposite.name, opposite.id));
        }
    }
    let names: Vec<String> =
        keys.iter().filter_map(|key| Some(key.opposite.as_ref()?.0.clone())).collect();
    keys.retain(|key| !names.contains(&key.name));
    keys
}

/// `--no-x` is the opposite of `--x`, and `--disable-x` of `--enable-x`.
fn opposites(keys: &[Key]) -> Vec<(String, String)> {
    let switches = keys.iter().filter(|key| key.kind == Kind::Switch);
    let pairs = switches.filter_map(|key| {
        let of = match key.name.strip_prefix("no-") {
            Some(of) => of.to_owned(),
            None => format!("enable-{}", key.name.strip_prefix("disable-")?),
        };
        Some((key.name.clone(), of))
    });
    pairs.filter(|(_, of)| keys.iter().any(|key| key.name == *of)).collect()
}

fn key(arg: &Arg) -> Option<Key> {
    if matches!(arg.get_action(), ArgAction::Help | ArgAction::Version) {
        return None;
    }
    let (about, default) = about(arg);
    Some(Key {
        name: arg.get_long()?.to_owned(),
        id: arg.get_id().to_string(),
        short: arg.get_short(),
        variable: arg.get_env().map(|name| name.to_string_lossy().into_owned()),
        kind: Kind::of(arg),
        opposite: None,
        about,
        default,
    })
}

/// The help of a flag, and the default that stands in parentheses at its end.
pub(crate) fn about(arg: &Arg) -> (String, Option<String>) {
    let help = arg.get_help().map(StyledStr::to_string).unwrap_or_default();
    let (about, default) = split_default(&help);
    (about.to_owned(), default.map(ToOwned::to_owned))
}

/// A meaning, and the default that stands in parentheses at its end.
pub(crate) fn split_default(text: &str) -> (&str, Option<&str>) {
    match text.strip_suffix(')').and_then(|text| text.rsplit_once(" (default: ")) {
        Some((about, default)) => (about, Some(default)),
        None => (text, None),
    }
}

/// The name that resembles a wrong one most, if any does.
pub(crate) fn near_miss<'a>(
    wrong: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    /// Below this, clap finds no resemblance either.
    const LEAST: f64 = 0.7;
    let wrong = wrong.to_lowercase();
    let names = names.into_iter();
    let scored = names.map(|name| (strsim::jaro(&wrong, &name.to_lowercase()), name));
    let best = scored.filter(|(score, _)| *score > LEAST);
    best.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_flags_without_help_and_opposites() {
        let keys = all();
        let key = |name: &str| keys.iter().find(|key| key.name == name).cloned();
        let port = key("port").unwrap();
        assert_eq!((port.short, port.kind), (Some('p'), Kind::Integer));
        assert_eq!(port.variable.as_deref(), Some("MLFLOW_PORT"));
        assert_eq!(port.default.as_deref(), Some("5000"));
        let serve = key("serve-artifacts").unwrap();
        assert_eq!(serve.opposite.unwrap().0, "no-serve-artifacts");
        assert_eq!(key("enable-workspaces").unwrap().opposite.unwrap().0, "disable-workspaces");
        for absent in ["help", "no-serve-artifacts", "disable-workspaces", "config"] {
            assert_eq!(key(absent), None);
        }
        // They have no opposite.
        assert_eq!(key("no-destination-check").unwrap().kind, Kind::Switch);
        assert_eq!(key("disable-security-middleware").unwrap().kind, Kind::Switch);
        for list in ["allowed-hosts", "cors-allowed-origins"] {
            assert_eq!(key(list).unwrap().kind, Kind::List);
        }
    }

    #[test]
    fn whatever_takes_commas_is_a_list() {
        for key in all() {
            let is_list = key.about.contains("separated by commas");
            assert_eq!(is_list, key.kind == Kind::List, "{}: name its value LIST", key.name);
        }
    }

    #[test]
    fn near_misses_are_found() {
        let names = ["port", "host", "allowed-hosts"];
        assert_eq!(near_miss("prot", names), Some("port"));
        assert_eq!(near_miss("allowed-host", names), Some("allowed-hosts"));
        assert_eq!(near_miss("zzz", names), None);
    }
}

//! Environment variables, as one value that is passed around: the process's own, below them those of `--env-file`,
//! and below these what the configuration file says.
//!
//! The process environment is never changed, so tests and several servers in one process stay apart.

mod dotenv;
pub(crate) mod secret_files;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;

use crate::config::file::ConfigFile;
use dotenv::Dotenv;

/// All environment variables this start may look at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Env {
    variables: BTreeMap<OsString, Variable>,
    /// What the configuration file says of flags, by their long names.
    settings: BTreeMap<String, Setting>,
}

#[derive(Clone, Debug)]
struct Variable {
    value: OsString,
    origin: Origin,
    /// The file that the value was read from, where another variable named it.
    secret_file: Option<String>,
}

#[derive(Clone, Debug)]
struct Setting {
    text: String,
    origin: Origin,
}

/// Where a value comes from; a smaller one counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// The environment of the process.
    Process,
    /// The file of `--env-file`.
    EnvFile(String),
    /// The configuration file.
    Config {
        /// Its path.
        path: String,
        /// The key as it is written there, with its table.
        key: String,
    },
}

/// Why a variable or a setting is what it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    /// Where it was set.
    pub(crate) origin: &'a Origin,
    /// The file that holds the value, where `NAME_FILE` was set instead of `NAME`.
    pub(crate) secret_file: Option<&'a str>,
}

/// A variable is set, but not to text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotUnicode;

impl Env {
    /// The variables of this process.
    pub(crate) fn of_process() -> Self {
        Self::from_variables(std::env::vars_os())
    }

    fn from_variables(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let variable = |value| Variable { value, origin: Origin::Process, secret_file: None };
        let variables = variables.map(|(name, value)| (name, variable(value))).collect();
        Self { variables, settings: BTreeMap::new() }
    }

    /// The value of a variable; an empty one counts as unset.
    pub(crate) fn get(&self, name: impl AsRef<OsStr>) -> Result<Option<&str>, NotUnicode> {
        match self.variables.get(name.as_ref()) {
            None => Ok(None),
            Some(variable) => match variable.value.to_str() {
                None => Err(NotUnicode),
                Some("") => Ok(None),
                Some(value) => Ok(Some(value)),
            },
        }
    }

    /// What the configuration file says of a flag.
    pub(crate) fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(|setting| setting.text.as_str())
    }

    /// A variable that is set and not empty.
    pub(crate) fn found(&self, name: &str) -> Option<Found<'_>> {
        let Variable { value, origin, secret_file } = self.variables.get(OsStr::new(name))?;
        let secret_file = secret_file.as_deref();
        (!value.is_empty()).then_some(Found { origin, secret_file })
    }

    /// A variable that the process itself has, which libraries can see, too.
    pub(crate) fn is_of_process(&self, name: &str) -> bool {
        self.found(name).is_some_and(|found| *found.origin == Origin::Process)
    }

    /// The names of what `--env-file` has set, each with the file's path.
    pub(crate) fn of_env_file(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().filter_map(|(name, variable)| match &variable.origin {
            Origin::EnvFile(path) => Some((name.to_str()?, path.as_str())),
            _ => None,
        })
    }

    /// What the configuration file says of a flag, and in which words.
    pub(crate) fn found_setting(&self, key: &str) -> Option<Found<'_>> {
        Some(Found { origin: &self.settings.get(key)?.origin, secret_file: None })
    }

    /// All variables that are text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .filter_map(|(name, variable)| Some((name.to_str()?, variable.value.to_str()?)))
    }

    /// What was read from files that variables name, to be kept out of messages.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let from_files = self.variables.values().filter(|variable| variable.secret_file.is_some());
        from_files.filter_map(|variable| variable.value.to_str())
    }

    /// Adds the variables of a dotenv file; those already set stay, even when empty.
    ///
    /// Returns the numbers of lines that could not be read and were left out, or why the file can't be read.
    pub(crate) fn add_file(&mut self, path: &str) -> Result<Vec<usize>, String> {
        let content = fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("Environment file '{path}' does not exist."),
            _ => format!("Environment file '{path}' cannot be read: {error}."),
        })?;
        let (bindings, bad_lines) = Dotenv::read(&content);
        let mut from_file: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in bindings {
            let value = self.expand(&value, &from_file);
            from_file.insert(name, value);
        }
        for (name, value) in from_file {
            self.variables.entry(name.into()).or_insert_with(|| Variable {
                value: value.into(),
                origin: Origin::EnvFile(path.to_owned()),
                secret_file: None,
            });
        }
        Ok(bad_lines)
    }

    /// Adds what a configuration file says. Variables already set stay, unless they are empty, which counts as unset.
    pub(crate) fn add_config(&mut self, file: ConfigFile) {
        let ConfigFile { path, settings, environment } = file;
        let origin = |key| Origin::Config { path: path.clone(), key };
        for (name, entry) in environment {
            if self.variables.get(OsStr::new(&name)).is_none_or(|set| set.value.is_empty()) {
                let value = entry.text.into();
                let variable = Variable { value, origin: origin(entry.key), secret_file: None };
                self.variables.insert(name.into(), variable);
            }
        }
        for (name, entry) in settings {
            self.settings.insert(name, Setting { text: entry.text, origin: origin(entry.key) });
        }
    }

    /// Replaces `${NAME}` and `${NAME:-default}`; a bare `$NAME` is left alone, as it may be part of a password.
    fn expand(&self, value: &str, from_file: &BTreeMap<String, String>) -> String {
        let mut expanded = String::with_capacity(value.len());
        let mut rest = value;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((inner, behind)) = after.split_once('}') else { break };
            expanded.push_str(before);
            rest = behind;
            let (name, default) = match inner.split_once(":-") {
                Some((name, default)) => (name, default),
                None => (inner, ""),
            };
            if name.contains(':') {
                expanded.extend(["${", inner, "}"]);
                continue;
            }
            match (self.variables.get(OsStr::new(name)), from_file.get(name)) {
                (Some(set), _) => expanded.push_str(&set.value.to_string_lossy()),
                (None, Some(set)) => expanded.push_str(set),
                (None, None) => expanded.push_str(default),
            }
        }
        expanded.push_str(rest);
        expanded
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process => write!(f, "environment"),
            Self::EnvFile(path) => write!(f, "env file {path}"),
            Self::Config { path, key } => write!(f, "config file {path}:{key}"),
        }
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Env {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self::from_variables(variables.into_iter().map(|(name, value)| (name.into(), value.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(env: &mut Env, content: &str) -> Result<Vec<usize>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        env.add_file(file.path().to_str().unwrap())
    }

    #[test]
    fn empty_counts_as_unset() {
        let env = Env::from([("A", ""), ("B", " ")]);
        assert_eq!(env.get("A"), Ok(None));
        assert_eq!(env.get("B"), Ok(Some(" ")));
        assert_eq!(env.get("C"), Ok(None));
    }

    #[test]
    fn dotenv_values_read_as_python_dotenv_reads_them() {
        // The expected values were printed by python-dotenv 1.x.
        let cases = [
            ("A=1", Some("1")),
            ("export A=1", Some("1")),
            ("\u{feff}A=1", Some("1")),
            ("  A = 1  # comment\n", Some("1")),
            ("A=x#y", Some("x#y")),
            ("A=#y", Some("#y")),
            ("A= # comment", None),
            ("A=", None),
            ("A", None),
            ("A='x # y' # z", Some("x # y")),
            (r#"A="x\n\"y\"\q""#, Some("x\n\"y\"\\q")),
            (r"A='x\n\'y\''", Some(r"x\n'y'")),
            ("A=\"x\ny\"\nB=2", Some("x\ny")),
            ("'A'=1", Some("1")),
            ("# A=0\n\nA=1\r\nA=2", Some("2")),
            ("A=pa$sword", Some("pa$sword")),
            ("A=${SET}-${B:-b}-${C}", Some("set-b-")),
            ("B=1\nA='${B}'", Some("1")),
            ("A=${open", Some("${open")),
            ("A=${B:x}", Some("${B:x}")),
        ];
        for (content, expected) in cases {
            let mut env = Env::from([("SET", "set")]);
            assert_eq!(with_file(&mut env, content), Ok(vec![]), "{content:?}");
            assert_eq!(env.get("A"), Ok(expected), "{content:?}");
        }
    }

    #[test]
    fn lines_that_are_no_bindings_are_counted_and_left_out() {
        let mut env = Env::default();
        assert_eq!(with_file(&mut env, "A=1\n=2\n\nB='x' y\nC='open\nD=3\n"), Ok(vec![2, 4, 5]));
        assert_eq!(env.get("A"), Ok(Some("1")));
        assert_eq!(env.get("B"), Ok(None));
        assert_eq!(env.get("D"), Ok(Some("3")));
    }

    #[test]
    fn the_process_wins_over_the_file_even_when_empty() {
        let mut env = Env::from([("A", "process"), ("B", "")]);
        with_file(&mut env, "A=file\nB=file\nC=${A}").unwrap();
        assert_eq!(env.get("A"), Ok(Some("process")));
        assert_eq!(env.get("B"), Ok(None));
        assert_eq!(env.get("C"), Ok(Some("process")));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Env::default().add_file("/nope").unwrap_err();
        assert_eq!(error, "Environment file '/nope' does not exist.");
    }
}

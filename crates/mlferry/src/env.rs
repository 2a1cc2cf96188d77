//! Environment variables, as one value that is passed around: the process's own, below them those of
//! `--env-file`.
//!
//! The process environment is never changed, so tests and several servers in one process stay apart.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;

/// All environment variables this start may look at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Env {
    variables: BTreeMap<OsString, OsString>,
}

/// A variable is set, but not to text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotUnicode;

impl Env {
    /// The variables of this process.
    pub(crate) fn of_process() -> Self {
        Self { variables: std::env::vars_os().collect() }
    }

    /// The value of a variable; an empty one counts as unset.
    pub(crate) fn get(&self, name: impl AsRef<OsStr>) -> Result<Option<&str>, NotUnicode> {
        match self.variables.get(name.as_ref()) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                None => Err(NotUnicode),
                Some("") => Ok(None),
                Some(value) => Ok(Some(value)),
            },
        }
    }

    /// All variables that are text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
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
            self.variables.entry(name.into()).or_insert_with(|| value.into());
        }
        Ok(bad_lines)
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
                (Some(set), _) => expanded.push_str(&set.to_string_lossy()),
                (None, Some(set)) => expanded.push_str(set),
                (None, None) => expanded.push_str(default),
            }
        }
        expanded.push_str(rest);
        expanded
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Env {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self {
            variables: variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }
}

/// Reads dotenv text the way python-dotenv does, which is what the reference's `--env-file` uses.
struct Dotenv<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Dotenv<'a> {
    /// The bindings in order, and the numbers of lines that are none.
    fn read(text: &'a str) -> (Vec<(String, String)>, Vec<usize>) {
        let mut reader = Self { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 };
        let mut bindings = Vec::new();
        let mut bad_lines = Vec::new();
        loop {
            reader.skip(char::is_whitespace);
            if reader.rest.is_empty() {
                return (bindings, bad_lines);
            }
            let start_line = reader.line;
            match reader.binding() {
                Some((Some(name), Some(value))) => bindings.push((name, value)),
                Some(_) => {}
                None => {
                    bad_lines.push(start_line);
                    reader.skip(|char| !is_newline(char));
                }
            }
        }
    }

    /// One line: `export NAME=value # comment`, a lone name, or a comment. `None` when it is something else.
    fn binding(&mut self) -> Option<(Option<String>, Option<String>)> {
        if let Some(rest) = self.rest.strip_prefix("export")
            && rest.starts_with(is_blank)
        {
            self.rest = rest;
            self.skip(is_blank);
        }
        let name = match self.rest.chars().next()? {
            '#' => None,
            '\'' => {
                let (name, _) = self.rest.get(1..)?.split_once('\'')?;
                self.advance(name.len() + 2);
                (!name.is_empty()).then_some(name.to_owned())
            }
            _ => {
                let name = self.skip(|char| char != '=' && char != '#' && !char.is_whitespace());
                Some((!name.is_empty()).then_some(name)?.to_owned())
            }
        };
        self.skip(is_blank);
        let mut value = None;
        if self.rest.starts_with('=') {
            self.advance(1);
            let blanks = self.skip(is_blank);
            value = Some(if !blanks.is_empty() && self.rest.starts_with('#') {
                String::new()
            } else {
                self.value()?
            });
        }
        self.skip(is_blank);
        if self.rest.starts_with('#') {
            self.skip(|char| !is_newline(char));
        }
        (self.rest.is_empty() || self.rest.starts_with(is_newline)).then_some((name, value))
    }

    fn value(&mut self) -> Option<String> {
        if let Some(quote @ ('\'' | '"')) = self.rest.chars().next() {
            return self.quoted(quote);
        }
        let line = self.skip(|char| !is_newline(char));
        let comment = line
            .char_indices()
            .zip(line.chars().skip(1))
            .find(|((_, char), next)| char.is_whitespace() && *next == '#')
            .map_or(line.len(), |((at, _), _)| at);
        Some(line.get(..comment)?.trim_end().to_owned())
    }

    fn quoted(&mut self, quote: char) -> Option<String> {
        let mut value = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, char)) = chars.next() {
            if char == quote {
                self.advance(at + 1);
                return Some(value);
            }
            if char != '\\' {
                value.push(char);
                continue;
            }
            let (_, escaped) = chars.next()?;
            match unescape(escaped, quote) {
                Some(plain) => value.push(plain),
                None => value.extend(['\\', escaped]),
            }
        }
        None
    }

    /// Moves on while `wanted` holds, and returns what was passed.
    fn skip(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|char| !wanted(char)).unwrap_or(self.rest.len());
        self.advance(end)
    }

    fn advance(&mut self, bytes: usize) -> &'a str {
        let (passed, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line += passed.matches('\n').count();
        self.rest = rest;
        passed
    }
}

fn is_newline(char: char) -> bool {
    matches!(char, '\n' | '\r')
}

fn is_blank(char: char) -> bool {
    char.is_whitespace() && !is_newline(char)
}

/// What a backslash and this character stand for; in single quotes only quotes and backslashes are escaped.
fn unescape(char: char, quote: char) -> Option<char> {
    match char {
        '\\' | '\'' => Some(char),
        _ if quote == '\'' => None,
        '"' => Some('"'),
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        _ => None,
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

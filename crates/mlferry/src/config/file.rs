//! The configuration file: TOML, with a key for each flag of the server and a table of environment variables.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, Key, Kind, near_miss};
use super::variables::{self, Reader};

/// The table whose keys are environment variables.
pub(crate) const ENVIRONMENT: &str = "environment";

/// What a file says; all of its keys are known, and the values are of the right kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ConfigFile {
    /// Its path, as given.
    pub(crate) path: String,
    /// Values of flags by their long names, as they would be typed; switches are `true` or `false`.
    pub(crate) settings: BTreeMap<String, Entry>,
    /// Variables by their names.
    pub(crate) environment: BTreeMap<String, Entry>,
}

/// A value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// As the command line or the environment would have it.
    pub(crate) text: String,
    /// The key as it is written, with its table.
    pub(crate) key: String,
    line: usize,
}

impl ConfigFile {
    /// Reads a file, or says in a sentence why it can't be.
    pub(crate) fn read(path: &str) -> Result<String, String> {
        fs::read_to_string(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("Configuration file '{path}' does not exist."),
            io::ErrorKind::InvalidData => format!("Configuration file '{path}' is no text."),
            _ => format!("Configuration file '{path}' cannot be read: {error}."),
        })
    }

    /// Takes the text of a file apart. An error is a line that names the file, the line and the key, but no value.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let reader = Reading { path, text };
        let table = DeTable::parse(text).map_err(|error| {
            let what = error.message().lines().collect::<Vec<_>>().join("; ");
            reader.complaint(error.span(), format_args!("this is not TOML: {what}."))
        })?;
        let mut file = Self { path: path.to_owned(), ..Self::default() };
        for (key, value) in table.into_inner() {
            if key.get_ref() == ENVIRONMENT {
                file.environment = reader.environment(&key, &value)?;
            } else {
                reader.setting(&key, &value, &mut file.settings)?;
            }
        }
        reader.check_twins(&file)?;
        Ok(file)
    }
}

/// A file that is being read.
struct Reading<'a> {
    path: &'a str,
    text: &'a str,
}

type Name<'a> = Spanned<std::borrow::Cow<'a, str>>;
type Value<'a> = Spanned<DeValue<'a>>;

impl Reading<'_> {
    fn setting(
        &self,
        written: &Name<'_>,
        value: &Value<'_>,
        settings: &mut BTreeMap<String, Entry>,
    ) -> Result<(), String> {
        let (key, is_opposite) = self.key(written, value)?;
        let text = text_of(value.get_ref(), key.kind).ok_or_else(|| {
            let found = value.get_ref().type_str();
            let what = format!(
                "{} is {}, and must be {}.",
                written.get_ref(),
                article(found),
                key.kind.in_words()
            );
            self.complaint(Some(value.span()), what)
        })?;
        let text = if is_opposite { (text != "true").to_string() } else { text };
        let line = self.line(written.span());
        let entry = Entry { text, key: written.get_ref().to_string(), line };
        match settings.insert(key.name.clone(), entry) {
            None => Ok(()),
            Some(earlier) => Err(self.twice(&earlier, written)),
        }
    }

    /// The key that is meant, and whether its opposite is written.
    fn key(&self, written: &Name<'_>, value: &Value<'_>) -> Result<(&Key, bool), String> {
        let name = written.get_ref().replace('_', "-");
        let is_meant = |key: &&Key| key.name == name;
        let says_opposite = |key: &&Key| key.opposite.as_ref().is_some_and(|(no, _)| *no == name);
        if let Some(key) = keys::all().iter().find(is_meant) {
            return Ok((key, false));
        }
        if let Some(key) = keys::all().iter().find(says_opposite) {
            return Ok((key, true));
        }
        let what = format!("there is no setting '{}'", written.get_ref());
        let hint = if let Some(key) = keys::by_variable(written.get_ref()) {
            format!(". As a key it is {}.", key.name)
        } else if variables::find(written.get_ref()).is_some() {
            format!(". Variables go below a line [{ENVIRONMENT}].")
        } else {
            let opposites =
                keys::all().iter().filter_map(|key| Some(key.opposite.as_ref()?.0.as_str()));
            let names = keys::all().iter().map(|key| key.name.as_str()).chain(opposites);
            match near_miss(&name, names.chain([ENVIRONMENT])) {
                Some(near) => format!(". Did you mean '{near}'?"),
                None if matches!(value.get_ref(), DeValue::Table(_)) => {
                    format!(": the only table is [{ENVIRONMENT}], and settings stand above it.")
                }
                None => ". `mlferry config reference` lists all of them.".to_owned(),
            }
        };
        Err(self.complaint(Some(written.span()), format_args!("{what}{hint}")))
    }

    fn environment(
        &self,
        written: &Name<'_>,
        value: &Value<'_>,
    ) -> Result<BTreeMap<String, Entry>, String> {
        let DeValue::Table(table) = value.get_ref() else {
            let found = article(value.get_ref().type_str());
            let what =
                format!("{ENVIRONMENT} is {found}, and must be a table: a line [{ENVIRONMENT}].");
            return Err(self.complaint(Some(written.span()), what));
        };
        let mut variables = BTreeMap::new();
        for (name, value) in table {
            self.check_variable(name)?;
            let text = match value.get_ref() {
                DeValue::Boolean(_) => text_of(value.get_ref(), Kind::Switch),
                DeValue::Integer(_) => text_of(value.get_ref(), Kind::Integer),
                other => text_of(other, Kind::Text),
            };
            let text = text.ok_or_else(|| {
                let found = article(value.get_ref().type_str());
                let what = format!("{} is {found}, and must be text in quotes.", name.get_ref());
                self.complaint(Some(value.span()), what)
            })?;
            let key = format!("{ENVIRONMENT}.{}", name.get_ref());
            let entry = Entry { text, key, line: self.line(name.span()) };
            variables.insert(name.get_ref().to_string(), entry);
        }
        Ok(variables)
    }

    fn check_variable(&self, written: &Name<'_>) -> Result<(), String> {
        let name = written.get_ref().as_ref();
        let hint = match variables::find(name) {
            Some(known) if known.reader != Reader::Process => return Ok(()),
            Some(_) => {
                "is read before this file, or by a library. Set it in the environment of the process.".to_owned()
            }
            None => {
                let meant = name.replace('_', "-");
                let is_key = keys::all().iter().any(|key| key.name == meant);
                match near_miss(name, variables::names()) {
                    _ if is_key => format!("is no variable, but a setting: move it above [{ENVIRONMENT}]."),
                    Some(near) => format!("is no variable that mlferry reads. Did you mean '{near}'?"),
                    None => "is no variable that mlferry reads. `mlferry config reference` lists all of them.".to_owned(),
                }
            }
        };
        Err(self.complaint(Some(written.span()), format_args!("{name} {hint}")))
    }

    /// Refuses a key beside its variable, and a variable beside its file: nobody could tell which counts.
    fn check_twins(&self, file: &ConfigFile) -> Result<(), String> {
        for key in keys::all() {
            let Some(variable) = &key.variable else { continue };
            let in_file = format!("{variable}{}", variables::SUFFIX);
            let places = [
                file.settings.get(&key.name),
                file.environment.get(variable),
                file.environment.get(&in_file),
            ];
            let mut places = places.into_iter().flatten();
            if let (Some(one), Some(other)) = (places.next(), places.next()) {
                return Err(self.same(one, &other.key, other.line));
            }
        }
        Ok(())
    }

    fn twice(&self, earlier: &Entry, written: &Name<'_>) -> String {
        self.same(earlier, written.get_ref(), self.line(written.span()))
    }

    fn same(&self, one: &Entry, other: &str, line: usize) -> String {
        // The order of keys in a table is that of their names.
        let (first, second) = if one.line <= line {
            ((one.key.as_str(), one.line), (other, line))
        } else {
            ((other, line), (one.key.as_str(), one.line))
        };
        format!(
            "{}, line {}: {} is the same setting as {} in line {}. Keep one of them.",
            self.path, second.1, second.0, first.0, first.1
        )
    }

    fn complaint(&self, at: Option<Range<usize>>, what: impl std::fmt::Display) -> String {
        match at {
            Some(at) => format!("{}, line {}: {what}", self.path, self.line(at)),
            None => format!("{}: {what}", self.path),
        }
    }

    fn line(&self, at: Range<usize>) -> usize {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }
}

/// The value as a person would type it, if it is of the right kind.
fn text_of(value: &DeValue<'_>, kind: Kind) -> Option<String> {
    match (value, kind) {
        (DeValue::Boolean(value), Kind::Switch) => Some(value.to_string()),
        (DeValue::Boolean(value), Kind::OnOff) => {
            Some(if *value { "on" } else { "off" }.to_owned())
        }
        (DeValue::Integer(value), Kind::Integer | Kind::Size | Kind::Duration) => {
            i64::from_str_radix(value.as_str(), value.radix()).ok().map(|value| value.to_string())
        }
        (DeValue::Float(value), Kind::Duration) => Some(value.as_str().to_owned()),
        (DeValue::Array(values), Kind::List) => {
            let texts = values.iter().map(|value| match value.get_ref() {
                DeValue::String(text) if !text.contains(',') => Some(text.as_ref()),
                _ => None,
            });
            Some(texts.collect::<Option<Vec<_>>>()?.join(","))
        }
        (DeValue::String(_), Kind::Switch | Kind::Integer) => None,
        (DeValue::String(text), _) => Some(text.to_string()),
        _ => None,
    }
}

fn article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}

#[cfg(test)]
mod tests;

//! The environment variables that mlferry reads besides those that stand in for flags.

mod table;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use self::table::TABLE;
use super::keys::{self, Kind};
pub(crate) use crate::env::secret_files::SUFFIX;

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Its name.
    pub(crate) name: Cow<'static, str>,
    /// Who reads it.
    pub(crate) reader: Reader,
    /// What its value is.
    pub(crate) value: Value,
    /// What it means.
    pub(crate) about: &'static str,
}

/// Who reads a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// mlferry, where no flag exists.
    Mlferry,
    /// The destinations of artifacts.
    Stores,
    /// A library, from the environment of the process, or mlferry before it has read any file.
    Process,
}

/// What a variable holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// What may be shown.
    Plain,
    /// What must not be shown.
    Secret,
    /// The path of a file or a folder, which no other file needs to hold.
    Path,
}

/// The variables for which there is no flag, by reader.
pub(crate) fn all() -> impl Iterator<Item = Known> {
    TABLE.iter().map(|(name, reader, value, about)| Known {
        name: Cow::Borrowed(name),
        reader: *reader,
        value: *value,
        about,
    })
}

/// A variable that mlferry reads: one of the table, one of a flag, or the file of either.
pub(crate) fn find(name: &str) -> Option<Known> {
    if let Some(known) = all().find(|known| known.name == name) {
        return Some(known);
    }
    let is_known = keys::by_variable(name).is_some()
        || name.strip_suffix(SUFFIX).is_some_and(|base| in_files().contains(base));
    let value = if name.ends_with(SUFFIX) { Value::Path } else { Value::Plain };
    let name = Cow::Owned(name.to_owned());
    is_known.then_some(Known { name, reader: Reader::Mlferry, value, about: "" })
}

/// The names of all variables that are worth a suggestion.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter(|(_, reader, ..)| *reader != Reader::Process).map(|(name, ..)| *name)
}

/// Whether a destination reads this variable.
pub(crate) fn is_for_stores(name: &str) -> bool {
    TABLE.iter().any(|(known, reader, ..)| *known == name && *reader == Reader::Stores)
}

/// The variables that can be given as files. Where `NAME_FILE` has a meaning of its own, it keeps that.
pub(crate) fn in_files() -> &'static BTreeSet<&'static str> {
    static NAMES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
        let of_flags = keys::all().iter().filter(|key| key.kind != Kind::Path);
        let of_flags = of_flags.filter_map(|key| key.variable.as_deref());
        let others = TABLE
            .iter()
            .filter(|(_, reader, value, _)| *reader != Reader::Process && *value != Value::Path);
        let names = of_flags.chain(others.map(|(name, ..)| *name));
        let has_own_meaning =
            |name: &str| TABLE.iter().any(|(known, ..)| known.strip_suffix(SUFFIX) == Some(name));
        names.filter(|name| !has_own_meaning(name)).collect()
    });
    &NAMES
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn names_with_a_meaning_of_their_own_are_no_files_of_secrets() {
        let in_files = in_files();
        for name in ["MLFLOW_BACKEND_STORE_URI", "AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_TOKEN"] {
            assert!(in_files.contains(name), "{name}");
        }
        for name in [
            "AWS_CONFIG",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "AWS_SHARED_CREDENTIALS",
            "AWS_WEB_IDENTITY_TOKEN",
            "AZURE_FEDERATED_TOKEN",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "MLFERRY_ARTIFACT_CACHE",
            "MLFERRY_CONFIG",
            "PGPASS",
            "SSL_CERT",
        ] {
            assert!(!in_files.contains(name), "{name}");
        }
    }

    #[test]
    fn each_variable_is_there_once() {
        let names: BTreeSet<&str> = TABLE.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names.len(), TABLE.len());
        for key in keys::all() {
            let variable = key.variable.as_deref().unwrap_or_default();
            assert!(!names.contains(variable), "{variable} is that of --{}", key.name);
        }
    }

    /// Whatever looks like the name of a variable in our sources is one that we know.
    #[test]
    fn every_variable_of_the_sources_is_known() {
        const BEGINNINGS: [&str; 8] =
            ["AWS_", "AZURE_", "GOOGLE_", "HADOOP_", "MLFERRY_", "MLFLOW_", "OTEL_", "STORAGE_"];
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut looked_at = 0;
        for file in ["mlferry", "server", "store", "artifacts"]
            .iter()
            .flat_map(|name| sources(&crates.join(name).join("src")))
        {
            let text = fs::read_to_string(&file).unwrap();
            // Tests have variables of their own.
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in text.split('"') {
                let is_name = |char: char| char.is_ascii_uppercase() || char.is_ascii_digit();
                let is_variable = BEGINNINGS.iter().any(|begin| word.starts_with(begin))
                    && word.chars().all(|char| is_name(char) || char == '_')
                    && !word.ends_with('_');
                if is_variable {
                    looked_at += 1;
                    let is_of_gc = word == "MLFLOW_TRACKING_URI";
                    assert!(find(word).is_some() || is_of_gc, "{word} in {}", file.display());
                }
            }
        }
        assert!(looked_at > 50, "{looked_at}");
    }

    fn sources(folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("tests") || path.ends_with("tests.rs") {
                continue;
            }
            if path.is_dir() {
                files.extend(sources(&path));
            } else {
                files.push(path);
            }
        }
        files
    }
}

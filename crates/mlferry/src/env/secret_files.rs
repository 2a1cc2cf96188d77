//! Values in files: `NAME_FILE=/run/secrets/x` stands for `NAME` with what the file holds, as containers get secrets.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;

use super::{Env, Origin, Variable};

/// What is longer is no value of a variable, and was named by mistake.
const MAX_BYTES: u64 = 64 << 10;

/// What is appended to the name of a variable.
pub(crate) const SUFFIX: &str = "_FILE";

impl Env {
    /// Gives variables the content of the files that their namesakes with `_FILE` name, without the line's end.
    ///
    /// An error says in a sentence what is wrong.
    pub(crate) fn read_secret_files<'a>(
        &mut self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), String> {
        for name in names {
            let by_file = OsString::from(format!("{name}{SUFFIX}"));
            let Some(by_path) = self.variables.get(&by_file).filter(|set| !set.value.is_empty())
            else {
                continue;
            };
            if !self.is_for_file(name, &by_path.origin)? {
                continue;
            }
            let path = by_path.value.clone();
            let shown = path.to_string_lossy().into_owned();
            let origin = by_path.origin.clone();
            let value = content(&path)
                .map_err(|why| format!("{name}{SUFFIX} names '{shown}', which {why}."))?;
            let variable = Variable { value, origin, secret_file: Some(shown) };
            self.variables.insert(name.into(), variable);
        }
        Ok(())
    }

    /// Whether the variable itself leaves room for its file, which was named in `origin`.
    fn is_for_file(&self, name: &str, origin: &Origin) -> Result<bool, String> {
        let Some(set) = self.variables.get(std::ffi::OsStr::new(name)) else { return Ok(true) };
        let is_empty = set.value.is_empty();
        if set.origin == *origin || is_same_file(&set.origin, origin) {
            return if is_empty {
                Ok(true)
            } else {
                Err(format!(
                    "{name} and {name}{SUFFIX} are both set ({origin}). Unset one of them."
                ))
            };
        }
        // As an empty variable of the process hides that of an env file, and none of the configuration file.
        let hides = !is_empty || matches!(origin, Origin::EnvFile(_));
        Ok(set.origin > *origin || !hides)
    }
}

/// Two keys of one configuration file.
fn is_same_file(one: &Origin, other: &Origin) -> bool {
    matches!((one, other), (Origin::Config { .. }, Origin::Config { .. }))
}

/// What a file holds, or why it is not to be used.
fn content(path: &OsString) -> Result<OsString, String> {
    let unreadable = |error| format!("cannot be read: {error}");
    let mut content = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 > MAX_BYTES {
        return Err(format!("holds more than {} KiB, and is no secret", MAX_BYTES >> 10));
    }
    while content.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        content.pop();
    }
    if content.is_empty() {
        // As a value it would count as unset, and the server would start with something else than it was given.
        return Err("is empty".to_owned());
    }
    if content.contains(&0) {
        return Err("is no text".to_owned());
    }
    Ok(OsString::from_vec(content))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file(content: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        file
    }

    fn path(file: &tempfile::NamedTempFile) -> &str {
        file.path().to_str().unwrap()
    }

    #[test]
    fn the_content_counts_without_the_end_of_its_line() {
        for (content, value) in [("x", "x"), ("x\n", "x"), ("x\r\n", "x"), (" a b \n", " a b ")] {
            let file = file(content);
            let mut env = Env::from([("A_FILE", path(&file)), ("B_FILE", "/nope")]);
            env.read_secret_files(["A"]).unwrap();
            assert_eq!(env.get("A"), Ok(Some(value)), "{content:?}");
            assert_eq!(env.get("B"), Ok(None));
            assert_eq!(env.secrets().collect::<Vec<_>>(), [value]);
            assert_eq!(env.found("A").unwrap().secret_file, Some(path(&file)));
        }
    }

    #[test]
    fn files_without_a_value_are_refused_in_a_sentence() {
        let long = vec![b'x'; 70_000];
        let cases: [(&[u8], &str); 4] = [
            (b"", "which is empty."),
            (b"\n", "which is empty."),
            (b"a\0b", "which is no text."),
            (&long, "which holds more than 64 KiB, and is no secret."),
        ];
        for (content, expected) in cases {
            let file = file(content);
            let why = Env::from([("A_FILE", path(&file))]).read_secret_files(["A"]).unwrap_err();
            assert_eq!(why, format!("A_FILE names '{}', {expected}", path(&file)));
        }
        let why = Env::from([("A_FILE", "/nope")]).read_secret_files(["A"]).unwrap_err();
        assert_eq!(
            why,
            "A_FILE names '/nope', which cannot be read: No such file or directory (os error 2)."
        );
        let why = Env::from([("A_FILE", "/")]).read_secret_files(["A"]).unwrap_err();
        assert!(why.starts_with("A_FILE names '/', which cannot be read: "), "{why}");
    }

    #[test]
    fn a_variable_and_its_file_exclude_each_other_in_one_place() {
        let secret = file("secret\n");
        let mut env = Env::from([("A", "plain"), ("A_FILE", path(&secret))]);
        assert_eq!(
            env.read_secret_files(["A"]).unwrap_err(),
            "A and A_FILE are both set (environment). Unset one of them."
        );
        let mut env = Env::from([("A", ""), ("A_FILE", path(&secret))]);
        env.read_secret_files(["A"]).unwrap();
        assert_eq!(env.get("A"), Ok(Some("secret")));
    }

    #[test]
    fn the_process_wins_over_the_env_file_whichever_way() {
        let secret = file("secret\n");
        let cases = [
            ([("A", "plain")], format!("A_FILE={}", path(&secret)), Some("plain")),
            ([("A", "")], format!("A_FILE={}", path(&secret)), None),
            ([("A_FILE", path(&secret))], "A=plain".to_owned(), Some("secret")),
        ];
        for (process, env_file, expected) in cases {
            let env_file = file(&env_file);
            let mut env = Env::from(process);
            env.add_file(path(&env_file)).unwrap();
            env.read_secret_files(["A"]).unwrap();
            assert_eq!(env.get("A"), Ok(expected), "{process:?}");
        }
    }
}

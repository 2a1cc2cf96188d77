//! What a backup says of itself.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use mlferry_store::DatabaseContents;
use serde::{Deserialize, Serialize};

/// The file that says it, which is written last.
const FILE: &str = "manifest.json";

/// The layout that this program writes.
const LAYOUT: u32 = 1;

/// The database's file in a backup.
pub(super) const DATABASE: &str = "mlflow.db";

/// The folder of artifacts in a backup.
pub(super) const ARTIFACTS: &str = "artifacts";

/// The list of artifacts with their checksums, as `sha256sum` writes and reads it.
pub(super) const LIST: &str = "artifacts.sha256";

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    layout: u32,
    /// The program that made it.
    made_by: String,
    /// When the copy of the database was begun, in UTC.
    pub(super) time: String,
    pub(super) database: DatabasePart,
    /// Absent where artifacts were not copied.
    pub(super) artifacts: Option<ArtifactsPart>,
}

/// The copy of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DatabasePart {
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// Its Alembic revision.
    pub(super) revision: String,
    /// The rows of some tables.
    pub(super) rows: BTreeMap<String, u64>,
}

/// The copy of the artifacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ArtifactsPart {
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Of their list, which has those of the files.
    pub(super) list_sha256: String,
}

impl DatabasePart {
    pub(super) fn new(bytes: u64, sha256: String, contents: DatabaseContents) -> Self {
        let DatabaseContents { revision, rows } = contents;
        let rows = rows.into_iter().map(|(table, rows)| (table.to_owned(), rows)).collect();
        Self { bytes, sha256, revision, rows }
    }

    /// What is in it, for people.
    pub(super) fn words(&self) -> String {
        let rows = self.rows.iter().filter(|(_, rows)| **rows > 0);
        let rows: Vec<_> = rows.map(|(table, rows)| format!("{rows} {table}")).collect();
        let rows = if rows.is_empty() { "no rows".to_owned() } else { rows.join(", ") };
        format!("{rows}; revision {}", self.revision)
    }
}

impl Manifest {
    pub(super) fn new(
        time: String,
        database: DatabasePart,
        artifacts: Option<ArtifactsPart>,
    ) -> Self {
        let made_by = format!("mlferry {}", env!("CARGO_PKG_VERSION"));
        Self { layout: LAYOUT, made_by, time, database, artifacts }
    }

    /// Writes it into a backup, durably.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(FILE);
        let text = format!("{:#}\n", serde_json::to_value(self)?);
        fs::write(&path, text)
            .and_then(|()| fs::File::open(&path)?.sync_all())
            .with_context(|| format!("cannot write '{}'", path.display()))
    }

    /// Reads that of a backup.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => anyhow::bail!(
                "'{}' is no backup: there is no {FILE} in it. Name a folder that `mlferry backup` made",
                folder.display()
            ),
            text => text.with_context(|| format!("cannot read '{}'", path.display()))?,
        };
        let unreadable = || format!("'{}' is not as `mlferry backup` writes it", path.display());
        let value: serde_json::Value = serde_json::from_slice(&text).with_context(unreadable)?;
        let layout = value.get("layout").and_then(serde_json::Value::as_u64);
        anyhow::ensure!(
            layout.is_none_or(|layout| layout <= LAYOUT.into()),
            "'{}' was made by a later release of mlferry: restore it with that",
            folder.display()
        );
        serde_json::from_value(value).with_context(unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let rows = vec![("runs", 3), ("experiments", 1), ("trace_info", 0)];
        let contents = DatabaseContents { revision: "abc".to_owned(), rows };
        let database = DatabasePart::new(5, "f00".to_owned(), contents);
        Manifest::new("2026-01-02T03:04:05Z".to_owned(), database, None)
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        manifest().write(folder.path()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), manifest());
        assert_eq!(manifest().database.words(), "1 experiments, 3 runs; revision abc");
    }

    #[test]
    fn what_is_no_manifest_of_ours_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = || Manifest::read(folder.path()).unwrap_err().to_string();
        assert!(refusal().contains("is no backup"), "{}", refusal());
        for (text, expected) in [
            ("{", "is not as `mlferry backup` writes it"),
            (r#"{"layout": 1}"#, "is not as `mlferry backup` writes it"),
            (r#"{"layout": 2}"#, "a later release"),
        ] {
            fs::write(folder.path().join(FILE), text).unwrap();
            assert!(refusal().contains(expected), "{text}: {}", refusal());
        }
    }
}

//! The revisions that MLflow's schema went through, and the releases that ended with them.

use crate::{OpenError, database_uri::without_password};
use mlferry_protocol::MLFLOW_VERSION;

/// The Alembic revision of MLflow 3.17.2.
pub(super) const REVISION: &str = "dc11669786a5";

/// Revisions before the one of 2.22.5; what they lack is left to the reference.
const OLDER: [&str; 27] = [
    "451aebb31d03",
    "90e64c465722",
    "181f10493468",
    "df50e92ffc5e",
    "7ac759974ad8",
    "89d4b8295536",
    "2b4d017a5e9b",
    "cfd24bdc0731",
    "0a8213491aaa",
    "728d730b5ebd",
    "27a6a02d2cf1",
    "84291f40a231",
    "a8c4a736bde6",
    "39d1c3be5f05",
    "c48cb773bb87",
    "bd07f7e963c5",
    "0c779009ac13",
    "cc1f77228345",
    "97727af70f4d",
    "3500859a5d39",
    "7f2a7d5fae7d",
    "2d6e25af4d3e",
    "acf3f17fdcc7",
    "867495a8f9d4",
    "5b0e9adcef9c",
    "4465047574b1",
    "f5a4f2784254",
];

/// Revisions that can be migrated, oldest first, with the releases that ended with them.
const CHAIN: [(&str, &str); 40] = [
    ("0584bdc529eb", "2.22"),
    ("400f98739977", ""),
    ("6953534de441", ""),
    ("bda7b8c39065", "3.0 and 3.1"),
    ("cbc13b556ace", ""),
    ("770bee3ae1dd", "3.2"),
    ("a1b2c3d4e5f6", ""),
    ("de4033877273", ""),
    ("1a0cddfcaa16", "3.3"),
    ("534353b11cbc", ""),
    ("71994744cf8e", "3.4"),
    ("3da73c924c2f", ""),
    ("bf29a5ff90ea", "3.5 to 3.7"),
    ("1bd49d398cd23", "3.8"),
    ("b7c8d9e0f1a2", ""),
    ("5d2d30f0abce", ""),
    ("c9d4e5f6a7b8", ""),
    ("2c33131f4dae", ""),
    ("d3e4f5a6b7c8", "3.9"),
    ("d0e1f2a3b4c5", ""),
    ("c8d9e0f1a2b3", ""),
    ("1b5f0d9ad7c1", "3.10"),
    ("e1f2a3b4c5d6", ""),
    ("76601a5f987d", ""),
    ("c3d6457b6d8a", "3.11"),
    ("a5b4c3d2e1f0", ""),
    ("ae8bbe7743c9", ""),
    ("7d34483879f0", "3.12"),
    ("da6fb0208061", "3.13"),
    ("89d3d66ed43f", ""),
    ("b7e4c1a90f23", "3.14"),
    ("a8b9c0d1e2f3", ""),
    ("c1d2e3f4a5b6", ""),
    ("c3d9e7f1a2b4", ""),
    ("6f8d9c3b2a1e", "3.15"),
    ("1971f2d9a75b", ""),
    ("17e22815139b", ""),
    ("b7e2c1a4d9f3", "3.16"),
    ("75868b020152", ""),
    (REVISION, "3.17"),
];

/// How a revision relates to the one that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// Too old to be migrated here.
    TooOld,
    /// It can be migrated from.
    Known,
    /// The wanted one.
    Current,
    /// A later one, or none of MLflow's.
    Unknown,
}

/// How a revision relates to the one that is wanted.
pub(super) fn age_of(revision: &str) -> Age {
    if revision == REVISION {
        Age::Current
    } else if place_of(revision).is_some() {
        Age::Known
    } else if OLDER.contains(&revision) {
        Age::TooOld
    } else {
        Age::Unknown
    }
}

/// Whether what `revision` changed has not happened yet at `found`.
pub(super) fn is_before(found: &str, revision: &str) -> bool {
    place_of(found) < place_of(revision)
}

/// The releases of MLflow that have a revision, for people.
pub(super) fn releases_of(revision: &str) -> Option<String> {
    let place = match place_of(revision) {
        None if OLDER.contains(&revision) => return Some("before MLflow 2.22.5".to_owned()),
        place => place?,
    };
    let (_, releases) = CHAIN[place];
    if !releases.is_empty() {
        return Some(format!("MLflow {releases}"));
    }
    let next = CHAIN[place..].iter().find(|(_, releases)| !releases.is_empty())?;
    Some(format!("before MLflow {}", next.1))
}

/// Why a database of another revision can't be used, and the command that helps.
pub(super) fn refusal(uri: &str, found: String) -> OpenError {
    let database = without_password(uri);
    let remedy = match age_of(&found) {
        Age::Known | Age::Current => {
            format!("take a backup, then run `mlferry db upgrade {database}`")
        }
        Age::TooOld => format!(
            "it is older than MLflow 2.22.5, so take a backup, then run `mlflow db upgrade {database}` \
             of MLflow {MLFLOW_VERSION}"
        ),
        Age::Unknown => format!(
            "it is newer than MLflow {MLFLOW_VERSION} or not MLflow's, so use the release that made it \
             (`mlflow db upgrade {database}` of that release brings it up to date), or a backup from before"
        ),
    };
    OpenError::Revision { database, found, wanted: REVISION, remedy }
}

fn place_of(revision: &str) -> Option<usize> {
    CHAIN.iter().position(|(known, _)| *known == revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_known_by_their_age() {
        assert_eq!(age_of("f5a4f2784254"), Age::TooOld);
        assert_eq!(age_of("0584bdc529eb"), Age::Known);
        assert_eq!(age_of("75868b020152"), Age::Known);
        assert_eq!(age_of(REVISION), Age::Current);
        assert_eq!(age_of("none"), Age::Unknown);
    }

    #[test]
    fn people_read_releases() {
        assert_eq!(releases_of("bf29a5ff90ea").unwrap(), "MLflow 3.5 to 3.7");
        assert_eq!(releases_of("400f98739977").unwrap(), "before MLflow 3.0 and 3.1");
        assert_eq!(releases_of("f5a4f2784254").unwrap(), "before MLflow 2.22.5");
        assert_eq!(releases_of("none"), None);
    }

    #[test]
    fn the_chain_has_an_order() {
        assert!(is_before("0584bdc529eb", "1b5f0d9ad7c1"));
        assert!(!is_before("1b5f0d9ad7c1", "1b5f0d9ad7c1"));
        assert!(!is_before(REVISION, "75868b020152"));
    }
}

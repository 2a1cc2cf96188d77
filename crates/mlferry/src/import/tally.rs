//! How much there is in the file store, and how much in the database.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use mlferry_protocol::{ExperimentId, RunId};
use mlferry_store::{Counts, Owners, Store, StoreError};

/// What was read of one thing, and what became of it.
#[derive(Debug, Clone, Copy)]
struct Read {
    counts: Counts,
    fate: Fate,
}

/// What became of something that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was written now.
    New,
    /// It was there before, and may have grown since it was brought in.
    Known,
    /// The database refused it, which was told.
    Refused,
}

impl From<bool> for Fate {
    fn from(is_new: bool) -> Self {
        if is_new { Self::New } else { Self::Known }
    }
}

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// How many experiments were read; two of them may have become one.
    experiments: u64,
    /// What the experiments of the database should have at least.
    of_experiments: HashMap<ExperimentId, Counts>,
    runs: HashMap<RunId, Read>,
    models: HashMap<String, Read>,
    total: Counts,
}

impl Tally {
    /// Counts an experiment, and what it became in the database.
    pub(super) fn add_experiment(&mut self, id: Option<ExperimentId>, counts: Counts) {
        self.experiments += 1;
        self.total += counts;
        if let Some(id) = id {
            let least = self.of_experiments.entry(id).or_default();
            least.tags = least.tags.max(counts.tags);
            least.datasets = least.datasets.max(counts.datasets);
        }
    }

    /// Counts a run.
    pub(super) fn add_run(&mut self, id: RunId, counts: Counts, fate: Fate) {
        self.total += counts;
        self.runs.insert(id, Read { counts, fate });
    }

    /// Counts a logged model.
    pub(super) fn add_model(&mut self, id: String, counts: Counts, fate: Fate) {
        self.total += counts;
        self.models.insert(id, Read { counts, fate });
    }

    /// Whether a run is in the database, or would be.
    pub(super) fn has_run(&self, id: &RunId) -> bool {
        self.runs.get(id).is_some_and(|read| read.fate != Fate::Refused)
    }

    /// How many runs met this fate.
    pub(super) fn runs(&self, fate: Fate) -> usize {
        self.runs.values().filter(|read| read.fate == fate).count()
    }

    /// What was read, as a table.
    pub(super) fn table(&self) -> Table {
        Table { read: self.totals(), kept: None }
    }

    /// Compares what was read with what the database has.
    pub(super) async fn verify(&self, store: &Store) -> Result<Verified, StoreError> {
        let mut kept = Totals::default();
        let mut differences = Vec::new();
        let ids: Vec<ExperimentId> = self.of_experiments.keys().copied().collect();
        let found = store.count(Owners::Experiments(ids.clone())).await?;
        for (id, found) in ids.into_iter().zip(found) {
            let read = Read { counts: self.of_experiments[&id], fate: Fate::Known };
            kept.experiments += u64::from(found.is_some());
            kept.counts += found.unwrap_or_default();
            differences.extend(difference("experiment", &id, read, found));
        }
        kept.runs = compare("run", &self.runs, &mut kept.counts, &mut differences, async |ids| {
            store.count(Owners::Runs(ids.to_vec())).await
        })
        .await?;
        kept.models = compare(
            "logged model",
            &self.models,
            &mut kept.counts,
            &mut differences,
            async |ids| store.count(Owners::Models(ids.to_vec())).await,
        )
        .await?;
        Ok(Verified { table: Table { read: self.totals(), kept: Some(kept) }, differences })
    }

    fn totals(&self) -> Totals {
        Totals {
            experiments: self.experiments,
            runs: self.runs.len() as u64,
            models: self.models.len() as u64,
            counts: self.total,
        }
    }
}

/// Counts what is there of `all`, adds up what belongs to it, and notes what differs.
async fn compare<K: Clone + Eq + Hash + fmt::Display>(
    what: &str,
    all: &HashMap<K, Read>,
    counts: &mut Counts,
    differences: &mut Vec<String>,
    count: impl AsyncFn(&[K]) -> Result<Vec<Option<Counts>>, StoreError>,
) -> Result<u64, StoreError> {
    let ids: Vec<K> = all.keys().cloned().collect();
    let mut there = 0;
    for (id, found) in ids.iter().zip(count(&ids).await?) {
        there += u64::from(found.is_some());
        *counts += found.unwrap_or_default();
        differences.extend(difference(what, id, all[id], found));
    }
    Ok(there)
}

/// What is different, in words.
fn difference(
    what: &str,
    id: &impl fmt::Display,
    read: Read,
    found: Option<Counts>,
) -> Option<String> {
    if read.fate == Fate::Refused {
        return None;
    }
    let Some(found) = found else { return Some(format!("{what} {id} is not in the database")) };
    let fields = |counts: Counts| {
        let Counts { metrics, params, tags, datasets, models } = counts;
        [metrics, params, tags, datasets, models]
    };
    let different: Vec<String> = FIELDS
        .iter()
        .zip(fields(read.counts).into_iter().zip(fields(found)))
        .filter(|(_, (read_count, found))| {
            found < read_count || read.fate == Fate::New && found != read_count
        })
        .map(|(name, (read, found))| {
            format!("{name} {read} in the file store, {found} in the database")
        })
        .collect();
    (!different.is_empty()).then(|| format!("{what} {id}: {}", different.join("; ")))
}

const FIELDS: [&str; 5] = ["metric points", "params", "tags", "datasets", "model links"];

/// What the database has of what was read.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) table: Table,
    /// What is not as it was read.
    pub(super) differences: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    experiments: u64,
    runs: u64,
    models: u64,
    counts: Counts,
}

impl Totals {
    fn rows(&self) -> [u64; 8] {
        let Counts { metrics, params, tags, datasets, models } = self.counts;
        [self.experiments, self.runs, self.models, metrics, params, tags, datasets, models]
    }
}

/// How much there is, in columns.
#[derive(Debug)]
pub(super) struct Table {
    read: Totals,
    kept: Option<Totals>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["experiments", "runs", "logged models"].into_iter().chain(FIELDS);
        let kept = self.kept.map(|kept| kept.rows());
        write!(f, "{:<14} {:>12}", "", "file store")?;
        if kept.is_some() {
            write!(f, " {:>12}", "database")?;
        }
        for (index, (name, read)) in names.zip(self.read.rows()).enumerate() {
            write!(f, "\n{name:<14} {read:>12}")?;
            if let Some(kept) = kept {
                write!(f, " {:>12}", kept[index])?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(metrics: u64) -> Counts {
        Counts { metrics, ..Counts::default() }
    }

    #[test]
    fn what_was_there_before_may_have_grown() {
        for (fate, found, expected) in [
            (Fate::New, Some(3), None),
            (
                Fate::New,
                Some(4),
                Some("run r: metric points 3 in the file store, 4 in the database"),
            ),
            (Fate::Known, Some(4), None),
            (
                Fate::Known,
                Some(2),
                Some("run r: metric points 3 in the file store, 2 in the database"),
            ),
            (Fate::Refused, None, None),
            (Fate::Known, None, Some("run r is not in the database")),
        ] {
            let read = Read { counts: counts(3), fate };
            let told = difference("run", &"r", read, found.map(counts));
            assert_eq!(told.as_deref(), expected, "{fate:?} {found:?}");
        }
    }
}

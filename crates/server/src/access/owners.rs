//! Which experiment a run belongs to, for as long as it is remembered: it never moves to another one, and its id is never that of
//! another run.

use mlferry_protocol::ExperimentId;
use mlferry_store::{Owned, Ownership};
use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Runs that are remembered as of late; as many as before these are still known. Each takes about a hundred bytes.
const RUNS: usize = 20_000;

/// What is remembered. Traces may move, and names may pass to others, so that they are asked about each time.
#[derive(Debug, Default)]
pub(super) struct Owners(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    late: HashMap<String, ExperimentId>,
    before: HashMap<String, ExperimentId>,
}

impl Owners {
    /// Takes out of a question what is known already.
    pub(super) fn take_known(&self, owned: &mut Owned) -> Ownership {
        let mut known = self.lock();
        let mut ownership = Ownership::default();
        owned.runs.retain(|run| {
            let Some(experiment) = known.get(run) else { return true };
            ownership.of_runs.insert(run.clone(), experiment);
            false
        });
        ownership
    }

    /// Remembers what was found.
    pub(super) fn learn(&self, found: &Ownership) {
        let mut known = self.lock();
        for (run, experiment) in &found.of_runs {
            known.insert(run.clone(), *experiment);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn get(&mut self, run: &str) -> Option<ExperimentId> {
        if let Some(experiment) = self.late.get(run) {
            return Some(*experiment);
        }
        let (run, experiment) = self.before.remove_entry(run)?;
        self.insert(run, experiment);
        Some(experiment)
    }

    fn insert(&mut self, run: String, experiment: ExperimentId) {
        if self.late.len() >= RUNS {
            self.before = mem::take(&mut self.late);
        }
        self.late.insert(run, experiment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_about_stays_known_and_no_more_is_than_there_is_room_for() {
        let mut known = Known::default();
        let experiment = ExperimentId(7);
        for number in 0..3 * RUNS {
            known.insert(number.to_string(), experiment);
            assert_eq!(known.get("0"), Some(experiment));
        }
        assert!(known.late.len() + known.before.len() <= 2 * RUNS);
        assert_eq!(known.get("1"), None);
        assert_eq!(known.get(&(3 * RUNS - 1).to_string()), Some(experiment));
    }
}

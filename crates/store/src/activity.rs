//! What is counted of the database's use, for whoever watches the server.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Upper bounds of the sizes of groups; the last one is the largest group.
pub(crate) const GROUP_BOUNDS: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// How a store's database is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreActivity {
    /// Connections.
    pub pool: PoolUse,
    /// Transactions that were committed.
    pub commits: Groups,
    /// Groups of changes that were carried out again after the database had failed.
    pub group_retries: u64,
    /// Questions that were asked again after the connection was lost.
    pub question_retries: u64,
    /// Changes that wait for a transaction.
    pub queued_changes: u64,
}

/// Connections to the database, by what they do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolUse {
    /// Connections that are open.
    pub open: u64,
    /// Those of them that nobody uses.
    pub idle: u64,
    /// Connections that may be open.
    pub max: u64,
    /// Requests that wait for one.
    pub waiting: u64,
}

/// How many changes were committed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// Commits of at most so many changes, and more than the bound before.
    pub sizes: Vec<(u64, u64)>,
    /// All commits.
    pub commits: u64,
    /// All changes in them.
    pub changes: u64,
}

/// Counts what a store does. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    sizes: [AtomicU64; GROUP_BOUNDS.len()],
    changes: AtomicU64,
    group_retries: AtomicU64,
    question_retries: AtomicU64,
    waiting: AtomicU64,
}

impl Tally {
    /// A group of changes was committed.
    pub(crate) fn committed(&self, changes: usize) {
        let changes = changes as u64;
        let size = GROUP_BOUNDS.partition_point(|bound| *bound < changes);
        self.0.sizes[size.min(GROUP_BOUNDS.len() - 1)].fetch_add(1, Ordering::Relaxed);
        self.0.changes.fetch_add(changes, Ordering::Relaxed);
    }

    pub(crate) fn group_again(&self) {
        self.0.group_retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn question_again(&self) {
        self.0.question_retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts whoever waits for a connection, as long as it lives.
    pub(crate) fn waiting(&self) -> Waiting<'_> {
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(&self.0)
    }

    /// All of it at this moment, of a database with these connections and changes that wait.
    pub(crate) fn activity(&self, pool: PoolUse, queued_changes: usize) -> StoreActivity {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let sizes: Vec<_> = GROUP_BOUNDS.into_iter().zip(self.0.sizes.iter().map(load)).collect();
        StoreActivity {
            pool: PoolUse { waiting: load(&self.0.waiting), ..pool },
            commits: Groups {
                commits: sizes.iter().map(|(_, count)| count).sum(),
                sizes,
                changes: load(&self.0.changes),
            },
            group_retries: load(&self.0.group_retries),
            question_retries: load(&self.0.question_retries),
            queued_changes: queued_changes as u64,
        }
    }
}

/// Waits for a connection.
pub(crate) struct Waiting<'a>(&'a Counts);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_counted_by_their_size() {
        let tally = Tally::default();
        for changes in [1, 1, 2, 3, 4, 5, 256] {
            tally.committed(changes);
        }
        let activity = tally.activity(PoolUse::default(), 3);
        let counts: Vec<_> = activity.commits.sizes.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 1, 2, 1, 0, 0, 0, 0, 1]);
        assert_eq!((activity.commits.commits, activity.commits.changes), (7, 272));
        assert_eq!(activity.queued_changes, 3);
    }

    #[test]
    fn who_waits_is_counted_until_it_has_waited() {
        let tally = Tally::default();
        let waiting = tally.waiting();
        assert_eq!(tally.activity(PoolUse::default(), 0).pool.waiting, 1);
        drop(waiting);
        assert_eq!(tally.activity(PoolUse::default(), 0).pool.waiting, 0);
    }
}

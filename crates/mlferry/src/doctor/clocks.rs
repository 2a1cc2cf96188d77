//! Whether clocks of others agree with this machine's.

use std::time::{Duration, SystemTime};

use super::report::{Finding, Group, Level};

/// By how much two clocks may differ: some are told in whole seconds, and a webhook's message is one server's for half a
/// minute.
const LEEWAY: Duration = Duration::from_secs(5);

/// What another clock said between two looks at ours.
#[derive(Debug)]
pub(super) struct Clocks {
    pub(super) before: SystemTime,
    pub(super) theirs: SystemTime,
    pub(super) after: SystemTime,
}

impl Clocks {
    /// By how much the clocks differ at least.
    fn difference(&self) -> Duration {
        let slow = self.before.duration_since(self.theirs);
        let fast = self.theirs.duration_since(self.after);
        slow.or(fast).unwrap_or_default()
    }

    pub(super) fn finding(&self, group: Group, check: &str) -> Finding {
        let difference = self.difference();
        if difference <= LEEWAY {
            return Finding::new(group, check, Level::Ok, "its clock agrees with ours");
        }
        let what = format!("its clock differs from ours by {} s", difference.as_secs());
        Finding::new(group, check, Level::Warning, what).advice(
            "Let NTP set the clocks of both machines. S3 refuses requests that differ by over a quarter of an hour.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_there_and_back_is_no_difference() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for (theirs, expected) in [(100, 0), (105, 0), (110, 0), (90, 10), (125, 15)] {
            let clocks = Clocks { before: at(100), theirs: at(theirs), after: at(110) };
            assert_eq!(clocks.difference(), Duration::from_secs(expected), "{theirs}");
        }
    }
}

//! The workloads, and who has which of them in which round.

use clap::ValueEnum;

use super::contenders::{Contender, Product};
use super::requests::Request;
use super::{growth, history, mixed, scale, suite, training};
use crate::report::Measure;

/// What a server is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Workload {
    /// runs/get of runs with 10 metrics, 10 params and 5 tags
    Get,
    /// runs/search with a filter on a metric and a param, ordered, 100 results
    Search,
    /// runs/log-metric
    LogMetric,
    /// runs/log-batch of 100 metrics
    LogBatch,
    /// Searches of 1,000, 10,000 and 100,000 runs; in the first round only
    Growth,
    /// A history of a million points; in the first round only
    History,
    /// 20,000 runs in 40 experiments, 50,000 traces and 5,000 model versions; in the first round only
    Scale,
    /// A training loop with the stock client; the others in the first round only
    Training,
    /// The calls that FastTrackML publishes figures of, by 20 users; the others in the first round only
    #[value(name = "fasttrackml")]
    FastTrackMl,
    /// All kinds of calls at once, at 80% of the most; in the first round only
    Mixed,
}

impl Workload {
    /// In the order in which they are measured: what reads comes before what fills the database.
    pub(super) const ALL: [Self; 10] = [
        Self::Get,
        Self::Search,
        Self::LogMetric,
        Self::LogBatch,
        Self::Growth,
        Self::History,
        Self::Scale,
        Self::Training,
        Self::FastTrackMl,
        Self::Mixed,
    ];

    /// The kind of call that it consists of.
    pub(super) const fn request(self) -> Option<Request> {
        match self {
            Self::Get => Some(Request::Get),
            Self::Search => Some(Request::Search),
            Self::LogMetric => Some(Request::LogMetric),
            Self::LogBatch => Some(Request::LogBatch),
            Self::Growth
            | Self::History
            | Self::Scale
            | Self::Training
            | Self::FastTrackMl
            | Self::Mixed => None,
        }
    }

    /// Whether it has a server of its own, since it fills the database.
    pub(super) const fn is_apart(self) -> bool {
        matches!(self, Self::FastTrackMl | Self::Mixed)
    }

    /// Whether a server has it in a round. What takes minutes and hardly varies is measured once, and so is what takes minutes
    /// because a peer is slow.
    pub(super) fn is_due(self, contender: Contender, round: u32) -> bool {
        match self {
            Self::Get | Self::Search | Self::LogMetric | Self::LogBatch => true,
            Self::Growth | Self::History | Self::Mixed => round == 1,
            // FastTrackML keeps neither traces nor models.
            Self::Scale => round == 1 && contender != Contender::FastTrackMl,
            Self::Training | Self::FastTrackMl => round == 1 || contender == Contender::Mlferry,
        }
    }

    /// The first of its lines in the tables.
    pub(super) fn line(self, product: Product) -> &'static Measure {
        let lines = match self {
            Self::Get | Self::Search | Self::LogMetric | Self::LogBatch => {
                self.request().map(|it| it.lines().rate(product)).into_iter().collect()
            }
            Self::Growth => growth::lines(),
            Self::History => history::lines(),
            Self::Scale => scale::lines(),
            Self::Training => training::lines(),
            Self::FastTrackMl => suite::lines(),
            Self::Mixed => mixed::lines(),
        };
        lines[0]
    }

    /// What it is called on the command line.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map(|it| it.get_name().to_owned()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_has_a_line_of_its_own_and_is_due_in_the_first_round() {
        let lines: Vec<_> = Workload::ALL.iter().map(|it| it.line(Product::Sqlite).name).collect();
        for (index, line) in lines.iter().enumerate() {
            assert!(!lines[..index].contains(line), "{line}");
        }
        for workload in Workload::ALL {
            assert!(
                workload.is_due(Contender::Mlferry, 1) && workload.is_due(Contender::Reference, 1)
            );
        }
    }

    #[test]
    fn rates_are_measured_in_every_round_and_what_is_slow_in_the_first() {
        assert!(Workload::LogBatch.is_due(Contender::Reference, 3));
        assert!(Workload::Training.is_due(Contender::Mlferry, 3));
        assert!(!Workload::Training.is_due(Contender::Reference, 2));
        assert!(!Workload::Growth.is_due(Contender::Mlferry, 2));
        assert!(!Workload::Scale.is_due(Contender::FastTrackMl, 1));
    }
}

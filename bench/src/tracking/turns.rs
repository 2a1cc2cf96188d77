//! The turn of one server on one database in one round.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::attempts::{LINE_LIMIT, WORKLOAD_LIMIT, attempt};
use super::contenders::{Database, Found, Product, Server};
use super::measures::{IDLE_MEMORY, PROCESSES, START};
use super::requests::{Requests, Sizes};
use super::workload::Workload;
use super::{Stage, growth, history, mixed, scale, suite, training};
use crate::postgres::open_way;
use crate::report::Results;
use crate::units::{megabytes, milliseconds, to_f64};
use crate::{disk, process};

/// Peers keep the mixed load for this part of the time: ten minutes are to show whether mlferry grows.
const MIXED_PART: u32 = 10;

/// The folder of the server that most workloads share.
const SHARED: &str = "shared";

/// Who has a turn, on what, and when.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) stage: &'a Stage<'a>,
    pub(super) found: &'a Found,
    pub(super) product: Product,
    pub(super) round: u32,
    /// An empty folder for all of it.
    pub(super) home: &'a Path,
}

impl Turn<'_> {
    /// Measures everything that is due.
    pub(super) async fn take(&self, results: &mut Results) -> Result<()> {
        let is_due = |it: &Workload| it.is_due(self.found.contender, self.round);
        let due = self.stage.workloads.iter().copied().filter(is_due);
        let (apart, together): (Vec<_>, Vec<_>) = due.partition(|it| it.is_apart());
        if let Some(server) = self.start(SHARED, results).await? {
            self.make_requests(&server, &together, results).await?;
            for workload in together.into_iter().filter(|it| it.request().is_none()) {
                self.measure(workload, &server, results).await?;
            }
            server.stop().await?;
        }
        for workload in apart {
            if let Some(server) = self.start(&workload.name(), results).await? {
                self.measure(workload, &server, results).await?;
                server.stop().await?;
                disk::sync();
            }
        }
        Ok(())
    }

    /// Starts a server on an empty database in the folder `name`.
    async fn start(&self, name: &str, results: &mut Results) -> Result<Option<Server>> {
        self.announce("start");
        let home = self.home.join(name);
        fs::create_dir(&home)?;
        open_way(&home)?;
        let postgres = self.stage.postgres.as_ref();
        let database = Database::create(self.product, postgres, &home).await?;
        let work = async |results: &mut Results| {
            let server = self.found.start(&home, database).await?;
            process::wait_until_quiet(server.running.id()).await?;
            if name == SHARED {
                let name = self.found.contender.name();
                let idle = process::memory(server.running.id())?;
                results.add(&START, name, milliseconds(server.running.start_time));
                results.add(&IDLE_MEMORY, name, megabytes(idle.rss));
                results.add(&PROCESSES, name, to_f64(idle.processes as u64));
            }
            Ok(server)
        };
        attempt(self.found.contender, &START, WORKLOAD_LIMIT, results, work).await
    }

    /// The workloads that consist of one kind of call.
    async fn make_requests(
        &self,
        server: &Server,
        workloads: &[Workload],
        results: &mut Results,
    ) -> Result<()> {
        let requested: Vec<_> =
            workloads.iter().filter_map(|it| Some((*it, it.request()?))).collect();
        let Some((first, _)) = requested.first() else { return Ok(()) };
        let (contender, line) = (server.contender, first.line(self.product));
        let prepare = async |_: &mut Results| self.prepare(server, "each").await;
        let prepared = attempt(contender, line, WORKLOAD_LIMIT, results, prepare).await?;
        let Some(requests) = prepared else { return Ok(()) };
        for (workload, request) in requested {
            self.announce(&workload.name());
            disk::sync();
            let work = async |results: &mut Results| requests.measure(request, results).await;
            attempt(contender, workload.line(self.product), LINE_LIMIT, results, work).await?;
        }
        Ok(())
    }

    /// One of the other workloads.
    async fn measure(
        &self,
        workload: Workload,
        server: &Server,
        results: &mut Results,
    ) -> Result<()> {
        self.announce(&workload.name());
        let work = async |results: &mut Results| match workload {
            Workload::Get | Workload::Search | Workload::LogMetric | Workload::LogBatch => Ok(()),
            Workload::Growth => {
                let sizes = self.sized(growth::FULL, growth::QUICK);
                growth::measure(server, sizes, self.time(), results).await
            }
            Workload::History => {
                let points = self.sized(history::FULL, history::QUICK);
                history::measure(server, points, self.time(), results).await
            }
            Workload::Scale => {
                let sizes = self.sized(scale::Sizes::FULL, scale::Sizes::QUICK);
                scale::measure(server, sizes, self.time(), results).await
            }
            Workload::Training => {
                let all = self.sized(training::FULL, training::QUICK);
                let is_peer = server.contender.may_fail();
                let count = if is_peer { all / training::PEERS_PART } else { all };
                match &self.stage.client {
                    Some(client) => client.measure(server, count, results).await,
                    None => Ok(()),
                }
            }
            Workload::FastTrackMl => {
                let requests = self.prepare(server, "suite").await?;
                let sizes = self.sized(suite::Sizes::FULL, suite::Sizes::QUICK);
                suite::measure(&requests, sizes, results).await
            }
            Workload::Mixed => {
                let requests = self.prepare(server, "mixed").await?;
                let search = self.sized(mixed::FULL, mixed::QUICK);
                mixed::measure(&requests, search, self.kept(), results).await
            }
        };
        let line = workload.line(self.product);
        attempt(server.contender, line, WORKLOAD_LIMIT, results, work).await.map(drop)
    }

    async fn prepare<'s>(&self, server: &'s Server, name: &str) -> Result<Requests<'s>> {
        self.announce("400 runs");
        let full = if server.contender.may_fail() { Sizes::PEERS } else { Sizes::FULL };
        let sizes = self.sized(full, Sizes::QUICK);
        Requests::prepare(server, self.product, sizes, name).await
    }

    /// How long a call is repeated that finds much data.
    const fn time(&self) -> Duration {
        self.sized(Duration::from_secs(2), Duration::from_millis(125))
    }

    /// How long the mixed load is kept.
    fn kept(&self) -> Duration {
        let time = Duration::from_secs(self.sized(self.stage.options.mixed_time, 3));
        if self.found.contender.may_fail() { time / MIXED_PART } else { time }
    }

    /// The full size of something, or a sixteenth.
    const fn sized<T: Copy>(&self, full: T, quick: T) -> T {
        if self.stage.options.run.quick { quick } else { full }
    }

    /// Says what begins, and when.
    fn announce(&self, what: &str) {
        let seconds = self.stage.begin.elapsed().as_secs();
        eprintln!("  {:>3}:{:02} {what}", seconds / 60, seconds % 60);
    }
}

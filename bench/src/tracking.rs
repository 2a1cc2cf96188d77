//! The tracking workloads: calls of the API on each database, through mlferry, the reference and FastTrackML.

mod calls;
mod contenders;
mod growth;
mod history;
mod measures;
mod mixed;
mod requests;
mod scale;
mod seeds;
mod suite;
mod tables;
mod training;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use self::calls::Load;
use self::contenders::{Contender, Database, Found, Product, Server};
use self::measures::{IDLE_MEMORY, PROCESSES, START};
use self::requests::{CONNECTIONS, Request, Requests, Sizes, log_metric};
use self::tables::{Section, render};
use self::training::Client;
use crate::options::{RunOptions, new_home};
use crate::postgres::{Postgres, open_way};
use crate::report::{Results, write_section};
use crate::units::{megabytes, milliseconds, to_f64};
use crate::{disk, machine, nginx, process};

/// The options of these workloads.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    run: RunOptions,

    /// Run these servers only
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SERVER")]
    only: Vec<Contender>,

    /// Use these databases only
    #[arg(long, value_enum, value_delimiter = ',', value_name = "DATABASE")]
    database: Vec<Product>,

    /// Make these calls only
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME")]
    workload: Vec<Workload>,

    /// How long the mixed load is kept at four fifths of the most
    #[arg(long, default_value_t = 600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    mixed_time: u64,

    /// The FastTrackML executable
    #[arg(long, default_value = ".venv-fasttrackml/bin/fml", value_name = "PATH")]
    fasttrackml: PathBuf,

    /// A Python that has the stock client
    #[arg(long, default_value = ".venv/bin/python", value_name = "PATH")]
    python: PathBuf,

    /// The folder of PostgreSQL's programs [default: the newest that Debian installed]
    #[arg(long, value_name = "DIR")]
    postgresql: Option<PathBuf>,

    /// The nginx executable, which the load generator is measured with
    #[arg(long, default_value = "nginx", value_name = "PATH")]
    nginx: PathBuf,
}

impl Options {
    /// Those who take part, each found on this machine, in the order of their turns.
    fn contenders(&self) -> Result<Vec<Found>> {
        let named = |contender| match contender {
            Contender::Mlferry => &self.run.mlferry,
            Contender::Reference => &self.run.mlflow,
            Contender::FastTrackMl => &self.fasttrackml,
        };
        chosen(&self.only, &Contender::ALL)
            .into_iter()
            .map(|contender| Found::find(contender, named(contender)))
            .collect()
    }

    /// The full size of something, or a sixteenth.
    const fn sized<T: Copy>(&self, full: T, quick: T) -> T {
        if self.run.quick { quick } else { full }
    }
}

/// What a server is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// runs/get of runs with 10 metrics, 10 params and 5 tags
    Get,
    /// runs/search with a filter on a metric and a param, ordered, 100 results
    Search,
    /// runs/log-metric
    LogMetric,
    /// runs/log-batch of 100 metrics
    LogBatch,
    /// Searches of 1,000, 10,000 and 100,000 runs
    Growth,
    /// A history of a million points
    History,
    /// 20,000 runs in 40 experiments, 50,000 traces and 5,000 model versions
    Scale,
    /// A training loop with the stock client
    Training,
    /// The calls that FastTrackML publishes figures of, by 20 users
    #[value(name = "fasttrackml")]
    FastTrackMl,
    /// All kinds of calls at once, at 80% of the most; in the first round only
    Mixed,
}

impl Workload {
    /// In the order in which they are measured: what reads comes before what fills the database.
    const ALL: [Self; 10] = [
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
    const fn request(self) -> Option<Request> {
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
}

/// Those of `all` that were asked for; without a question, all.
fn chosen<T: Copy + PartialEq>(asked: &[T], all: &[T]) -> Vec<T> {
    all.iter().copied().filter(|it| asked.is_empty() || asked.contains(it)).collect()
}

/// What takes part, found on this machine.
#[derive(Debug)]
struct Stage<'a> {
    options: &'a Options,
    workloads: Vec<Workload>,
    contenders: Vec<Found>,
    /// Unless only SQLite was asked for.
    postgres: Option<Postgres>,
    /// If a training loop was asked for.
    client: Option<Client>,
}

/// Runs all rounds, prints the tables and writes them where asked to.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let run = &options.run;
    let products = chosen(&options.database, &Product::ALL);
    let dir = run.temp_dir()?;
    open_way(dir.path())?;
    let stage = Stage::find(options, &products, dir.path())?;
    let machine = machine::describe(dir.path(), stage.versions());
    let ceiling = ceiling(options, dir.path()).await.context("nginx failed")?;
    let mut sections: Vec<Section> = products
        .into_iter()
        .map(|product| Section { product, results: Results::default() })
        .collect();
    for round in 1..=run.rounds {
        for Section { product, results } in &mut sections {
            for found in &stage.contenders {
                let turn = format!("{} on {}", found.contender.name(), product.name());
                eprintln!("round {round} of {}: {turn}", run.rounds);
                let home = new_home(dir.path(), &found.contender.name().to_lowercase())?;
                open_way(&home)?;
                let taken = stage.take_turn(found, *product, &home, results).await;
                taken.with_context(|| format!("{turn} failed"))?;
                let taken = stage.make_many_calls(found, *product, &home, round, results).await;
                taken.with_context(|| format!("{turn} failed"))?;
                // Databases of all turns together would be larger than many a disk.
                fs::remove_dir_all(home)?;
                disk::sync();
            }
        }
    }
    let (text, plots) = render(run, &machine, ceiling, &sections);
    println!("{text}");
    if let Some(path) = &run.out {
        write_section(path, "tracking", &text, &plots)?;
    }
    Ok(())
}

impl<'a> Stage<'a> {
    fn find(options: &'a Options, products: &[Product], dir: &Path) -> Result<Self> {
        let workloads = chosen(&options.workload, &Workload::ALL);
        let postgres = products.contains(&Product::Postgresql);
        let postgres = postgres.then(|| Postgres::find(options.postgresql.as_deref()));
        let client = workloads.contains(&Workload::Training);
        let client = client.then(|| Client::find(&options.python, dir));
        Ok(Self {
            options,
            workloads,
            contenders: options.contenders()?,
            postgres: postgres.transpose()?,
            client: client.transpose()?,
        })
    }

    fn versions(&self) -> impl Iterator<Item = (&str, &str)> {
        let contenders =
            self.contenders.iter().map(|it| (it.contender.name(), it.version.as_str()));
        let database = self.postgres.iter().map(|it| ("database", it.version.as_str()));
        let client = self.client.iter().map(|it| ("client", it.version.as_str()));
        contenders.chain(database).chain(client)
    }

    /// One server's turn on one database in one round.
    async fn take_turn(
        &self,
        found: &Found,
        product: Product,
        home: &Path,
        results: &mut Results,
    ) -> Result<()> {
        let database = Database::create(product, self.postgres.as_ref(), home).await?;
        let server = found.start(home, database).await?;
        let name = found.contender.name();
        results.add(&START, name, milliseconds(server.running.start_time));
        process::wait_until_quiet(server.running.id()).await?;
        let idle = process::memory(server.running.id())?;
        results.add(&IDLE_MEMORY, name, megabytes(idle.rss));
        results.add(&PROCESSES, name, to_f64(idle.processes as u64));
        self.make_requests(&server, product, results).await?;
        self.use_much_data(&server, results).await?;
        if let Some(client) = &self.client {
            let count = self.options.sized(training::FULL, training::QUICK);
            client.measure(&server, count, results).await?;
        }
        server.stop().await
    }

    async fn make_requests(
        &self,
        server: &Server,
        product: Product,
        results: &mut Results,
    ) -> Result<()> {
        let requested: Vec<Request> = self.workloads.iter().filter_map(|it| it.request()).collect();
        if requested.is_empty() {
            return Ok(());
        }
        let sizes = self.options.sized(Sizes::FULL, Sizes::QUICK);
        let requests = Requests::prepare(server, product, sizes, "each").await?;
        for request in requested {
            disk::sync();
            requests.measure(request, results).await?;
        }
        Ok(())
    }

    /// Workloads that fill a database, each on one of its own.
    async fn make_many_calls(
        &self,
        found: &Found,
        product: Product,
        home: &Path,
        round: u32,
        results: &mut Results,
    ) -> Result<()> {
        for (workload, name) in [(Workload::FastTrackMl, "suite"), (Workload::Mixed, "mixed")] {
            // Ten minutes tell enough.
            if !self.workloads.contains(&workload) || workload == Workload::Mixed && round > 1 {
                continue;
            }
            let home = home.join(name);
            fs::create_dir(&home)?;
            open_way(&home)?;
            let database = Database::create(product, self.postgres.as_ref(), &home).await?;
            let server = found.start(&home, database).await?;
            process::wait_until_quiet(server.running.id()).await?;
            let sizes = self.options.sized(Sizes::FULL, Sizes::QUICK);
            let requests = Requests::prepare(&server, product, sizes, name).await?;
            if workload == Workload::Mixed {
                let search = self.options.sized(mixed::FULL, mixed::QUICK);
                let keep = Duration::from_secs(self.options.sized(self.options.mixed_time, 3));
                mixed::measure(&requests, search, keep, results).await?;
            } else {
                let sizes = self.options.sized(suite::Sizes::FULL, suite::Sizes::QUICK);
                suite::measure(&requests, sizes, results).await?;
            }
            server.stop().await?;
            disk::sync();
        }
        Ok(())
    }

    async fn use_much_data(&self, server: &Server, results: &mut Results) -> Result<()> {
        let time = self.options.sized(Duration::from_secs(2), Duration::from_millis(125));
        if self.workloads.contains(&Workload::Growth) {
            let sizes = self.options.sized(growth::FULL, growth::QUICK);
            growth::measure(server, sizes, time, results).await?;
        }
        if self.workloads.contains(&Workload::History) {
            let points = self.options.sized(history::FULL, history::QUICK);
            history::measure(server, points, time, results).await?;
        }
        // FastTrackML keeps neither traces nor models.
        let has_all = server.contender != Contender::FastTrackMl;
        if has_all && self.workloads.contains(&Workload::Scale) {
            let sizes = self.options.sized(scale::Sizes::FULL, scale::Sizes::QUICK);
            scale::measure(server, sizes, time, results).await?;
        }
        Ok(())
    }
}

/// Calls a second that the load generator makes when next to nothing is done for them.
async fn ceiling(options: &Options, dir: &Path) -> Result<f64> {
    const TIME: Duration = Duration::from_secs(2);
    eprintln!("the load generator and nginx");
    let home = new_home(dir, "nginx")?;
    let running = nginx::start_empty(&nginx::find(&options.nginx)?, &home).await?;
    let calls = (0..400_000).map(|number| log_metric("0123456789abcdef0123456789abcdef", number));
    let load = Arc::new(Load::writes(calls.collect()));
    let outcome = load.run(running.address, CONNECTIONS, 0, TIME).await?;
    running.stop().await?;
    Ok(outcome.rate())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_chose_is_everything_in_its_order() {
        assert_eq!(chosen(&[], &[1, 2, 3]), [1, 2, 3]);
        assert_eq!(chosen(&[3, 1], &[1, 2, 3]), [1, 3]);
    }
}

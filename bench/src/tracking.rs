//! The tracking workloads: calls of the API on each database, through mlferry, the reference and FastTrackML.

mod attempts;
mod calls;
mod contenders;
mod growth;
mod history;
mod kept;
mod measures;
mod mixed;
mod outcome;
mod requests;
mod scale;
mod seeds;
mod suite;
mod tables;
mod training;
mod turns;
mod users;
mod workload;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;

use self::calls::{Load, Target};
use self::contenders::{Contender, Found, Product};
use self::requests::{CONNECTIONS, log_metric};
use self::tables::{Section, render};
use self::training::Client;
use self::turns::Turn;
use self::workload::Workload;
use crate::options::{RunOptions, new_home};
use crate::postgres::{Postgres, open_way};
use crate::report::{Results, write_section};
use crate::{disk, machine, nginx};

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

    /// How long mlferry is driven by the mixed load, and then keeps it at four fifths of the most; the others do for a tenth of it
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
            Contender::Mlferry | Contender::MlferryUsers => &self.run.mlferry,
            Contender::Reference => &self.run.mlflow,
            Contender::FastTrackMl => &self.fasttrackml,
        };
        let only = if self.only.is_empty() { &Contender::USUAL[..] } else { &self.only };
        chosen(only, &Contender::ALL)
            .into_iter()
            .map(|contender| Found::find(contender, named(contender)))
            .collect()
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
    /// When the program began.
    begin: Instant,
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
            results.begin_round(round as usize);
            for found in &stage.contenders {
                let turn = format!("{} on {}", found.contender.name(), product.name());
                eprintln!("round {round} of {}: {turn}", run.rounds);
                let home = new_home(dir.path(), &found.contender.name().to_lowercase())?;
                open_way(&home)?;
                let taken = Turn { stage: &stage, found, product: *product, round, home: &home };
                taken.take(results).await.with_context(|| format!("{turn} failed"))?;
                // Databases of all turns together would be larger than many a disk.
                fs::remove_dir_all(home)?;
                disk::sync();
            }
        }
    }
    let columns: Vec<_> = stage.contenders.iter().map(|it| it.contender.name()).collect();
    let (text, plots) = render(options, &machine, ceiling, &columns, &sections);
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
            begin: Instant::now(),
        })
    }

    fn versions(&self) -> impl Iterator<Item = (&str, &str)> {
        let contenders =
            self.contenders.iter().map(|it| (it.contender.name(), it.version.as_str()));
        let database = self.postgres.iter().map(|it| ("database", it.version.as_str()));
        let client = self.client.iter().map(|it| ("client", it.version.as_str()));
        contenders.chain(database).chain(client)
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
    let target = Target { address: running.address, may_fail: false, authorization: None };
    let outcome = load.run(target, CONNECTIONS, 0, TIME).await?;
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

//! The artifact workloads: one large file, many small ones, a long listing; memory and start time beside.

mod measures;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;

use self::measures::{
    IDLE_PSS, IDLE_RSS, LARGE_DOWNLOAD, LARGE_UPLOAD, LARGE_UPLOAD_SYNCED, LISTING, LOADED_PSS,
    LOADED_RSS, MEASURES, NOTES, PROCESSES, SMALL_DOWNLOAD, SMALL_UPLOAD, SMALL_UPLOAD_SYNCED,
    START,
};
use crate::load::{Action, Batch, Check, Connection, open_many, run_batch};
use crate::options::{RunOptions, new_home};
use crate::pattern::{Content, Contents, Pattern};
use crate::plot::Plot;
use crate::process::{self, Memory};
use crate::report::{Measure, Results, median, write_section};
use crate::servers::{Destination, Kind, Peer, Server, files_of};
use crate::units::{megabytes, milliseconds, per_second, rate, to_f64};
use crate::{disk, machine};

/// The column of what the disk does without a server.
const DISK: &str = "disk";

/// Connections that carry the small files.
const CONNECTIONS: usize = 16;
/// Size of a small file.
const SMALL_SIZE: usize = 10 * 1024;
/// A pass over the small files is repeated until this much time has been measured.
const SMALL_TIME: Duration = Duration::from_secs(1);
/// How often a listing is asked for in a round.
const LISTINGS: usize = 5;
/// The folder below which everything is uploaded.
const FOLDER: &str = "bench";
/// The folder with many files.
const LISTED: &str = "listed";

/// The options of these workloads.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    run: RunOptions,

    /// Run these servers only
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SERVER")]
    only: Vec<Kind>,

    /// The nginx executable
    #[arg(long, default_value = "nginx", value_name = "PATH")]
    nginx: PathBuf,
}

impl Options {
    /// The servers that take part, each found on this machine, in the order of their turns.
    fn peers(&self) -> Result<Vec<Peer>> {
        let wanted = |kind: &Kind| self.only.is_empty() || self.only.contains(kind);
        let named = |kind| match kind {
            Kind::Mlferry => &self.run.mlferry,
            Kind::Reference => &self.run.mlflow,
            Kind::Nginx => &self.nginx,
        };
        let kinds = Kind::ALL.into_iter().filter(wanted);
        kinds.map(|kind| Peer::find(kind, named(kind))).collect()
    }
}

/// How much is moved.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    large_mebibytes: u64,
    small_files: usize,
    listed_files: usize,
}

impl Sizes {
    const FULL: Self = Self { large_mebibytes: 1024, small_files: 2_000, listed_files: 20_000 };
    const QUICK: Self = Self { large_mebibytes: 64, small_files: 125, listed_files: 1_250 };

    const fn large_bytes(self) -> u64 {
        self.large_mebibytes << 20
    }
}

/// Runs all rounds, prints the tables and writes them where asked to.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let peers = options.peers()?;
    let options = &options.run;
    let sizes = if options.quick { Sizes::QUICK } else { Sizes::FULL };
    let pattern = Pattern::new();
    let dir = options.temp_dir()?;
    let programs = peers.iter().map(|peer| (peer.kind.name(), peer.version.as_str()));
    let machine = machine::describe(dir.path(), programs);
    let mut results = Results::default();
    for round in 1..=options.rounds {
        measure_disk(&new_home(dir.path(), DISK)?, sizes, &mut results)?;
        for peer in &peers {
            eprintln!("round {round} of {}: {}", options.rounds, peer.kind.name());
            let home = new_home(dir.path(), peer.kind.name())?;
            let turn = Turn { home: &home, pattern: &pattern, sizes, first: round == 1 };
            turn.take(peer, &mut results)
                .await
                .with_context(|| format!("{} failed", peer.kind.name()))?;
        }
    }
    let (text, plot) = render(options, &machine, &results);
    println!("{text}");
    if let Some(path) = &options.out {
        write_section(path, "artifacts", &text, plot.as_slice())?;
    }
    Ok(())
}

fn measure_disk(home: &Path, sizes: Sizes, results: &mut Results) -> Result<()> {
    disk::sync();
    let elapsed = disk::dd(home, sizes.large_mebibytes)?;
    results.add(&LARGE_UPLOAD, DISK, rate(sizes.large_bytes(), elapsed));
    disk::sync();
    let folder = home.join("small");
    let elapsed = disk::store_small_files(&folder, CONNECTIONS, sizes.small_files, SMALL_SIZE)?;
    results.add(&SMALL_UPLOAD, DISK, per_second(sizes.small_files, elapsed));
    disk::sync();
    Ok(())
}

/// One server's turn in one round, on a folder of its own. Small files stay until the end of the run, since
/// removing them would slow down whoever comes next: see [`new_home`].
#[derive(Debug)]
struct Turn<'a> {
    home: &'a Path,
    pattern: &'a Pattern,
    sizes: Sizes,
    /// In the first round downloads are compared with what was uploaded.
    first: bool,
}

impl Turn<'_> {
    async fn take(&self, peer: &Peer, results: &mut Results) -> Result<()> {
        let server = peer.start(self.home, &Destination::folder(self.home)?).await?;
        let name = server.kind.name();
        results.add(&START, name, milliseconds(server.running.start_time));
        process::wait_until_quiet(server.running.id()).await?;
        let idle = process::memory(server.running.id())?;
        add_memory(results, name, idle, [&IDLE_RSS, &IDLE_PSS]);
        results.add(&PROCESSES, name, to_f64(idle.processes as u64));

        self.warm_up(&server).await?;
        self.move_large(&server, results).await?;
        self.move_small(&server, results).await?;
        self.list(&server, results).await?;

        let loaded = process::memory(server.running.id())?;
        add_memory(results, name, loaded, [&LOADED_RSS, &LOADED_PSS]);
        server.running.stop().await
    }

    /// A few files that do not count: an interpreter loads modules at its first request.
    async fn warm_up(&self, server: &Server) -> Result<()> {
        let connections = self.connect(server).await?;
        let batch = self.batch(server.kind, "warm-up", Action::Upload);
        let batch = Batch { numbers: 0..8 * CONNECTIONS, ..batch };
        let connections = run_batch(connections, &batch).await?;
        run_batch(connections, &Batch { action: Action::Download(Check::Content), ..batch })
            .await?;
        disk::sync();
        Ok(())
    }

    async fn move_large(&self, server: &Server, results: &mut Results) -> Result<()> {
        let size = self.sizes.large_bytes();
        let content = Content::of_size(size);
        let name = format!("{FOLDER}/large.bin");
        let target = server.kind.target(&name);
        let mut connection = Connection::open(server.running.address, self.pattern.clone()).await?;

        let begin = Instant::now();
        connection.upload(&target, content).await?;
        let answered = begin.elapsed();
        let synced = answered + disk::sync();
        results.add(&LARGE_UPLOAD, server.kind.name(), rate(size, answered));
        results.add(&LARGE_UPLOAD_SYNCED, server.kind.name(), rate(size, synced));
        self.expect_file(&name, size)?;

        // Anew, since a server may close a connection that idled while the disk was busy.
        let mut connection = Connection::open(server.running.address, self.pattern.clone()).await?;
        if self.first {
            connection.download(&target, content, Check::Content).await?;
        }
        let begin = Instant::now();
        connection.download(&target, content, Check::Length).await?;
        results.add(&LARGE_DOWNLOAD, server.kind.name(), rate(size, begin.elapsed()));
        fs::remove_file(self.stored(&name))?;
        disk::sync();
        Ok(())
    }

    async fn move_small(&self, server: &Server, results: &mut Results) -> Result<()> {
        let name = server.kind.name();
        let mut connections = self.connect(server).await?;
        let mut elapsed = Duration::ZERO;
        let mut passes = 0;
        while elapsed < SMALL_TIME {
            // Each pass fills a new folder, so that no file is replaced.
            let batch = self.batch(server.kind, &format!("small-{passes}"), Action::Upload);
            let begin = Instant::now();
            connections = run_batch(connections, &batch).await?;
            elapsed += begin.elapsed();
            passes += 1;
        }
        let files = passes * self.sizes.small_files;
        let synced = elapsed + disk::sync();
        results.add(&SMALL_UPLOAD, name, per_second(files, elapsed));
        results.add(&SMALL_UPLOAD_SYNCED, name, per_second(files, synced));
        for pass in 0..passes {
            for number in 0..self.sizes.small_files {
                self.expect_file(
                    &format!("{FOLDER}/small-{pass}/{number}.bin"),
                    SMALL_SIZE as u64,
                )?;
            }
        }

        let mut connections = self.connect(server).await?;
        if self.first {
            let batch = self.batch(server.kind, "small-0", Action::Download(Check::Content));
            connections = run_batch(connections, &batch).await?;
        }
        let batch = self.batch(server.kind, "small-0", Action::Download(Check::Length));
        let begin = Instant::now();
        let mut files = 0;
        while begin.elapsed() < SMALL_TIME {
            connections = run_batch(connections, &batch).await?;
            files += batch.numbers.len();
        }
        results.add(&SMALL_DOWNLOAD, name, per_second(files, begin.elapsed()));
        Ok(())
    }

    async fn list(&self, server: &Server, results: &mut Results) -> Result<()> {
        let Some(target) = server.kind.listing(LISTED) else { return Ok(()) };
        self.create_listed_files()?;
        let mut connection = Connection::open(server.running.address, self.pattern.clone()).await?;
        let mut figures = Vec::with_capacity(LISTINGS);
        for _ in 0..LISTINGS {
            let begin = Instant::now();
            let answer = connection.fetch(&target).await?;
            figures.push(milliseconds(begin.elapsed()));
            let answer: serde_json::Value = serde_json::from_slice(&answer)?;
            let count = answer["files"].as_array().map_or(0, Vec::len);
            ensure!(count == self.sizes.listed_files, "the listing has {count} entries");
        }
        if let Some(figure) = median(&figures) {
            results.add(&LISTING, server.kind.name(), figure);
        }
        Ok(())
    }

    /// Puts the files to list straight on the disk.
    fn create_listed_files(&self) -> Result<()> {
        let folder = self.stored(LISTED);
        fs::create_dir(&folder)?;
        for number in 0..self.sizes.listed_files {
            fs::write(folder.join(format!("file-{number:05}.txt")), "12345")?;
        }
        disk::sync();
        Ok(())
    }

    async fn connect(&self, server: &Server) -> Result<Vec<Connection>> {
        open_many(server.running.address, self.pattern, CONNECTIONS).await
    }

    fn batch(&self, kind: Kind, folder: &str, action: Action) -> Batch {
        Batch {
            folder: kind.target(&format!("{FOLDER}/{folder}")),
            numbers: 0..self.sizes.small_files,
            contents: Contents::Same,
            size: SMALL_SIZE as u64,
            action,
        }
    }

    fn stored(&self, name: &str) -> PathBuf {
        files_of(self.home).join(name)
    }

    /// The servers keep plain files, so that an upload can be checked behind their backs.
    fn expect_file(&self, name: &str, size: u64) -> Result<()> {
        let length = fs::metadata(self.stored(name))
            .with_context(|| format!("{name} was not stored"))?
            .len();
        ensure!(length == size, "{name} has {length} bytes on the disk instead of {size}");
        Ok(())
    }
}

fn add_memory(
    results: &mut Results,
    column: &'static str,
    memory: Memory,
    [rss, pss]: [&'static Measure; 2],
) {
    results.add(rss, column, megabytes(memory.rss));
    results.add(pss, column, megabytes(memory.pss));
}

fn render(options: &RunOptions, machine: &str, results: &Results) -> (String, Option<Plot>) {
    let columns = [Kind::Mlferry.name(), Kind::Reference.name(), Kind::Nginx.name(), DISK];
    let quick = options.warning();
    let plot = Plot::of("artifacts", "Artifacts", results, &MEASURES, &columns);
    let text = format!(
        "## Artifacts\n\n{quick}{machine}\n\
         {}\n\n{}\n{}\n\
         {NOTES}\n\
         ### Every round\n\n{}",
        options.reading(),
        results.medians(&MEASURES, &columns),
        plot.as_ref().map(Plot::link).unwrap_or_default(),
        results.rounds(&MEASURES, &columns),
    );
    (text, plot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_large_file_has_its_size() {
        assert_eq!(Sizes::FULL.large_bytes(), 1 << 30);
    }
}

//! The workloads on an object store: through a server that stands before it, and by clients that go there themselves.

mod direct;
mod garage;
mod measures;
mod proxy;
mod sources;
mod watch;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use self::direct::Tool;
use self::garage::Garage;
use self::measures::{MEASURES, NOTES};
use self::sources::Sources;
use crate::options::{RunOptions, new_home, program};
use crate::pattern::Pattern;
use crate::plot::Plot;
use crate::report::{Results, write_section};
use crate::servers::{Kind, Peer, output_of};
use crate::{disk, machine};

/// The options of these workloads.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    run: RunOptions,

    /// Run these only
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME")]
    only: Vec<Contender>,

    /// The executable of Garage, the store
    #[arg(long, default_value = "garage", value_name = "PATH")]
    garage: PathBuf,

    /// A Python that has boto3
    #[arg(long, default_value = ".venv/bin/python", value_name = "PATH")]
    python: PathBuf,
}

/// Who takes turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Contender {
    /// Our server
    Mlferry,
    /// `mlflow server` as its makers ship it
    Reference,
    /// boto3 with its transfer manager, straight to the store
    Boto3,
    /// `mlferry artifacts cp`, straight to the store
    Cp,
}

impl Contender {
    const ALL: [Self; 4] = [Self::Mlferry, Self::Reference, Self::Boto3, Self::Cp];

    /// The name of its column.
    const fn name(self) -> &'static str {
        match self {
            Self::Mlferry => Kind::Mlferry.name(),
            Self::Reference => Kind::Reference.name(),
            Self::Boto3 => "boto3",
            Self::Cp => "artifacts cp",
        }
    }
}

/// A contender that was found on this machine.
#[derive(Debug)]
enum Found {
    Server(Peer),
    Tool(Tool),
}

/// How much is moved.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    large_bytes: u64,
    small_files: usize,
}

impl Sizes {
    const FULL: Self = Self { large_bytes: 1 << 30, small_files: 2_000 };
    const QUICK: Self = Self { large_bytes: 64 << 20, small_files: 125 };
}

/// One contender's turn in one round, with a store that nobody used before.
#[derive(Debug, Clone, Copy)]
struct Turn<'a> {
    home: &'a Path,
    garage: &'a Garage,
    pattern: &'a Pattern,
    sizes: Sizes,
    /// In the first round downloads are compared with what was uploaded.
    first: bool,
}

/// Runs all rounds, prints the tables and writes them where asked to.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let run = &options.run;
    let garage = program(&options.garage)?;
    let store = output_of(Command::new(&garage).arg("--version"));
    let store = store.context("Garage cannot be run: `make garage` installs it")?;
    let sizes = if run.quick { Sizes::QUICK } else { Sizes::FULL };
    let pattern = Pattern::new();
    let dir = run.temp_dir()?;
    let contenders = options.contenders(dir.path())?;
    let versions = contenders
        .iter()
        .filter_map(|(contender, found)| Some((contender.name(), found.version()?)));
    let machine = machine::describe(dir.path(), versions.chain([("store", store.as_str())]));
    let sources = Sources::create(dir.path(), &pattern, sizes)?;
    let mut results = Results::default();
    for round in 1..=run.rounds {
        for (contender, found) in &contenders {
            let name = contender.name();
            eprintln!("round {round} of {}: {name}", run.rounds);
            let home = new_home(dir.path(), &name.replace(' ', "-"))?;
            let store = Garage::start(&garage, &home.join("store")).await?;
            let turn =
                Turn { home: &home, garage: &store, pattern: &pattern, sizes, first: round == 1 };
            let taken = match found {
                Found::Server(peer) => proxy::take(peer, turn, &mut results).await,
                Found::Tool(tool) => direct::take(tool, name, &sources, turn, &mut results).await,
            };
            taken.with_context(|| format!("{name} failed"))?;
            store.stop().await?;
            empty_large_files(&home)?;
            disk::sync();
        }
    }
    let (text, plot) = render(run, &machine, &results);
    println!("{text}");
    if let Some(path) = &run.out {
        write_section(path, "stores", &text, plot.as_slice())?;
    }
    Ok(())
}

impl Options {
    /// Those who take part, each found on this machine, in the order of their turns.
    fn contenders(&self, dir: &Path) -> Result<Vec<(Contender, Found)>> {
        let wanted = |it: &Contender| self.only.is_empty() || self.only.contains(it);
        let all = Contender::ALL.into_iter().filter(wanted);
        all.map(|contender| Ok((contender, self.find(contender, dir)?))).collect()
    }

    fn find(&self, contender: Contender, dir: &Path) -> Result<Found> {
        let found = match contender {
            Contender::Mlferry => Found::Server(Peer::find(Kind::Mlferry, &self.run.mlferry)?),
            Contender::Reference => Found::Server(Peer::find(Kind::Reference, &self.run.mlflow)?),
            Contender::Boto3 => Found::Tool(Tool::boto3(&self.python, dir)?),
            Contender::Cp => Found::Tool(Tool::cp(&self.run.mlferry)?),
        };
        Ok(found)
    }
}

impl Found {
    /// What it says about its version, unless another of these has said it.
    fn version(&self) -> Option<&str> {
        match self {
            Self::Server(peer) => Some(&peer.version),
            Self::Tool(tool) => tool.version(),
        }
    }
}

/// Gives the space of a turn back. The files themselves stay until the end: see [`new_home`].
fn empty_large_files(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            empty_large_files(&entry.path())?;
        } else if metadata.is_file() && metadata.len() > 64 << 10 {
            fs::File::create(entry.path())?;
        }
    }
    Ok(())
}

fn render(options: &RunOptions, machine: &str, results: &Results) -> (String, Option<Plot>) {
    let columns = Contender::ALL.map(Contender::name);
    let plot = Plot::of("stores", "Object storage", results, &MEASURES, &columns);
    let text = format!(
        "## Object storage\n\n{}{machine}\n\
         {}\n\n{}\n{}\n\
         {NOTES}\n\
         ### Every round on object storage\n\n{}",
        options.warning(),
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
    fn emptied_files_keep_their_names() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("large"), vec![1; 100_000]).unwrap();
        fs::write(folder.join("small"), vec![1; 10_240]).unwrap();
        empty_large_files(dir.path()).unwrap();
        assert_eq!(fs::metadata(folder.join("large")).unwrap().len(), 0);
        assert_eq!(fs::metadata(folder.join("small")).unwrap().len(), 10_240);
    }
}

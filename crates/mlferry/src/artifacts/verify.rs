//! `mlferry artifacts verify`.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use clap::Args;
use futures_util::StreamExt;
use mlferry_artifacts::{ArtifactPath, Service, StoreSettings};
use tokio_util::task::TaskTracker;

use super::compare::{File, have_same_bytes};
use super::cp::{index, tell_unlisted};
use super::du::Weight;
use super::entries::{Item, files, paired, side_by_side};
use super::location::Location;
use super::output::{Output, counted, shown};
use super::progress::Progress;
use super::target::{Purpose, Source, Target};
use super::transfer::{path_of, reason, retried};
use crate::units::format_bytes;

/// The flags of `mlferry artifacts verify`.
#[derive(Args, Debug)]
pub(super) struct VerifyFlags {
    /// What was copied.
    #[arg(
        value_name = "FROM",
        help = "File or folder that was copied: a path, or a URI such as s3://bucket/folder"
    )]
    pub(super) from: String,

    /// Where it was copied to
    #[arg(value_name = "TO")]
    pub(super) to: String,

    /// Compare the bytes, not only the names and sizes
    #[arg(long)]
    checksum: bool,

    /// Files that are compared at the same time
    #[arg(long, short, value_name = "N", default_value_t = 8)]
    pub(super) jobs: usize,
}

/// Both sides of a comparison.
#[derive(Debug)]
struct Sides {
    from: Service,
    from_path: Option<ArtifactPath>,
    to: Service,
    to_path: Option<ArtifactPath>,
    checksum: bool,
    progress: Progress,
}

/// What came of a comparison.
#[derive(Debug)]
enum Verdict {
    Same,
    Missing,
    Size(u64),
    Bytes,
    Failed(String),
}

/// How many files were compared, and how many of them are not the same.
#[derive(Debug, Default)]
struct Tally {
    same: Weight,
    missing: u64,
    extra: u64,
    differ: u64,
    failed: u64,
}

/// Compares two places; an error if they are not the same.
pub(super) async fn run(
    flags: &VerifyFlags,
    from: Location,
    to: Location,
    settings: StoreSettings,
) -> anyhow::Result<()> {
    let found = from.find(&settings).await?;
    let source = Source { at: &from, found: &found };
    let target = Target::find(&to, source, &settings, Purpose::Compare).await?;
    let service = match &target.service {
        Some(service) if target.is_named => service.clone(),
        _ => anyhow::bail!("there is nothing at '{to}' to compare with"),
    };
    let sides = Arc::new(Sides {
        from: found.service.clone(),
        from_path: found.path.clone(),
        to: service.clone(),
        to_path: target.path.clone(),
        checksum: flags.checksum,
        progress: Progress::new(),
    });
    let mut tally = Tally { failed: tell_unlisted(source).await?, ..Tally::default() };
    let mut others = index(&target, &to).await?;
    let mut output = Output::new();
    compare(flags, source, &sides, &mut others, &mut tally, &mut output).await?;
    let told = tell_extra(others, &mut tally, &mut output)
        .and_then(|()| output.line(tally.summary()))
        .and_then(|()| output.flush());
    super::close(found.service).await;
    super::close(service).await;
    tally.conclude()?;
    Ok(told?)
}

async fn compare(
    flags: &VerifyFlags,
    from: Source<'_>,
    sides: &Arc<Sides>,
    others: &mut HashMap<String, u64>,
    tally: &mut Tally,
    output: &mut Output,
) -> anyhow::Result<()> {
    let pairs = paired(files(from.found, from.at), others, &sides.progress);
    let work = |pair: anyhow::Result<Item>| {
        let sides = Arc::clone(sides);
        async move {
            let pair = pair?;
            let verdict = sides.judge(&pair).await;
            sides.progress.finish_file();
            anyhow::Ok((pair, verdict))
        }
    };
    let tasks = TaskTracker::new();
    let mut results = side_by_side(pairs, flags.jobs, &tasks, work).boxed();
    while let Some(result) = results.next().await {
        let (pair, verdict) = result??;
        let name = if pair.below.is_empty() { from.at.to_string() } else { pair.below };
        let line = tally.take(&shown(&name), pair.size, verdict);
        if let Some(line) = line {
            sides.progress.print(|| output.line(line).and_then(|()| output.flush()))?;
        }
    }
    sides.progress.clear();
    Ok(())
}

impl Sides {
    async fn judge(&self, pair: &Item) -> Verdict {
        let from = path_of(self.from_path.as_ref(), &pair.below);
        let to = path_of(self.to_path.as_ref(), &pair.below);
        let (from, to) = match (from, to) {
            (Ok(from), Ok(to)) => (from, to),
            // What can't be addressed can't be copied; but it may be there.
            (Err(_), _) | (_, Err(_)) if pair.present.is_none() => return Verdict::Missing,
            (Err(error), _) | (_, Err(error)) => return Verdict::Failed(error.to_string()),
        };
        match pair.present {
            None => Verdict::Missing,
            Some(other) if other != pair.size => Verdict::Size(other),
            Some(_) if !self.checksum => Verdict::Same,
            Some(_) => {
                let from = File { service: &self.from, path: &from };
                let to = File { service: &self.to, path: &to };
                match retried(|| have_same_bytes(from, to, &self.progress)).await {
                    Ok(true) => Verdict::Same,
                    Ok(false) => Verdict::Bytes,
                    Err(error) => Verdict::Failed(reason(&error)),
                }
            }
        }
    }
}

/// Names what only the second side has.
fn tell_extra(
    others: HashMap<String, u64>,
    tally: &mut Tally,
    output: &mut Output,
) -> io::Result<()> {
    let mut others: Vec<_> = others.into_keys().collect();
    others.sort_unstable();
    for name in others {
        tally.extra += 1;
        output.line(format!("extra: {}", shown(&name)))?;
    }
    Ok(())
}

impl Tally {
    /// Counts a file; the line that tells a difference.
    fn take(&mut self, name: &str, size: u64, verdict: Verdict) -> Option<String> {
        let (count, line) = match verdict {
            Verdict::Same => {
                self.same += Weight { files: 1, bytes: size };
                return None;
            }
            Verdict::Missing => (&mut self.missing, format!("missing: {name}")),
            Verdict::Size(other) => {
                (&mut self.differ, format!("size differs: {name} ({size} B, {other} B)"))
            }
            Verdict::Bytes => (&mut self.differ, format!("bytes differ: {name}")),
            Verdict::Failed(why) => (&mut self.failed, format!("not compared: {name}: {why}")),
        };
        *count += 1;
        Some(line)
    }

    fn summary(&self) -> String {
        let Self { same, missing, extra, differ, failed } = self;
        let same = format!("{} of {}", counted(same.files, "file"), format_bytes(same.bytes));
        format!(
            "The same: {same}. Missing: {missing}. Extra: {extra}. Different: {differ}. Not compared: {failed}."
        )
    }

    fn conclude(&self) -> anyhow::Result<()> {
        let Self { missing, extra, differ, failed, .. } = self;
        let differences = missing + extra + differ + failed;
        anyhow::ensure!(differences == 0, "{} found", counted(differences, "difference"));
        Ok(())
    }
}

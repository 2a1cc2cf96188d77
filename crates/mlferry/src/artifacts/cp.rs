//! `mlferry artifacts cp`.

use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use futures_util::{StreamExt, TryStreamExt};
use mlferry_artifacts::StoreSettings;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::du::Weight;
use super::entries::{Item, files, paired, side_by_side};
use super::location::{Found, Kind, Location};
use super::output::{Output, counted, shown, tell};
use super::progress::Progress;
use super::target::{Purpose, Source, Target};
use super::transfer::{Failure, Fate, LANES, Rules, Transfer};
use super::unlisted;
use crate::signals::StopSignals;
use crate::units::format_bytes;

/// Files that fail one after the other because of the store, after which no others are tried.
const FAILURES_IN_A_ROW: u32 = 24;

/// The flags of `mlferry artifacts cp`.
#[derive(Args, Debug)]
pub(super) struct CpFlags {
    /// What is copied.
    #[arg(
        value_name = "FROM",
        help = "File or folder to copy: a path, or a URI such as s3://bucket/folder"
    )]
    pub(super) from: String,

    /// Where to: a path, or a URI. A file goes into a folder that is there or that ends with a slash
    #[arg(value_name = "TO")]
    pub(super) to: String,

    /// Files that are copied at the same time
    #[arg(long, short, value_name = "N", default_value_t = 16)]
    pub(super) jobs: usize,

    /// Replace files that are there and differ
    #[arg(long)]
    overwrite: bool,

    /// Compare the bytes of what is there already, not only its size
    #[arg(long)]
    checksum: bool,

    /// Show what would be copied, and copy nothing
    #[arg(long)]
    dry_run: bool,
}

/// What was done so far.
#[derive(Debug, Default)]
struct Done {
    copied: Weight,
    passed: u64,
    failed: u64,
    row: Row,
}

/// Failures of the store with nothing between them that it has done.
#[derive(Debug, Default)]
struct Row {
    length: u32,
    /// Whether any file came through: then a refusal is about its own file.
    has_worked: bool,
}

/// Copies a file or folder.
pub(super) async fn run(
    flags: &CpFlags,
    from: Location,
    to: Location,
    settings: StoreSettings,
) -> anyhow::Result<()> {
    let found = from.find(&settings).await?;
    let purpose = if flags.dry_run { Purpose::DryRun } else { Purpose::Copy };
    let source = Source { at: &from, found: &found };
    let target = Target::find(&to, source, &settings, purpose).await?;
    let tasks = TaskTracker::new();
    let services = [Some(found.service.clone()), target.service.clone()];
    let copy = copy(flags, Source { at: &from, found: &found }, (&to, target), &tasks);
    let mut signals = StopSignals::new()?;
    let copied = until_stopped(&mut signals, copy).await;
    let end = async {
        // What was broken off must be dropped, before the destination can wait for its end.
        tasks.close();
        tasks.wait().await;
        for service in services.into_iter().flatten() {
            super::close(service).await;
        }
        Ok(())
    };
    // Whoever asks a second time leaves the rest to `sweep`.
    let ended = until_stopped(&mut signals, end).await;
    copied.and(ended)
}

/// Does the work, unless the operator ends it before.
async fn until_stopped(
    signals: &mut StopSignals,
    work: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    tokio::select! {
        done = work => done,
        how = signals.next() => anyhow::bail!("{how}; run it again to go on"),
    }
}

async fn copy(
    flags: &CpFlags,
    from: Source<'_>,
    (to, target): (&Location, Target),
    tasks: &TaskTracker,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut done = Done::default();
    done.failed += tell_unlisted(from).await?;
    let mut present = index(&target, to).await?;
    let transfer = Arc::new(transfer(flags, from, to, target));
    let items = paired(files(from.found, from.at), &mut present, &transfer.progress);
    let work = |item: anyhow::Result<Item>| {
        let transfer = Arc::clone(&transfer);
        async move { anyhow::Ok(transfer.carry_out(item?).await) }
    };
    let mut output = Output::new();
    let mut results = side_by_side(items, flags.jobs, tasks, work).boxed();
    while let Some(result) = results.next().await {
        let (item, fate) = result??;
        let name = if item.below.is_empty() { from.at.to_string() } else { item.below };
        done.take(&shown(&name), fate, &transfer, &mut output)?;
    }
    transfer.progress.clear();
    let told = output.line(done.summary(flags.dry_run, start)).and_then(|()| output.flush());
    let failed = done.failed;
    anyhow::ensure!(failed == 0, "{} not copied, for the reasons above", are(failed));
    Ok(told?)
}

fn are(files: u64) -> String {
    format!("{} {}", counted(files, "file"), if files == 1 { "is" } else { "are" })
}

fn transfer(flags: &CpFlags, from: Source<'_>, to: &Location, target: Target) -> Transfer {
    Transfer {
        from: from.found.service.clone(),
        from_path: from.found.path.clone(),
        to: target.service,
        to_path: target.path,
        rules: Rules {
            overwrite: flags.overwrite,
            checksum: flags.checksum,
            dry_run: flags.dry_run,
            has_md5s: from.at.is_s3() && to.is_s3(),
            turns_backslashes: to.is_azure(),
        },
        lanes: Semaphore::new(LANES),
        progress: Progress::new(),
    }
}

/// Names what of a local folder can't be copied, and counts it.
pub(super) async fn tell_unlisted(from: Source<'_>) -> anyhow::Result<u64> {
    let (Some(folder), Kind::Folder) = (from.at.local(), from.found.kind) else { return Ok(0) };
    tell_unlisted_below(folder).await
}

/// Names what of a folder of this machine is no artifact, and counts it.
pub(crate) async fn tell_unlisted_below(folder: &Path) -> anyhow::Result<u64> {
    let path = folder.to_owned();
    let found = tokio::task::spawn_blocking(move || unlisted::below(&path)).await;
    let found = found.context("a task failed")?;
    let found = found.with_context(|| format!("cannot read '{}'", folder.display()))?;
    for line in &found {
        tell(line);
    }
    Ok(found.len() as u64)
}

/// What is at the other side, with its bytes. The only file of a copy has the empty path.
pub(super) async fn index(target: &Target, at: &Location) -> anyhow::Result<HashMap<String, u64>> {
    let (kind, path) = (target.kind, target.path.clone());
    let Some(service) = target.service.clone().filter(|_| kind != Kind::Absent) else {
        return Ok(HashMap::new());
    };
    let pages: Vec<_> = files(&Found { service, path, kind }, at).try_collect().await?;
    Ok(pages.into_iter().flatten().collect())
}

impl Row {
    /// A file is there. What no store was asked about says nothing of its health.
    fn succeed(&mut self, was_asked: bool) {
        self.has_worked = true;
        if was_asked {
            self.length = 0;
        }
    }

    /// Counts a failure; whether it is time to give up.
    fn fail(&mut self, failure: &Failure) -> bool {
        if failure.is_outage() || failure.is_refusal() && !self.has_worked {
            self.length += 1;
        } else if failure.is_refusal() {
            self.length = 0;
        }
        self.length >= FAILURES_IN_A_ROW
    }
}

impl Done {
    /// Counts what became of a file, and tells it.
    fn take(
        &mut self,
        name: &str,
        fate: Fate,
        transfer: &Transfer,
        output: &mut Output,
    ) -> anyhow::Result<()> {
        let failure = match fate {
            Fate::Copied(bytes) => {
                self.copied += Weight { files: 1, bytes };
                self.row.succeed(true);
                if transfer.rules.dry_run {
                    output.line(format!("would copy '{name}'"))?;
                }
                return Ok(());
            }
            Fate::Passed => {
                self.passed += 1;
                self.row.succeed(transfer.rules.asks_first());
                return Ok(());
            }
            Fate::Failed(failure) => failure,
        };
        self.failed += 1;
        transfer.progress.print(|| tell(format!("'{name}' is not copied: {failure}")));
        if self.row.fail(&failure) {
            transfer.progress.clear();
            anyhow::bail!(
                "given up after {FAILURES_IN_A_ROW} failures of the store in a row; run it again to go on"
            );
        }
        Ok(())
    }

    fn summary(&self, is_dry_run: bool, start: Instant) -> String {
        let Weight { files, bytes } = self.copied;
        let copied = format!("{} of {}", counted(files, "file"), format_bytes(bytes));
        let passed = match self.passed {
            0 => String::new(),
            1 => "; 1 is there already".to_owned(),
            passed => format!("; {passed} are there already"),
        };
        if is_dry_run {
            return format!("Would copy {copied}{passed}.");
        }
        let seconds = start.elapsed().as_secs_f64();
        format!("Copied {copied} in {seconds:.1} s{passed}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlferry_artifacts::{ArtifactError, StoreTrouble};

    #[test]
    fn only_what_tells_of_the_files_to_come_counts_as_a_row() {
        let trouble =
            |trouble| Failure::Artifact(ArtifactError::Store { trouble, words: "no".to_owned() });
        let (outage, refusal) = (trouble(StoreTrouble::Unavailable), trouble(StoreTrouble::Denied));
        let fails = |row: &mut Row, failure: &Failure| {
            (0..FAILURES_IN_A_ROW).fold(false, |_, _| row.fail(failure))
        };
        assert!(fails(&mut Row::default(), &outage));
        assert!(fails(&mut Row::default(), &refusal));
        assert!(!fails(&mut Row::default(), &Failure::Differs));
        let mut row = Row::default();
        row.succeed(false);
        assert!(!fails(&mut row, &refusal), "others came through");
        assert!(fails(&mut row, &outage));
        for (was_asked, expected) in [(true, 1), (false, FAILURES_IN_A_ROW + 1)] {
            let mut row = Row { length: FAILURES_IN_A_ROW, has_worked: true };
            row.succeed(was_asked);
            row.fail(&outage);
            assert_eq!(row.length, expected);
        }
    }
}

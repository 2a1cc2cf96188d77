//! `mlferry artifacts sweep`: uploads in parts that nobody will complete are given up at the store.

use std::time::{Duration, SystemTime};

use clap::Args;
use mlferry_artifacts::{ArtifactError, OpenUpload, Service, StoreSettings, StoreTrouble};

use super::location::Location;
use super::output::{Output, counted, shown, tell};
use crate::units::parse_age;
use crate::usage::{Stop, Usage};

/// The flags of `mlferry artifacts sweep`.
#[derive(Args, Debug)]
pub(super) struct SweepFlags {
    /// Where uploads are looked for.
    #[arg(
        value_name = "DEST",
        help = "Destination, or a folder in it: a URI such as s3://bucket/folder"
    )]
    pub(super) at: String,

    /// Leave uploads alone that were begun more recently than this
    #[arg(long, value_name = "AGE", default_value = "7d")]
    older_than: String,

    /// Show what would be given up, and leave it
    #[arg(long)]
    dry_run: bool,
}

impl SweepFlags {
    /// The age from which on uploads are given up.
    pub(super) fn age(&self) -> Result<Duration, Stop> {
        parse_age(&self.older_than).ok_or_else(|| {
            let what = format!(
                "Invalid value for '--older-than': Could not parse any time information from '{}'. Write 7d, 8h or 0s.",
                self.older_than
            );
            Stop::Usage(Usage::ArtifactsSweep, what)
        })
    }
}

/// Gives up the uploads below a place that are old enough.
pub(super) async fn run(
    flags: &SweepFlags,
    at: Location,
    age: Duration,
    settings: StoreSettings,
) -> anyhow::Result<()> {
    let mut output = Output::new();
    if at.local().is_some() {
        output.line("In a local folder, unfinished uploads are removed by the next start of a server there.")?;
        return Ok(output.flush()?);
    }
    let service = Service::open_to_read(&at.destination, &settings).await?;
    let now = SystemTime::now();
    let before = now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
    match service.open_uploads(before).await {
        Ok(mut uploads) => {
            uploads.sort_by(|left, right| (&left.key, left.begun).cmp(&(&right.key, right.begun)));
            let done = sweep(flags, &service, &uploads, now, &mut output).await;
            super::close(service).await;
            done
        }
        // There is nothing that anybody could do, nor has to.
        Err(ArtifactError::Store { trouble: StoreTrouble::Unsupported, words }) => {
            output.line(format!("Nothing to sweep at '{at}': {words}."))?;
            Ok(output.flush()?)
        }
        Err(error) => {
            Err(anyhow::Error::from(error).context(format!("cannot list the uploads at '{at}'")))
        }
    }
}

async fn sweep(
    flags: &SweepFlags,
    service: &Service,
    uploads: &[OpenUpload],
    now: SystemTime,
    output: &mut Output,
) -> anyhow::Result<()> {
    let (mut swept, mut failed) = (0, 0);
    for upload in uploads {
        let key = shown(&upload.key);
        let age = in_words(now.duration_since(upload.begun).unwrap_or_default());
        if flags.dry_run {
            output.line(format!("would abort '{key}', begun {age} ago"))?;
            swept += 1;
            continue;
        }
        match service.abort_open_upload(upload).await {
            Ok(()) => {
                output.line(format!("aborted '{key}', begun {age} ago"))?;
                swept += 1;
            }
            // It was completed or given up meanwhile.
            Err(ArtifactError::Store { trouble: StoreTrouble::Absent, .. }) => {}
            Err(error) => {
                tell(format!("'{key}', begun {age} ago, is not aborted: {error}"));
                failed += 1;
            }
        }
    }
    let verb = if flags.dry_run { "Would abort" } else { "Aborted" };
    let summary = format!("{verb} {}.", counted(swept, "unfinished upload"));
    let told = output.line(summary).and_then(|()| output.flush());
    anyhow::ensure!(failed == 0, "{failed} uploads are not aborted, for the reasons above");
    Ok(told?)
}

/// The two largest units of an age.
fn in_words(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_their_two_largest_units() {
        for (seconds, text) in
            [(5, "5s"), (61, "1m1s"), (7300, "2h1m"), (8 * 86_400 + 3 * 3600, "8d3h")]
        {
            assert_eq!(in_words(Duration::from_secs(seconds)), text);
        }
    }
}

//! The artifact destination: whether it answers, and what unfinished uploads left there.

use std::time::{Duration, SystemTime};

use mlferry_artifacts::{
    ArtifactError, Destination, OpenUpload, Service, StoreSettings, StoreTrouble,
};

use super::clocks::Clocks;
use super::report::{EXAMPLES, Finding, Group, Level, Report};
use super::words;
use crate::units::format_bytes;

/// How long a destination may take to answer, repetitions included.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Uploads in parts that were begun longer ago are nobody's any more.
const UPLOAD_TIME: Duration = Duration::from_hours(24);

/// The destination of proxied artifacts.
#[derive(Debug)]
pub(super) enum Proxied {
    /// It answers.
    There(Service),
    /// A folder that is not there. A server makes it when it starts.
    Absent(String),
    /// It does not answer.
    Silent,
}

impl Proxied {
    pub(super) fn service(&self) -> Option<Service> {
        match self {
            Self::There(service) => Some(service.clone()),
            Self::Absent(_) | Self::Silent => None,
        }
    }
}

/// Looks at the destination. Nothing is written to try it: a server does so when it starts.
pub(super) async fn examine(
    report: &mut Report,
    destination: &Destination,
    settings: &StoreSettings,
    fix: bool,
) -> Proxied {
    if let Destination::Local(path) = destination
        && !path.try_exists().unwrap_or(true)
    {
        // Whether that matters depends on the records.
        return Proxied::Absent(destination.to_string());
    }
    let opened = async {
        let service = Service::open_to_read(destination, settings).await?;
        service.probe().await?;
        anyhow::Ok(service)
    };
    let opened = tokio::time::timeout(ANSWER_TIME, opened).await;
    let silence = || Err(anyhow::anyhow!("no answer within {} s", ANSWER_TIME.as_secs()));
    let service = match opened.unwrap_or_else(|_| silence()) {
        Ok(service) => service,
        Err(error) => {
            let why = format!("'{destination}' does not answer: {}", words(error));
            report.unchecked(Group::Destination, "destination.answer", why);
            return Proxied::Silent;
        }
    };
    report.ok(Group::Destination, "destination.answer", format!("'{destination}' answers"));
    examine_rights(report, &service).await;
    match destination {
        Destination::Local(_) => examine_leftovers(report, &service, fix).await,
        Destination::Remote(_) => {
            examine_clock(report, &service).await;
            examine_uploads(report, &service, fix).await;
        }
    }
    Proxied::There(service)
}

async fn examine_rights(report: &mut Report, service: &Service) {
    match service.is_writable().await {
        // Only a write could tell.
        None => {}
        Some(true) => report.ok(Group::Destination, "destination.rights", "it may be written"),
        Some(false) => {
            let what = "it may not be written by whoever asks";
            report.add(
                Finding::new(Group::Destination, "destination.rights", Level::Warning, what)
                    .advice("Ask as the server's account, and see who owns the folder."),
            );
        }
    }
}

async fn examine_clock(report: &mut Report, service: &Service) {
    let asked = SystemTime::now();
    match service.clock().await {
        Ok(Some(theirs)) => {
            let clocks = Clocks { before: asked, theirs, after: SystemTime::now() };
            report.add(clocks.finding(Group::Destination, "destination.clock"));
        }
        // Its answers tell nothing.
        Ok(None) => {}
        Err(error) => report.unchecked(Group::Destination, "destination.clock", words(error)),
    }
}

async fn examine_leftovers(report: &mut Report, service: &Service, fix: bool) {
    const CHECK: &str = "destination.staging";
    let leftovers = match service.leftovers().await {
        Ok(leftovers) => leftovers,
        Err(error) => return report.unchecked(Group::Destination, CHECK, words(error)),
    };
    if leftovers.is_empty() {
        return report.ok(Group::Destination, CHECK, "no killed server left unfinished uploads");
    }
    let bytes: u64 = leftovers.iter().map(|leftover| leftover.bytes).sum();
    let what = format!("killed servers left unfinished uploads of {}", format_bytes(bytes));
    let folders = leftovers.iter().map(|leftover| leftover.folder.clone()).collect();
    let finding = Finding::new(Group::Destination, CHECK, Level::Warning, what)
        .of(leftovers.len() as u64, folders)
        .advice("The next start of a server removes them, and so does `mlferry doctor --fix`.");
    if !fix {
        return report.add(finding);
    }
    report.add(match service.sweep_leftovers().await {
        Ok(()) => finding.fixed("They were removed."),
        Err(error) => finding.advice(format!("They are not removed: {}", words(error))),
    });
}

async fn examine_uploads(report: &mut Report, service: &Service, fix: bool) {
    const CHECK: &str = "destination.uploads";
    let before = SystemTime::now().checked_sub(UPLOAD_TIME).unwrap_or(SystemTime::UNIX_EPOCH);
    let uploads = match service.open_uploads(before).await {
        Ok(uploads) => uploads,
        // There is nothing that anybody could do, nor has to.
        Err(ArtifactError::Store { trouble: StoreTrouble::Unsupported, words }) => {
            return report.ok(Group::Destination, CHECK, words);
        }
        Err(error) => return report.unchecked(Group::Destination, CHECK, words(error)),
    };
    if uploads.is_empty() {
        return report.ok(
            Group::Destination,
            CHECK,
            "no upload was begun over a day ago and never completed",
        );
    }
    let keys = uploads.iter().take(EXAMPLES).map(|upload| upload.key.clone()).collect();
    let what = "uploads were begun over a day ago and never completed";
    let finding = Finding::new(Group::Destination, CHECK, Level::Warning, what)
        .of(uploads.len() as u64, keys)
        .advice("Their parts take room. `mlferry doctor --fix` or `mlferry artifacts sweep` gives them up.");
    report.add(if fix { give_up(service, &uploads, finding).await } else { finding });
}

async fn give_up(service: &Service, uploads: &[OpenUpload], finding: Finding) -> Finding {
    for upload in uploads {
        match service.abort_open_upload(upload).await {
            // It was completed or given up meanwhile.
            Ok(()) | Err(ArtifactError::Store { trouble: StoreTrouble::Absent, .. }) => {}
            Err(error) => {
                let why = format!("'{}' is not given up: {}", upload.key, words(error));
                return finding.advice(why);
            }
        }
    }
    finding.fixed("They were given up.")
}

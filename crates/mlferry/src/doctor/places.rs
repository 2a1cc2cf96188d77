//! Whether the artifacts are there that records say are.

use std::future::Future;

use futures_util::{StreamExt, stream};
use mlferry_server::Collector;
use mlferry_store::{Checkup, Located, StoreError, without_password};

use super::destination::Proxied;
use super::report::{EXAMPLES, Finding, Group, Level, Report};
use crate::uri;

/// Places that are looked at side by side.
const AT_ONCE: usize = 16;

/// Records, and the way to their artifacts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) checkup: &'a Checkup,
    pub(super) collector: &'a Collector,
    pub(super) proxied: &'a Proxied,
}

/// Things of one kind: how many, and the first few.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) examples: Vec<String>,
}

impl Tally {
    pub(super) fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(example());
        }
    }

    /// The finding, if there is anything.
    pub(super) fn finding(self, check: &str, level: Level, what: &str) -> Option<Finding> {
        let Self { count, examples } = self;
        let finding = Finding::new(Group::Artifacts, check, level, what).of(count, examples);
        (count > 0).then_some(finding)
    }
}

/// What became of a place that was looked at.
enum Look {
    /// Something is there, or nobody can tell.
    Fine,
    Empty,
    OutOfReach(String),
}

impl Places<'_> {
    /// Looks at the places of all runs, models and versions.
    pub(super) async fn examine(&self, report: &mut Report) {
        let runs = self.examine_runs().await;
        report.add_all(
            Group::Artifacts,
            "runs.artifacts",
            "servers get at the artifact locations of all runs",
            runs,
        );
        let models = self.examine_models().await;
        report.add_all(
            Group::Artifacts,
            "logged_models.artifacts",
            "the files of all logged models are there",
            models,
        );
        let versions = self.examine_versions().await;
        let well = "the files of all model versions are there";
        report.add_all(Group::Artifacts, "model_versions.artifacts", well, versions);
    }

    /// Whether the artifacts at a location can be looked at.
    pub(super) fn is_open(&self, location: &str) -> bool {
        let scheme = uri::scheme(location);
        let is_proxied = matches!(scheme.as_deref(), Some("mlflow-artifacts" | "http" | "https"));
        !is_proxied || matches!(self.proxied, Proxied::There(_))
    }

    async fn examine_runs(&self) -> Result<Vec<Finding>, StoreError> {
        let (mut out_of_reach, mut proxied) = (Tally::default(), Tally::default());
        let mut after = None;
        loop {
            let page = self.checkup.run_locations(after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            for Located { id, uri } in &page {
                if !self.is_open(uri) {
                    proxied.add(|| id.clone());
                } else if let Err(why) = self.collector.reach(uri).await {
                    out_of_reach.add(|| format!("{id}: {why}"));
                }
            }
        }
        let mut findings = Vec::new();
        let what = "runs have an artifact location that a server with these flags does not get at";
        findings.extend(out_of_reach.finding("runs.location", Level::Warning, what).map(|finding| {
            finding.advice(
                "Give the flags that their server has. If these are the flags, only clients with rights of their own \
                 get at these artifacts.",
            )
        }));
        if let Proxied::Absent(name) = self.proxied {
            let what = format!("runs have proxied artifacts, and there is no folder '{name}'");
            let finding = proxied.finding("destination.absent", Level::Warning, &what);
            findings.extend(finding.map(|finding| {
                finding.advice("Say with --artifacts-destination where they are. If nothing was logged yet, all is well.")
            }));
        }
        Ok(findings)
    }

    async fn examine_models(&self) -> Result<Vec<Finding>, StoreError> {
        let (mut missing, mut out_of_reach) = (Tally::default(), Tally::default());
        let mut after = None;
        loop {
            let page = self.checkup.ready_models(after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            let looks = page.into_iter().map(|Located { id, uri }| async move {
                let look = self.look(&uri).await;
                (format!("{id} at {}", without_password(&uri)), look)
            });
            count(looks, &mut missing, &mut out_of_reach).await;
        }
        Ok(findings_of("logged_models", "logged models", missing, out_of_reach))
    }

    async fn examine_versions(&self) -> Result<Vec<Finding>, StoreError> {
        let (mut missing, mut out_of_reach) = (Tally::default(), Tally::default());
        let mut after = None;
        loop {
            let page = self.checkup.version_locations(after).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.name.clone(), last.version));
            let looks = page.into_iter().map(|of| async move {
                let name = format!("{}/{}", of.name, of.version);
                match of.uri {
                    Ok(uri) => {
                        let look = self.look(&uri).await;
                        (format!("{name} at {}", without_password(&uri)), look)
                    }
                    Err(why) => (name, Look::OutOfReach(why)),
                }
            });
            count(looks, &mut missing, &mut out_of_reach).await;
        }
        Ok(findings_of("model_versions", "model versions", missing, out_of_reach))
    }

    async fn look(&self, uri: &str) -> Look {
        if uri.is_empty() || !self.is_open(uri) {
            return Look::Fine;
        }
        match self.collector.is_filled(uri).await {
            Ok(true) => Look::Fine,
            Ok(false) => Look::Empty,
            Err(why) => Look::OutOfReach(why),
        }
    }
}

/// Looks at places, some at the same time.
async fn count<L: Future<Output = (String, Look)>>(
    looks: impl Iterator<Item = L>,
    missing: &mut Tally,
    out_of_reach: &mut Tally,
) {
    let mut looks = std::pin::pin!(stream::iter(looks).buffered(AT_ONCE));
    while let Some((name, look)) = looks.next().await {
        match look {
            Look::Fine => {}
            Look::Empty => missing.add(|| name),
            Look::OutOfReach(why) => out_of_reach.add(|| format!("{name}: {why}")),
        }
    }
}

fn findings_of(table: &str, things: &str, missing: Tally, out_of_reach: Tally) -> Vec<Finding> {
    let what = format!("{things} are ready, and their files are not there");
    let missing = missing.finding(&format!("{table}.missing"), Level::Problem, &what);
    let missing = missing.map(|finding| {
        finding.advice("Whoever loads them gets an error. Bring the files back from a backup, or delete the records.")
    });
    let what = format!("{things} have files where a server with these flags does not get at them");
    let out_of_reach =
        out_of_reach.finding(&format!("{table}.location"), Level::Warning, &what).map(|finding| {
            finding
                .advice("Clients may get at them with rights of their own; here, nobody can tell.")
        });
    missing.into_iter().chain(out_of_reach).collect()
}

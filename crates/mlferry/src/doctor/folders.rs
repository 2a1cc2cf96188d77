//! Whether the folders of experiments belong to records.

use std::collections::HashSet;

use mlferry_server::FolderPage;
use mlferry_store::{FolderOwner, StoreError, without_password};

use super::places::{Places, Tally};
use super::report::{Finding, Group, Level, Report};

/// The folders of an experiment that hold others: for logged models, and for traces.
const MODELS: &str = "models";
const TRACES: &str = "traces";

/// What was found in the folders of experiments.
#[derive(Default)]
struct Found {
    unowned: Tally,
    unread: Tally,
}

/// Looks for folders of experiments that belong to nothing.
pub(super) async fn examine(report: &mut Report, places: &Places<'_>) {
    let found = walk(places).await.map(Found::findings);
    report.add_all(
        Group::Artifacts,
        "artifacts.owner",
        "the folders of experiments belong to runs, models and traces",
        found,
    );
}

async fn walk(places: &Places<'_>) -> Result<Found, StoreError> {
    let (mut found, mut after) = (Found::default(), None);
    loop {
        let page = places.checkup.experiment_locations(after).await?;
        let Some((last, _)) = page.last() else { return Ok(found) };
        after = Some(*last);
        for (_, location) in page.iter().filter(|(_, location)| places.is_open(location)) {
            // What nobody gets at is told of the runs there.
            if places.collector.reach(location).await.is_ok() {
                found.look(places, location, None, FolderOwner::Run).await?;
                found.look(places, location, Some(MODELS), FolderOwner::LoggedModel).await?;
                found.look(places, location, Some(TRACES), FolderOwner::Trace).await?;
            }
        }
    }
}

impl Found {
    /// Looks at the folders in an experiment's folder, or in one below that.
    async fn look(
        &mut self,
        places: &Places<'_>,
        location: &str,
        below: Option<&str>,
        owner: FolderOwner,
    ) -> Result<(), StoreError> {
        let folder = match below {
            Some(below) => format!("{}/{below}", location.trim_end_matches('/')),
            None => location.trim_end_matches('/').to_owned(),
        };
        let mut after = None;
        loop {
            let page = match places.collector.folders(location, below, after).await {
                Ok(page) => page,
                Err(why) => {
                    self.unread.add(|| format!("{}: {why}", without_password(&folder)));
                    return Ok(());
                }
            };
            let FolderPage { names, next } = page;
            for name in unowned(places, &folder, names, owner).await? {
                self.unowned.add(|| format!("{}/{name}", without_password(&folder)));
            }
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    fn findings(self) -> Vec<Finding> {
        let what = "folders of experiments belong to no run, logged model or trace";
        let unowned = self.unowned.finding("artifacts.unowned", Level::Warning, what);
        let unowned = unowned.map(|finding| {
            finding.advice(
                "Nobody removes them. Look what is in them; `mlferry artifacts rm` removes what nobody needs.",
            )
        });
        let what = "folders of experiments could not be listed";
        let unread = self.unread.finding("artifacts.unread", Level::Unchecked, what);
        unowned.into_iter().chain(unread).collect()
    }
}

/// Those of some folders that are no record's.
async fn unowned(
    places: &Places<'_>,
    folder: &str,
    mut names: Vec<String>,
    owner: FolderOwner,
) -> Result<Vec<String>, StoreError> {
    if owner == FolderOwner::Run {
        names.retain(|name| name != MODELS && name != TRACES);
    }
    if names.is_empty() {
        return Ok(names);
    }
    let unknown = places.checkup.unknown(owner, names).await?;
    if unknown.is_empty() {
        return Ok(unknown);
    }
    // Few have any of these, and to find out reads all locations.
    let candidates: HashSet<String> = unknown.iter().cloned().collect();
    let used = places.checkup.names_in_use(folder, candidates).await?;
    Ok(unknown.into_iter().filter(|name| !used.contains(name)).collect())
}

//! An answer without end, by which a page learns of changes as they come, over one connection.

use crate::{error::ApiError, leave::Leaving, rpc::Rpc};
use axum::{
    Extension,
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, StreamExt, stream};
use mlferry_protocol::changes::{Changes, WatchChanges};
use mlferry_store::{Marks, Store};
use std::{convert::Infallible, time::Duration};
use tokio::time::{Instant, sleep};

/// Between two looks. Other servers write to the same database, so that none knows of all changes by itself.
const PAUSE: Duration = Duration::from_secs(1);
/// After which the browser asks anew, and the caller is judged again.
const HELD: Duration = Duration::from_mins(5);
/// When the browser asks again once the answer has ended.
const RETRY: Duration = Duration::from_secs(1);

/// The first event says that it has begun: what came before it may be missed, so that a page asks once more.
pub(super) async fn watch(
    State(store): State<Store>,
    Extension(leaving): Extension<Leaving>,
    Rpc(watched): Rpc<WatchChanges>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let marks = store.marks(watched.clone()).await?;
    let end = Instant::now() + HELD;
    let watch = Watch { store, leaving, watched, marks, end };
    let begun = stream::iter([Ok(event(&Changes::default()).retry(RETRY))]);
    let changes = stream::unfold(watch, async |mut watch| {
        let changes = watch.next().await?;
        Some((Ok(event(&changes)), watch))
    });
    Ok(Sse::new(begun.chain(changes)).keep_alive(KeepAlive::default()))
}

fn event(changes: &Changes) -> Event {
    let event = Event::default().event("changes");
    // Two lists of texts are always JSON.
    event.json_data(changes).unwrap_or_default()
}

struct Watch {
    store: Store,
    leaving: Leaving,
    watched: WatchChanges,
    marks: Marks,
    end: Instant,
}

impl Watch {
    /// What changes next, or nothing when the answer is to end.
    async fn next(&mut self) -> Option<Changes> {
        while Instant::now() < self.end {
            sleep(PAUSE).await;
            if self.leaving.has_begun() {
                return None;
            }
            // A database that fails ends the answer; the browser asks again, and is told of it then.
            let marks = self.store.marks(self.watched.clone()).await.ok()?;
            let changes = marks.changed_since(&self.marks);
            self.marks = marks;
            if !changes.is_empty() {
                return Some(changes);
            }
        }
        None
    }
}

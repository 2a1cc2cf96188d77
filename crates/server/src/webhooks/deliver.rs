//! The task that tells webhooks what the queue holds. All servers of one database have one.

use super::{
    Sender, WebhookOptions,
    send::{Message, Outcome},
};
use mlferry_store::{Claim, Delivery, Store, StoreError};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::task::{self, JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// How often the queue is looked at for what other servers left there.
const LOOK: Duration = Duration::from_secs(5);
/// What a delivery may take beyond the time of its request, before others take it over.
const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// How long deliveries under way may take at a stop. What is not done by then is in the queue still.
const STOP_TIME: Duration = Duration::from_secs(5);
/// One webhook gets no more than this part of the workers, so that one that hangs leaves some to others.
const SHARE: usize = 5;

/// What has become of deliveries.
#[derive(Debug, Default)]
pub(crate) struct DeliveryCounts {
    /// Taken by their receivers.
    pub(crate) sent: AtomicU64,
    /// Given up.
    pub(crate) failed: AtomicU64,
    /// In the queue, when it was last looked at.
    pub(crate) waiting: AtomicU64,
}

/// The task, as its server holds it.
#[derive(Debug)]
pub(crate) struct Deliveries {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Deliveries {
    pub(crate) fn start(
        store: Store,
        sender: Sender,
        options: &WebhookOptions,
        counts: Arc<DeliveryCounts>,
    ) -> Self {
        let stop = CancellationToken::new();
        let courier = Courier {
            store,
            sender,
            counts,
            workers: options.max_workers,
            lease: options.request_timeout.saturating_add(LEASE_MARGIN),
            under_way: JoinSet::new(),
            webhooks: HashMap::new(),
        };
        let task = tokio::spawn(courier.run(stop.clone()));
        Self { stop, task }
    }

    /// Lets deliveries under way finish, for a while.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the delivery of webhooks ended early");
        }
    }
}

struct Courier {
    store: Store,
    sender: Sender,
    counts: Arc<DeliveryCounts>,
    workers: usize,
    lease: Duration,
    under_way: JoinSet<()>,
    /// Whom each task under way tells.
    webhooks: HashMap<task::Id, String>,
}

impl Courier {
    async fn run(mut self, stop: CancellationToken) {
        let mut pause = Duration::ZERO;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.store.delivery_queued() => {}
                () = tokio::time::sleep(pause) => {}
                Some(ended) = self.under_way.join_next_with_id() => self.forget(ended),
            }
            pause = match self.look().await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "the queue of webhooks could not be looked at");
                    LOOK
                }
            };
        }
        let finish = async { while self.under_way.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_TIME, finish).await.is_err() {
            tracing::info!("deliveries to webhooks are under way; they will be made again");
        }
    }

    fn forget(&mut self, ended: Result<(task::Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "a delivery to a webhook ended early");
                error.id()
            }
        };
        self.webhooks.remove(&id);
    }

    /// Takes what is due, as far as there are workers, and tells when to look again.
    async fn look(&mut self) -> Result<Duration, StoreError> {
        let waiting = self.store.waiting_deliveries().await?;
        self.counts.waiting.store(waiting.count, Ordering::Relaxed);
        let free = self.workers.saturating_sub(self.webhooks.len());
        let Some(due_ms) = waiting.next_due_ms.filter(|_| free > 0) else { return Ok(LOOK) };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let due = Duration::from_millis(u64::try_from(due_ms).unwrap_or(0));
        if let Some(early) = due.checked_sub(now).filter(|early| !early.is_zero()) {
            return Ok(early.min(LOOK));
        }
        let mut under_way: HashMap<String, usize> = HashMap::new();
        for webhook in self.webhooks.values() {
            *under_way.entry(webhook.clone()).or_default() += 1;
        }
        let of_webhook = (self.workers / SHARE).max(1);
        let claim = Claim { free, of_webhook, under_way, lease: self.lease };
        let taken = self.store.claim_deliveries(claim).await?;
        // Where nothing could be taken, there is something again when a delivery ends.
        let pause = if taken.is_empty() { LOOK } else { Duration::ZERO };
        for delivery in taken {
            let webhook = delivery.webhook_id.clone();
            let (store, sender) = (self.store.clone(), self.sender.clone());
            let made = deliver(store, sender, Arc::clone(&self.counts), delivery);
            let task = self.under_way.spawn(made);
            self.webhooks.insert(task.id(), webhook);
        }
        Ok(pause)
    }
}

/// Makes one attempt, and writes down what came of it.
async fn deliver(store: Store, sender: Sender, counts: Arc<DeliveryCounts>, delivery: Delivery) {
    let Delivery { delivery_id, webhook_id, url, secret, body, attempts } = &delivery;
    let outcome = sender.send(&Message { delivery_id, url, secret, body }).await;
    let pause = if outcome.is_success() { None } else { sender.pause(&outcome, *attempts) };
    let written = if let Some(pause) = pause {
        let words = outcome.words();
        tracing::debug!(
            webhook.id = webhook_id,
            attempts,
            "a delivery to a webhook is made again: {words}"
        );
        store.postpone_delivery(&delivery, pause).await
    } else {
        count(&counts, &outcome, &delivery);
        store.end_delivery(&delivery).await
    };
    if let Err(error) = written {
        tracing::warn!(webhook.id = webhook_id, %error, "a delivery to a webhook will be made again");
    }
}

fn count(counts: &DeliveryCounts, outcome: &Outcome, delivery: &Delivery) {
    if outcome.is_success() {
        counts.sent.fetch_add(1, Ordering::Relaxed);
        return;
    }
    counts.failed.fetch_add(1, Ordering::Relaxed);
    // Without its URL, in which services hide what lets anybody in.
    tracing::error!(
        webhook.id = delivery.webhook_id,
        delivery.id = delivery.delivery_id,
        attempts = delivery.attempts,
        "a delivery to a webhook is given up: {}",
        outcome.words()
    );
}

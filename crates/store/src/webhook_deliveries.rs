//! The queue of what webhooks are still to be told. Servers of one database share it: who takes a row pushes its
//! time into the future, so that others leave it alone until then, and take it over when nothing came of it.

use crate::{
    Store, StoreError,
    clock::now_ms,
    db::{DbError, Transaction},
    reads::Question,
    tables::{WebhookDeliveries, Webhooks},
    webhook_secrets::SecretKey,
    webhooks::{WebhookSecret, secret_of},
    writes::{Change, Lock},
};
use mlferry_protocol::{WireEnum, webhooks::WebhookStatus};
use sea_query::{Expr, ExprTrait, Func, LockBehavior, LockType, Order, Query};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

/// Rows that are looked at when some are taken; more than that wait for the next look.
const LOOKED_AT: u64 = 200;

/// What is to be sent.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its id, the same however often it is sent.
    pub delivery_id: String,
    /// Whom it is for.
    pub webhook_id: String,
    /// Where it goes.
    pub url: String,
    /// What it is signed with.
    pub secret: WebhookSecret,
    /// The message.
    pub body: String,
    /// How often it was taken, this time included.
    pub attempts: i64,
}

/// What a server can take.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Deliveries at most.
    pub free: usize,
    /// Deliveries to one webhook at most, those that are under way included.
    pub of_webhook: usize,
    /// How many are under way to each webhook.
    pub under_way: HashMap<String, usize>,
    /// How long others leave alone what is taken.
    pub lease: Duration,
}

/// What is in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// How many there are, those under way included.
    pub count: u64,
    /// When the first one is due, in milliseconds.
    pub next_due_ms: Option<i64>,
}

impl Store {
    /// Waits for a commit of this store with something to send. One that comes between two calls is not missed.
    pub async fn delivery_queued(&self) {
        self.deliveries.notified().await;
    }

    /// What is in the queue.
    pub async fn waiting_deliveries(&self) -> Result<Waiting, StoreError> {
        self.ask(LookAtQueue).await
    }

    /// Takes deliveries that are due; those of webhooks that want none any more are dropped.
    pub async fn claim_deliveries(&self, claim: Claim) -> Result<Vec<Delivery>, StoreError> {
        self.write(Claiming { claim, key: self.secret_key.clone() }).await
    }

    /// Forgets a delivery that was made, or given up.
    pub async fn end_delivery(&self, delivery: &Delivery) -> Result<(), StoreError> {
        self.write(Ended { delivery_id: delivery.delivery_id.clone() }).await
    }

    /// Puts a delivery back, to be taken again after a while.
    pub async fn postpone_delivery(
        &self,
        delivery: &Delivery,
        pause: Duration,
    ) -> Result<(), StoreError> {
        let Delivery { delivery_id, attempts, .. } = delivery;
        self.write(Postponed { delivery_id: delivery_id.clone(), attempts: *attempts, pause }).await
    }
}

struct LookAtQueue;

impl Question for LookAtQueue {
    type Answer = Waiting;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Waiting, StoreError> {
        let select = Query::select()
            .expr(Func::count(Expr::col(WebhookDeliveries::DeliveryId)))
            .expr(Func::min(Expr::col(WebhookDeliveries::DueMs)))
            .from(WebhookDeliveries::Table)
            .take();
        let Some(row) = transaction.fetch_optional(&select).await? else {
            return Ok(Waiting { count: 0, next_due_ms: None });
        };
        let count: i64 = row.get_at(0)?;
        Ok(Waiting { count: count.unsigned_abs(), next_due_ms: row.get_at(1)? })
    }
}

struct Claiming {
    claim: Claim,
    key: Option<Arc<SecretKey>>,
}

impl Change for Claiming {
    type Output = Vec<Delivery>;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<Vec<Delivery>, StoreError> {
        let now = now_ms();
        let due = self.due(transaction, now).await?;
        let webhooks: HashSet<&str> = due.iter().map(|row| row.webhook_id.as_str()).collect();
        let targets = self.targets(transaction, &webhooks).await?;
        let (wanted, unwanted): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|row| targets.contains_key(&row.webhook_id));
        if !unwanted.is_empty() {
            let ids = unwanted.iter().map(|row| row.delivery_id.as_str());
            let delete = Query::delete()
                .from_table(WebhookDeliveries::Table)
                .and_where(Expr::col(WebhookDeliveries::DeliveryId).is_in(ids))
                .take();
            transaction.execute(&delete).await?;
        }
        let taken = self.choose(wanted, &targets);
        if !taken.is_empty() {
            let ids = taken.iter().map(|delivery| delivery.delivery_id.as_str());
            let update = Query::update()
                .table(WebhookDeliveries::Table)
                .value(WebhookDeliveries::DueMs, now.saturating_add(milliseconds(self.claim.lease)))
                .value(
                    WebhookDeliveries::Attempts,
                    Expr::col(WebhookDeliveries::Attempts).add(1_i64),
                )
                .and_where(Expr::col(WebhookDeliveries::DeliveryId).is_in(ids))
                .take();
            transaction.execute(&update).await?;
        }
        Ok(taken)
    }
}

/// A row that is due.
struct Due {
    delivery_id: String,
    webhook_id: String,
    body: String,
    attempts: i64,
}

/// Where a webhook is told, and what messages are signed with.
type Target = (String, WebhookSecret);

impl Claiming {
    /// Rows that are due, of webhooks that can be told more at once; nobody else takes them meanwhile.
    async fn due(&self, transaction: &mut Transaction, now: i64) -> Result<Vec<Due>, DbError> {
        let busy =
            self.claim.under_way.iter().filter(|(_, count)| **count >= self.claim.of_webhook);
        let mut select = Query::select()
            .columns([
                WebhookDeliveries::DeliveryId,
                WebhookDeliveries::WebhookId,
                WebhookDeliveries::Body,
                WebhookDeliveries::Attempts,
            ])
            .from(WebhookDeliveries::Table)
            .and_where(Expr::col(WebhookDeliveries::DueMs).lte(now))
            .order_by(WebhookDeliveries::DueMs, Order::Asc)
            .limit(LOOKED_AT)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .take();
        let busy: Vec<&str> = busy.map(|(webhook_id, _)| webhook_id.as_str()).collect();
        if !busy.is_empty() {
            select.and_where(Expr::col(WebhookDeliveries::WebhookId).is_not_in(busy));
        }
        let rows = transaction.fetch_all(&select).await?;
        let rows = rows.iter().map(|row| {
            Ok(Due {
                delivery_id: row.get(WebhookDeliveries::DeliveryId)?,
                webhook_id: row.get(WebhookDeliveries::WebhookId)?,
                body: row.get(WebhookDeliveries::Body)?,
                attempts: row.get(WebhookDeliveries::Attempts)?,
            })
        });
        rows.collect()
    }

    /// The webhooks that still want to be told.
    async fn targets(
        &self,
        transaction: &mut Transaction,
        webhooks: &HashSet<&str>,
    ) -> Result<HashMap<String, Target>, DbError> {
        let mut targets = HashMap::new();
        if webhooks.is_empty() {
            return Ok(targets);
        }
        let select = Query::select()
            .columns([Webhooks::WebhookId, Webhooks::Url, Webhooks::Secret])
            .from(Webhooks::Table)
            .and_where(Expr::col(Webhooks::WebhookId).is_in(webhooks.iter().copied()))
            .and_where(Expr::col(Webhooks::Status).eq(WebhookStatus::Active.name()))
            .and_where(Expr::col(Webhooks::DeletedTimestamp).is_null())
            .take();
        for row in transaction.fetch_all(&select).await? {
            let target = (row.get(Webhooks::Url)?, secret_of(&row, self.key.as_deref())?);
            targets.insert(row.get(Webhooks::WebhookId)?, target);
        }
        Ok(targets)
    }

    /// As many as there is room for, and of each webhook as many as it can be told at once: one that hangs leaves
    /// room for others.
    fn choose(&self, due: Vec<Due>, targets: &HashMap<String, Target>) -> Vec<Delivery> {
        let mut under_way = self.claim.under_way.clone();
        let mut chosen = Vec::new();
        for row in due {
            let count = under_way.entry(row.webhook_id.clone()).or_default();
            if chosen.len() == self.claim.free || *count >= self.claim.of_webhook {
                continue;
            }
            let Some((url, secret)) = targets.get(&row.webhook_id) else { continue };
            *count += 1;
            chosen.push(Delivery {
                delivery_id: row.delivery_id,
                webhook_id: row.webhook_id,
                url: url.clone(),
                secret: secret.clone(),
                body: row.body,
                attempts: row.attempts + 1,
            });
        }
        chosen
    }
}

struct Ended {
    delivery_id: String,
}

impl Change for Ended {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let delete = Query::delete()
            .from_table(WebhookDeliveries::Table)
            .and_where(Expr::col(WebhookDeliveries::DeliveryId).eq(self.delivery_id.as_str()))
            .take();
        transaction.execute(&delete).await?;
        Ok(())
    }
}

struct Postponed {
    delivery_id: String,
    /// Whoever took it since then has the say.
    attempts: i64,
    pause: Duration,
}

impl Change for Postponed {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let due = now_ms().saturating_add(milliseconds(self.pause));
        let update = Query::update()
            .table(WebhookDeliveries::Table)
            .value(WebhookDeliveries::DueMs, due)
            .and_where(Expr::col(WebhookDeliveries::DeliveryId).eq(self.delivery_id.as_str()))
            .and_where(Expr::col(WebhookDeliveries::Attempts).eq(self.attempts))
            .take();
        transaction.execute(&update).await?;
        Ok(())
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

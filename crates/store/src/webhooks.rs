//! Webhooks: who is told of changes in the model registry.

use crate::{
    Store, StoreError,
    clock::now_ms,
    db::{DbError, Row, Transaction, insert},
    reads::{Question, cut_page, with_one_more},
    schema::WORKSPACE,
    tables::{WebhookEvents, Webhooks},
    webhook_secrets::SecretKey,
    writes::{Change, Lock},
};
use mlferry_protocol::{
    PageToken, WireEnum,
    webhook_events::WebhookEvent,
    webhooks::{
        CreateWebhook, DeleteWebhook, GetWebhook, ListWebhooks, ListWebhooksResponse,
        UpdateWebhook, Webhook, WebhookStatus,
    },
};
use sea_query::{Expr, ExprTrait, LockType, Order, Query, SelectStatement, UpdateStatement};
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

impl Store {
    /// Makes a webhook. Whether its address may be reached was asked before.
    pub async fn create_webhook(&self, request: CreateWebhook) -> Result<Webhook, StoreError> {
        let secret = self.encrypted(request.secret.as_deref())?;
        self.write(NewWebhook { request, secret }).await
    }

    /// A webhook.
    pub async fn get_webhook(&self, request: GetWebhook) -> Result<Webhook, StoreError> {
        self.ask(request).await
    }

    /// A webhook, whatever its status, with what its messages are signed with.
    pub async fn webhook_with_secret(
        &self,
        request: GetWebhook,
    ) -> Result<(Webhook, WebhookSecret), StoreError> {
        self.ask(WithSecret { request, key: self.secret_key.clone() }).await
    }

    /// A page of webhooks, the newest first.
    pub async fn list_webhooks(
        &self,
        request: ListWebhooks,
    ) -> Result<ListWebhooksResponse, StoreError> {
        self.ask(request).await
    }

    /// Changes what a request says of a webhook.
    pub async fn update_webhook(&self, request: UpdateWebhook) -> Result<Webhook, StoreError> {
        // To have none from now on takes no key.
        let secret = request.secret.as_deref().filter(|secret| !secret.is_empty());
        let secret = self.encrypted(secret)?;
        self.write(ChangedWebhook { request, secret }).await
    }

    /// Deletes a webhook. Its row stays, as in the reference.
    pub async fn delete_webhook(&self, request: DeleteWebhook) -> Result<(), StoreError> {
        self.write(request).await
    }

    fn encrypted(&self, secret: Option<&str>) -> Result<Option<String>, StoreError> {
        let Some(secret) = secret else { return Ok(None) };
        let key = self.secret_key.as_deref().ok_or(StoreError::NoSecretKey)?;
        key.encrypt(secret).map(Some).ok_or_else(|| DbError::corrupt("no random numbers").into())
    }
}

struct NewWebhook {
    request: CreateWebhook,
    /// Encrypted.
    secret: Option<String>,
}

impl Change for NewWebhook {
    type Output = Webhook;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<Webhook, StoreError> {
        let id = Uuid::new_v4().to_string();
        let now = now_ms();
        let description = Some(&self.request.description).filter(|text| !text.is_empty());
        let columns = [
            Webhooks::WebhookId,
            Webhooks::Name,
            Webhooks::Description,
            Webhooks::Url,
            Webhooks::Status,
            Webhooks::Secret,
            Webhooks::CreationTimestamp,
            Webhooks::LastUpdatedTimestamp,
            Webhooks::Workspace,
        ];
        let row = [
            id.as_str().into(),
            self.request.name.as_str().into(),
            description.cloned().into(),
            self.request.url.as_str().into(),
            self.request.status.name().into(),
            self.secret.clone().into(),
            now.into(),
            now.into(),
            WORKSPACE.into(),
        ];
        transaction.insert(&insert(Webhooks::Table, columns, [row])).await?;
        subscribe(transaction, &id, &self.request.events).await?;
        find(transaction, &id).await
    }
}

struct ChangedWebhook {
    request: UpdateWebhook,
    /// The request's, encrypted.
    secret: Option<String>,
}

impl Change for ChangedWebhook {
    type Output = Webhook;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<Webhook, StoreError> {
        let request = &self.request;
        let id = request.webhook_id.as_str();
        hold(transaction, id).await?;
        if let Some(events) = &request.events {
            let delete = Query::delete()
                .from_table(WebhookEvents::Table)
                .and_where(Expr::col(WebhookEvents::WebhookId).eq(id))
                .take();
            transaction.execute(&delete).await?;
            subscribe(transaction, id, events).await?;
        }
        let mut update = update(id, now_ms());
        let texts = [
            (Webhooks::Name, &request.name),
            (Webhooks::Description, &request.description),
            (Webhooks::Url, &request.url),
        ];
        for (column, text) in texts {
            if let Some(text) = text {
                update.value(column, text.as_str());
            }
        }
        if let Some(status) = request.status {
            update.value(Webhooks::Status, status.name());
        }
        if request.secret.is_some() {
            update.value(Webhooks::Secret, self.secret.clone());
        }
        transaction.execute(&update).await?;
        find(transaction, id).await
    }
}

impl Change for DeleteWebhook {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        hold(transaction, &self.webhook_id).await?;
        let now = now_ms();
        let delete = update(&self.webhook_id, now).value(Webhooks::DeletedTimestamp, now).take();
        transaction.execute(&delete).await?;
        Ok(())
    }
}

impl Question for GetWebhook {
    type Answer = Webhook;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Webhook, StoreError> {
        find(transaction, &self.webhook_id).await
    }
}

struct WithSecret {
    request: GetWebhook,
    key: Option<Arc<SecretKey>>,
}

impl Question for WithSecret {
    type Answer = (Webhook, WebhookSecret);

    async fn answer(&self, transaction: &mut Transaction) -> Result<Self::Answer, StoreError> {
        let id = self.request.webhook_id.as_str();
        let webhook = find(transaction, id).await?;
        let select = Query::select()
            .column(Webhooks::Secret)
            .from(Webhooks::Table)
            .and_where(Expr::col(Webhooks::WebhookId).eq(id))
            .take();
        let row = transaction.fetch_optional(&select).await?;
        let row = row.ok_or_else(|| StoreError::WebhookNotFound(id.to_owned()))?;
        Ok((webhook, secret_of(&row, self.key.as_deref())?))
    }
}

impl Question for ListWebhooks {
    type Answer = ListWebhooksResponse;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<ListWebhooksResponse, StoreError> {
        let select = select()
            .order_by(Webhooks::CreationTimestamp, Order::Desc)
            // Of those of one moment, each is on one page.
            .order_by(Webhooks::WebhookId, Order::Asc)
            .limit(with_one_more(self.max_results))
            .offset(self.page_token.offset())
            .take();
        let mut rows = transaction.fetch_all(&select).await?;
        let has_more = cut_page(&mut rows, self.max_results);
        let webhooks = complete(transaction, &rows).await?;
        let next_page_token = has_more.then(|| PageToken::after(self.page_token, webhooks.len()));
        Ok(ListWebhooksResponse { webhooks, next_page_token })
    }
}

/// What the messages of a webhook are signed with, if they are; an error where the server has another key than the
/// one with which the secret was encrypted.
pub type WebhookSecret = Result<Option<String>, ()>;

/// The secret in the row of a webhook.
pub(crate) fn secret_of(row: &Row, key: Option<&SecretKey>) -> Result<WebhookSecret, DbError> {
    let token: Option<String> = row.get(Webhooks::Secret)?;
    let Some(token) = token else { return Ok(Ok(None)) };
    let secret = key.and_then(|key| key.decrypt(&token)).ok_or(());
    Ok(secret.map(|secret| Some(secret).filter(|secret| !secret.is_empty())))
}

/// Webhooks that are not deleted.
fn select() -> SelectStatement {
    Query::select()
        .columns([
            Webhooks::WebhookId,
            Webhooks::Name,
            Webhooks::Description,
            Webhooks::Url,
            Webhooks::Status,
            Webhooks::CreationTimestamp,
            Webhooks::LastUpdatedTimestamp,
        ])
        .from(Webhooks::Table)
        .and_where(Expr::col(Webhooks::Workspace).eq(WORKSPACE))
        .and_where(Expr::col(Webhooks::DeletedTimestamp).is_null())
        .take()
}

fn update(id: &str, now: i64) -> UpdateStatement {
    Query::update()
        .table(Webhooks::Table)
        .and_where(Expr::col(Webhooks::WebhookId).eq(id))
        .value(Webhooks::LastUpdatedTimestamp, now)
        .take()
}

async fn row_of(
    transaction: &mut Transaction,
    id: &str,
    lock: Option<LockType>,
) -> Result<Row, StoreError> {
    let mut select = select().and_where(Expr::col(Webhooks::WebhookId).eq(id)).take();
    if let Some(lock) = lock {
        select.lock(lock);
    }
    let row = transaction.fetch_optional(&select).await?;
    row.ok_or_else(|| StoreError::WebhookNotFound(id.to_owned()))
}

/// Locks a webhook that must exist.
async fn hold(transaction: &mut Transaction, id: &str) -> Result<(), StoreError> {
    row_of(transaction, id, Some(LockType::Update)).await.map(|_| ())
}

async fn find(transaction: &mut Transaction, id: &str) -> Result<Webhook, StoreError> {
    let row = row_of(transaction, id, None).await?;
    let webhook = complete(transaction, &[row]).await?.pop();
    webhook.ok_or_else(|| StoreError::WebhookNotFound(id.to_owned()))
}

/// Webhooks with what they are told of.
async fn complete(transaction: &mut Transaction, rows: &[Row]) -> Result<Vec<Webhook>, StoreError> {
    let mut webhooks = rows.iter().map(webhook_of).collect::<Result<Vec<_>, _>>()?;
    if webhooks.is_empty() {
        return Ok(webhooks);
    }
    let ids = webhooks.iter().map(|webhook| webhook.webhook_id.as_str());
    let select = Query::select()
        .columns([WebhookEvents::WebhookId, WebhookEvents::Entity, WebhookEvents::Action])
        .from(WebhookEvents::Table)
        .and_where(Expr::col(WebhookEvents::WebhookId).is_in(ids))
        .order_by(WebhookEvents::Entity, Order::Asc)
        .order_by(WebhookEvents::Action, Order::Asc)
        .take();
    let mut events: HashMap<String, Vec<WebhookEvent>> = HashMap::new();
    for row in transaction.fetch_all(&select).await? {
        if let Some(event) = event_of(&row)? {
            events.entry(row.get(WebhookEvents::WebhookId)?).or_default().push(event);
        }
    }
    for webhook in &mut webhooks {
        webhook.events = events.remove(&webhook.webhook_id).unwrap_or_default();
    }
    Ok(webhooks)
}

/// The event of a row, unless only a newer server knows it.
pub(crate) fn event_of(row: &Row) -> Result<Option<WebhookEvent>, DbError> {
    let entity: String = row.get(WebhookEvents::Entity)?;
    let action: String = row.get(WebhookEvents::Action)?;
    Ok(WebhookEvent::from_names(&entity, &action))
}

fn webhook_of(row: &Row) -> Result<Webhook, DbError> {
    let description: Option<String> = row.get(Webhooks::Description)?;
    let created: Option<i64> = row.get(Webhooks::CreationTimestamp)?;
    let updated: Option<i64> = row.get(Webhooks::LastUpdatedTimestamp)?;
    let status: String = row.get(Webhooks::Status)?;
    let status = WebhookStatus::from_name(&status);
    Ok(Webhook {
        webhook_id: row.get(Webhooks::WebhookId)?,
        name: row.get(Webhooks::Name)?,
        description: description.unwrap_or_default(),
        url: row.get(Webhooks::Url)?,
        events: Vec::new(),
        status: status.ok_or_else(|| DbError::corrupt("an unknown status of a webhook"))?,
        creation_timestamp: created.unwrap_or_default(),
        last_updated_timestamp: updated.or(created).unwrap_or_default(),
    })
}

async fn subscribe(
    transaction: &mut Transaction,
    id: &str,
    events: &[WebhookEvent],
) -> Result<(), DbError> {
    let columns = [WebhookEvents::WebhookId, WebhookEvents::Entity, WebhookEvents::Action];
    let rows = events
        .iter()
        .map(|event| [id.into(), event.entity_name().into(), event.action_name().into()]);
    transaction.insert(&insert(WebhookEvents::Table, columns, rows)).await?;
    Ok(())
}

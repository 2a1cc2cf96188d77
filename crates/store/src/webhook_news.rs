//! What webhooks are to be told of a change, written down in the transaction of the change: it is told if and only
//! if the change was committed.

use crate::{
    clock::now_ms,
    db::{DbError, Transaction, insert},
    registry_details,
    schema::WORKSPACE,
    tables::{WebhookDeliveries, WebhookEvents, Webhooks},
    webhooks::event_of,
};
use mlferry_protocol::{
    WireEnum,
    tags::{IS_PROMPT_TAG, PROMPT_TYPE_TAG, Tag, are_of_prompt},
    webhook_events::{RegistryChange, WebhookEvent},
    webhooks::WebhookStatus,
};
use sea_query::{Cond, Expr, ExprTrait, Query};
use serde_json::{Map, Value};
use uuid::Uuid;

/// What changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The model or the prompt.
    pub(crate) name: &'a str,
    /// Which of the two it is, where that is known.
    pub(crate) is_prompt: Option<bool>,
}

impl<'a> Subject<'a> {
    /// A model or a prompt, which the database knows.
    pub(crate) fn named(name: &'a str) -> Self {
        Self { name, is_prompt: None }
    }
}

/// Tags as webhooks are told them: of several values of a key, the last counts. What makes a prompt of a model is
/// not told of prompts.
pub(crate) fn told_tags(tags: &[Tag], is_prompt: bool) -> Map<String, Value> {
    let told = tags.iter().map(|Tag { key, value }| (key.clone(), value.as_str().into()));
    let is_told = |key: &str| !is_prompt || ![IS_PROMPT_TAG, PROMPT_TYPE_TAG].contains(&key);
    told.filter(|(key, _)| is_told(key)).collect()
}

/// Writes down what is to be told to whom; `data` is what the message says, of a prompt or of a model. Where nobody
/// wants to know, it costs one question.
pub(crate) async fn announce(
    transaction: &mut Transaction,
    change: RegistryChange,
    subject: Subject<'_>,
    data: impl FnOnce(bool) -> Value + Send,
) -> Result<(), DbError> {
    let kinds =
        [false, true].into_iter().filter(|kind| subject.is_prompt.is_none_or(|is| is == *kind));
    let events: Vec<WebhookEvent> = kinds.filter_map(|kind| change.event(kind)).collect();
    let subscribers = subscribers(transaction, &events).await?;
    if subscribers.is_empty() {
        return Ok(());
    }
    let is_prompt = match subject.is_prompt {
        Some(is_prompt) => is_prompt,
        None => are_of_prompt(&registry_details::tags_of_model(transaction, subject.name).await?),
    };
    let Some(event) = change.event(is_prompt) else { return Ok(()) };
    let body = event.message(&data(is_prompt));
    let now = now_ms();
    let told = subscribers.into_iter().filter(|(_, wanted)| *wanted == event);
    let told: Vec<String> = told.map(|(webhook_id, _)| webhook_id).collect();
    let columns = [
        WebhookDeliveries::DeliveryId,
        WebhookDeliveries::WebhookId,
        WebhookDeliveries::Body,
        WebhookDeliveries::CreatedMs,
        WebhookDeliveries::DueMs,
        WebhookDeliveries::Attempts,
    ];
    let rows = told.iter().map(|webhook_id| {
        [
            Uuid::new_v4().to_string().into(),
            webhook_id.as_str().into(),
            body.as_str().into(),
            now.into(),
            now.into(),
            0_i64.into(),
        ]
    });
    transaction.insert(&insert(WebhookDeliveries::Table, columns, rows)).await?;
    transaction.note_deliveries();
    Ok(())
}

/// Webhooks that are told of any of the events, with the event.
async fn subscribers(
    transaction: &mut Transaction,
    events: &[WebhookEvent],
) -> Result<Vec<(String, WebhookEvent)>, DbError> {
    let mut are_wanted = Cond::any();
    for event in events {
        are_wanted = are_wanted.add(
            Expr::col(WebhookEvents::Entity)
                .eq(event.entity_name())
                .and(Expr::col(WebhookEvents::Action).eq(event.action_name())),
        );
    }
    let select = Query::select()
        .column((Webhooks::Table, Webhooks::WebhookId))
        .columns([WebhookEvents::Entity, WebhookEvents::Action])
        .from(WebhookEvents::Table)
        .inner_join(
            Webhooks::Table,
            Expr::col((Webhooks::Table, Webhooks::WebhookId))
                .equals((WebhookEvents::Table, WebhookEvents::WebhookId)),
        )
        .cond_where(are_wanted)
        .and_where(Expr::col(Webhooks::Workspace).eq(WORKSPACE))
        .and_where(Expr::col(Webhooks::Status).eq(WebhookStatus::Active.name()))
        .and_where(Expr::col(Webhooks::DeletedTimestamp).is_null())
        .take();
    let mut found = Vec::new();
    for row in transaction.fetch_all(&select).await? {
        if let Some(event) = event_of(&row)? {
            found.push((row.get(Webhooks::WebhookId)?, event));
        }
    }
    Ok(found)
}

//! Webhooks.

use crate::{
    rpc::{Reply, Rpc},
    webhooks::{Webhooks, send_test},
};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    webhooks::{
        CreateWebhook, DeleteWebhook, GetWebhook, ListWebhooks, ListWebhooksResponse, TestWebhook,
        TestWebhookResponse, UpdateWebhook, WebhookResponse,
    },
};

pub(super) async fn create(
    State(Webhooks { store, sender }): State<Webhooks>,
    Rpc(request): Rpc<CreateWebhook>,
) -> Reply<WebhookResponse> {
    sender.rules().check(&request.url).await?;
    let webhook = store.create_webhook(request).await?;
    Ok(Json(WebhookResponse { webhook }))
}

pub(super) async fn list(
    State(Webhooks { store, .. }): State<Webhooks>,
    Rpc(request): Rpc<ListWebhooks>,
) -> Reply<ListWebhooksResponse> {
    Ok(Json(store.list_webhooks(request).await?))
}

pub(super) async fn get(
    State(Webhooks { store, .. }): State<Webhooks>,
    Rpc(request): Rpc<GetWebhook>,
) -> Reply<WebhookResponse> {
    let webhook = store.get_webhook(request).await?;
    Ok(Json(WebhookResponse { webhook }))
}

pub(super) async fn update(
    State(Webhooks { store, sender }): State<Webhooks>,
    Rpc(request): Rpc<UpdateWebhook>,
) -> Reply<WebhookResponse> {
    if let Some(url) = &request.url {
        sender.rules().check(url).await?;
    }
    let webhook = store.update_webhook(request).await?;
    Ok(Json(WebhookResponse { webhook }))
}

pub(super) async fn delete(
    State(Webhooks { store, .. }): State<Webhooks>,
    Rpc(request): Rpc<DeleteWebhook>,
) -> Reply<Empty> {
    store.delete_webhook(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn test(
    State(webhooks): State<Webhooks>,
    Rpc(request): Rpc<TestWebhook>,
) -> Reply<TestWebhookResponse> {
    let result = send_test(&webhooks, request).await?;
    Ok(Json(TestWebhookResponse { result }))
}

//! A message that only shows whether a receiver takes it.

use super::{
    Webhooks,
    send::{Message, Outcome},
};
use crate::error::ApiError;
use mlferry_protocol::webhooks::{GetWebhook, TestWebhook, WebhookTestResult};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// After this time no further attempt is begun: clients wait no longer than two minutes.
const TEST_TIME: Duration = Duration::from_secs(45);

/// Sends an example, with the attempts that a delivery has.
pub(crate) async fn send_test(
    Webhooks { store, sender }: &Webhooks,
    TestWebhook { webhook_id, event }: TestWebhook,
) -> Result<WebhookTestResult, ApiError> {
    let (webhook, secret) = store.webhook_with_secret(GetWebhook { webhook_id }).await?;
    let Some(event) = event.or_else(|| webhook.events.first().copied()) else {
        return Ok(failed("the webhook has no event that this server knows"));
    };
    let body = event.message(&event.example());
    let delivery_id = Uuid::new_v4().to_string();
    let message =
        Message { delivery_id: &delivery_id, url: &webhook.url, secret: &secret, body: &body };
    let began = Instant::now();
    let mut attempts = 1;
    let outcome = loop {
        let outcome = sender.send(&message).await;
        match sender.pause(&outcome, attempts) {
            Some(pause) if began.elapsed().saturating_add(pause) < TEST_TIME => {
                tokio::time::sleep(pause).await;
                attempts += 1;
            }
            _ => break outcome,
        }
    };
    let success = outcome.is_success();
    Ok(match outcome {
        Outcome::Answered { status, body, .. } => WebhookTestResult {
            success,
            response_status: Some(status.as_u16()),
            response_body: Some(body),
            error_message: None,
        },
        Outcome::Failed { words, .. } => failed(&words),
    })
}

fn failed(words: &str) -> WebhookTestResult {
    let error_message = Some(format!("Failed to test webhook: {words}"));
    WebhookTestResult { error_message, ..WebhookTestResult::default() }
}

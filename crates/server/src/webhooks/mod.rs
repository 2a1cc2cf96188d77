//! Webhooks: where they may lead, and how they are told.

mod address;
mod deliver;
mod send;
mod test_message;

pub use address::AddressRules;
pub(crate) use deliver::{Deliveries, DeliveryCounts};
pub(crate) use send::Sender;
pub(crate) use test_message::send_test;

use mlferry_store::Store;
use std::time::Duration;

/// How webhooks are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookOptions {
    /// Where they may lead.
    pub addresses: AddressRules,
    /// How long a receiver may take: `MLFLOW_WEBHOOK_REQUEST_TIMEOUT`.
    pub request_timeout: Duration,
    /// How often a message is sent again: `MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES`.
    pub max_retries: u32,
    /// Messages that are under way at once, at least 1: `MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS`.
    pub max_workers: usize,
}

/// What the routes of webhooks need.
#[derive(Debug, Clone)]
pub(crate) struct Webhooks {
    pub(crate) store: Store,
    pub(crate) sender: Sender,
}

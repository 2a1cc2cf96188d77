//! Names of the tables and columns of webhooks.

use sea_query::Iden;

#[derive(Iden, Clone, Copy)]
pub(crate) enum Webhooks {
    Table,
    WebhookId,
    Name,
    Description,
    Url,
    Status,
    Secret,
    CreationTimestamp,
    LastUpdatedTimestamp,
    DeletedTimestamp,
    Workspace,
}

/// Our own table: what is still to be sent.
#[derive(Iden, Clone, Copy)]
#[iden = "mlferry_webhook_deliveries"]
pub(crate) enum WebhookDeliveries {
    Table,
    DeliveryId,
    WebhookId,
    Body,
    CreatedMs,
    DueMs,
    Attempts,
}

#[derive(Iden, Clone, Copy)]
pub(crate) enum WebhookEvents {
    Table,
    WebhookId,
    Entity,
    Action,
}

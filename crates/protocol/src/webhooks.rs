//! Webhooks: addresses that are told of changes in the model registry.

use crate::{
    DecodeRequest, Fields, InvalidParameter, PageToken, WireEnum, check_length, limits, python,
    webhook_events::{WebhookAction, WebhookEntity, WebhookEvent},
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// Whether a webhook is told anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WebhookStatus {
    /// It is.
    #[default]
    Active,
    /// It is not, for now.
    Disabled,
}

impl WireEnum for WebhookStatus {
    const VALUES: &'static [(Self, i64, &'static str)] =
        &[(Self::Active, 1, "ACTIVE"), (Self::Disabled, 2, "DISABLED")];
}

/// A webhook as answers show it, which is without its secret.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Webhook {
    /// Its id.
    pub webhook_id: String,
    /// What people call it; others may have the same name.
    pub name: String,
    /// What users say of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Where it is told.
    pub url: String,
    /// Of what it is told.
    pub events: Vec<WebhookEvent>,
    /// Whether it is told anything.
    #[serde(serialize_with = "by_name")]
    #[schemars(with = "WebhookStatus")]
    pub status: WebhookStatus,
    /// When it was made, in milliseconds.
    pub creation_timestamp: i64,
    /// When it was last changed, in milliseconds.
    pub last_updated_timestamp: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn by_name<S: Serializer>(status: &WebhookStatus, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.name())
}

/// `POST …/webhooks`. Whether its address may be reached is for the server to say.
#[derive(Debug)]
pub struct CreateWebhook {
    /// What people call it.
    pub name: String,
    /// Where it is told.
    pub url: String,
    /// Of what it is told, each once.
    pub events: Vec<WebhookEvent>,
    /// What users say of it; empty is nothing.
    pub description: String,
    /// What deliveries are signed with.
    pub secret: Option<String>,
    /// Whether it is told anything.
    pub status: WebhookStatus,
}

impl DecodeRequest for CreateWebhook {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let name = fields.required_string("name")?;
        let url = fields.required_string("url")?;
        if !fields.has("events") {
            return Err(InvalidParameter::missing("events"));
        }
        let events = fields.objects("events", read_names)?;
        let description = read_description(fields)?.unwrap_or_default();
        let secret = read_secret(fields)?.filter(|secret| !secret.is_empty());
        let status = fields.enumeration("status")?.unwrap_or_default();
        let events = distinct(events)?;
        check_webhook_name(&name)?;
        check_length("url", &url, limits::WEBHOOK_URL)?;
        if events.is_empty() {
            return Err(InvalidParameter::new(
                "Webhook events must be a non-empty list of WebhookEvent objects: [].",
            ));
        }
        Ok(Self { name, url, events, description, secret, status })
    }
}

/// `PATCH …/webhooks/{webhook_id}`: what is absent stays as it is.
#[derive(Debug)]
pub struct UpdateWebhook {
    /// The webhook.
    pub webhook_id: String,
    /// What people call it.
    pub name: Option<String>,
    /// What users say of it; empty is nothing.
    pub description: Option<String>,
    /// Where it is told.
    pub url: Option<String>,
    /// Of what it is told, instead of all before.
    pub events: Option<Vec<WebhookEvent>>,
    /// What deliveries are signed with; empty, they are not signed.
    pub secret: Option<String>,
    /// Whether it is told anything.
    pub status: Option<WebhookStatus>,
}

impl DecodeRequest for UpdateWebhook {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let webhook_id = fields.required_string("webhook_id")?;
        let name = fields.string("name")?.filter(|name| !name.is_empty());
        let description = read_description(fields)?;
        let url = fields.string("url")?.filter(|url| !url.is_empty());
        let events = fields.objects("events", read_names)?;
        let secret = read_secret(fields)?;
        let status = fields.enumeration("status")?;
        let events = if events.is_empty() { None } else { Some(distinct(events)?) };
        if let Some(name) = &name {
            check_webhook_name(name)?;
        }
        if let Some(url) = &url {
            check_length("url", url, limits::WEBHOOK_URL)?;
        }
        Ok(Self { webhook_id, name, description, url, events, secret, status })
    }
}

/// `GET …/webhooks/{webhook_id}`.
#[derive(Debug)]
pub struct GetWebhook {
    /// The webhook.
    pub webhook_id: String,
}

impl DecodeRequest for GetWebhook {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { webhook_id: fields.required_string("webhook_id")? })
    }
}

/// `DELETE …/webhooks/{webhook_id}`.
#[derive(Debug)]
pub struct DeleteWebhook {
    /// The webhook.
    pub webhook_id: String,
}

impl DecodeRequest for DeleteWebhook {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        Ok(Self { webhook_id: fields.required_string("webhook_id")? })
    }
}

/// `GET …/webhooks`.
#[derive(Debug)]
pub struct ListWebhooks {
    /// Webhooks at most, from 1 to 1000.
    pub max_results: u64,
    /// Where to start.
    pub page_token: PageToken,
}

impl DecodeRequest for ListWebhooks {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let max_results = match fields.integer("max_results")? {
            None | Some(0) => limits::LIST_WEBHOOKS_DEFAULT_RESULTS,
            Some(given) => u64::try_from(given).unwrap_or(0),
        };
        if !(1..=limits::LIST_WEBHOOKS_RESULTS).contains(&max_results) {
            return Err(InvalidParameter::new("max_results must be between 1 and 1000."));
        }
        Ok(Self { max_results, page_token: PageToken::read(fields)? })
    }
}

/// `POST …/webhooks/{webhook_id}/test`.
#[derive(Debug)]
pub struct TestWebhook {
    /// The webhook.
    pub webhook_id: String,
    /// Of what it is told; the first of its own where nothing is said.
    pub event: Option<WebhookEvent>,
}

impl DecodeRequest for TestWebhook {
    fn decode(fields: &mut Fields) -> Result<Self, InvalidParameter> {
        let webhook_id = fields.required_string("webhook_id")?;
        let event = match fields.object("event")? {
            Some(mut event) => {
                let (entity, action) = read_names(&mut event)?;
                Some(WebhookEvent::new(entity, action)?)
            }
            None => None,
        };
        Ok(Self { webhook_id, event })
    }
}

/// The answer to all requests about one webhook.
#[derive(Debug, JsonSchema, Serialize)]
pub struct WebhookResponse {
    /// The webhook.
    pub webhook: Webhook,
}

/// The answer to [`ListWebhooks`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct ListWebhooksResponse {
    /// The webhooks, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<Webhook>,
    /// Present when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<PageToken>,
}

/// The answer to [`TestWebhook`].
#[derive(Debug, JsonSchema, Serialize)]
pub struct TestWebhookResponse {
    /// What became of the test.
    pub result: WebhookTestResult,
}

/// What became of a test.
#[derive(Debug, Default, JsonSchema, Serialize)]
pub struct WebhookTestResult {
    /// Whether the receiver answered, and with a status below 400.
    pub success: bool,
    /// What it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_status: Option<u16>,
    /// What it said, or as much as is read of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_body: Option<String>,
    /// Why it did not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

fn read_names(fields: &mut Fields) -> Result<(WebhookEntity, WebhookAction), InvalidParameter> {
    let entity = fields.enumeration("entity")?;
    let entity = entity.ok_or_else(|| InvalidParameter::missing(&fields.label("entity")))?;
    let action = fields.enumeration("action")?;
    let action = action.ok_or_else(|| InvalidParameter::missing(&fields.label("action")))?;
    Ok((entity, action))
}

fn distinct(
    names: Vec<(WebhookEntity, WebhookAction)>,
) -> Result<Vec<WebhookEvent>, InvalidParameter> {
    let mut events = Vec::new();
    for (entity, action) in names {
        let event = WebhookEvent::new(entity, action)?;
        if !events.contains(&event) {
            events.push(event);
        }
    }
    Ok(events)
}

fn read_description(fields: &mut Fields) -> Result<Option<String>, InvalidParameter> {
    let description = fields.string("description")?;
    if let Some(description) = &description {
        check_length("description", description, limits::WEBHOOK_DESCRIPTION)?;
    }
    Ok(description)
}

fn read_secret(fields: &mut Fields) -> Result<Option<String>, InvalidParameter> {
    let secret = fields.string("secret")?;
    if secret.as_ref().is_some_and(|secret| secret.len() > limits::WEBHOOK_SECRET_BYTES) {
        return Err(InvalidParameter::new(format!(
            "'secret' exceeds the maximum length of {} bytes",
            limits::WEBHOOK_SECRET_BYTES
        )));
    }
    Ok(secret)
}

fn check_webhook_name(name: &str) -> Result<(), InvalidParameter> {
    // compat: Python ignores case, and takes these two for a K and an S.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '\u{212a}' | '\u{17f}');
    let is_good = name.chars().count() <= limits::WEBHOOK_NAME
        && name.chars().all(|c| is_plain(c) || matches!(c, '.' | '_' | '-'))
        && name.starts_with(is_plain)
        && name.ends_with(is_plain);
    if is_good {
        return Ok(());
    }
    Err(InvalidParameter::new(format!(
        "Webhook name {} is invalid. It must start and end with a letter or digit, be less than 63 characters \
         long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-).",
        python::repr_str(name)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_and_end_with_letters_or_digits() {
        for good in ["a", "A.b_c-9", &"a".repeat(63)] {
            assert!(check_webhook_name(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a.", "a b", "ä", "a\n", &"a".repeat(64)] {
            assert!(check_webhook_name(bad).is_err(), "{bad}");
        }
    }
}

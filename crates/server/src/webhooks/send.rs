//! One message to one receiver: signed, sent, and what came of it.

use super::{
    WebhookOptions,
    address::{AddressRules, Refused},
};
use axum::http::{StatusCode, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use mlferry_store::WebhookSecret;
use reqwest::{Client, Response, redirect::Policy};
use sha2::Sha256;
use std::{
    error::Error,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use uuid::Uuid;

/// How often a receiver may lead elsewhere; as often as for the reference's client.
const REDIRECTS: usize = 30;
/// The longest pause between two attempts, unless the receiver asks for a longer one.
const LAST_PAUSE_S: u64 = 60;
/// The longest pause that a receiver may ask for.
const LONGEST_WISH: Duration = Duration::from_hours(6);
/// Bytes of an answer that are read.
const ANSWER_BYTES: usize = 64 * 1024;

/// The way to receivers. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    /// Made for the first message, since it keeps all trusted certificates in memory. Without one, the reason is what
    /// becomes of every message.
    client: Arc<OnceLock<Result<Client, String>>>,
    rules: AddressRules,
    request_timeout: Duration,
    max_retries: u32,
}

/// What is sent.
#[derive(Debug, Clone)]
pub(super) struct Message<'a> {
    pub(super) delivery_id: &'a str,
    pub(super) url: &'a str,
    pub(super) secret: &'a WebhookSecret,
    pub(super) body: &'a str,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The receiver answered.
    Answered {
        status: StatusCode,
        body: String,
        /// How long it wants to be left alone.
        wish: Option<Duration>,
    },
    /// It did not.
    Failed { words: String, may_pass: bool },
}

impl Outcome {
    fn forever(words: impl Into<String>) -> Self {
        Self::Failed { words: words.into(), may_pass: false }
    }

    /// Whether the receiver took the message.
    pub(super) fn is_success(&self) -> bool {
        matches!(self, Self::Answered { status, .. } if status.as_u16() < 400)
    }

    /// In a few words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Answered { status, .. } => format!("the receiver answers {status}"),
            Self::Failed { words, .. } => words.clone(),
        }
    }

    /// Whether another attempt may help: the same answers as in the reference.
    fn may_pass(&self) -> bool {
        match self {
            Self::Answered { status, wish, .. } => match status.as_u16() {
                429 | 500 | 502 | 503 | 504 => true,
                413 => wish.is_some(),
                _ => false,
            },
            Self::Failed { may_pass, .. } => *may_pass,
        }
    }
}

impl Sender {
    pub(crate) fn new(options: &WebhookOptions) -> Self {
        Self {
            client: Arc::default(),
            rules: options.addresses.clone(),
            request_timeout: options.request_timeout,
            max_retries: options.max_retries,
        }
    }

    fn make_client(&self) -> Result<Client, String> {
        // The TLS library asks for the process's own choice; somebody may have been faster.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let rules = self.rules.clone();
        let redirects = Policy::custom(move |attempt| {
            if attempt.previous().len() > REDIRECTS {
                attempt.error("too many redirects")
            } else if rules.allows(attempt.url()) {
                attempt.follow()
            } else {
                attempt.error("the receiver leads to an address that is not public")
            }
        });
        // A proxy would look names up by itself.
        let client = Client::builder()
            .no_proxy()
            .redirect(redirects)
            .referer(false)
            .dns_resolver(Arc::new(self.rules.clone()))
            .timeout(self.request_timeout)
            .http1_only()
            .user_agent(concat!("mlferry/", env!("CARGO_PKG_VERSION")))
            .build();
        client.map_err(|error| innermost(&error))
    }

    /// Where webhooks may lead.
    pub(crate) fn rules(&self) -> &AddressRules {
        &self.rules
    }

    /// How long to wait before a message is sent again that was sent `attempts` times; nothing where no further
    /// attempt is made.
    pub(super) fn pause(&self, outcome: &Outcome, attempts: i64) -> Option<Duration> {
        if !outcome.may_pass() || attempts > i64::from(self.max_retries) {
            return None;
        }
        match outcome {
            Outcome::Answered { wish: Some(wish), .. } => Some((*wish).min(LONGEST_WISH)),
            _ => Some(back_off(attempts)),
        }
    }

    /// Sends a message once.
    pub(super) async fn send(&self, message: &Message<'_>) -> Outcome {
        let client = match self.client.get_or_init(|| self.make_client()) {
            Ok(client) => client,
            Err(words) => return Outcome::forever(words),
        };
        let Ok(secret) = message.secret else {
            return Outcome::forever(
                "the secret was encrypted with another key than this server's \
                 MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY",
            );
        };
        let url = match self.rules.judge(message.url) {
            Ok(url) => url,
            Err(error) => return Outcome::forever(error.to_string()),
        };
        // The moment of this attempt: receivers refuse what is old, and it may be hours after the first one.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut request = client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-MLflow-Delivery-Id", message.delivery_id)
            .header("X-MLflow-Timestamp", now);
        if let Some(secret) = secret {
            request = request.header("X-MLflow-Signature", signature(secret, now, message));
        }
        match request.body(message.body.to_owned()).send().await {
            Ok(response) => answered(response).await,
            Err(error) => Outcome::Failed {
                may_pass: !error.is_redirect() && !error.is_builder() && !is_refused(&error),
                words: innermost(&error.without_url()),
            },
        }
    }
}

async fn answered(mut response: Response) -> Outcome {
    let status = response.status();
    let wish = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let wish = wish.and_then(wished);
    let mut body = Vec::new();
    while body.len() < ANSWER_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(ANSWER_BYTES);
    Outcome::Answered { status, body: String::from_utf8_lossy(&body).into_owned(), wish }
}

/// `Retry-After`: seconds, or a date.
fn wished(text: &str) -> Option<Duration> {
    let seconds = text.trim().parse().map(Duration::from_secs);
    seconds.ok().or_else(|| {
        let date = httpdate::parse_http_date(text.trim()).ok()?;
        Some(date.duration_since(SystemTime::now()).unwrap_or_default())
    })
}

/// The pauses of the reference's client: none after the first attempt, then two seconds, and each time twice as
/// many, with up to one second more, so that servers don't knock together.
fn back_off(attempts: i64) -> Duration {
    let Some(doublings) = u32::try_from(attempts - 1).ok().filter(|doublings| *doublings > 0)
    else {
        return Duration::ZERO;
    };
    let seconds = 2_u64.saturating_pow(doublings).min(LAST_PAUSE_S);
    let jitter = Uuid::new_v4().as_bytes()[0];
    let pause =
        Duration::from_secs(seconds) + Duration::from_millis(u64::from(jitter) * 1000 / 256);
    pause.min(Duration::from_secs(LAST_PAUSE_S))
}

/// `v1,` and the signature of id, time and message in base64.
fn signature(secret: &str, now: u64, message: &Message<'_>) -> String {
    let Ok(mut signing) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        // It takes keys of any length.
        return String::new();
    };
    signing.update(format!("{}.{now}.{}", message.delivery_id, message.body).as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(signing.finalize().into_bytes()))
}

/// What stands behind an error; the errors around it only say that something failed.
fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<Refused>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_reference() {
        let secret = Ok(None);
        let message = Message { delivery_id: "id", url: "", secret: &secret, body: r#"{"a": 1}"# };
        assert_eq!(
            signature("secret", 1_700_000_000, &message),
            "v1,38uVORQcsSdjatM9lCcMNO82Q89mMAbtl9RgUgq98/w="
        );
    }

    #[test]
    fn pauses_grow_up_to_a_minute() {
        assert_eq!(back_off(1), Duration::ZERO);
        for (attempts, least) in [(2, 2), (3, 4), (4, 8), (7, 60), (500, 60)] {
            let pause = back_off(attempts);
            assert!(pause >= Duration::from_secs(least), "{attempts}: {pause:?}");
            assert!(pause <= Duration::from_secs((least + 1).min(60)), "{attempts}: {pause:?}");
        }
    }

    #[test]
    fn receivers_wish_in_seconds_or_by_a_date() {
        assert_eq!(wished(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(wished("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wished("soon"), None);
    }
}

//! URLs to blobs that are good for a while: shared access signatures of Azure.
//!
//! The store's own client signs the path as it stands in the URL, where Azure wants it decoded, so that its URLs are
//! refused for any name that needs encoding.

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use object_store::{
    azure::MicrosoftAzure,
    path::Path,
    signer::{Method, SignedUrlOptions, Signer, Url},
};
use sha2::Sha256;
use std::{fmt, sync::Arc, time::Duration};

/// The version of the service whose way to sign this is.
/// <https://learn.microsoft.com/en-us/rest/api/storageservices/create-service-sas>
const VERSION: &str = "2023-11-03";
/// How far the clock of the service may be behind ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(15);
/// The parameter that says under which name a browser keeps what it downloads.
const DISPOSITION: &str = "rscd";

/// Signs with the key of an account.
pub(super) struct KeySigner {
    account: String,
    container: String,
    /// Address of the account for clients.
    endpoint: Url,
    key: Vec<u8>,
}

impl KeySigner {
    pub(super) fn new(
        account: &str,
        container: &str,
        endpoint: &str,
        key: &str,
    ) -> Result<Self, String> {
        let endpoint =
            Url::parse(endpoint).map_err(|error| format!("'{endpoint}' is no URL: {error}"))?;
        let key = BASE64_STANDARD.decode(key);
        let key = key.map_err(|error| format!("the key of the account is no base64: {error}"))?;
        Ok(Self { account: account.to_owned(), container: container.to_owned(), endpoint, key })
    }

    fn sign(
        &self,
        method: &Method,
        path: &Path,
        from: Timestamp,
        until: Timestamp,
        disposition: &str,
    ) -> Option<Url> {
        let mut url = self.endpoint.clone();
        url.path_segments_mut().ok()?.pop_if_empty().push(&self.container).extend(path.parts());
        let permission = match *method {
            Method::PUT => "w",
            Method::DELETE => "d",
            _ => "r",
        };
        let (from, until) = (seconds(from), seconds(until));
        let resource = format!("/blob/{}/{}/{path}", self.account, self.container);
        let signed = [
            permission,
            &from,
            &until,
            &resource,
            "",
            "",
            "",
            VERSION,
            "b",
            "",
            "",
            "",
            disposition,
            "",
            "",
            "",
        ];
        // It takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(signed.join("\n").as_bytes());
        let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        let mut query = url.query_pairs_mut();
        query.extend_pairs([("sv", VERSION), ("sr", "b"), ("sp", permission)]);
        query.extend_pairs([("st", &from), ("se", &until), ("sig", &signature)]);
        if !disposition.is_empty() {
            query.append_pair(DISPOSITION, disposition);
        }
        drop(query);
        Some(url)
    }
}

#[async_trait]
impl Signer for KeySigner {
    async fn signed_url(
        &self,
        method: Method,
        path: &Path,
        time: Duration,
    ) -> object_store::Result<Url> {
        self.signed_url_opts(method, path, time, &SignedUrlOptions::new()).await
    }

    async fn signed_url_opts(
        &self,
        method: Method,
        path: &Path,
        time: Duration,
        options: &SignedUrlOptions,
    ) -> object_store::Result<Url> {
        let disposition = options.extra_query.iter().find(|(name, _)| name == DISPOSITION);
        let disposition = disposition.map_or("", |(_, value)| value);
        let now = Timestamp::now();
        let until = now.checked_add(time).map_err(|error| unsigned(error.into()))?;
        let from = now.checked_sub(CLOCK_SKEW).map_err(|error| unsigned(error.into()))?;
        self.sign(&method, path, from, until, disposition)
            .ok_or_else(|| unsigned("the endpoint of the account can't be a base of URLs".into()))
    }
}

/// The key is nobody's business.
impl fmt::Debug for KeySigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySigner").field("account", &self.account).finish_non_exhaustive()
    }
}

/// Signs with an identity, through the store's own client, names that need no encoding.
#[derive(Debug)]
pub(super) struct IdentitySigner(pub(super) Arc<MicrosoftAzure>);

#[async_trait]
impl Signer for IdentitySigner {
    async fn signed_url(
        &self,
        method: Method,
        path: &Path,
        time: Duration,
    ) -> object_store::Result<Url> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        if !path.as_ref().chars().all(is_plain) {
            return Err(object_store::Error::NotSupported {
                source: format!(
                    "'{path}' has characters that only the key of the account can sign; set \
                     AZURE_STORAGE_ACCESS_KEY, or use letters, digits, '-', '.', '_' and '~'"
                )
                .into(),
            });
        }
        self.0.signed_url(method, path, time).await
    }

    async fn signed_url_opts(
        &self,
        method: Method,
        path: &Path,
        time: Duration,
        _: &SignedUrlOptions,
    ) -> object_store::Result<Url> {
        self.signed_url(method, path, time).await
    }
}

/// A time as Azure writes it, without fractions.
fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn unsigned(source: Box<dyn std::error::Error + Send + Sync>) -> object_store::Error {
    object_store::Error::Generic { store: "Azure", source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_signed_decoded_and_sent_encoded() {
        let signer =
            KeySigner::new("acct", "box", "https://acct.blob.core.windows.net/", "a2V5").unwrap();
        let time = Timestamp::from_second(1_700_000_000).unwrap();
        let path = Path::parse("a b/100%").unwrap();
        let url = signer.sign(&Method::GET, &path, time, time, "attachment").unwrap();
        assert_eq!(url.path(), "/box/a%20b/100%25");
        let query: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(query["sp"], "r");
        assert_eq!(query["se"], "2023-11-14T22:13:20Z");
        assert_eq!(query["rscd"], "attachment");
        assert!(KeySigner::new("acct", "box", "https://h", "?").is_err());
    }
}

//! Where webhooks may lead: nobody reaches the operator's own network through this server.
//!
//! A name is looked up once for each connection, and the connection goes to the addresses that were judged:
//! between the check and the request there is nothing that another answer of the name's server could change.

use mlferry_protocol::{InvalidParameter, python::repr_str};
use reqwest::{
    Url,
    dns::{Addrs, Name, Resolve, Resolving},
};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    time::Duration,
};
use tokio::{sync::Semaphore, task};
use url::Host;

/// How long a name is looked up.
const LOOKUP_TIME: Duration = Duration::from_secs(5);

/// Names that are looked up at once. A server of names that does not answer holds a thread for much longer, and others need threads,
/// too.
const LOOKUPS_AT_ONCE: usize = 4;

/// What the operator allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRules {
    /// Schemes of URLs: `MLFLOW_WEBHOOK_ALLOWED_SCHEMES`.
    pub schemes: Vec<String>,
    /// Whether addresses may be those of private networks and of this machine:
    /// `MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS`.
    pub allow_private: bool,
}

impl AddressRules {
    /// Judges a URL as it was given, and all addresses that its name has now.
    pub(crate) async fn check(&self, given: &str) -> Result<Url, InvalidParameter> {
        let url = self.parse(given)?;
        if self.allow_private {
            return Ok(url);
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let addresses = match url.host() {
            Some(Host::Ipv4(address)) => vec![IpAddr::V4(address)],
            Some(Host::Ipv6(address)) => vec![IpAddr::V6(address)],
            _ => look_up(host).await.map_err(|error| {
                let host = repr_str(host);
                InvalidParameter::new(format!(
                    "Cannot resolve Webhook URL hostname {host}: {error}"
                ))
            })?,
        };
        match addresses.into_iter().find(|address| !is_public(*address)) {
            None => Ok(url),
            Some(address) => Err(InvalidParameter::new(format!(
                "Webhook URL must not resolve to a non-public IP address. {} resolves to {address}.",
                repr_str(host)
            ))),
        }
    }

    fn parse(&self, given: &str) -> Result<Url, InvalidParameter> {
        if given.trim().is_empty() {
            return Err(InvalidParameter::new(format!(
                "Webhook URL cannot be empty or just whitespace: {}",
                repr_str(given)
            )));
        }
        let (scheme, rest) = split_scheme(given);
        if !self.schemes.contains(&scheme) {
            return Err(InvalidParameter::new(format!(
                "Invalid webhook URL scheme: {}. Allowed schemes are: {}.",
                repr_str(&scheme),
                self.schemes.join(", ")
            )));
        }
        let host_is_missing = || {
            let given = repr_str(given);
            InvalidParameter::new(format!("Webhook URL must include a hostname: {given}"))
        };
        let authority = rest.strip_prefix("//").unwrap_or_default();
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        if host.is_empty() || host.starts_with(':') {
            return Err(host_is_missing());
        }
        let url = Url::parse(given).map_err(|error| {
            InvalidParameter::new(format!("Invalid webhook URL {}: {error}", repr_str(given)))
        })?;
        if url.host().is_none() { Err(host_is_missing()) } else { Ok(url) }
    }

    /// The same without looking its name up, which is done for the connection.
    pub(super) fn judge(&self, given: &str) -> Result<Url, InvalidParameter> {
        let url = self.parse(given)?;
        if self.allows(&url) {
            return Ok(url);
        }
        let host = repr_str(url.host_str().unwrap_or_default());
        let message = format!("Webhook URL must not resolve to a non-public IP address: {host}.");
        Err(InvalidParameter::new(message))
    }

    /// Whether a URL that a receiver leads to may be followed. Names are judged when they are looked up.
    pub(super) fn allows(&self, url: &Url) -> bool {
        self.allow_private
            || match url.host() {
                Some(Host::Ipv4(address)) => is_public(address.into()),
                Some(Host::Ipv6(address)) => is_public(address.into()),
                _ => true,
            }
    }
}

/// Looks names up for connections.
impl Resolve for AddressRules {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let addresses = look_up(name.as_str()).await?;
            if let Some(address) = addresses.iter().find(|address| !is_public(**address))
                && !allow_private
            {
                return Err(Refused(*address).into());
            }
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// A connection that is not made.
#[derive(Debug, thiserror::Error)]
#[error("Webhook connection blocked: {0} is not a public IP address.")]
pub(super) struct Refused(IpAddr);

/// The scheme of a URL as Python reads it, and what is behind it.
fn split_scheme(given: &str) -> (String, &str) {
    let trimmed = given.trim_start_matches(|c: char| c <= ' ');
    match trimmed.split_once(':') {
        Some((scheme, rest))
            if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) =>
        {
            (scheme.to_ascii_lowercase(), rest)
        }
        _ => (String::new(), trimmed),
    }
}

async fn look_up(host: &str) -> io::Result<Vec<IpAddr>> {
    static LOOKUPS: Semaphore = Semaphore::const_new(LOOKUPS_AT_ONCE);
    let host = host.to_owned();
    let find = async {
        // It is never closed.
        let turn = LOOKUPS.acquire().await.map_err(io::Error::other)?;
        let find = move || {
            let found = (host.as_str(), 0).to_socket_addrs();
            // Not before the thread is free, which nobody can stop.
            drop(turn);
            found
        };
        task::spawn_blocking(find).await?
    };
    let found = tokio::time::timeout(LOOKUP_TIME, find).await;
    let found = found.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

/// Whether an address is one of the internet's.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(embedded) => is_public_v4(embedded),
            None => is_public_v6(address),
        },
    }
}

/// The registry of special addresses, <https://www.iana.org/assignments/iana-ipv4-special-registry>, and
/// multicast, which no receiver has.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    let is_special = match (a, b, c) {
        (0 | 10 | 127 | 224.., ..)
        | (100, 64..=127, _)
        | (169, 254, _)
        | (172, 16..=31, _)
        | (192, 0, 2)
        | (192, 88, 99)
        | (192, 168, _)
        | (198, 18..=19, _)
        | (198, 51, 100)
        | (203, 0, 113) => true,
        (192, 0, 0) => !matches!(d, 9 | 10),
        _ => false,
    };
    !is_special
}

/// The registry of special addresses, <https://www.iana.org/assignments/iana-ipv6-special-registry>: what is in
/// use for everybody is in `2000::/3`.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, ..] = address.segments();
    let is_special = match (a, b) {
        // 2001::/23 is for protocols, of which these are reached like others.
        (0x2001, 0x3 | 0x20..=0x3f) => false,
        (0x2001, 0x4) => c != 0x112,
        (0x2001, 0..=0x1ff | 0xdb8) | (0x2002, _) | (0x3fff, 0..=0xfff) => true,
        _ => false,
    };
    (0x2000..=0x3fff).contains(&a) && !is_special
}

/// The IPv4 address that an address stands for: mapped, of 6to4, or behind NAT64.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0x2002, high, low, ..] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        _ => address.to_ipv4_mapped(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> AddressRules {
        AddressRules { schemes: vec!["https".to_owned()], allow_private: false }
    }

    async fn refusal(url: &str) -> String {
        rules().check(url).await.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.0.1",
            "192.168.0.1",
            "192.0.0.8",
            "198.19.0.1",
            "203.0.113.7",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fc00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "3fff::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "172.32.0.1",
            "192.0.0.9",
            "100.128.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::",
            "2606:4700::1111",
            "2001:4860:4860::8888",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[tokio::test]
    async fn numbers_are_addresses_however_they_are_written() {
        for url in [
            "https://127.1/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://2130706433/",
            "https://[::ffff:127.0.0.1]/",
            "https://user@127.0.0.1:1/",
            "https://127.0.0.1\\@1.1.1.1/",
            "https://localhost/",
        ] {
            let refusal = refusal(url).await;
            assert!(
                refusal.contains("must not resolve to a non-public IP address"),
                "{url}: {refusal}"
            );
        }
        assert_eq!(refusal("https://1.1.1.1/x").await, "");
    }

    #[tokio::test]
    async fn urls_without_host_or_with_other_schemes_are_refused() {
        assert_eq!(
            refusal("http://a").await,
            "Invalid webhook URL scheme: 'http'. Allowed schemes are: https."
        );
        assert_eq!(
            refusal("a.b/c").await,
            "Invalid webhook URL scheme: ''. Allowed schemes are: https."
        );
        for url in ["https://", "https:///x", "https:x", "https://:80/", "https://me@/"] {
            let expected = format!("Webhook URL must include a hostname: '{url}'");
            assert_eq!(refusal(url).await, expected);
        }
        assert_eq!(refusal(" ").await, "Webhook URL cannot be empty or just whitespace: ' '");
    }
}

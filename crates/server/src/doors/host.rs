//! The Host header: a page of another site whose name was made to point here (DNS rebinding) gives
//! itself away by naming its own host.

use crate::error::ApiError;
use axum::{
    extract::Request,
    http::{header, uri::Authority},
};
use mlferry_protocol::ErrorCode;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use thiserror::Error;
use wildmatch::WildMatch;

/// The text of the reference's refusal.
const REFUSAL: &str = "Invalid Host header - possible DNS rebinding attack detected";

/// The hosts under which a server may be addressed.
#[derive(Debug, Clone)]
pub enum HostPolicy {
    /// Any host.
    Any,
    /// This machine by its usual names, and addresses of private networks.
    LocalAndPrivate,
    /// The operator's list.
    These(Vec<HostPattern>),
}

/// One entry of `--allowed-hosts`.
#[derive(Debug, Clone)]
pub struct HostPattern {
    host: WildMatch,
    /// Whether the entry is an address with `*` for some of its numbers.
    is_ipv4: bool,
    /// Only this port, where the entry names one.
    port: Option<u16>,
}

impl HostPolicy {
    /// The policy of `--allowed-hosts`; `None` is the default.
    pub fn new(allowed: Option<&[String]>) -> Result<Self, InvalidHost> {
        match allowed {
            None => Ok(Self::LocalAndPrivate),
            Some(entries) if entries.iter().any(|entry| entry == "*") => Ok(Self::Any),
            Some(entries) => {
                let patterns = entries.iter().map(|entry| HostPattern::new(entry));
                Ok(Self::These(patterns.collect::<Result<_, _>>()?))
            }
        }
    }

    pub(super) fn check(&self, request: &Request) -> Result<(), ApiError> {
        if request.headers().get_all(header::HOST).iter().count() > 1 {
            // Proxies differ in which of them counts (RFC 9112, section 3.2).
            return Err(ApiError::invalid_parameter("A request has at most one Host header."));
        }
        let named = named_host(request).parse::<Authority>();
        let allowed = match (self, &named) {
            (Self::Any, _) => true,
            (_, Err(_)) => false,
            (Self::LocalAndPrivate, Ok(host)) => is_local_or_private(host.host()),
            (Self::These(patterns), Ok(host)) => {
                patterns.iter().any(|pattern| pattern.matches(host.host(), host.port_u16()))
            }
        };
        if allowed {
            return Ok(());
        }
        // Without the user and password that a URI may carry.
        tracing::warn!(
            host = named.as_ref().map_or("(not a host)", Authority::host),
            "refused a request for a host that is not allowed; start with --allowed-hosts to allow it"
        );
        Err(ApiError::new(ErrorCode::PermissionDenied, REFUSAL))
    }
}

fn named_host(request: &Request) -> &str {
    match request.uri().authority() {
        Some(authority) => authority.as_str(),
        None => request
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default(),
    }
}

/// Whether a host is this machine or an address of a private network.
///
/// An address in a Host header is what the client connected to: only names can be made to lie.
fn is_local_or_private(host: &str) -> bool {
    let unbracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match unbracketed.unwrap_or(host).parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => is_own_v4(address),
        Ok(IpAddr::V6(address)) => is_own_v6(address),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

fn is_own_v4(address: Ipv4Addr) -> bool {
    address.is_private() || address.is_loopback() || address.is_unspecified()
}

fn is_own_v6(address: Ipv6Addr) -> bool {
    address.is_loopback() || address.is_unspecified() || address.is_unique_local()
}

/// An entry of `--allowed-hosts` that names no host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("--allowed-hosts: '{0}' ends with a port that is no number from 0 to 65535, and not '*'")]
pub struct InvalidHost(String);

impl HostPattern {
    fn new(text: &str) -> Result<Self, InvalidHost> {
        let entry = text.to_ascii_lowercase();
        let is_bare_v6 = entry.matches(':').count() > 1 && !entry.starts_with('[');
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, "*")) if !is_bare_v6 => (host, None),
            Some((host, port)) if !is_bare_v6 && !port.ends_with(']') => {
                (host, Some(port.parse().map_err(|_| InvalidHost(text.to_owned()))?))
            }
            _ => (entry.as_str(), None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | '*');
        Ok(Self {
            host: WildMatch::new(host),
            is_ipv4: host.contains('.') && host.chars().all(is_numeric),
            port,
        })
    }

    fn matches(&self, host: &str, port: Option<u16>) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        // `10.*` means addresses, never `10.evil.com`.
        let is_of_kind = !self.is_ipv4 || host.parse::<Ipv4Addr>().is_ok();
        let is_on_port = self.port.is_none() || self.port == port;
        is_of_kind && is_on_port && self.host.matches(&host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn allows(policy: &HostPolicy, host: &str) -> bool {
        let request = Request::builder().uri("/").header("host", host).body(Body::empty()).unwrap();
        policy.check(&request).is_ok()
    }

    #[test]
    fn by_default_this_machine_and_private_addresses_are_allowed() {
        let policy = HostPolicy::new(None).unwrap();
        for host in [
            "localhost",
            "localhost:5000",
            "LOCALHOST",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:5000",
            "0.0.0.0:80",
            "10.1.2.3",
            "192.168.0.9:5000",
            "172.16.0.1",
            "172.31.255.255",
            "[fc00::1]",
            "[fd00::1]:5000",
        ] {
            assert!(allows(&policy, host), "{host}");
        }
        for host in [
            "",
            "evil.com",
            "10.evil.com",
            "192.168.evil.com",
            "172.32.0.1",
            "8.8.8.8",
            "localhost.evil.com",
            "localhost@evil.com",
            "[2001:db8::1]",
            "a b",
        ] {
            assert!(!allows(&policy, host), "{host}");
        }
    }

    #[test]
    fn a_list_replaces_the_default() {
        let entries = ["foo.com", "*.bar.com", "10.*", "baz.com:8080", "Quux.COM:*", "[::1]"];
        let policy = HostPolicy::new(Some(&entries.map(String::from))).unwrap();
        for host in [
            "foo.com",
            "FOO.com:80",
            "a.bar.com",
            "a.b.bar.com:1",
            "10.0.0.1:5000",
            "baz.com:8080",
            "quux.com:9",
            "[::1]:5000",
        ] {
            assert!(allows(&policy, host), "{host}");
        }
        for host in ["localhost", "bar.com", "10.evil.com", "baz.com", "baz.com:80", "xfoo.com"] {
            assert!(!allows(&policy, host), "{host}");
        }
        assert!(allows(&HostPolicy::new(Some(&["*".to_owned()])).unwrap(), "anything"));
    }

    #[test]
    fn an_entry_with_a_wrong_port_does_not_allow_every_port() {
        for entry in ["foo.com:99999", "foo.com:", "foo.com:http"] {
            let refused = HostPolicy::new(Some(&[entry.to_owned()])).unwrap_err();
            assert!(refused.to_string().contains(entry), "{refused}");
        }
    }

    #[test]
    fn two_hosts_are_one_too_many() {
        let request = Request::builder().uri("/").header("host", "localhost");
        let request = request.header("host", "evil.com").body(Body::empty()).unwrap();
        assert!(HostPolicy::Any.check(&request).is_err());
    }
}

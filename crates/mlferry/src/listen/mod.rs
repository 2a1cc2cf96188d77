//! Where the server is reached: a port, a socket in the file system, or what a service manager hands over.

mod bind;
mod flags;
mod handed;
mod reload;
mod socket_file;

pub(crate) use bind::{Bound, bind};
pub(crate) use flags::ListenFlags;
pub(crate) use handed::{Handed, take_handed};
pub(crate) use reload::keep_fresh;

use std::path::PathBuf;

use crate::checks::in_range;
use crate::server_opts::TlsOpts;
use crate::usage::Stop;

/// Where the server is reached, and whether by HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListenOptions {
    /// The place, unless a service manager has chosen one.
    pub(crate) address: Address,
    /// The certificate for HTTPS.
    pub(crate) tls: Option<TlsFiles>,
}

/// A place to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A port.
    Tcp {
        /// An address or a host name.
        host: String,
        /// 0 takes a free one.
        port: u16,
    },
    /// A socket in the file system.
    Unix {
        /// Its path.
        path: PathBuf,
        /// Its permissions; `None` leaves them to the umask.
        mode: Option<u32>,
    },
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Adds the certificate of the flags to an address; `other` is what was meant for another web server, and counts where
/// they say nothing.
pub(crate) fn with_tls(
    address: Address,
    flags: &ListenFlags,
    other: TlsOpts,
) -> Result<ListenOptions, Stop> {
    let tls = tls_files(flags, other)?;
    if let (Address::Unix { path, .. }, Some(_)) = (&address, &tls) {
        return Err(Stop::usage(format!(
            "A certificate is of no use with --unix-socket '{}': what never leaves this machine is not encrypted. \
             Leave one of them out.",
            path.display()
        )));
    }
    Ok(ListenOptions { address, tls })
}

/// The place that the flags name.
pub(crate) fn address(flags: &ListenFlags) -> Result<Address, Stop> {
    let port = port(flags.port.as_deref())?;
    let mode = given(flags.unix_socket_mode.as_ref()).map(mode).transpose()?;
    if let Some(path) = given(flags.unix_socket.as_ref()) {
        return Ok(Address::Unix { path: path.into(), mode });
    }
    if mode.is_some() {
        return Err(Stop::usage(
            "--unix-socket-mode is of no use without --unix-socket. Name the socket's path, too.",
        ));
    }
    match flags.host.as_deref() {
        Some("") => Err(Stop::invalid(
            "'--host' / '-h'",
            "it is empty. Leave it out for the default, 127.0.0.1.",
        )),
        host => Ok(Address::Tcp { host: host.unwrap_or("127.0.0.1").to_owned(), port }),
    }
}

fn port(text: Option<&str>) -> Result<u16, Stop> {
    let number = in_range("'--port' / '-p'", text, 0, i64::from(u16::MAX))?;
    Ok(number.and_then(|number| u16::try_from(number).ok()).unwrap_or(5000))
}

fn mode(text: &str) -> Result<u32, Stop> {
    match u32::from_str_radix(text.trim_start_matches("0o"), 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err(Stop::invalid(
            "'--unix-socket-mode'",
            format_args!("'{text}' is no set of permissions. Write them in octal, such as 660."),
        )),
    }
}

fn tls_files(flags: &ListenFlags, other: TlsOpts) -> Result<Option<TlsFiles>, Stop> {
    match (given(flags.tls_cert.as_ref()), given(flags.tls_key.as_ref())) {
        (Some(certificate), Some(key)) => {
            Ok(Some(TlsFiles { certificate: certificate.into(), key: key.into() }))
        }
        (Some(_), None) => Err(Stop::usage(
            "--tls-cert needs its private key: give --tls-key (MLFERRY_TLS_KEY), too.",
        )),
        (None, Some(_)) => Err(Stop::usage(
            "--tls-key needs its certificate: give --tls-cert (MLFERRY_TLS_CERT), too.",
        )),
        (None, None) => match (other.certificate, other.key) {
            // compat: Python's ssl looks for the key in the certificate's file, too.
            (Some(certificate), key) => Ok(Some(TlsFiles {
                key: key.unwrap_or_else(|| certificate.clone()).into(),
                certificate: certificate.into(),
            })),
            (None, Some(key)) => Err(Stop::usage(format!(
                "The key '{key}' was given without its certificate. Give --tls-cert and --tls-key."
            ))),
            (None, None) => Ok(None),
        },
    }
}

/// The value, where an empty one counts as none.
fn given(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|value| !value.is_empty())
}

//! `mlferry healthcheck`: whether a server is well, for containers that have no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};
use reqwest::{Client, ClientBuilder, StatusCode, Url, redirect};

use crate::listen::{self, Address, ListenFlags};
use crate::options;
use crate::server_opts::TlsOpts;
use crate::units::parse_duration;
use crate::usage::{Stop, Usage};

/// How long a server may take to answer when nothing else is said.
const PATIENCE: Duration = Duration::from_secs(5);
/// Characters of a refusal that are shown.
const WORDS: usize = 200;

/// The flags of `mlferry healthcheck`: those by which the server listens, from the same variables.
#[expect(
    clippy::doc_markdown,
    reason = "the comments are the help, which shows them as they stand"
)]
#[derive(Args, Debug)]
pub(crate) struct HealthcheckFlags {
    /// Address of another server than the one that these flags and variables would start, such as
    /// 'https://mlflow.example.com/mlflow'
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// Ask whether it can do its work, database and artifact store included, and not only whether it lives
    #[arg(long)]
    ready: bool,

    /// Accept any certificate from --url. That of this machine's own server is never checked
    #[arg(long)]
    insecure: bool,

    /// How long to wait for the answer, in seconds or as 5s or 1m (default: 5s)
    #[arg(long, value_name = "DURATION")]
    timeout: Option<String>,

    /// Where the server is reached.
    #[command(flatten)]
    listen: ListenFlags,

    /// Show this message and exit
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
}

/// Whom to ask, and how.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    /// The server, without the path of the question.
    base: String,
    socket: Option<PathBuf>,
    /// Whether its certificate is checked.
    is_checked: bool,
}

/// Asks, and returns when all is well.
pub(crate) fn run(flags: &HealthcheckFlags) -> Result<(), Stop> {
    let patience = patience(flags).map_err(as_own)?;
    let target = target(flags).map_err(as_own)?;
    let question = if flags.ready { "ready" } else { "health" };
    let url = format!("{}/{question}", target.base);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::Refused(format!("cannot start: {error}")))?;
    let whom = match &target.socket {
        Some(socket) => format!("{url} by {}", socket.display()),
        None => url.clone(),
    };
    match runtime.block_on(ask(&url, &target, patience)) {
        Ok(()) => Ok(()),
        Err(what) => Err(Stop::Refused(format!("{whom} {what}"))),
    }
}

fn patience(flags: &HealthcheckFlags) -> Result<Duration, Stop> {
    let Some(text) = flags.timeout.as_deref() else { return Ok(PATIENCE) };
    parse_duration(text).filter(|time| !time.is_zero()).ok_or_else(|| {
        Stop::invalid(
            "'--timeout'",
            format_args!("'{text}' is not a duration. Write seconds, or a unit as in 5s or 1m."),
        )
    })
}

fn target(flags: &HealthcheckFlags) -> Result<Target, Stop> {
    if flags.insecure && flags.url.is_none() {
        return Err(Stop::usage(
            "--insecure is of no use without --url: the certificate of this machine's own server is never checked.",
        ));
    }
    if let Some(url) = &flags.url {
        let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(parsed) = parsed.filter(Url::has_host) else {
            return Err(Stop::invalid(
                "'--url'",
                format_args!("'{url}' is not a URL that begins with http:// or https://."),
            ));
        };
        let base = parsed.as_str().trim_end_matches('/').to_owned();
        return Ok(Target { base, socket: None, is_checked: !flags.insecure });
    }
    let prefix = flags.listen.static_prefix.clone().map(options::static_prefix).transpose()?;
    let prefix = prefix.unwrap_or_default();
    let address = listen::address(&flags.listen)?;
    let listen = listen::with_tls(address, &flags.listen, TlsOpts::default())?;
    Ok(match listen.address {
        Address::Unix { path, .. } => Target {
            base: format!("http://localhost{prefix}"),
            socket: Some(path),
            is_checked: false,
        },
        Address::Tcp { port: 0, .. } => {
            return Err(Stop::invalid(
                "'--port' / '-p'",
                "0 is any port; name the one that the server found, or use --url.",
            ));
        }
        Address::Tcp { host, port } => {
            let scheme = if listen.tls.is_some() { "https" } else { "http" };
            let base = format!("{scheme}://{}:{port}{prefix}", reachable(&host));
            // It is asked on this machine, and told nothing: whose certificate it shows does not matter.
            Target { base, socket: None, is_checked: false }
        }
    })
}

/// The host of a URL by which a server is reached that listens on `host`.
fn reachable(host: &str) -> String {
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
        Ok(IpAddr::V6(address)) if address.is_unspecified() => format!("[{}]", Ipv6Addr::LOCALHOST),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    }
}

/// Asks once; the error says what was answered instead of 200.
async fn ask(url: &str, target: &Target, patience: Duration) -> Result<(), String> {
    let client =
        client(target, patience).map_err(|error| format!("can't be asked: {}", why(&error)))?;
    let answer = client.get(url).send().await.map_err(|error| {
        if error.is_timeout() {
            format!("gave no answer within {} s", patience.as_secs_f64())
        } else {
            format!("gave no answer: {}", why(&error))
        }
    })?;
    let status = answer.status();
    if status == StatusCode::OK {
        return Ok(());
    }
    let words = answer.text().await.unwrap_or_default();
    let words: String = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.chars().take(WORDS).collect();
    Err(format!("answered {}: {words}", status.as_u16()).trim_end_matches([':', ' ']).to_owned())
}

fn client(target: &Target, patience: Duration) -> reqwest::Result<Client> {
    // The TLS library asks for the process's own choice of cryptography.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = ClientBuilder::new()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .timeout(patience)
        .tls_danger_accept_invalid_certs(!target.is_checked);
    match &target.socket {
        Some(socket) => builder.unix_socket(socket.as_path()).build(),
        None => builder.build(),
    }
}

/// The innermost cause, which says most.
fn why(error: &reqwest::Error) -> String {
    anyhow::Chain::new(error).last().map(ToString::to_string).unwrap_or_default()
}

/// What the server's flags complain of, as a mistake in this command.
fn as_own(stop: Stop) -> Stop {
    match stop {
        Stop::Usage(_, message) => Stop::Usage(Usage::Healthcheck, message),
        stop => stop,
    }
}

//! From checked options to a running server.

use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::Context;
use mlferry_artifacts::{ArtifactCache, Service};
use mlferry_server::{
    App, Checks, Doors, HostPolicy, Limits, Mode, OriginPolicy, RootOptions, serve,
};
use mlferry_store::{Store, StoreOptions};
use regex::Regex;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::access;
use crate::listen::{self, Bound, Handed};
use crate::options::ServerOptions;
use crate::service_manager;
use crate::signals::StopSignals;

/// Threads for work that blocks on the disk. More of them only wait for each other: uploads of small
/// files came close to their most flushes a second at 16, and each thread keeps some memory. Five are for SQLite.
const BLOCKING_THREADS: usize = 32 + 5;

/// Files that are open whoever is connected: the database's, logs, and what the system needs.
const OTHER_FILES: u64 = 64;

/// How long threads that still wait for the disk may take at the very end.
const LAST_THREADS_TIME: Duration = Duration::from_secs(5);

/// Runs the server until it is told to stop; what a service manager handed over is listened on.
pub(crate) fn run(mut options: ServerOptions, handed: Vec<Handed>) -> anyhow::Result<()> {
    let cores = available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.workers.min(cores))
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .context("cannot start the worker threads")?;
    let files = raise_descriptor_limit();
    options.max_connections = most_connections(options.max_connections, files);
    let served = runtime.block_on(start(options, handed));
    // A thread that hangs on a dead disk must not keep the process alive.
    runtime.shutdown_timeout(LAST_THREADS_TIME);
    served
}

async fn start(mut options: ServerOptions, handed: Vec<Handed>) -> anyhow::Result<()> {
    // First, since a port that is taken is the most likely failure, and nothing was touched before it.
    let bound = listen::bind(&options.listen, handed).await?;
    if let Some(cache) = &options.artifact_cache {
        let cache = ArtifactCache::open(&cache.folder, cache.bytes).await?;
        options.store_settings.cache = Some(cache);
    }
    let limits = Limits {
        shutdown_grace: options.shutdown_grace,
        connections: options.max_connections,
        ..Limits::default()
    };
    let app = App {
        mode: open(&options).await?,
        static_prefix: options.static_prefix.clone().unwrap_or_default(),
        roots: RootOptions {
            default_artifact_root: options.default_artifact_root.clone(),
            allowed_host_schemes: options.allowed_host_schemes.clone(),
            settings: options.store_settings.clone(),
            are_only_read: false,
        },
        presigned_urls: options.presigned_urls,
        max_artifact_bytes: options.max_artifact_size,
        long_values: options.long_values,
        webhooks: options.webhooks.delivery.clone(),
        doors: doors(&options)?,
        access: match &options.access {
            Some(settings) => Some(
                access::open(settings, options.audit_log.as_ref(), options.oidc.clone()).await?,
            ),
            None => None,
        },
        ui: options.ui.clone(),
    };
    answer(bound, app, limits).await?;
    if let Some(cache) = options.store_settings.cache {
        cache.close().await;
    }
    tracing::info!("Stopped");
    Ok(())
}

/// Answers requests until a signal says to stop.
async fn answer(bound: Bound, app: App, limits: Limits) -> anyhow::Result<()> {
    let Bound { listeners, names, tls, mut file } = bound;
    let mut stop = StopSignals::new()?;
    let mut beside = JoinSet::new();
    // Without a use for it, a closed terminal ends the server as it ends other programs.
    if tls.is_some() || service_manager::is_there() {
        let hangup = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
        beside.spawn(listen::keep_fresh(tls, hangup));
    }
    beside.spawn(service_manager::keep_alive());
    for name in names {
        tracing::info!("Listening on {name} (mlferry {})", env!("CARGO_PKG_VERSION"));
    }
    service_manager::ready();
    let stopped = async || {
        stop.next().await;
        service_manager::stopping();
        // While nobody listens, nobody should find the way.
        file.take();
    };
    serve(listeners, app, limits, stopped).await.context("the server failed")
}

/// Opens the database and the destination, as far as the mode uses them.
async fn open(options: &ServerOptions) -> anyhow::Result<Mode> {
    let service = match &options.artifacts_destination {
        Some(destination) => Some(Service::open(destination, &options.store_settings).await?),
        None => None,
    };
    if options.artifacts_only {
        return Ok(service.map_or(Mode::Nothing, Mode::ArtifactsOnly));
    }
    let store = Store::open(StoreOptions {
        uri: options.backend_store_uri.clone(),
        connections: options.connections.clone(),
        default_artifact_root: options.default_artifact_root.clone(),
        artifacts_destination: options.artifacts_destination.as_ref().map(ToString::to_string),
        allowed_host_schemes: options.allowed_host_schemes.clone(),
        artifact_location_max_length: options.artifact_location_max_length,
        model_source_pattern: options
            .model_source_pattern
            .as_deref()
            .map(Regex::new)
            .transpose()?,
        secret_key: options.webhooks.secret_key.clone(),
    });
    let store = store.await?;
    Ok(match service {
        Some(service) => Mode::Everything(store, service),
        None => Mode::RecordsOnly(store),
    })
}

fn doors(options: &ServerOptions) -> anyhow::Result<Doors> {
    let checks = Checks {
        hosts: HostPolicy::new(options.allowed_hosts.as_deref())?,
        origins: OriginPolicy::new(options.cors_allowed_origins.as_deref()),
    };
    let checks = options.security_middleware.then_some(checks);
    let frame_options = options.x_frame_options.as_deref().map(str::parse).transpose();
    let frame_options = frame_options.context("--x-frame-options cannot be sent as a header")?;
    Ok(Doors { checks, frame_options })
}

/// Lets the server open as many files and connections as the system allows it to, and returns how many these are; `None`
/// for any number. The usual limit of 1,024 is meant for programs that use `select`.
fn raise_descriptor_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays as it is");
        return limit.current;
    }
    limit.maximum
}

/// As many connections as were asked for, if so many files may be open: each may have another one open, such as the artifact
/// that it loads. Without room for that, those who are connected already would see errors.
fn most_connections(wanted: usize, files: Option<u64>) -> usize {
    let Some(files) = files else { return wanted };
    let room = usize::try_from(files.saturating_sub(OTHER_FILES) / 2).unwrap_or(usize::MAX).max(1);
    if room < wanted {
        tracing::warn!(
            "Only {room} connections are taken at once, since {files} files may be open: raise `ulimit -Hn`, or LimitNOFILE of \
             the systemd unit"
        );
    }
    wanted.min(room)
}

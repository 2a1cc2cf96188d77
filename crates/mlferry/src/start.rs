//! From checked options to a running server.

use std::future::Future;
use std::thread::available_parallelism;

use anyhow::Context;
use mlferry_artifacts::Service;
use mlferry_server::{App, Checks, Doors, HostPolicy, Limits, Mode, OriginPolicy, serve};
use mlferry_store::{Store, StoreOptions};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::options::ServerOptions;

/// Threads for work that blocks on the disk. More of them only wait for each other: uploads of small
/// files came to their peak of flushes a second at 64.
const BLOCKING_THREADS: usize = 64;

/// Runs the server until it is told to stop.
pub(crate) fn run(options: ServerOptions) -> anyhow::Result<()> {
    let cores = available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.workers.min(cores))
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .context("cannot start the worker threads")?;
    runtime.block_on(start(options))
}

async fn start(options: ServerOptions) -> anyhow::Result<()> {
    // First, since a port that is taken is the most likely failure, and nothing was touched before it.
    let listener =
        TcpListener::bind((options.host.as_str(), options.port)).await.with_context(|| {
            format!(
                "cannot listen on {}:{}; stop what uses the port, or choose another with --port",
                options.host, options.port
            )
        })?;
    let limits = Limits { shutdown_grace: options.shutdown_grace, ..Limits::default() };
    let app = App {
        mode: open(&options).await?,
        static_prefix: options.static_prefix.clone().unwrap_or_default(),
        default_artifact_root: options.default_artifact_root.clone(),
        max_artifact_bytes: options.max_artifact_size,
        doors: doors(&options)?,
    };
    let stop = stop_signal()?;
    let address = listener.local_addr().context("cannot tell the port that is listened on")?;
    tracing::info!("Listening on http://{address} (mlferry {})", env!("CARGO_PKG_VERSION"));
    serve(listener, app, limits, stop).await.context("the server failed")?;
    tracing::info!("Stopped");
    Ok(())
}

/// Opens the database and the destination, as far as the mode uses them.
async fn open(options: &ServerOptions) -> anyhow::Result<Mode> {
    let service = match &options.artifacts_destination {
        Some(destination) => Some(Service::open(destination.clone()).await?),
        None => None,
    };
    if options.artifacts_only {
        return Ok(service.map_or(Mode::Nothing, Mode::ArtifactsOnly));
    }
    let store = Store::open(StoreOptions {
        uri: options.backend_store_uri.clone(),
        default_artifact_root: options.default_artifact_root.clone(),
        allowed_host_schemes: options.allowed_host_schemes.clone(),
        artifact_location_max_length: options.artifact_location_max_length,
    });
    let store = store.await?;
    Ok(match service {
        Some(service) => Mode::Everything(store, service),
        None => Mode::RecordsOnly(store),
    })
}

fn doors(options: &ServerOptions) -> anyhow::Result<Doors> {
    let checks = options.security_middleware.then(|| Checks {
        hosts: HostPolicy::new(options.allowed_hosts.as_deref()),
        origins: OriginPolicy::new(options.cors_allowed_origins.as_deref()),
    });
    let frame_options = options.x_frame_options.as_deref().map(str::parse).transpose();
    let frame_options = frame_options.context("--x-frame-options cannot be sent as a header")?;
    Ok(Doors { checks, frame_options })
}

/// Ready when SIGTERM or SIGINT comes.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

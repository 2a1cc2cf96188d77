//! A server program from its start to its end, whatever it serves.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use hyper::StatusCode;
use tokio::time::{Instant, sleep, timeout};

use crate::http::Client;
use crate::process;

/// A start that takes longer has failed.
const START_LIMIT: Duration = Duration::from_mins(3);

/// A server that answers; dropping it kills it and all that it started.
#[derive(Debug)]
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From the start of the process to its first answer.
    pub(crate) start_time: Duration,
    child: Child,
}

impl Running {
    /// Starts a server in `home`, and returns when `GET /health` has an answer that is good enough.
    pub(crate) async fn start(
        name: &str,
        command: &mut Command,
        home: &Path,
        address: SocketAddr,
        is_ready: fn(StatusCode) -> bool,
    ) -> Result<Self> {
        let healthy = async || ask_health(address).await.is_ok_and(is_ready);
        Self::start_until(name, command, home, address, healthy).await
    }

    /// Starts a server in `home`, and returns when it is `ready`.
    pub(crate) async fn start_until(
        name: &str,
        command: &mut Command,
        home: &Path,
        address: SocketAddr,
        ready: impl AsyncFn() -> bool,
    ) -> Result<Self> {
        let log = File::create(home.join("server.log"))?;
        command.current_dir(home).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let begin = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let mut running = Self { address, start_time: Duration::ZERO, child };
        let ready = timeout(START_LIMIT, running.wait_until(ready)).await;
        if let Err(error) = ready.context("no answer in time").flatten() {
            let log = fs::read_to_string(home.join("server.log")).unwrap_or_default();
            bail!("{name} did not start: {error:#}\n{log}");
        }
        running.start_time = begin.elapsed();
        Ok(running)
    }

    /// The id of the first process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Stops the server and everything that it started.
    pub(crate) async fn stop(mut self) -> Result<()> {
        process::stop(&mut self.child).await
    }

    async fn wait_until(&mut self, ready: impl AsyncFn() -> bool) -> Result<()> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}");
            }
            if ready().await {
                return Ok(());
            }
            sleep(Duration::from_millis(2)).await;
        }
    }
}

async fn ask_health(address: SocketAddr) -> Result<StatusCode> {
    Client::open(address).await?.probe("/health").await
}

impl Drop for Running {
    fn drop(&mut self) {
        process::kill(&mut self.child);
    }
}

/// An address that nobody listens on.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}

//! What a service manager, such as systemd with `Type=notify`, is told: `sd_notify(3)`. Without one it is nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// Whether there is somebody to tell.
pub(crate) fn is_there() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some_and(|socket| !socket.is_empty())
}

/// Requests are answered from now on.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The server is looking at its files again.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "the clock can't be read"),
    }
}

/// The server was told to stop.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Tells again and again that the server lives, if its unit has `WatchdogSec=`; never returns.
pub(crate) async fn keep_alive() {
    let Some(limit) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    let mut ticks = tokio::time::interval((limit / 2).max(Duration::from_millis(1)));
    loop {
        ticks.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if !is_there() {
        return;
    }
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "could not reach the service manager");
    }
}

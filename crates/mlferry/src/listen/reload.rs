//! A certificate that is renewed while the server runs.

use std::time::Duration;

use mlferry_server::{Tls, TlsError};
use tokio::signal::unix::Signal;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use crate::service_manager;

/// How often the files are looked at. Kubernetes and certbot replace links, which no watch on a file would notice.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Takes new certificates as they come, and at each SIGHUP; never returns.
pub(crate) async fn keep_fresh(tls: Option<Tls>, mut hangup: Signal) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_asked = tokio::select! {
            _ = hangup.recv() => true,
            _ = ticks.tick() => false,
        };
        if is_asked {
            service_manager::reloading();
        }
        if let Some(tls) = tls.clone() {
            look(tls, is_asked).await;
        }
        if is_asked {
            service_manager::ready();
        }
    }
}

async fn look(tls: Tls, is_asked: bool) {
    let looked: Result<bool, TlsError> = match spawn_blocking(move || tls.refresh()).await {
        Ok(looked) => looked,
        Err(_) => return,
    };
    match looked {
        Ok(true) => tracing::info!("Read a new certificate; connections to come are shown it"),
        Ok(false) if is_asked => tracing::info!("The certificate is the same as before"),
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(
                "The certificate stays the one it was, since the new one is no good: {error}"
            );
        }
    }
}

//! Sockets that a service manager listens on, and hands over: `sd_listen_fds(3)`.

use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;

use anyhow::{Context, ensure};
use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;

/// A socket that was handed over.
#[derive(Debug)]
pub(crate) enum Handed {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The sockets that `LISTEN_FDS` tells of, if this process is meant. It changes the environment, and so has to be
/// called before there are threads.
pub(crate) fn take_handed() -> anyhow::Result<Vec<Handed>> {
    let mut fds = ListenFd::from_env();
    let mut sockets = Vec::new();
    for number in 0..fds.len() {
        let what = || format!("socket {} of those that the service manager hands over", number + 1);
        let socket = match fds.take_tcp_listener(number) {
            Ok(socket) => socket.map(Handed::Tcp),
            Err(_) => fds.take_unix_listener(number).with_context(what)?.map(Handed::Unix),
        };
        let Some(socket) = socket else { continue };
        let is_listening = match &socket {
            Handed::Tcp(socket) => socket_acceptconn(socket.as_fd()),
            Handed::Unix(socket) => socket_acceptconn(socket.as_fd()),
        };
        ensure!(
            is_listening.with_context(what)?,
            "{} is not listened on; its unit needs ListenStream= and Accept=no",
            what()
        );
        sockets.push(socket);
    }
    Ok(sockets)
}

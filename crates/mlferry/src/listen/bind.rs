//! Opens the sockets that clients connect to.

use anyhow::Context;
use mlferry_server::{Listener, Tls};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::spawn_blocking;

use super::socket_file::{self, SocketFile};
use super::{Address, Handed, ListenOptions};

/// Sockets that are listened on.
#[derive(Debug)]
pub(crate) struct Bound {
    /// The sockets themselves.
    pub(crate) listeners: Vec<Listener>,
    /// What each is called in the log, such as `http://127.0.0.1:5000`.
    pub(crate) names: Vec<String>,
    /// The certificate, if HTTPS is spoken.
    pub(crate) tls: Option<Tls>,
    /// The file to be removed when nobody is listened to any more.
    pub(crate) file: Option<SocketFile>,
}

/// Opens what the options name, or takes what was handed over instead.
pub(crate) async fn bind(options: &ListenOptions, handed: Vec<Handed>) -> anyhow::Result<Bound> {
    let tls = match options.tls.clone() {
        Some(files) => {
            Some(spawn_blocking(move || Tls::open(files.certificate, files.key)).await??)
        }
        None => None,
    };
    let mut bound = Bound { listeners: Vec::new(), names: Vec::new(), tls, file: None };
    if !handed.is_empty() {
        for socket in handed {
            bound.take(socket).context("cannot use a socket of the service manager")?;
        }
        return Ok(bound);
    }
    match &options.address {
        Address::Tcp { host, port } => {
            let listener = TcpListener::bind((host.as_str(), *port)).await.with_context(|| {
                format!(
                    "cannot listen on {host}:{port}; stop what uses the port, or choose another with --port"
                )
            })?;
            bound.add_tcp(listener, true)?;
        }
        Address::Unix { path, mode } => {
            let (path, mode) = (path.clone(), *mode);
            let (listener, file) =
                spawn_blocking(move || socket_file::listen(path, mode)).await??;
            bound.add_unix(UnixListener::from_std(listener)?);
            bound.file = Some(file);
        }
    }
    Ok(bound)
}

impl Bound {
    fn take(&mut self, socket: Handed) -> anyhow::Result<()> {
        match socket {
            Handed::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                self.add_tcp(TcpListener::from_std(socket)?, false)
            }
            Handed::Unix(socket) => {
                socket.set_nonblocking(true)?;
                self.add_unix(UnixListener::from_std(socket)?);
                Ok(())
            }
        }
    }

    fn add_tcp(&mut self, listener: TcpListener, is_own: bool) -> anyhow::Result<()> {
        let address = listener.local_addr().context("cannot tell the port that is listened on")?;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.names.push(format!("{scheme}://{address}"));
        self.listeners.push(Listener::Tcp { listener, tls: self.tls.clone(), is_own });
        Ok(())
    }

    fn add_unix(&mut self, listener: UnixListener) {
        let address = listener.local_addr().ok();
        let path = address.as_ref().and_then(|address| address.as_pathname());
        self.names.push(match path {
            Some(path) => format!("unix:{}", path.display()),
            None => "a socket without a path".to_owned(),
        });
        self.listeners.push(Listener::Unix(listener));
    }
}

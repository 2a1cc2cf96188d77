//! Where connections come from: ports, with TLS or without, and sockets in the file system.

mod tls;

pub use tls::{Tls, TlsError};

use crate::leave;
use std::{
    future::poll_fn,
    io,
    task::{Context, Poll, ready},
};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// A place at which the server is reached.
#[derive(Debug)]
pub enum Listener {
    /// A port, on which TLS is spoken if there is a certificate.
    Tcp {
        /// The port.
        listener: TcpListener,
        /// The certificate.
        tls: Option<Tls>,
        /// Whether it was opened for this server alone. Others may go on listening on one that was handed over.
        is_own: bool,
    },
    /// A socket in the file system, for programs of this machine; TLS is never spoken there.
    Unix(UnixListener),
}

/// A connection on which HTTP can be spoken.
pub(crate) type Stream = Either<Either<TcpStream, UnixStream>, Box<TlsStream<TcpStream>>>;

/// A connection that was just made.
#[derive(Debug)]
pub(crate) enum Accepted {
    Tcp(TcpStream),
    /// TLS has to be agreed upon first.
    Tls(TcpStream, Tls),
    Unix(UnixStream),
}

impl Listener {
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let accepted = match self {
            Self::Tcp { listener, tls, .. } => {
                let (stream, _) = ready!(listener.poll_accept(context))?;
                match tls {
                    Some(tls) => Accepted::Tls(stream, tls.clone()),
                    None => Accepted::Tcp(stream),
                }
            }
            Self::Unix(listener) => Accepted::Unix(ready!(listener.poll_accept(context))?.0),
        };
        Poll::Ready(Ok(accepted))
    }
}

/// All places at which a server is reached.
#[derive(Debug)]
pub(crate) struct Listeners {
    all: Vec<Listener>,
    /// Which is asked first, so that a busy one does not keep the others waiting.
    first: usize,
}

impl Listeners {
    pub(crate) fn new(all: Vec<Listener>) -> Self {
        Self { all, first: 0 }
    }

    /// Leaves those unheard who knock from now on, so that nobody is cut off when the ports are closed.
    pub(crate) fn ignore_knocks(&self) {
        for listener in &self.all {
            if let Listener::Tcp { listener, is_own: true, .. } = listener {
                leave::ignore_knocks(listener);
            }
        }
    }

    /// Waits for the next connection; nothing is lost when the waiting is given up.
    pub(crate) async fn accept(&mut self) -> io::Result<Accepted> {
        poll_fn(|context| {
            for number in 0..self.all.len() {
                let at = (self.first + number) % self.all.len();
                if let Poll::Ready(accepted) = self.all[at].poll_accept(context) {
                    self.first = at + 1;
                    return Poll::Ready(accepted);
                }
            }
            Poll::Pending
        })
        .await
    }
}

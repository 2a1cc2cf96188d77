//! TLS: a certificate with its key, which can be replaced while connections are open.

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{Error as PemError, PemObject},
    },
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy, sink},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, rustls, server::TlsStream};

/// The first byte of a client that speaks TLS.
const TLS_HANDSHAKE: u8 = 0x16;
/// What is told to a client that does not, as JSON as all errors are.
const NOT_TLS: &str = r#"{"error_code": "BAD_REQUEST", "message": "This port speaks HTTPS. Use a URL that begins with https://."}"#;
/// Bytes of such a client's request that are taken, so that it gets to read the answer.
const NOT_TLS_BYTES: u64 = 64 * 1024;

/// TLS as one certificate allows it. Cheap to clone; all clones see a new certificate.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    files: Arc<Files>,
    current: Arc<Current>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

/// Where a certificate and its key are, in PEM.
#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// Why a certificate can't be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file that can't be read.
    #[error("cannot read {flag} '{path}': {source}")]
    Unreadable {
        /// The flag that names it.
        flag: &'static str,
        /// Its path.
        path: String,
        /// The system's words.
        source: io::Error,
    },
    /// A file that is damaged.
    #[error("{flag} '{path}' is no valid PEM: {why}")]
    NotPem {
        /// The flag that names it.
        flag: &'static str,
        /// Its path.
        path: String,
        /// What is wrong.
        why: PemError,
    },
    /// A file without certificate.
    #[error(
        "--tls-cert '{0}' holds no certificate: PEM is expected, the server's own certificate first"
    )]
    NoCertificate(String),
    /// A file without key.
    #[error("--tls-key '{0}' holds no private key: PEM is expected")]
    NoKey(String),
    /// A key that needs a password.
    #[error(
        "the key in --tls-key '{0}' is encrypted, and there is nobody to ask for its password. Decrypt it with \
         'openssl pkey -in KEY -out PLAIN', and let only this server read it"
    )]
    EncryptedKey(String),
    /// A key of an unknown kind, or a certificate that is damaged.
    #[error("--tls-cert '{certificate}' and --tls-key '{key}' can't be used: {why}")]
    Unusable {
        /// The path of the certificate.
        certificate: String,
        /// The path of the key.
        key: String,
        /// What is wrong.
        why: rustls::Error,
    },
    /// A key that is another certificate's.
    #[error(
        "the key in --tls-key '{key}' does not belong to the first certificate in --tls-cert '{certificate}'"
    )]
    Mismatch {
        /// The path of the certificate.
        certificate: String,
        /// The path of the key.
        key: String,
    },
}

impl Tls {
    /// Reads the certificate with its chain, and the key. Blocks.
    pub fn open(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let files = Files { certificate, key };
        let provider = Arc::new(ring::default_provider());
        let bytes = files.read()?;
        let certified = files.certified(&bytes, &provider)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder =
            builder.with_safe_default_protocol_versions().map_err(|why| files.unusable(why))?;
        let current = Arc::new(Current {
            certified: RwLock::new(Arc::new(certified)),
            seen: Mutex::new(Some(bytes)),
            provider,
        });
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Current>::clone(&current);
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: Arc::new(config).into(), files: Arc::new(files), current })
    }

    /// Looks at the files again, and takes what they hold for connections to come: `true` if it is new.
    /// What can't be used changes nothing, and is told once. Blocks.
    pub fn refresh(&self) -> Result<bool, TlsError> {
        let mut seen = self.current.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // The bytes are compared, and not the times: an exchange of links changes no time of a file.
        let bytes = match self.files.read() {
            Ok(bytes) => bytes,
            Err(error) => return if seen.take().is_some() { Err(error) } else { Ok(false) },
        };
        if seen.as_ref() == Some(&bytes) {
            return Ok(false);
        }
        let certified = self.files.certified(&bytes, &self.current.provider);
        *seen = Some(bytes);
        let certified = Arc::new(certified?);
        *self.current.certified.write().unwrap_or_else(PoisonError::into_inner) = certified;
        Ok(true)
    }

    /// Agrees with a client upon keys. One that speaks plain HTTP is told so.
    pub(crate) async fn accept(self, mut stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let mut first = [TLS_HANDSHAKE];
        stream.peek(&mut first).await?;
        if first == [TLS_HANDSHAKE] {
            return self.acceptor.accept(stream).await;
        }
        let head =
            "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close";
        let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{NOT_TLS}", NOT_TLS.len());
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        copy(&mut stream.take(NOT_TLS_BYTES), &mut sink()).await?;
        Err(io::Error::other("the client speaks no TLS"))
    }
}

/// The contents of both files.
#[derive(PartialEq, Eq)]
struct Bytes {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(&self) -> Result<Bytes, TlsError> {
        let read = |flag, path: &Path| {
            fs::read(path).map_err(|source| TlsError::Unreadable {
                flag,
                path: shown(path),
                source,
            })
        };
        Ok(Bytes {
            certificate: read("--tls-cert", &self.certificate)?,
            key: read("--tls-key", &self.key)?,
        })
    }

    fn certified(
        &self,
        bytes: &Bytes,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes.certificate).collect();
        let not_pem = |flag, path, why| TlsError::NotPem { flag, path: shown(path), why };
        let chain = chain.map_err(|why| not_pem("--tls-cert", &self.certificate, why))?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate(shown(&self.certificate)));
        }
        if is_encrypted(&bytes.key) {
            return Err(TlsError::EncryptedKey(shown(&self.key)));
        }
        let key = PrivateKeyDer::from_pem_slice(&bytes.key).map_err(|why| match why {
            PemError::NoItemsFound => TlsError::NoKey(shown(&self.key)),
            why => not_pem("--tls-key", &self.key, why),
        })?;
        CertifiedKey::from_der(chain, key, provider).map_err(|why| match why {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Mismatch { certificate: shown(&self.certificate), key: shown(&self.key) }
            }
            why => self.unusable(why),
        })
    }

    fn unusable(&self, why: rustls::Error) -> TlsError {
        TlsError::Unusable { certificate: shown(&self.certificate), key: shown(&self.key), why }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Whether a key is encrypted, in PKCS #8 or in the older form of OpenSSL.
fn is_encrypted(pem: &[u8]) -> bool {
    let text = String::from_utf8_lossy(pem);
    text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED")
}

/// The certificate that is shown to clients now.
struct Current {
    certified: RwLock<Arc<CertifiedKey>>,
    /// What the files held when they were last looked at, usable or not; `None` if they were not there.
    seen: Mutex<Option<Bytes>>,
    provider: Arc<CryptoProvider>,
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Current").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.certified.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

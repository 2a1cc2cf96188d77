//! Where a run's artifact URI leads.

use crate::error::ApiError;
use mlferry_artifacts::{
    ArtifactError, ArtifactPath, Destination, OpenError, RemoteDestination, Service, StoreSettings,
};
use mlferry_protocol::ErrorCode;
use percent_encoding::percent_decode_str;
use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::OnceCell;

/// Ends the address of a server and begins the path of an artifact in an `http(s)` URI.
const ROUTE_ANCHOR: &str = "/api/2.0/mlflow-artifacts/artifacts/";

/// Stores of runs that are kept open; clients choose which.
const OPEN_STORES: usize = 64;

/// What an operator says of where runs keep their artifacts.
#[derive(Debug, Clone, Default)]
pub struct RootOptions {
    /// Where new experiments keep their artifacts: `--default-artifact-root`.
    pub default_artifact_root: String,
    /// Schemes of artifact locations that may name any host.
    pub allowed_host_schemes: Vec<String>,
    /// How stores are reached.
    pub settings: StoreSettings,
    /// Whether a local root is only read, so that nothing is made there.
    pub are_only_read: bool,
}

/// The roots below which this server reads and writes the artifacts of runs.
///
/// The URI of a run is what some client once wrote into the database. It never decides which folder
/// of this machine is read, nor which host is connected to: only the operator's own roots are. Buckets
/// of the operator's own providers are reached with the rights of this server, as in the reference.
#[derive(Debug, Clone)]
pub(crate) struct ArtifactRoots {
    proxied: Option<Service>,
    local: Option<Arc<LocalRoot>>,
    remote: Arc<RemoteRoots>,
}

/// The default artifact root, where it is a folder of this machine; opened when first needed.
#[derive(Debug)]
struct LocalRoot {
    path: PathBuf,
    is_only_read: bool,
    service: OnceCell<Service>,
}

/// Stores that the URIs of runs name themselves; each is opened when first needed.
#[derive(Debug)]
struct RemoteRoots {
    settings: StoreSettings,
    /// Hosts that the operator named.
    own: Vec<RemoteDestination>,
    allowed_host_schemes: Vec<String>,
    opened: Mutex<OpenStores>,
}

/// Stores with the services that reach them, the one that was used last at the end. Passwords tell
/// stores apart: a client must not read with those of another's run.
type OpenStores = Vec<(RemoteDestination, Arc<OnceCell<Service>>)>;

/// The place of a run's artifacts.
#[derive(Debug, Clone)]
pub(crate) struct ArtifactRoot {
    pub(crate) service: Service,
    /// Below the root of the service; `None` is that root itself.
    pub(crate) folder: Option<ArtifactPath>,
    /// Whether clients know the service's paths: those of their own roots are nobody else's business.
    is_proxied: bool,
}

impl ArtifactRoot {
    /// The place of `path` below this root.
    pub(crate) fn join(&self, path: &ArtifactPath) -> ArtifactPath {
        match &self.folder {
            Some(folder) => folder.join(path),
            None => path.clone(),
        }
    }

    /// An error about `path` below this root, in terms of the path that the client gave.
    pub(crate) fn explain(&self, error: ArtifactError, path: &ArtifactPath) -> ArtifactError {
        match error {
            ArtifactError::NotFound(_) if !self.is_proxied => ArtifactError::NotFound(path.clone()),
            ArtifactError::IsFolder(_) if !self.is_proxied => {
                ArtifactError::IsFolder(path.to_string())
            }
            ArtifactError::IsFile(_) if !self.is_proxied => ArtifactError::IsFile(path.clone()),
            error => error,
        }
    }
}

impl ArtifactRoots {
    /// The roots of a server that serves `proxied`.
    pub(crate) fn new(proxied: Option<Service>, options: RootOptions) -> Self {
        let default_root = options.default_artifact_root;
        let is_only_read = options.are_only_read;
        let local = local_path(&default_root)
            .map(|path| Arc::new(LocalRoot { path, is_only_read, service: OnceCell::new() }));
        let mut own: Vec<RemoteDestination> = remote(&default_root).into_iter().collect();
        own.extend(proxied.as_ref().and_then(Service::remote_destination).cloned());
        let remote = RemoteRoots {
            // They are asked when they are needed, and perhaps may only be read.
            settings: StoreSettings { is_unchecked: true, ..options.settings },
            own,
            allowed_host_schemes: options.allowed_host_schemes,
            opened: Mutex::default(),
        };
        Self { proxied, local, remote: Arc::new(remote) }
    }

    /// The place that `uri` names.
    pub(crate) async fn resolve(&self, uri: &str) -> Result<ArtifactRoot, ApiError> {
        match (uri.split_once(':'), &self.proxied) {
            (Some(("mlflow-artifacts", rest)), Some(service)) => {
                resolve_proxied(service, after_host(rest))
            }
            (Some(("http" | "https", rest)), Some(service)) => {
                // Who may name a place is decided by the path, so that a query names none.
                let rest = rest.split(['?', '#']).next().unwrap_or_default();
                let (_, path) =
                    rest.split_once(ROUTE_ANCHOR).ok_or_else(|| unreachable_root(uri))?;
                resolve_proxied(service, path)
            }
            (Some(("mlflow-artifacts", rest)), None) if !rest.starts_with("//") => {
                Err(not_proxied(uri))
            }
            _ => match remote(uri) {
                Some(remote) => self.remote.resolve(uri, &remote).await,
                None => self.resolve_local(uri).await,
            },
        }
    }

    async fn resolve_local(&self, uri: &str) -> Result<ArtifactRoot, ApiError> {
        let path = local_path(uri).ok_or_else(|| unreachable_root(uri))?;
        let root = self.local.as_deref().ok_or_else(|| unreachable_root(uri))?;
        let below = path.strip_prefix(&root.path).map_err(|_| unreachable_root(uri))?;
        let below = below.to_str().ok_or_else(|| unreachable_root(uri))?;
        let folder = ArtifactPath::parse_folder(below)?;
        let service = root.open().await.map_err(|error| {
            tracing::error!(%error, "the default artifact root can't be used");
            ApiError::new(ErrorCode::InternalError, error.to_string())
        })?;
        Ok(ArtifactRoot { service, folder, is_proxied: false })
    }

    /// Ends the use of roots that were opened here.
    pub(crate) async fn close(self) {
        if let Some(service) = self.local.and_then(|root| root.service.get().cloned()) {
            service.close().await;
        }
        let opened =
            std::mem::take(&mut *self.remote.opened.lock().unwrap_or_else(PoisonError::into_inner));
        for service in opened.iter().filter_map(|(_, cell)| cell.get().cloned()) {
            service.close().await;
        }
    }
}

impl RemoteRoots {
    async fn resolve(
        &self,
        uri: &str,
        destination: &RemoteDestination,
    ) -> Result<ArtifactRoot, ApiError> {
        self.check_host(uri, destination)?;
        let decoded = percent_decode_str(destination.root()).decode_utf8_lossy();
        // Keys are used as the URI has them; decoded, they must be harmless, too.
        ArtifactPath::parse_folder(&decoded)?;
        let folder = ArtifactPath::parse_folder(destination.root())?;
        let service = self.open(destination.at_root()).await?;
        Ok(ArtifactRoot { service, folder, is_proxied: false })
    }

    /// Refuses hosts that the operator did not name, which a client could otherwise make this server
    /// connect to.
    fn check_host(&self, uri: &str, destination: &RemoteDestination) -> Result<(), ApiError> {
        let Some(host) = destination.host() else { return Ok(()) };
        let scheme = uri.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let is_own = self.own.iter().any(|own| own.host() == Some(host));
        if is_own || self.allowed_host_schemes.contains(&scheme) {
            return Ok(());
        }
        Err(ApiError::invalid_parameter(format!(
            "The tracking server does not connect to artifact location '{destination}': the \
             '{scheme}' scheme addresses a host other than the tracking server's configured artifact \
             storage, so the server would connect to the host named in the URI. Set the \
             MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES environment variable on the server to \
             allow it."
        )))
    }

    async fn open(&self, store: RemoteDestination) -> Result<Service, ApiError> {
        let cell = self.cell(&store);
        // Without the lock: a store that does not answer must keep nobody from another one.
        let open = async || {
            let settings = self.settings_for(&store);
            Service::open(&Destination::Remote(store.clone()), &settings).await
        };
        let service = cell.get_or_try_init(open).await;
        service.cloned().map_err(|error| ApiError::not_implemented(error.to_string()))
    }

    fn cell(&self, store: &RemoteDestination) -> Arc<OnceCell<Service>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let known = opened.iter().position(|(known, _)| known == store);
        let (store, cell) = match known {
            Some(index) => opened.remove(index),
            None => (store.clone(), Arc::default()),
        };
        if opened.len() == OPEN_STORES {
            opened.remove(0);
        }
        opened.push((store, Arc::clone(&cell)));
        cell
    }

    /// What the operator says of the address for clients holds for stores like the operator's own.
    fn settings_for(&self, store: &RemoteDestination) -> Cow<'_, StoreSettings> {
        let is_own = self.own.is_empty() || self.own.iter().any(|own| own.shares_address(store));
        if is_own || self.settings.presigned_endpoint.is_none() {
            return Cow::Borrowed(&self.settings);
        }
        Cow::Owned(StoreSettings { presigned_endpoint: None, ..self.settings.clone() })
    }
}

/// Where clients reach artifacts over HTTP, whatever host the URI names, they are ours.
fn resolve_proxied(service: &Service, path: &str) -> Result<ArtifactRoot, ApiError> {
    // Clients put the URI's path into a URL as it is, which is decoded once on arrival.
    let path = path.split('?').next().unwrap_or_default();
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let folder = ArtifactPath::parse_folder(decoded.trim_start_matches('/'))?;
    Ok(ArtifactRoot { service: service.clone(), folder, is_proxied: true })
}

impl LocalRoot {
    async fn open(&self) -> Result<Service, OpenError> {
        let destination = Destination::Local(self.path.clone());
        let settings = StoreSettings::default();
        let open = async || {
            if self.is_only_read {
                return Service::open_to_read(&destination, &settings).await;
            }
            Service::open(&destination, &settings).await
        };
        self.service.get_or_try_init(open).await.cloned()
    }
}

/// The path of `mlflow-artifacts:/path` and `mlflow-artifacts://host/path`.
fn after_host(rest: &str) -> &str {
    match rest.strip_prefix("//") {
        Some(with_host) => with_host.find('/').map_or("", |start| &with_host[start..]),
        None => rest,
    }
}

/// The absolute path of a local URI. A `..` in it stays, and is refused when it becomes an
/// [`ArtifactPath`].
fn local_path(uri: &str) -> Option<PathBuf> {
    match Destination::parse(uri) {
        Ok(Destination::Local(path)) => std::path::absolute(Path::new(&path)).ok(),
        _ => None,
    }
}

/// The store that a URI names, if it names one.
fn remote(uri: &str) -> Option<RemoteDestination> {
    // A query string says how the reference's libraries should talk to the store.
    match Destination::parse(uri.split('?').next().unwrap_or_default()) {
        Ok(Destination::Remote(remote)) => Some(remote),
        _ => None,
    }
}

fn not_proxied(uri: &str) -> ApiError {
    ApiError::not_implemented(format!(
        "This server runs with `--no-serve-artifacts` and can't show what lies at '{uri}'. Ask the \
         server that serves its artifacts."
    ))
}

fn unreachable_root(uri: &str) -> ApiError {
    ApiError::invalid_parameter(format!(
        "The artifact location '{uri}' is not below a root that this server may use: the artifact \
         destination, or the default artifact root where that is a local folder."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(default_artifact_root: &str) -> RootOptions {
        let default_artifact_root = default_artifact_root.to_owned();
        RootOptions { default_artifact_root, ..RootOptions::default() }
    }

    async fn folder_of(roots: &ArtifactRoots, uri: &str) -> Option<String> {
        let root = roots.resolve(uri).await.ok()?;
        Some(root.folder.map_or_else(String::new, |folder| folder.to_string()))
    }

    #[tokio::test]
    async fn uris_of_this_and_any_server_lead_below_the_destination() {
        let folder = tempfile::tempdir().unwrap();
        let destination = Destination::Local(folder.path().join("destination"));
        let service = Service::open(&destination, &StoreSettings::default()).await.unwrap();
        let roots = ArtifactRoots::new(Some(service), options("mlflow-artifacts:/"));
        for (uri, expected) in [
            ("mlflow-artifacts:/7/R/artifacts", Some("7/R/artifacts")),
            ("mlflow-artifacts://host:5/7/R", Some("7/R")),
            ("mlflow-artifacts:/", Some("")),
            ("mlflow-artifacts:/7?x=1", Some("7")),
            (
                "http://h:5000/api/2.0/mlflow-artifacts/artifacts/experiments/1/R",
                Some("experiments/1/R"),
            ),
            ("https://h/p/api/2.0/mlflow-artifacts/artifacts/a%20b", Some("a b")),
            ("http://h/elsewhere/1", None),
            ("http://h/x?/api/2.0/mlflow-artifacts/artifacts/5/R", None),
            ("http://h/x#/api/2.0/mlflow-artifacts/artifacts/5/R", None),
            ("mlflow-artifacts:/../x", None),
            ("/etc", None),
            ("file:///etc", None),
            ("s3://bucket/x/1", Some("x/1")),
            ("s3://bucket/%2e%2e/x", None),
            ("abfss://fs@account.dfs.core.windows.net/x", None),
            ("sftp://host/x", None),
        ] {
            assert_eq!(folder_of(&roots, uri).await.as_deref(), expected, "{uri}");
        }
    }

    #[tokio::test]
    async fn stores_are_told_apart_by_their_passwords_and_kept_open_up_to_a_number() {
        let roots = ArtifactRoots::new(None, options("mlflow-artifacts:/")).remote;
        let cell = |uri: &str| roots.cell(&remote(uri).unwrap().at_root());
        let right = cell("ftp://me:right@nas/1");
        assert!(Arc::ptr_eq(&right, &cell("ftp://me:right@nas/2")));
        assert!(!Arc::ptr_eq(&right, &cell("ftp://me:wrong@nas/1")));
        for number in 0..OPEN_STORES {
            cell(&format!("s3://bucket-{number}/x"));
            assert!(Arc::ptr_eq(&right, &cell("ftp://me:right@nas/1")), "{number}");
        }
        assert_eq!(roots.opened.lock().unwrap().len(), OPEN_STORES);
    }

    #[test]
    fn an_address_for_clients_is_that_of_stores_like_the_operator_s() {
        let settings = StoreSettings {
            presigned_endpoint: Some("https://minio.example".to_owned()),
            ..StoreSettings::default()
        };
        let options = RootOptions { settings, ..options("s3://own/x") };
        let roots = ArtifactRoots::new(None, options).remote;
        let endpoint =
            |uri: &str| roots.settings_for(&remote(uri).unwrap()).presigned_endpoint.is_some();
        assert!(endpoint("s3://other/y"));
        assert!(!endpoint("gs://bucket/y"));
        assert!(!endpoint("r2://b@account.r2.cloudflarestorage.com/y"));
    }

    #[tokio::test]
    async fn local_uris_lead_below_the_default_root_only() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("mlruns");
        let uri = |path: &str| format!("{}{path}", root.display());
        let roots = ArtifactRoots::new(None, options(&uri("")));
        assert_eq!(
            folder_of(&roots, &uri("/1/R/artifacts")).await.as_deref(),
            Some("1/R/artifacts")
        );
        let as_uri = format!("file://{}", uri("/1"));
        assert_eq!(folder_of(&roots, &as_uri).await.as_deref(), Some("1"));
        assert_eq!(folder_of(&roots, &uri("-other/1")).await, None);
        assert_eq!(folder_of(&roots, &uri("/../x")).await, None);
        assert_eq!(folder_of(&roots, "mlflow-artifacts:/1").await, None);
        roots.close().await;
    }
}

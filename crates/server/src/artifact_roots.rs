//! Where a run's artifact URI leads.

use crate::error::ApiError;
use mlferry_artifacts::{ArtifactPath, Destination, OpenError, Service};
use percent_encoding::percent_decode_str;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::OnceCell;

/// Ends the address of a server and begins the path of an artifact in an `http(s)` URI.
const ROUTE_ANCHOR: &str = "/api/2.0/mlflow-artifacts/artifacts/";

/// The roots below which this server reads and writes the artifacts of runs.
///
/// The URI of a run is what some client once wrote into the database. It never decides which folder
/// of this machine is read: only the operator's own roots are.
#[derive(Debug, Clone)]
pub(crate) struct ArtifactRoots {
    proxied: Option<Service>,
    local: Option<Arc<LocalRoot>>,
}

/// The default artifact root, where it is a folder of this machine; opened when first needed.
#[derive(Debug)]
struct LocalRoot {
    path: PathBuf,
    service: OnceCell<Service>,
}

/// The place of a run's artifacts.
#[derive(Debug, Clone)]
pub(crate) struct ArtifactRoot {
    pub(crate) service: Service,
    /// Below the root of the service; `None` is that root itself.
    pub(crate) folder: Option<ArtifactPath>,
}

impl ArtifactRoot {
    /// The place of `path` below this root.
    pub(crate) fn join(&self, path: &ArtifactPath) -> ArtifactPath {
        match &self.folder {
            Some(folder) => folder.join(path),
            None => path.clone(),
        }
    }
}

impl ArtifactRoots {
    /// The roots of a server that serves `proxied` and gives new experiments `default_root`.
    pub(crate) fn new(proxied: Option<Service>, default_root: &str) -> Self {
        let local = local_path(default_root)
            .map(|path| Arc::new(LocalRoot { path, service: OnceCell::new() }));
        Self { proxied, local }
    }

    /// The place that `uri` names.
    pub(crate) async fn resolve(&self, uri: &str) -> Result<ArtifactRoot, ApiError> {
        let path = match uri.split_once(':') {
            Some(("mlflow-artifacts", rest)) => return self.resolve_proxied(uri, after_host(rest)),
            Some(("http" | "https", rest)) => {
                let anchored = rest.split_once(ROUTE_ANCHOR).map(|(_, path)| path);
                return self.resolve_proxied(uri, anchored.ok_or_else(|| unreachable_root(uri))?);
            }
            _ => local_path(uri).ok_or_else(|| unreachable_root(uri))?,
        };
        let root = self.local.as_deref().ok_or_else(|| unreachable_root(uri))?;
        let below = path.strip_prefix(&root.path).map_err(|_| unreachable_root(uri))?;
        let below = below.to_str().ok_or_else(|| unreachable_root(uri))?;
        let folder = ArtifactPath::parse_folder(below)?;
        let service = root.open().await.map_err(|error| {
            tracing::error!(%error, "the default artifact root can't be used");
            ApiError::new(mlferry_protocol::ErrorCode::InternalError, error.to_string())
        })?;
        Ok(ArtifactRoot { service, folder })
    }

    /// Where clients reach artifacts over HTTP, whatever host the URI names, they are ours.
    fn resolve_proxied(&self, uri: &str, path: &str) -> Result<ArtifactRoot, ApiError> {
        let Some(service) = &self.proxied else {
            return Err(ApiError::not_implemented(format!(
                "This server runs with `--no-serve-artifacts` and can't show what lies at '{uri}'. \
                 Ask the server that serves its artifacts."
            )));
        };
        // Clients put the URI's path into a URL as it is, which is decoded once on arrival.
        let path = path.split('?').next().unwrap_or_default();
        let decoded = percent_decode_str(path).decode_utf8_lossy();
        let folder = ArtifactPath::parse_folder(decoded.trim_start_matches('/'))?;
        Ok(ArtifactRoot { service: service.clone(), folder })
    }

    /// Ends the use of roots that were opened here.
    pub(crate) async fn close(self) {
        if let Some(service) = self.local.and_then(|root| root.service.get().cloned()) {
            service.close().await;
        }
    }
}

impl LocalRoot {
    async fn open(&self) -> Result<Service, OpenError> {
        let open = || Service::open(Destination::Local(self.path.clone()));
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
    let Destination::Local(path) = Destination::parse(uri).ok()?;
    std::path::absolute(Path::new(&path)).ok()
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

    async fn folder_of(roots: &ArtifactRoots, uri: &str) -> Option<String> {
        let root = roots.resolve(uri).await.ok()?;
        Some(root.folder.map_or_else(String::new, |folder| folder.to_string()))
    }

    #[tokio::test]
    async fn uris_of_this_and_any_server_lead_below_the_destination() {
        let folder = tempfile::tempdir().unwrap();
        let destination = Destination::Local(folder.path().join("destination"));
        let service = Service::open(destination).await.unwrap();
        let roots = ArtifactRoots::new(Some(service), "mlflow-artifacts:/");
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
            ("mlflow-artifacts:/../x", None),
            ("/etc", None),
            ("file:///etc", None),
            ("s3://bucket/x", None),
        ] {
            assert_eq!(folder_of(&roots, uri).await.as_deref(), expected, "{uri}");
        }
    }

    #[tokio::test]
    async fn local_uris_lead_below_the_default_root_only() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("mlruns");
        let uri = |path: &str| format!("{}{path}", root.display());
        let roots = ArtifactRoots::new(None, &uri(""));
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

//! The table of routes, made into a router for one mode.

use crate::{
    access::{AccessOptions, Authority, Caller, Gate, admit},
    artifact_roots::{ArtifactRoots, RootOptions},
    bodies::{BodyRoom, share_room},
    doors::{DoorKeeper, Doors, guard},
    drain::drain_unread,
    error::ApiError,
    metrics::{MeasuredParts, Metrics, RouteMetrics},
    observe::{Exchange, Panicked, observe},
    ready::Readiness,
    routes::{
        Access, Info, Needs, Page, Proxy, Route, RunArtifacts, SingleSignOn, Ui, add_slash, table,
    },
    serve::Limits,
    trace,
    webhooks::{Deliveries, DeliveryCounts, Sender, WebhookOptions, Webhooks},
};
use axum::{
    Extension, Router,
    extract::Request,
    http::{Method, Uri},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use mlferry_artifacts::Service;
use mlferry_protocol::{ErrorCode, LongValues, WireEnum, access::TokenScope};
use mlferry_store::Store;
use std::{any::Any, sync::Arc, time::Duration};
use tower::util::MapRequestLayer;
use tower_http::{catch_panic::CatchPanicLayer, timeout::RequestBodyTimeoutLayer};

/// What a server serves.
#[derive(Debug, Clone)]
pub enum Mode {
    /// Records, and artifacts through this server.
    Everything(Store, Service),
    /// `--no-serve-artifacts`: records; clients reach their artifacts without this server.
    RecordsOnly(Store),
    /// `--artifacts-only`: artifacts; there is no database.
    ArtifactsOnly(Service),
    /// `--artifacts-only --no-serve-artifacts`: nothing but its health.
    Nothing,
}

/// All that a server needs to answer requests.
#[derive(Debug, Clone)]
pub struct App {
    /// What is served.
    pub mode: Mode,
    /// The prefix of every path, such as `/mlflow`; may be empty.
    pub static_prefix: String,
    /// Where artifacts of runs are found that are not this server's own.
    pub roots: RootOptions,
    /// URLs that lead clients past this server.
    pub presigned_urls: PresignedUrls,
    /// Bytes of an artifact that the operator allows; `None` for any number.
    pub max_artifact_bytes: Option<u64>,
    /// What happens to values of params and run tags that are too long.
    pub long_values: LongValues,
    /// How webhooks are told of changes in the model registry.
    pub webhooks: WebhookOptions,
    /// Who is let in.
    pub doors: Doors,
    /// Who may do what; without, everybody may do everything.
    pub access: Option<AccessOptions>,
    /// The web page.
    pub ui: Page,
}

/// URLs that lead clients straight to the artifact store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresignedUrls {
    /// Whether clients are told that there are such URLs: `--presigned-urls`.
    pub are_announced: bool,
    /// How long one for a download is good.
    pub download_time: Duration,
}

/// One line of the route table, for documentation and tests.
#[derive(Debug, Clone)]
pub struct RouteInfo {
    /// The method; HEAD goes with GET.
    pub method: Method,
    /// The path without `--static-prefix`, in the router's notation.
    pub path: String,
    /// Who may call it.
    pub access: Access,
    /// What a token must be for to be good for it.
    pub scopes: Vec<TokenScope>,
}

/// Every route that is answered.
#[must_use]
pub fn route_table() -> Vec<RouteInfo> {
    let lines = table().into_iter().flat_map(|route| {
        route.twins.prefixes().iter().map(move |prefix| RouteInfo {
            method: route.method.clone(),
            path: format!("{prefix}{}", route.path),
            access: route.access,
            scopes: TokenScope::VALUES
                .iter()
                .map(|(scope, ..)| *scope)
                .filter(|scope| route.line().is_open_to(*scope))
                .collect(),
        })
    });
    lines.collect()
}

/// The parts that the lines of the table need, as far as the mode has them.
struct Parts {
    info: Info,
    ui: Ui,
    proxy: Option<Proxy>,
    store: Option<Store>,
    run_artifacts: Option<RunArtifacts>,
    webhooks: Option<Webhooks>,
    authority: Option<Authority>,
    single_sign_on: Option<SingleSignOn>,
    artifacts_only: bool,
}

impl App {
    /// The router, and what must be closed after its last request.
    pub(crate) fn build(self, limits: &Limits) -> (Router, Closing) {
        let (store, service, artifacts_only) = match self.mode {
            Mode::Everything(store, service) => (Some(store), Some(service), false),
            Mode::RecordsOnly(store) => (Some(store), None, false),
            Mode::ArtifactsOnly(service) => (None, Some(service), true),
            Mode::Nothing => (None, None, true),
        };
        let authority = self.access.map(|access| Authority::new(access, store.clone()));
        let delivery_counts = Arc::new(DeliveryCounts::default());
        let sender = Sender::new(&self.webhooks);
        let deliveries = store.clone().map(|store| {
            let counts = Arc::clone(&delivery_counts);
            Deliveries::start(store, sender.clone(), &self.webhooks, counts)
        });
        let metrics = Metrics::new(MeasuredParts {
            store: store.clone(),
            deliveries: delivery_counts,
            counters: self.roots.settings.counters.clone(),
            cache: self.roots.settings.cache.clone(),
        });
        let roots = ArtifactRoots::new(service.clone(), self.roots);
        let max_artifact_bytes = self.max_artifact_bytes;
        let PresignedUrls { are_announced, download_time: download_url_time } = self.presigned_urls;
        let is_direct = are_announced && service.as_ref().is_some_and(Service::is_direct);
        let parts = Parts {
            info: Info {
                has_store: store.is_some(),
                is_direct,
                readiness: Readiness::new(store.clone(), service.clone()),
                metrics: metrics.clone(),
            },
            ui: Ui { page: self.ui, has_store: store.is_some() },
            proxy: service.clone().map(|service| Proxy {
                service,
                max_artifact_bytes,
                download_url_time,
            }),
            store: store.clone(),
            run_artifacts: store.clone().map(|store| RunArtifacts {
                store,
                roots: roots.clone(),
                max_artifact_bytes,
                download_url_time,
            }),
            webhooks: store.clone().map(|store| Webhooks { store, sender: sender.clone() }),
            authority: authority.clone(),
            single_sign_on: authority.as_ref().and_then(|authority| {
                let (authority, oidc) = (authority.clone(), authority.oidc_for_people()?.clone());
                Some(SingleSignOn { authority, oidc })
            }),
            artifacts_only,
        };
        let mut router = Router::new();
        for route in table() {
            let is_there = match route.needs {
                Needs::Users(_) => parts.authority.is_some(),
                Needs::SignOn(_) => parts.single_sign_on.is_some(),
                _ => true,
            };
            if !is_there {
                continue;
            }
            for prefix in route.twins.prefixes() {
                let path = format!("{}{prefix}{}", self.static_prefix, route.path);
                let measured = metrics.http.route(format!("{prefix}{}", route.path));
                let mut handler = parts.serve(&route, prefix);
                if let Some(authority) = authority.clone() {
                    let gate = Gate { authority, line: route.line() };
                    handler = handler.route_layer(from_fn_with_state(gate, admit));
                }
                let handler = handler.route_layer(known_as(measured));
                router = router.route(&path, handler);
            }
        }
        if !self.static_prefix.is_empty() {
            router = router.route(&self.static_prefix, get(add_slash));
        }
        let keeper = DoorKeeper::new(self.doors, &self.static_prefix);
        let router = router.fallback(unknown_path).method_not_allowed_fallback(wrong_method);
        let router = match &authority {
            Some(_) => router,
            None => router.layer(Extension(Caller::everybody())),
        };
        // Around the router as a whole: it completes answers, `Allow` of a 405 for one, on its way out.
        let router = Router::new()
            .fallback_service(router)
            .layer(Extension(self.long_values))
            .layer(CatchPanicLayer::custom(after_panic))
            .layer(from_fn_with_state(keeper, guard))
            .layer(from_fn_with_state(BodyRoom::new(limits.body_memory), share_room))
            .layer(from_fn(drain_unread))
            .layer(RequestBodyTimeoutLayer::new(limits.body_idle))
            .layer(from_fn_with_state(metrics.http, observe));
        (router, Closing { store, service, roots, deliveries, authority })
    }
}

impl Parts {
    /// The handler of a line, or the refusal of a mode that lacks what the line needs.
    fn serve(&self, route: &Route, prefix: &str) -> MethodRouter {
        let served = match &route.needs {
            Needs::Nothing(handler) => Some(handler.clone().with_state(self.info.clone())),
            Needs::Page(handler) => Some(handler.clone().with_state(self.ui.clone())),
            Needs::Artifacts(handler) => {
                self.proxy.clone().map(|proxy| handler.clone().with_state(proxy))
            }
            Needs::Records(handler) => {
                self.store.clone().map(|store| handler.clone().with_state(store))
            }
            Needs::Both(handler) => {
                self.run_artifacts.clone().map(|parts| handler.clone().with_state(parts))
            }
            Needs::Webhooks(handler) => {
                self.webhooks.clone().map(|webhooks| handler.clone().with_state(webhooks))
            }
            Needs::Users(handler) => {
                self.authority.clone().map(|authority| handler.clone().with_state(authority))
            }
            Needs::SignOn(handler) => {
                self.single_sign_on.clone().map(|parts| handler.clone().with_state(parts))
            }
            Needs::LeftOut(name) => Some(left_out(&route.method, name)),
        };
        served.unwrap_or_else(|| self.refusal(route, prefix))
    }

    /// 503 with the reference's text, which names the route in Flask's notation. What its other web
    /// framework answers has a text of its own.
    fn refusal(&self, route: &Route, prefix: &str) -> MethodRouter {
        let is_file = route.path.ends_with("/mlflow-artifacts/artifacts/{*artifact_path}");
        let rule = route.path.replace("{*artifact_path}", "<path:artifact_path>");
        let rule = format!("{prefix}{rule}");
        let message = if self.artifacts_only && !matches!(route.needs, Needs::Artifacts(_)) {
            format!(
                "Endpoint: {rule} disabled due to the mlflow server running in `--artifacts-only` \
                 mode. To enable tracking server functionality, run `mlflow server` without \
                 `--artifacts-only`"
            )
        } else if is_file && matches!(route.method, Method::GET | Method::PUT) {
            "Artifact serving is disabled. Run `mlflow server` with `--serve-artifacts` to enable."
                .to_owned()
        } else {
            format!(
                "Endpoint: {rule} disabled due to the mlflow server running with \
                 `--no-serve-artifacts`. To enable artifacts server functionality, run `mlflow \
                 server` with `--serve-artifacts`"
            )
        };
        let refuse = move || {
            let error = ApiError::new(ErrorCode::TemporarilyUnavailable, message.clone());
            std::future::ready(error)
        };
        MethodRouter::new().on(method_filter(&route.method), refuse)
    }
}

/// Answers that something is left out; `name` begins the sentence.
fn left_out(method: &Method, name: &'static str) -> MethodRouter {
    let refuse = move || {
        let message = format!("{name} not part of this version of mlferry.");
        std::future::ready(ApiError::new(ErrorCode::NotImplemented, message))
    };
    MethodRouter::new().on(method_filter(method), refuse)
}

fn method_filter(method: &Method) -> axum::routing::MethodFilter {
    // The table's methods all have a filter.
    method.clone().try_into().unwrap_or(axum::routing::MethodFilter::GET)
}

/// Tells the outermost layer which line of the table answers a request.
fn known_as(
    route: Arc<RouteMetrics>,
) -> MapRequestLayer<impl Fn(Request) -> Request + Clone + Send + Sync> {
    MapRequestLayer::new(move |request: Request| {
        if let Some(exchange) = request.extensions().get::<Arc<Exchange>>() {
            exchange.set_route(&route);
            trace::routed(request.method(), route.name());
        }
        request
    })
}

/// What outlives the router.
#[derive(Debug)]
pub(crate) struct Closing {
    store: Option<Store>,
    service: Option<Service>,
    roots: ArtifactRoots,
    deliveries: Option<Deliveries>,
    authority: Option<Authority>,
}

impl Closing {
    /// Closes the database and the destination; no request may be in flight.
    pub(crate) async fn close(self) {
        if let Some(deliveries) = self.deliveries {
            deliveries.stop().await;
        }
        self.roots.close().await;
        if let Some(service) = self.service {
            service.close().await;
        }
        if let Some(authority) = self.authority {
            authority.close().await;
        }
        if let Some(store) = self.store {
            store.close().await;
        }
    }
}

async fn unknown_path(method: Method, uri: Uri) -> ApiError {
    let message = format!("There is no endpoint {method} {} on this server.", uri.path());
    ApiError::new(ErrorCode::EndpointNotFound, message)
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::with_status(
        axum::http::StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::BadRequest,
        format!("The method {method} is not allowed for {}.", uri.path()),
    )
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
fn after_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = text, "a request panicked; please report this");
    let error =
        ApiError::new(ErrorCode::InternalError, "The server failed to answer this request.");
    (Extension(Panicked), error).into_response()
}

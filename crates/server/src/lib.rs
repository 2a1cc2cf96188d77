//! HTTP: the route table, the doors, and the way from a socket to a handler and back.

mod access;
mod app;
mod artifact_roots;
mod bodies;
mod collect;
mod doors;
mod download;
mod drain;
mod error;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod graphql;
mod leave;
mod listen;
mod metrics;
mod observe;
mod openapi;
mod otlp_count;
mod otlp_messages;
mod ready;
mod routes;
mod rpc;
mod serve;
mod trace;
mod upload;
mod webhooks;

pub use access::{AccessOptions, AuditLog, CALLBACK_PATH, OidcOptions};
pub use app::{App, Mode, PresignedUrls, RouteInfo, route_table};
pub use artifact_roots::RootOptions;
pub use collect::{Collector, FolderPage, Weight};
pub use doors::{Checks, Doors, HostPolicy, InvalidHost, OriginPolicy};
pub use listen::{Listener, Tls, TlsError};
pub use openapi::openapi;
pub use routes::{Access, Page};
pub use serve::{Limits, serve};
pub use webhooks::{AddressRules, WebhookOptions};

//! The route table: every path that is answered, by whom it may be called, and what it needs.
//!
//! A path that is not here is refused. The prefixes `/api` and `/ajax-api`, `--static-prefix`, and the
//! modes in which a line lives come from the table, never from copies of a line.

mod absent;
mod action;
mod archives;
mod artifacts;
mod assessments;
mod changes;
mod datasets;
mod described;
mod direct;
mod evaluation_datasets;
mod experiment_summaries;
mod experiments;
mod files;
mod genai;
mod graphql;
mod info;
mod left_out;
mod logged_model_artifacts;
mod logged_models;
mod metrics;
mod model_versions;
mod models;
mod others;
mod otlp;
mod params;
mod presigned;
mod registered_models;
mod roles;
mod run_artifacts;
mod runs;
mod scorers;
mod sign_on;
mod sign_up;
mod tags;
mod tokens;
mod trace_artifacts;
mod traces;
mod traces_v2;
mod ui;
mod user_permissions;
mod users;
mod webhooks;

pub(crate) use artifacts::Proxy;
pub(crate) use described::{Content, Operation, Parameter};
#[cfg(feature = "fuzzing")]
pub(crate) use direct::file_in;
pub(crate) use info::Info;
#[cfg(feature = "fuzzing")]
pub(crate) use otlp::count_spans;
pub(crate) use run_artifacts::RunArtifacts;
pub(crate) use sign_on::SingleSignOn;
pub use ui::Page;
pub(crate) use ui::{Ui, add_slash};

use crate::{
    access::{Authority, Line},
    webhooks::Webhooks,
};
use action::{DELETE, GET, PATCH, POST, PUT};
use axum::{http::Method, routing::MethodRouter};
use mlferry_store::Store;
use std::fmt;

/// Who may call a route of a server that has users (`--app-name basic-auth`); of others, everybody may call all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody, signed in or not.
    Anyone,
    /// Everybody who is signed in; the answer is about nothing that only some may see.
    SignedIn,
    /// Who may see the resource.
    Read,
    /// Who may change the resource.
    Edit,
    /// Who may delete the resource.
    Delete,
    /// Who runs the server, and the programs that watch it.
    Operate,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anyone => "anyone",
            Self::SignedIn => "signed-in",
            Self::Read => "read",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Operate => "operate",
        })
    }
}

/// Under which paths a line is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twins {
    /// `/api/…` and `/ajax-api/…`.
    Both,
    /// `/ajax-api/…`, for web pages only.
    Ajax,
    /// The path as it is.
    Bare,
}

impl Twins {
    pub(crate) fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Both => &["/api", "/ajax-api"],
            Self::Ajax => &["/ajax-api"],
            Self::Bare => &[""],
        }
    }
}

/// A handler with what it needs; a line lives in the modes that have it.
#[derive(Debug, Clone)]
pub(crate) enum Needs {
    /// Nothing but the server itself: always there.
    Nothing(MethodRouter<Info>),
    /// The web page, or the page that stands in for it: always there.
    Page(MethodRouter<Ui>),
    /// The destination that this server proxies: not with `--no-serve-artifacts`.
    Artifacts(MethodRouter<Proxy>),
    /// The database: not with `--artifacts-only`.
    Records(MethodRouter<Store>),
    /// The database and where its runs keep their files: not with `--artifacts-only`.
    Both(MethodRouter<RunArtifacts>),
    /// The database and the way to receivers: not with `--artifacts-only`.
    Webhooks(MethodRouter<Webhooks>),
    /// Who knows all users: only with `--app-name basic-auth`; without, there is no such path.
    Users(MethodRouter<Authority>),
    /// An identity provider, too: only with `--oidc-redirect-url`; without, there is no such path.
    SignOn(MethodRouter<SingleSignOn>),
    /// Nothing: what the reference has there is left out. The name and the verb begin the sentence that says so.
    LeftOut(&'static str),
}

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) twins: Twins,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) needs: Needs,
    /// Whether clients call it on their way to artifacts.
    pub(crate) is_for_artifacts: bool,
    /// What it does, for the description of the API.
    pub(crate) operation: Operation,
}

impl Route {
    /// A line that clients call on their way to artifacts, also with a token that is for these alone.
    fn for_artifacts(self) -> Self {
        Self { is_for_artifacts: true, ..self }
    }

    /// What the gate knows of it.
    pub(crate) fn line(&self) -> Line {
        Line {
            access: self.access,
            is_get: self.method == Method::GET,
            is_about_users: matches!(self.needs, Needs::Users(_) | Needs::SignOn(_)),
            is_for_artifacts: self.is_for_artifacts,
        }
    }

    /// A line that is found only under `/ajax-api`.
    fn ajax(self) -> Self {
        Self { twins: Twins::Ajax, ..self }
    }

    /// A line that is found under its path as it is.
    fn bare(self) -> Self {
        Self { twins: Twins::Bare, ..self }
    }
}

/// Every route that is answered.
pub(crate) fn table() -> Vec<Route> {
    let parts = [
        page_lines(),
        files::lines().into_iter().map(Route::for_artifacts).collect(),
        record_lines(),
        models::lines(),
        genai::lines(),
        users::lines(),
        left_out::lines(),
    ];
    parts.into_iter().flatten().collect()
}

/// The web page, what it asks of parts that are not there, and what tells how the server is.
fn page_lines() -> Vec<Route> {
    use Access::{Anyone, Operate, SignedIn};

    vec![
        GET.page("/", SignedIn, &others::PAGE, ui::index).bare(),
        GET.page("/static-files/{*path}", Anyone, &others::PAGE_FILE, ui::asset).bare(),
        GET.info("/health", Anyone, &others::HEALTH, info::health).bare(),
        GET.info("/ready", Anyone, &others::READY, info::ready).bare(),
        GET.info("/version", SignedIn, &others::VERSION, info::version).bare(),
        GET.info("/metrics", Operate, &others::METRICS, info::metrics).bare(),
        GET.info("/3.0/mlflow/server-info", Anyone, &others::SERVER_INFO, info::server_info),
        GET.info("/3.0/mlferry/caller", SignedIn, &others::CALLER, info::caller).ajax(),
        GET.info("/2.0/mlflow/gateway-proxy", SignedIn, &others::ABSENT, absent::gateway_endpoints)
            .ajax(),
        POST.info(
            "/2.0/mlflow/gateway-proxy",
            SignedIn,
            &others::ABSENT,
            absent::gateway_endpoints,
        )
        .ajax(),
        GET.info("/3.0/mlflow/ui-telemetry", SignedIn, &others::ABSENT, absent::telemetry_settings)
            .ajax(),
        POST.info("/3.0/mlflow/ui-telemetry", SignedIn, &others::ABSENT, absent::telemetry).ajax(),
        GET.info(
            "/3.0/mlflow/assistant/config",
            SignedIn,
            &others::ABSENT,
            absent::assistant_settings,
        )
        .ajax(),
        GET.info(
            "/3.0/mlflow/assistant/providers",
            SignedIn,
            &others::ABSENT,
            absent::assistant_providers,
        )
        .ajax(),
    ]
}

/// Experiments and runs.
fn record_lines() -> Vec<Route> {
    use Access::{Delete, Edit, Read};

    vec![
        // Experiments.
        POST.records("/2.0/mlflow/experiments/create", Edit, experiments::create),
        GET.records("/2.0/mlflow/experiments/get", Read, experiments::get),
        GET.records("/2.0/mlflow/experiments/get-by-name", Read, experiments::get_by_name),
        GET.records("/2.0/mlflow/experiments/search", Read, experiments::search),
        POST.records("/2.0/mlflow/experiments/search", Read, experiments::search),
        POST.records("/2.0/mlflow/experiments/update", Edit, experiments::update),
        POST.records("/2.0/mlflow/experiments/delete", Delete, experiments::delete),
        POST.records("/2.0/mlflow/experiments/restore", Delete, experiments::restore),
        POST.records("/2.0/mlflow/experiments/set-experiment-tag", Edit, tags::set_on_experiment),
        POST.records(
            "/2.0/mlflow/experiments/delete-experiment-tag",
            Edit,
            tags::delete_from_experiment,
        ),
        POST.records("/2.0/mlflow/experiments/search-datasets", Read, datasets::search).ajax(),
        GET.records("/3.0/mlferry/experiments/summaries", Read, experiment_summaries::summaries)
            .ajax(),
        GET.both("/3.0/mlferry/experiments/weight", Read, experiment_summaries::weight).ajax(),
        // What the web page is told as it comes.
        GET.records_as("/3.0/mlferry/changes", Read, &others::CHANGES, changes::watch).ajax(),
        // Runs, and what is logged to them.
        POST.records("/2.0/mlflow/runs/create", Edit, runs::create),
        GET.records("/2.0/mlflow/runs/get", Read, runs::get).for_artifacts(),
        POST.records("/2.0/mlflow/runs/search", Read, runs::search),
        POST.records("/2.0/mlflow/runs/update", Edit, runs::update),
        POST.records("/2.0/mlflow/runs/delete", Delete, runs::delete),
        POST.records("/2.0/mlflow/runs/restore", Delete, runs::restore),
        POST.records("/2.0/mlflow/runs/log-batch", Edit, runs::log_batch),
        POST.records("/2.0/mlflow/runs/log-metric", Edit, metrics::log),
        POST.records("/2.0/mlflow/runs/log-parameter", Edit, params::log),
        POST.records("/2.0/mlflow/runs/set-tag", Edit, tags::set_on_run),
        POST.records("/2.0/mlflow/runs/delete-tag", Edit, tags::delete_from_run),
        POST.records("/2.0/mlflow/runs/log-inputs", Edit, datasets::log_inputs),
        POST.records("/2.0/mlflow/runs/outputs", Edit, logged_models::log_outputs),
        POST.records("/2.0/mlflow/runs/log-model", Edit, runs::log_model),
        GET.records("/2.0/mlflow/metrics/get-history", Read, metrics::get_history),
        GET.records("/2.0/mlflow/metrics/get-history-bulk", Read, metrics::get_history_bulk).ajax(),
        GET.records(
            "/2.0/mlflow/metrics/get-history-bulk-interval",
            Read,
            metrics::get_history_bulk_interval,
        ),
        // What the web page asks in GraphQL, which changes nothing.
        POST.both("/graphql", Read, graphql::answer).bare(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_line_stands_twice() {
        let mut seen = HashSet::new();
        for route in table() {
            for prefix in route.twins.prefixes() {
                let line = format!("{} {prefix}{}", route.method, route.path);
                assert!(seen.insert(line.clone()), "{line}");
            }
        }
    }

    #[test]
    fn only_what_tells_nothing_of_users_is_open_to_anyone() {
        for route in table() {
            let tells_nothing =
                matches!(route.needs, Needs::Nothing(_) | Needs::Page(_) | Needs::SignOn(_));
            assert!(route.access != Access::Anyone || tells_nothing, "{}", route.path);
            // What is about users asks for itself who calls it.
            let is_for_all =
                tells_nothing || matches!(route.needs, Needs::LeftOut(_) | Needs::Users(_));
            assert!(route.access != Access::SignedIn || is_for_all, "{}", route.path);
        }
    }

    #[test]
    fn what_changes_something_is_not_called_reading() {
        for route in table() {
            let asks = [
                "/search",
                "/search-datasets",
                "/presigned-download-url",
                "/get-latest-versions",
                "/graphql",
                "/batchGetInfos",
                "/traces/metrics",
                "/calculate-filter-correlation",
                "/gateway-proxy",
                "/ui-telemetry",
            ];
            let is_question = asks.iter().any(|end| route.path.ends_with(end));
            if route.method != Method::GET && !is_question {
                let reads = matches!(route.access, Access::Read | Access::Anyone);
                assert!(!reads, "{}", route.path);
            }
        }
    }
}

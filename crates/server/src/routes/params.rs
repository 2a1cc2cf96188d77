//! Params of runs.

use crate::rpc::{Reply, Rpc};
use axum::{Json, extract::State};
use mlferry_protocol::{Empty, params::LogParam};
use mlferry_store::Store;

pub(super) async fn log(State(store): State<Store>, Rpc(request): Rpc<LogParam>) -> Reply<Empty> {
    store.log_param(request).await?;
    Ok(Json(Empty {}))
}

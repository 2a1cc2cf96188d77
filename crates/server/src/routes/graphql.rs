//! Questions of the web page in GraphQL.

use super::RunArtifacts;
use crate::{
    access::Caller,
    graphql,
    rpc::{Reply, Rpc},
};
use axum::{Json, extract::State};
use mlferry_protocol::graphql::{GraphQlRequest, GraphQlResponse};

pub(super) async fn answer(
    State(artifacts): State<RunArtifacts>,
    caller: Caller,
    Rpc(request): Rpc<GraphQlRequest>,
) -> Reply<GraphQlResponse> {
    Ok(Json(graphql::answer(&artifacts, &caller, &request).await?))
}

//! Questions of the web page in GraphQL.

use super::RunArtifacts;
use crate::{
    graphql,
    rpc::{Reply, Rpc},
};
use axum::{Json, extract::State};
use mlferry_protocol::graphql::{GraphQlRequest, GraphQlResponse};

pub(super) async fn answer(
    State(artifacts): State<RunArtifacts>,
    Rpc(request): Rpc<GraphQlRequest>,
) -> Reply<GraphQlResponse> {
    Ok(Json(graphql::answer(&artifacts, &request).await?))
}

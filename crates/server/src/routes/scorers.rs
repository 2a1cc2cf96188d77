//! Scorers.

use crate::rpc::{Reply, Rpc};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    scorers::{
        DeleteScorer, GetOnlineScoringConfigs, GetOnlineScoringConfigsResponse, GetScorer,
        GetScorerResponse, ListScorerVersions, ListScorers, ListScorersResponse, RegisterScorer,
        RegisterScorerResponse, SetOnlineScoringConfig, SetOnlineScoringConfigResponse,
    },
};
use mlferry_store::Store;

pub(super) async fn register(
    State(store): State<Store>,
    Rpc(request): Rpc<RegisterScorer>,
) -> Reply<RegisterScorerResponse> {
    Ok(Json(store.register_scorer(request).await?.into()))
}

pub(super) async fn list(
    State(store): State<Store>,
    Rpc(request): Rpc<ListScorers>,
) -> Reply<ListScorersResponse> {
    let scorers = store.list_scorers(request).await?;
    Ok(Json(ListScorersResponse { scorers }))
}

pub(super) async fn list_versions(
    State(store): State<Store>,
    Rpc(request): Rpc<ListScorerVersions>,
) -> Reply<ListScorersResponse> {
    let scorers = store.list_scorer_versions(request).await?;
    Ok(Json(ListScorersResponse { scorers }))
}

pub(super) async fn get(
    State(store): State<Store>,
    Rpc(request): Rpc<GetScorer>,
) -> Reply<GetScorerResponse> {
    let scorer = store.get_scorer(request).await?;
    Ok(Json(GetScorerResponse { scorer }))
}

pub(super) async fn delete(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteScorer>,
) -> Reply<Empty> {
    store.delete_scorer(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn online_configs(
    State(store): State<Store>,
    Rpc(request): Rpc<GetOnlineScoringConfigs>,
) -> Reply<GetOnlineScoringConfigsResponse> {
    let configs = store.online_scoring_configs(request).await?;
    Ok(Json(GetOnlineScoringConfigsResponse { configs }))
}

pub(super) async fn set_online_config(
    State(store): State<Store>,
    Rpc(request): Rpc<SetOnlineScoringConfig>,
) -> Reply<SetOnlineScoringConfigResponse> {
    let config = store.set_online_scoring_config(request).await?;
    Ok(Json(SetOnlineScoringConfigResponse { config }))
}

//! Scorers.

use crate::{
    access::Caller,
    rpc::{Reply, Rpc},
};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty, ExperimentId,
    scorers::{
        DeleteScorer, GetOnlineScoringConfigs, GetOnlineScoringConfigsResponse, GetScorer,
        GetScorerResponse, ListScorerVersions, ListScorers, ListScorersResponse, RegisterScorer,
        RegisterScorerResponse, SetOnlineScoringConfig, SetOnlineScoringConfigResponse,
        WhichScorer,
    },
};
use mlferry_store::Store;

pub(super) async fn register(
    State(store): State<Store>,
    caller: Caller,
    Rpc(request): Rpc<RegisterScorer>,
) -> Reply<RegisterScorerResponse> {
    let registered: RegisterScorerResponse = store.register_scorer(request).await?.into();
    if registered.version == 1 {
        caller.claim_scorer(registered.experiment_id, &registered.name).await?;
    }
    Ok(Json(registered))
}

pub(super) async fn list(
    State(store): State<Store>,
    caller: Caller,
    Rpc(request): Rpc<ListScorers>,
) -> Reply<ListScorersResponse> {
    let mut scorers = store.list_scorers(request).await?;
    scorers.retain(|it| caller.sees_scorer(ExperimentId(it.experiment_id), &it.scorer_name));
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
    caller: Caller,
    Rpc(request): Rpc<DeleteScorer>,
) -> Reply<Empty> {
    let WhichScorer { experiment_id, name, version } = &request.0;
    let (experiment, name, is_whole) = (*experiment_id, name.clone(), version.is_none());
    store.delete_scorer(request).await?;
    if is_whole {
        caller.forget_scorer(experiment, &name).await?;
    }
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

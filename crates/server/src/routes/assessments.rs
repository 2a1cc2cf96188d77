//! Assessments of traces.

use crate::rpc::{Reply, Rpc};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    assessments::{
        AssessmentResponse, CreateAssessment, DeleteAssessment, GetAssessment, UpdateAssessment,
    },
};
use mlferry_store::Store;

pub(super) async fn create(
    State(store): State<Store>,
    Rpc(request): Rpc<CreateAssessment>,
) -> Reply<AssessmentResponse> {
    let assessment = store.create_assessment(request).await?;
    Ok(Json(AssessmentResponse { assessment }))
}

pub(super) async fn get(
    State(store): State<Store>,
    Rpc(request): Rpc<GetAssessment>,
) -> Reply<AssessmentResponse> {
    let assessment = store.get_assessment(request).await?;
    Ok(Json(AssessmentResponse { assessment }))
}

pub(super) async fn update(
    State(store): State<Store>,
    Rpc(request): Rpc<UpdateAssessment>,
) -> Reply<AssessmentResponse> {
    let assessment = store.update_assessment(request).await?;
    Ok(Json(AssessmentResponse { assessment }))
}

pub(super) async fn delete(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteAssessment>,
) -> Reply<Empty> {
    store.delete_assessment(request).await?;
    Ok(Json(Empty {}))
}

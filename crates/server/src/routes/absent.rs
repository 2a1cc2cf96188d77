//! What the stock web page asks for on its own, of parts that are not there: it hears that nothing is set up.

use axum::Json;
use serde_json::{Value, json};

/// No model of a gateway can be tried out.
pub(super) async fn gateway_endpoints() -> Json<Value> {
    Json(json!({ "endpoints": [] }))
}

/// The page sends no telemetry.
pub(super) async fn telemetry_settings() -> Json<Value> {
    Json(json!({
        "disable_ui_telemetry": true,
        "disable_ui_events": [],
        "ui_rollout_percentage": 0,
    }))
}

/// Telemetry that a page sends all the same is dropped, and the page told to stop.
pub(super) async fn telemetry() -> Json<Value> {
    Json(json!({ "status": "disabled" }))
}

/// The assistant has neither providers nor projects.
pub(super) async fn assistant_settings() -> Json<Value> {
    Json(json!({ "providers": {}, "projects": {}, "remote_access_allowed": false }))
}

/// The assistant has no providers to choose from.
pub(super) async fn assistant_providers() -> Json<Value> {
    Json(json!({ "providers": [], "resolved": null, "gateway_vendor_options": {} }))
}

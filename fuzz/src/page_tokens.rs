//! Page tokens: one that is taken is written as one that means the same.

use mlferry_protocol::{
    DecodeRequest, Fields, PageToken, evaluation_datasets::GetDatasetRecords,
    logged_model_search::SearchLoggedModels, metrics::GetMetricHistory,
};
use serde_json::{Map, Value, json};

/// Reads a text as a token of each kind.
pub fn check(data: &[u8]) {
    let Ok(token) = std::str::from_utf8(data) else { return };
    let again = |token: &str| PageToken::read(&mut fields(json!({"page_token": token}))).ok();
    if let Some(page) = again(token).filter(|page| page.offset() > 0) {
        assert!(i64::try_from(page.offset()).is_ok(), "{page:?}");
        assert_eq!(again(&text(&page)), Some(page));
    }
    check_record_cursor(token);
    check_history(token);
    check_logged_models(token);
    if let Some(listed) = mlferry_artifacts::PageToken::decode(token) {
        assert_eq!(mlferry_artifacts::PageToken::decode(&listed.encode()), Some(listed));
    }
}

fn check_record_cursor(token: &str) {
    let read = |token: &str| {
        let request = json!({"dataset_id": "d", "page_token": token});
        GetDatasetRecords::decode(&mut fields(request)).ok().map(|request| request.start)
    };
    if let Some(start) = read(token) {
        assert_eq!(read(&text(&start)), Some(start));
    }
}

fn check_history(token: &str) {
    let read = |token: &str| {
        let request = json!({"run_id": "r", "metric_key": "m", "page_token": token});
        GetMetricHistory::decode(&mut fields(request)).ok().map(|request| request.start)
    };
    if token.is_empty() {
        return;
    }
    if let Some(start) = read(token) {
        assert_eq!(read(&text(&start)), Some(start));
    }
}

fn check_logged_models(token: &str) {
    let read = |token: &str| {
        let request = json!({"experiment_ids": ["0"], "page_token": token});
        SearchLoggedModels::decode(&mut fields(request)).ok()
    };
    if let Some(search) = read(token) {
        let again = read(&search.page_token(search.offset)).map(|again| again.offset);
        assert_eq!(again, Some(search.offset));
    }
}

fn fields(request: Value) -> Fields {
    match request {
        Value::Object(values) => Fields::of_object(values),
        _ => Fields::of_object(Map::new()),
    }
}

fn text(token: &impl serde::Serialize) -> String {
    match serde_json::to_value(token) {
        Ok(Value::String(text)) => text,
        other => panic!("a token is written as {other:?}"),
    }
}

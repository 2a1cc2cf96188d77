//! What the reference has and mlferry has not yet: each line answers 501 and says in one sentence what is left out.
//!
//! Stock clients don't repeat a 501, as they do most other 5xx, and web pages see that nothing is broken.

use super::{
    Access,
    Needs::LeftOut,
    Operation, Route,
    Twins::{self, Ajax, Bare, Both},
};
use axum::http::Method;

const G: Method = Method::GET;
const P: Method = Method::POST;
const U: Method = Method::PUT;
const A: Method = Method::PATCH;
const D: Method = Method::DELETE;

const GATEWAY: &str = "The AI gateway is";
const JOBS: &str = "Running jobs, evaluations and scorers on the server is";
const REVIEWS: &str = "Labelling schemas and review queues are";
const ISSUES: &str = "Finding issues in traces is";
const ASSISTANT: &str = "The assistant is";
const MCP: &str = "The registry of MCP servers is";
const DEMO: &str = "Demo data is";
const WORKSPACES: &str = "Workspaces are";

/// What is left out, where it is found, and its methods. A pattern stands for all paths below it.
const LEFT_OUT: &[(&str, Twins, &str, &[Method])] = &[
    (GATEWAY, Both, "/3.0/mlflow/gateway/{*rest}", &[G, P, A, D]),
    (GATEWAY, Bare, "/gateway/{*rest}", &[G, P]),
    (GATEWAY, Ajax, "/2.0/mlflow/runs/create-promptlab-run", &[P]),
    (JOBS, Ajax, "/3.0/jobs/", &[P]),
    (JOBS, Ajax, "/3.0/jobs/{*rest}", &[G, P, A]),
    (JOBS, Ajax, "/3.0/mlflow/jobs/{*rest}", &[G, A]),
    (JOBS, Ajax, "/3.0/mlflow/genai/evaluate/invoke", &[P]),
    (JOBS, Ajax, "/3.0/mlflow/scorer/invoke", &[P]),
    (JOBS, Both, "/3.0/mlflow/prompt-optimization/{*rest}", &[G, P, D]),
    (REVIEWS, Both, "/3.0/mlflow/label-schemas/{*rest}", &[G, P, A, D]),
    (REVIEWS, Both, "/3.0/mlflow/review-queues/{*rest}", &[G, P]),
    (ISSUES, Both, "/3.0/mlflow/issues", &[P]),
    (ISSUES, Both, "/3.0/mlflow/issues/{*rest}", &[G, P, A]),
    (ASSISTANT, Ajax, "/3.0/mlflow/assistant/{*rest}", &[G, P, U, A]),
    (MCP, Both, "/3.0/mlflow/mcp-servers", &[G, P]),
    (MCP, Both, "/3.0/mlflow/mcp-servers/{*rest}", &[G, P, A, D]),
    (DEMO, Ajax, "/3.0/mlflow/demo/{*rest}", &[P]),
    (WORKSPACES, Both, "/3.0/mlflow/workspaces", &[G, P]),
    (WORKSPACES, Both, "/3.0/mlflow/workspaces/{*rest}", &[G, A, D]),
];

pub(super) fn lines() -> Vec<Route> {
    let lines = LEFT_OUT.iter().flat_map(|(name, twins, path, methods)| {
        methods.iter().map(move |method| Route {
            method: method.clone(),
            twins: *twins,
            path,
            access: Access::SignedIn,
            needs: LeftOut(name),
            is_for_artifacts: false,
            operation: Operation::LeftOut(name),
        })
    });
    lines.collect()
}

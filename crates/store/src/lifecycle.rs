//! Soft deletion: records that are deleted stay, marked, until they are collected.

use mlferry_protocol::ViewType;
use sea_query::{Expr, ExprTrait, IntoColumnRef};

pub(crate) const ACTIVE: &str = "active";
pub(crate) const DELETED: &str = "deleted";

/// What `column` must be for a view; nothing when all are seen.
pub(crate) fn seen_by(view: ViewType, column: impl IntoColumnRef) -> Option<Expr> {
    match view {
        ViewType::ActiveOnly => Some(Expr::col(column).eq(ACTIVE)),
        ViewType::DeletedOnly => Some(Expr::col(column).eq(DELETED)),
        ViewType::All => None,
    }
}

//! What migrations do to rows.

use super::{Failure, analytics};
use crate::{
    clock::now_ms,
    db::Transaction,
    schema::{revisions::is_before, shape::Shape},
};

/// The revision that brought workspaces: all that was there before is in the default one.
const WORKSPACES: &str = "1b5f0d9ad7c1";

/// The revision that moved what is counted of traces from rows and JSON into columns.
const TRACE_ANALYTICS: &str = "75868b020152";

/// The revision that changed how jobs are carried out, so that none goes on that was under way.
const JOB_EXECUTORS: &str = "dc11669786a5";

/// Changes the rows of a database of an older revision. Its tables have all columns, new and old ones.
pub(super) async fn migrate(
    transaction: &mut Transaction,
    from: &str,
    found: &Shape,
) -> Result<(), Failure> {
    if is_before(from, WORKSPACES) {
        let workspace = "INSERT INTO workspaces (name, description) \
             VALUES ('default', 'Default workspace for legacy resources')";
        transaction.run_script(workspace).await?;
    }
    if is_before(from, TRACE_ANALYTICS) {
        analytics::migrate(transaction, found).await?;
    }
    if is_before(from, JOB_EXECUTORS) {
        // Pending and running ones become canceled.
        let now = now_ms();
        let jobs =
            format!("UPDATE jobs SET status = 5, last_update_time = {now} WHERE status IN (0, 1)");
        transaction.define(jobs).await?;
    }
    Ok(())
}

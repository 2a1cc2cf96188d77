//! Questions: what reads the database, and may therefore be asked again.

use crate::{
    Store, StoreError,
    activity::Tally,
    db::{Database, Row, Transaction, Trouble},
    trace,
};
use tracing::Instrument;

/// How often a question is asked again whose connection was lost.
const RETRIES: u32 = 3;

/// A question that is answered from one state of the database.
pub(crate) trait Question: Send + Sync + 'static {
    /// What the caller learns.
    type Answer: Send;

    /// Whether a few rows are the answer, found by their keys: to go to another thread would take longer than to
    /// look for them.
    const IS_SHORT: bool = false;

    /// Whether it is one statement on PostgreSQL, which needs no transaction around it; what more it asks about rarely may
    /// be younger.
    const IS_SINGLE: bool = false;

    /// Finds the answer, and changes nothing.
    fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> impl Future<Output = Result<Self::Answer, StoreError>> + Send;
}

/// Rows to ask for, of which the last one tells whether there is another page. Databases count up to `i64::MAX`.
pub(crate) fn with_one_more(max_results: u64) -> u64 {
    max_results.saturating_add(1).min(i64::MAX as u64)
}

/// Cuts a page whose statement asked for one row more, and tells whether there is another page.
pub(crate) fn cut_page(rows: &mut Vec<Row>, max_results: u64) -> bool {
    let page = usize::try_from(max_results).unwrap_or(usize::MAX);
    let has_more = rows.len() > page;
    rows.truncate(page);
    has_more
}

impl Store {
    /// Answers a question; asks again where the connection was lost halfway.
    pub(crate) async fn ask<Q: Question>(&self, question: Q) -> Result<Q::Answer, StoreError> {
        ask(&self.database, &self.tally, question).await
    }
}

/// Answers a question of a database.
pub(crate) async fn ask<Q: Question>(
    database: &Database,
    tally: &Tally,
    question: Q,
) -> Result<Q::Answer, StoreError> {
    ask_patiently(database, tally, question).instrument(trace::operation::<Q>()).await
}

async fn ask_patiently<Q: Question>(
    database: &Database,
    tally: &Tally,
    mut question: Q,
) -> Result<Q::Answer, StoreError> {
    let mut retries = 0;
    loop {
        let waiting = tally.waiting();
        // What is asked again may find other connections lost, too, which only a transaction replaces.
        let mut transaction = if Q::IS_SINGLE && retries == 0 {
            database.read_once().await?
        } else {
            database.read().await?
        };
        drop(waiting);
        let work = async move {
            let answer = question.answer(&mut transaction).await;
            (answer, question)
        };
        let (answer, asked) = database.apart(work, Q::IS_SHORT).await?;
        question = asked;
        match answer {
            Err(StoreError::Database(error))
                if error.trouble() == Trouble::Lost && retries < RETRIES =>
            {
                tracing::warn!(%error, "the database failed; a question is asked again");
                tally.question_again();
                retries += 1;
            }
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_any_size_are_asked_for() {
        assert_eq!(with_one_more(100), 101);
        assert_eq!(with_one_more(i64::MAX as u64), i64::MAX as u64);
    }
}

//! How far two filters of traces find the same traces, counted by one statement.

use crate::{
    Store, StoreError,
    db::{DbError, Dialect, Transaction},
    reads::Question,
    tables::TraceInfo as Traces,
    trace_filter::TraceFilter,
};
use mlferry_protocol::{
    InvalidParameter,
    trace_correlations::{CorrelateTraceFilters, FilterCounts, TraceFilterCorrelation},
};
use sea_query::{Asterisk, CaseStatement, Cond, Expr, ExprTrait, Query, SelectStatement};

const TOTAL: &str = "total";
const FIRST: &str = "first_count";
const SECOND: &str = "second_count";
const BOTH: &str = "both_count";

impl Store {
    /// How far two filters find the same traces.
    pub async fn correlate_trace_filters(
        &self,
        request: CorrelateTraceFilters,
    ) -> Result<TraceFilterCorrelation, StoreError> {
        Ok(self.ask(Counting::parse(request)?).await?.into())
    }
}

struct Counting {
    base: TraceFilter,
    filters: [TraceFilter; 2],
}

impl Counting {
    fn parse(request: CorrelateTraceFilters) -> Result<Self, InvalidParameter> {
        let CorrelateTraceFilters { experiment_ids, filters: [first, second], base_filter } =
            request;
        let parse = |filter: &str| TraceFilter::parse(filter, experiment_ids.clone());
        Ok(Self { filters: [parse(&first)?, parse(&second)?], base: parse(&base_filter)? })
    }

    fn select(&self, dialect: Dialect) -> SelectStatement {
        let [first, second] = self.filters.each_ref().map(|filter| filter.test(dialect));
        let both = Cond::all().add(first.clone()).add(second.clone());
        Query::select()
            .expr_as(Expr::col(Asterisk).count(), TOTAL)
            .expr_as(count_where(first), FIRST)
            .expr_as(count_where(second), SECOND)
            .expr_as(count_where(both), BOTH)
            .from(Traces::Table)
            .cond_where(self.base.test(dialect))
            .take()
    }
}

fn count_where(test: Cond) -> Expr {
    Expr::expr(CaseStatement::new().case(test, 1)).count()
}

impl Question for Counting {
    type Answer = FilterCounts;

    async fn answer(&self, transaction: &mut Transaction) -> Result<FilterCounts, StoreError> {
        let row = transaction.fetch_optional(&self.select(transaction.dialect())).await?;
        let row = row.ok_or_else(DbError::no_row)?;
        Ok(FilterCounts {
            total: row.get(TOTAL)?,
            first: row.get(FIRST)?,
            second: row.get(SECOND)?,
            both: row.get(BOTH)?,
        })
    }
}

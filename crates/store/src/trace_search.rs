//! Searches for traces: filters and orders as one statement.

use crate::{
    StoreError,
    db::{DbError, Dialect, Transaction, is_one_of_texts},
    reads::Question,
    tables::{Spans, TraceInfo as Traces, TraceRequestMetadata, TraceTags},
    trace_conditions::{number, trace},
    trace_filter::TraceFilter,
    trace_rows::{self, select_traces},
};
use mlferry_protocol::{
    InvalidParameter,
    traces::{NAME_TAG, SESSION_METADATA, SearchTraces, SearchTracesResponse},
};
use mlferry_search::traces::{TraceNumber, TraceOrder, TraceOrderKey, parse_order_by};
use sea_query::{Alias, Expr, ExprTrait, IntoIden, JoinType, NullOrdering, Order, SelectStatement};

/// Spans of a name that are looked up before the search begins. Where there are more, traces that have one are soon met with.
const NAMED_SPANS: u64 = 1_000;

/// What a search for traces asks for.
pub(crate) struct TraceSearch {
    request: SearchTraces,
    filter: TraceFilter,
    orders: Vec<TraceOrder>,
}

impl TraceSearch {
    pub(crate) fn parse(request: SearchTraces) -> Result<Self, InvalidParameter> {
        let orders = parse_order_by(&request.order_by)?;
        let filter = TraceFilter::parse(&request.filter, request.experiment_ids.clone())?;
        Ok(Self { request, filter, orders })
    }

    /// The traces that have a span of the name that is asked for, and maybe others, where they are few.
    async fn named(&self, transaction: &mut Transaction) -> Result<Option<Vec<String>>, DbError> {
        let Some(mut select) = self.filter.select_named() else { return Ok(None) };
        let rows = transaction.fetch_all(&select.limit(NAMED_SPANS + 1).take()).await?;
        if rows.len() as u64 > NAMED_SPANS {
            return Ok(None);
        }
        rows.iter().map(|row| row.get(Spans::TraceId)).collect::<Result<_, _>>().map(Some)
    }

    /// Selects a page of traces, of those `among` some only, if there are any such.
    fn select(&self, dialect: Dialect, among: Option<&[String]>) -> SelectStatement {
        let request = &self.request;
        let id = || Expr::col(trace(Traces::RequestId));
        let mut select = select_traces()
            .and_where_option(among.map(|ids| is_one_of_texts(dialect, id(), ids)))
            .cond_where(self.filter.test(dialect))
            .limit(request.max_results)
            .offset(request.page_token.offset())
            .take();
        for (index, order) in self.orders.iter().enumerate() {
            order_by(&mut select, index, order);
        }
        if !self.orders.iter().any(|order| order.key == TraceOrderKey::Timestamp) {
            select.order_by(trace(Traces::TimestampMs), Order::Desc);
        }
        select.order_by(trace(Traces::RequestId), Order::Asc).take()
    }
}

impl Question for TraceSearch {
    type Answer = SearchTracesResponse;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<SearchTracesResponse, StoreError> {
        if self.request.experiment_ids.is_empty() {
            return Ok(SearchTracesResponse { traces: Vec::new(), next_page_token: None });
        }
        let named = self.named(transaction).await?;
        let select = self.select(transaction.dialect(), named.as_deref());
        let rows = transaction.fetch_all(&select).await?;
        let traces = trace_rows::complete(transaction, &rows).await?;
        // A page that is full may be the last one: the reference does not look further either.
        let is_full = traces.len() as u64 == self.request.max_results;
        let next_page_token = is_full.then(|| self.request.page_token.after(traces.len()));
        Ok(SearchTracesResponse { traces, next_page_token })
    }
}

/// Orders by a key, absent values last; `index` makes the names of joined tables differ.
fn order_by(select: &mut SelectStatement, index: usize, order: &TraceOrder) {
    use TraceRequestMetadata as Metadata;
    let direction = if order.is_descending { Order::Desc } else { Order::Asc };
    let name = || Alias::new(format!("order_{index}"));
    let value = match &order.key {
        TraceOrderKey::Id => Expr::col(trace(Traces::RequestId)),
        TraceOrderKey::ExperimentId => Expr::col(trace(Traces::ExperimentId)),
        TraceOrderKey::Status => Expr::col(trace(Traces::Status)),
        TraceOrderKey::Timestamp => number(TraceNumber::Timestamp),
        TraceOrderKey::ExecutionTime => number(TraceNumber::ExecutionTime),
        TraceOrderKey::EndTime => number(TraceNumber::EndTime),
        TraceOrderKey::Tag(key) if key == NAME_TAG => Expr::col(trace(Traces::TraceName)),
        TraceOrderKey::Metadata(key) if key == SESSION_METADATA => {
            Expr::col(trace(Traces::SessionId))
        }
        TraceOrderKey::Tag(key) => {
            join(select, name(), TraceTags::Table, (TraceTags::RequestId, TraceTags::Key), key);
            Expr::col((name(), TraceTags::Value))
        }
        TraceOrderKey::Metadata(key) => {
            join(select, name(), Metadata::Table, (Metadata::RequestId, Metadata::Key), key);
            Expr::col((name(), Metadata::Value))
        }
    };
    select.order_by_expr_with_nulls(value, direction, NullOrdering::Last);
}

/// Joins the row with a key, if the trace has it.
fn join<C: IntoIden>(
    select: &mut SelectStatement,
    name: Alias,
    table: impl IntoIden,
    (trace_id, key_column): (C, C),
    key: &str,
) {
    let belongs = Expr::col((name.clone(), trace_id.into_iden())).equals(trace(Traces::RequestId));
    let has_key = Expr::col((name.clone(), key_column.into_iden())).eq(key);
    select.join_as(JoinType::LeftJoin, table.into_iden(), name, belongs.and(has_key));
}

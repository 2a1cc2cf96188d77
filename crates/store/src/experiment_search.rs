//! Searches for experiments: filters and orders as one statement.

use crate::{
    conditions::{number_test, row_test, text_test},
    db::{Dialect, is_one_of},
    experiments::select_experiments,
    lifecycle::seen_by,
    reads::with_one_more,
    tables::{ExperimentTags, Experiments},
};
use mlferry_protocol::{InvalidParameter, access::Visible, experiments::SearchExperiments};
use mlferry_search::experiments::{
    ExperimentCondition, ExperimentKey, ExperimentOrder, ExperimentTime, parse_filter,
    parse_order_by,
};
use sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};

/// What a search for experiments asks for.
pub(crate) struct ExperimentSearch {
    request: SearchExperiments,
    conditions: Vec<ExperimentCondition>,
    orders: Vec<ExperimentOrder>,
}

impl ExperimentSearch {
    pub(crate) fn parse(request: SearchExperiments) -> Result<Self, InvalidParameter> {
        let conditions = parse_filter(request.filter.as_deref().unwrap_or_default())?;
        let orders = parse_order_by(&request.order_by)?;
        Ok(Self { request, conditions, orders })
    }

    pub(crate) fn request(&self) -> &SearchExperiments {
        &self.request
    }

    /// Selects a page of experiments, and one more, which tells whether there is another page.
    pub(crate) fn select(&self, dialect: Dialect) -> SelectStatement {
        let request = &self.request;
        let mut select = select_experiments()
            .and_where_option(seen_by(request.view_type, Experiments::LifecycleStage))
            .and_where_option(visible_test(&request.visible))
            .limit(with_one_more(request.max_results))
            .offset(request.page_token.offset())
            .take();
        for condition in &self.conditions {
            select.and_where(test(dialect, condition));
        }
        for order in &self.orders {
            let direction = if order.is_descending { Order::Desc } else { Order::Asc };
            select.order_by(column(order.key), direction);
        }
        if self.orders.is_empty() {
            select
                .order_by(Experiments::CreationTime, Order::Desc)
                .order_by(Experiments::ExperimentId, Order::Asc);
        } else if !self.orders.iter().any(|order| order.key == ExperimentKey::Id) {
            select.order_by(Experiments::ExperimentId, Order::Desc);
        }
        select
    }
}

/// Leaves out experiments that the caller may not see.
fn visible_test(visible: &Visible) -> Option<Expr> {
    let is_among = |ids: &[String]| {
        // Other ids are none of an experiment.
        let ids: Vec<i64> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        is_one_of(Experiments::ExperimentId, ids.into_iter())
    };
    match visible {
        Visible::All => None,
        Visible::Only(ids) => Some(is_among(ids)),
        Visible::AllBut(ids) => Some(is_among(ids).not()),
    }
}

fn column(key: ExperimentKey) -> Experiments {
    match key {
        ExperimentKey::Id => Experiments::ExperimentId,
        ExperimentKey::Name => Experiments::Name,
        ExperimentKey::Time(ExperimentTime::Creation) => Experiments::CreationTime,
        ExperimentKey::Time(ExperimentTime::LastUpdate) => Experiments::LastUpdateTime,
    }
}

fn test(dialect: Dialect, condition: &ExperimentCondition) -> Expr {
    match condition {
        ExperimentCondition::Id(test) => {
            let is_one = is_one_of(Experiments::ExperimentId, test.ids.iter().copied());
            if test.negated { is_one.not() } else { is_one }
        }
        ExperimentCondition::Name(test) => text_test(dialect, Expr::col(Experiments::Name), test),
        ExperimentCondition::Time { time, comparator, value } => {
            number_test(Expr::col(column(ExperimentKey::Time(*time))), *comparator, *value)
        }
        ExperimentCondition::Tag { key, test } => {
            let belongs = Expr::col((ExperimentTags::Table, ExperimentTags::ExperimentId))
                .equals((Experiments::Table, Experiments::ExperimentId));
            let rows = Query::select()
                .expr(Expr::val(1))
                .from(ExperimentTags::Table)
                .and_where(belongs)
                .and_where(Expr::col(ExperimentTags::Key).eq(key.as_str()))
                .take();
            row_test(dialect, rows, Expr::col(ExperimentTags::Value), test)
        }
    }
}

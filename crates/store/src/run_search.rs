//! Searches for runs: filters and orders as one statement.

use crate::{
    conditions::{has_rows, join_rows, metric_test, number_test, row_test, text_test},
    datasets,
    db::{DbError, Dialect, Transaction, is_one_of},
    few_runs::{self, Few, ParamValue},
    lifecycle::seen_by,
    reads::with_one_more,
    runs::{select_runs, select_runs_of},
    tables::{Datasets, InputTags, Inputs, LatestMetrics, Params, Runs, Tags},
};
use mlferry_protocol::{
    InvalidParameter,
    runs::SearchRuns,
    tags::{DATASET_CONTEXT_TAG, RUN_NAME_TAG},
};
use mlferry_search::{
    TextComparator, TextTest,
    runs::{
        DatasetProperty, RunCondition, RunOrder, RunOrderKey, RunText, RunTime, parse_filter,
        parse_order_by,
    },
};
use sea_query::{
    Alias, Asterisk, Expr, ExprTrait, IntoIden, JoinType, NullOrdering, Order, Query,
    SelectStatement,
};

/// What a search for runs asks for.
pub(crate) struct RunSearch {
    request: SearchRuns,
    conditions: Vec<RunCondition>,
    orders: Vec<RunOrder>,
}

impl RunSearch {
    pub(crate) fn parse(request: SearchRuns) -> Result<Self, InvalidParameter> {
        let conditions = parse_filter(request.filter.as_deref().unwrap_or_default())?;
        let orders = parse_order_by(&request.order_by)?;
        Ok(Self { request, conditions, orders })
    }

    pub(crate) fn request(&self) -> &SearchRuns {
        &self.request
    }

    /// Few runs to begin with, if they are known to be all that can be found.
    pub(crate) async fn few(
        &self,
        transaction: &mut Transaction,
    ) -> Result<Option<Few<'_>>, DbError> {
        let start = RunOrderKey::Time(RunTime::Start);
        let is_by_start = self.orders.first().is_none_or(|order| order.key == start);
        let experiments = &self.request.experiment_ids;
        few_runs::find(transaction, experiments, &self.conditions, is_by_start).await
    }

    /// Selects a page of runs, and one more, which tells whether there is another page. It begins with `few`.
    pub(crate) fn select(&self, dialect: Dialect, few: Option<&Few<'_>>) -> SelectStatement {
        let request = &self.request;
        let experiments = request.experiment_ids.iter().map(|id| id.0);
        let mut select = few
            .map_or_else(select_runs, |few| few.select_runs(dialect))
            .and_where(is_one_of(run(Runs::ExperimentId), experiments))
            .and_where_option(seen_by(request.run_view_type, run(Runs::LifecycleStage)))
            .limit(with_one_more(request.max_results))
            .offset(request.page_token.offset())
            .take();
        let is_left = |condition: &&RunCondition| match few {
            Some(Few::With(value)) => ParamValue::of(condition) != Some(*value),
            _ => true,
        };
        let mut conditions: Vec<_> = self.conditions.iter().filter(is_left).collect();
        conditions.sort_by_key(|condition| effort(condition));
        for condition in conditions {
            select.and_where(test(dialect, condition));
        }
        for (index, order) in self.orders.iter().enumerate() {
            order_by(dialect, &mut select, index, order);
        }
        if !self.orders.iter().any(|order| order.key == RunOrderKey::Time(RunTime::Start)) {
            select.order_by(run(Runs::StartTime), Order::Desc);
        }
        select.order_by(run(Runs::RunUuid), Order::Asc);
        match (dialect, request.page_token.offset()) {
            (Dialect::Postgres, 1..) => rows_after_order(select),
            _ => select,
        }
    }
}

/// Selects the same rows in the same order, of which only the ids are put in order: a sort of all columns up to a page in the middle
/// does not fit into PostgreSQL's memory for it, and ids alone may be all in an index.
fn rows_after_order(mut select: SelectStatement) -> SelectStatement {
    select_runs_of(select.clear_selects().column(run(Runs::RunUuid)).take())
}

/// A column of the table of runs, which others stand beside.
fn run(column: Runs) -> (Runs, Runs) {
    (Runs::Table, column)
}

/// What is looked at first: columns of the run itself, then what few runs fulfil. Databases know neither, and take conditions in
/// the order in which they stand.
fn effort(condition: &RunCondition) -> u8 {
    let of_row = |test: &TextTest| match test {
        TextTest::Compare(TextComparator::Equal, _) => 1,
        _ => 3,
    };
    match condition {
        RunCondition::Attribute { attribute: RunText::Name, test }
        | RunCondition::Param { test, .. }
        | RunCondition::Tag { test, .. } => of_row(test),
        RunCondition::Attribute { .. } | RunCondition::Time { .. } => 0,
        RunCondition::Metric { .. } => 2,
        RunCondition::Dataset { .. } => 4,
    }
}

fn test(dialect: Dialect, condition: &RunCondition) -> Expr {
    match condition {
        RunCondition::Metric { key, comparator, value } => {
            let rows = of_run(LatestMetrics::Table, LatestMetrics::RunUuid)
                .and_where(Expr::col(LatestMetrics::Key).eq(key.as_str()))
                .and_where(metric_test(*comparator, *value))
                .take();
            has_rows(dialect, rows)
        }
        RunCondition::Param { key, test } => {
            let rows = of_run(Params::Table, Params::RunUuid)
                .and_where(Expr::col(Params::Key).eq(key.as_str()))
                .take();
            row_test(dialect, rows, Expr::col(Params::Value), test)
        }
        RunCondition::Tag { key, test } => tag_test(dialect, key, test),
        RunCondition::Attribute { attribute: RunText::Name, test } => {
            // Runs of old versions have their name there only.
            tag_test(dialect, RUN_NAME_TAG, test)
        }
        RunCondition::Attribute { attribute, test } => {
            text_test(dialect, Expr::col(run(text_column(*attribute))), test)
        }
        RunCondition::Time { attribute, comparator, value } => {
            number_test(Expr::col(run(time_column(*attribute))), *comparator, *value)
        }
        RunCondition::Dataset { property, test } => dataset_test(dialect, *property, test),
    }
}

/// Rows of another table that belong to the run.
fn of_run(table: impl IntoIden, run_id: impl IntoIden) -> SelectStatement {
    let table = table.into_iden();
    Query::select()
        .expr(Expr::val(1))
        .from(table.clone())
        .and_where(Expr::col((table, run_id.into_iden())).equals(run(Runs::RunUuid)))
        .take()
}

fn tag_test(dialect: Dialect, key: &str, test: &TextTest) -> Expr {
    let rows = of_run(Tags::Table, Tags::RunUuid).and_where(Expr::col(Tags::Key).eq(key)).take();
    row_test(dialect, rows, Expr::col(Tags::Value), test)
}

/// Each condition looks at all datasets of the run, so that two may be fulfilled by different ones.
fn dataset_test(dialect: Dialect, property: DatasetProperty, test: &TextTest) -> Expr {
    let mut rows = of_run(Inputs::Table, Inputs::DestinationId);
    rows.and_where(datasets::is_link(dialect)).inner_join(
        Datasets::Table,
        Expr::col((Datasets::Table, Datasets::DatasetUuid))
            .equals((Inputs::Table, Inputs::SourceId)),
    );
    let value = match property {
        DatasetProperty::Name => Expr::col((Datasets::Table, Datasets::Name)),
        DatasetProperty::Digest => Expr::col((Datasets::Table, Datasets::Digest)),
        DatasetProperty::Context => {
            let belongs = Expr::col((InputTags::Table, InputTags::InputUuid))
                .equals((Inputs::Table, Inputs::InputUuid));
            let is_context = Expr::col((InputTags::Table, InputTags::Name)).eq(DATASET_CONTEXT_TAG);
            rows.inner_join(InputTags::Table, belongs.and(is_context));
            Expr::col((InputTags::Table, InputTags::Value))
        }
    };
    row_test(dialect, rows, value, test)
}

fn text_column(attribute: RunText) -> Runs {
    match attribute {
        RunText::Id => Runs::RunUuid,
        RunText::Name => Runs::Name,
        RunText::Status => Runs::Status,
        RunText::ArtifactUri => Runs::ArtifactUri,
        RunText::UserId => Runs::UserId,
    }
}

fn time_column(attribute: RunTime) -> Runs {
    match attribute {
        RunTime::Start => Runs::StartTime,
        RunTime::End => Runs::EndTime,
    }
}

/// Orders by a key, absent values last; `index` makes the names of joined tables differ.
fn order_by(dialect: Dialect, select: &mut SelectStatement, index: usize, order: &RunOrder) {
    let direction = if order.is_descending { Order::Desc } else { Order::Asc };
    let name = || Alias::new(format!("order_{index}"));
    let value = match &order.key {
        RunOrderKey::Attribute(attribute) => Expr::col(run(text_column(*attribute))),
        RunOrderKey::Time(attribute) => Expr::col(run(time_column(*attribute))),
        RunOrderKey::Param(key) => {
            join(dialect, select, name(), Params::Table, (Params::RunUuid, Params::Key), key);
            Expr::col((name(), Params::Value))
        }
        RunOrderKey::Tag(key) => {
            join(dialect, select, name(), Tags::Table, (Tags::RunUuid, Tags::Key), key);
            Expr::col((name(), Tags::Value))
        }
        RunOrderKey::Metric(key) => {
            let columns = (LatestMetrics::RunUuid, LatestMetrics::Key);
            join(dialect, select, name(), LatestMetrics::Table, columns, key);
            let value = Expr::col((name(), LatestMetrics::Value));
            let is_nan = Expr::col((name(), LatestMetrics::IsNan));
            let rank = Expr::case(is_nan, 1).case(value.clone().is_null(), 2).finally(0);
            select.order_by_expr(rank.into(), Order::Asc);
            value
        }
    };
    select.order_by_expr_with_nulls(value, direction, NullOrdering::Last);
}

/// Joins the row with a key, if the run has it.
fn join<C: IntoIden>(
    dialect: Dialect,
    select: &mut SelectStatement,
    name: Alias,
    table: C,
    (run_id, key_column): (C, C),
    key: &str,
) {
    let belongs = Expr::col((name.clone(), run_id)).equals(run(Runs::RunUuid));
    let is_the_row = belongs.and(Expr::col((name.clone(), key_column)).eq(key));
    match dialect {
        Dialect::Sqlite => {
            select.join_as(JoinType::LeftJoin, table.into_iden(), name, is_the_row);
        }
        Dialect::Postgres => {
            let row = Query::select()
                .column(Asterisk)
                .from_as(table.into_iden(), name.clone())
                .and_where(is_the_row)
                .take();
            join_rows(select, JoinType::LeftJoin, row, name);
        }
    }
}

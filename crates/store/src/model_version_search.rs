//! Searches for model versions: filters and orders as one statement.

use crate::{
    conditions::{number_test, row_test, text_test, visible_test},
    db::Dialect,
    model_versions::select_versions,
    prompts,
    reads::with_one_more,
    schema::WORKSPACE,
    tables::{ModelVersionTags, ModelVersions},
};
use mlferry_protocol::{
    InvalidParameter, PageToken,
    access::{Visible, VisibleNames},
    limits,
    model_versions::SearchModelVersions,
    tags::IS_PROMPT_TAG,
};
use mlferry_search::{
    TextTest,
    model_versions::{
        ModelVersionCondition, ModelVersionKey, ModelVersionOrder, ModelVersionText, parse_filter,
        parse_order_by,
    },
};
use sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};

/// What a search for model versions asks for.
pub(crate) struct ModelVersionSearch {
    request: SearchModelVersions,
    conditions: Vec<ModelVersionCondition>,
    orders: Vec<ModelVersionOrder>,
    wants_prompts: bool,
}

impl ModelVersionSearch {
    pub(crate) fn parse(request: SearchModelVersions) -> Result<Self, InvalidParameter> {
        let conditions = parse_filter(&request.filter)?;
        let orders = parse_order_by(&request.order_by)?;
        Ok(Self::new(request, conditions, orders))
    }

    /// Searches for the versions that were made of runs, as many as the longest page has.
    pub(crate) fn of_runs(runs: Vec<String>, visible: VisibleNames) -> Self {
        let request = SearchModelVersions {
            filter: String::new(),
            max_results: limits::SEARCH_MODEL_VERSIONS_RESULTS.unsigned_abs(),
            order_by: Vec::new(),
            page_token: PageToken::default(),
            visible,
        };
        let test = TextTest::OneOf { values: runs, negated: false };
        let attribute = ModelVersionText::RunId;
        Self::new(request, vec![ModelVersionCondition::Attribute { attribute, test }], Vec::new())
    }

    fn new(
        request: SearchModelVersions,
        conditions: Vec<ModelVersionCondition>,
        mut orders: Vec<ModelVersionOrder>,
    ) -> Self {
        if orders.is_empty() {
            let key = ModelVersionKey::LastUpdatedTime;
            orders.push(ModelVersionOrder { key, is_descending: true });
        }
        let wants_prompts =
            prompts::are_wanted(conditions.iter().filter_map(|condition| match condition {
                ModelVersionCondition::Tag { key, test } => Some((key.as_str(), test)),
                _ => None,
            }));
        Self { request, conditions, orders, wants_prompts }
    }

    pub(crate) fn request(&self) -> &SearchModelVersions {
        &self.request
    }

    /// Selects a page of versions, and one more, which tells whether there is another page.
    pub(crate) fn select(&self, dialect: Dialect) -> SelectStatement {
        let mut select = select_versions()
            .limit(with_one_more(self.request.max_results))
            .offset(self.request.page_token.offset())
            .take();
        for condition in &self.conditions {
            if let Some(test) = self.test(dialect, condition) {
                select.and_where(test);
            }
        }
        let VisibleNames { models, prompts } = &self.request.visible;
        let visible = if self.wants_prompts { prompts } else { models };
        let name = Expr::col((ModelVersions::Table, ModelVersions::Name));
        select.and_where_option(visible_test(dialect, name, visible));
        if self.wants_prompts && *models != Visible::All {
            // What has the tag with another value is no prompt, and seen by those who may see models.
            let is_prompt = Expr::col(ModelVersionTags::Value).eq(prompts::IS_PROMPT);
            let tags = of_model(IS_PROMPT_TAG).and_where(is_prompt).take();
            select.and_where(Expr::exists(tags));
        }
        if !self.wants_prompts {
            // One version that is a prompt's makes a prompt of all.
            let is_prompt = Expr::col(ModelVersionTags::Value).eq(prompts::IS_PROMPT);
            let tags = of_model(IS_PROMPT_TAG).and_where(is_prompt).take();
            select.and_where(Expr::not_exists(tags));
        }
        for order in &self.orders {
            let direction = if order.is_descending { Order::Desc } else { Order::Asc };
            select.order_by(column(order.key), direction);
        }
        let is_ordered_by = |key| self.orders.iter().any(|order| order.key == key);
        if !is_ordered_by(ModelVersionKey::Name) {
            select.order_by(column(ModelVersionKey::Name), Order::Asc);
        }
        if !is_ordered_by(ModelVersionKey::Version) {
            select.order_by(column(ModelVersionKey::Version), Order::Desc);
        }
        select
    }

    fn test(&self, dialect: Dialect, condition: &ModelVersionCondition) -> Option<Expr> {
        match condition {
            ModelVersionCondition::Attribute { attribute, test } => {
                let column = match attribute {
                    ModelVersionText::Name => ModelVersions::Name,
                    ModelVersionText::RunId => ModelVersions::RunId,
                    ModelVersionText::SourcePath => ModelVersions::Source,
                };
                Some(text_test(dialect, Expr::col((ModelVersions::Table, column)), test))
            }
            ModelVersionCondition::Version { comparator, value } => {
                let number = Expr::col((ModelVersions::Table, ModelVersions::Version));
                Some(number_test(number, *comparator, *value))
            }
            // Models don't have it, whatever it is compared with.
            ModelVersionCondition::Tag { key, .. }
                if key == IS_PROMPT_TAG && !self.wants_prompts =>
            {
                None
            }
            ModelVersionCondition::Tag { key, test } => {
                let belongs = Expr::col((ModelVersionTags::Table, ModelVersionTags::Version))
                    .equals((ModelVersions::Table, ModelVersions::Version));
                let rows = of_model(key).and_where(belongs).take();
                let value = Expr::col((ModelVersionTags::Table, ModelVersionTags::Value));
                Some(row_test(dialect, rows, value, test))
            }
        }
    }
}

/// Finds the rows of a tag of all versions of the version's model.
fn of_model(key: &str) -> SelectStatement {
    let belongs = Expr::col((ModelVersionTags::Table, ModelVersionTags::Name))
        .equals((ModelVersions::Table, ModelVersions::Name));
    Query::select()
        .expr(Expr::val(1))
        .from(ModelVersionTags::Table)
        .and_where(Expr::col((ModelVersionTags::Table, ModelVersionTags::Workspace)).eq(WORKSPACE))
        .and_where(belongs)
        .and_where(Expr::col(ModelVersionTags::Key).eq(key))
        .take()
}

fn column(key: ModelVersionKey) -> (ModelVersions, ModelVersions) {
    let column = match key {
        ModelVersionKey::Name => ModelVersions::Name,
        ModelVersionKey::Version => ModelVersions::Version,
        ModelVersionKey::CreationTime => ModelVersions::CreationTime,
        ModelVersionKey::LastUpdatedTime => ModelVersions::LastUpdatedTime,
    };
    (ModelVersions::Table, column)
}

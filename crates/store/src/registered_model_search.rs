//! Searches for registered models: filters and orders as one statement.

use crate::{
    conditions::{row_test, text_test, visible_test},
    db::Dialect,
    prompts,
    reads::with_one_more,
    registered_models::select_models,
    schema::WORKSPACE,
    tables::{RegisteredModelTags, RegisteredModels},
};
use mlferry_protocol::{
    InvalidParameter,
    access::{Visible, VisibleNames},
    registered_models::SearchRegisteredModels,
    tags::IS_PROMPT_TAG,
};
use mlferry_search::registered_models::{
    RegisteredModelCondition, RegisteredModelKey, RegisteredModelOrder, parse_filter,
    parse_order_by,
};
use sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};

/// What a search for registered models asks for.
pub(crate) struct RegisteredModelSearch {
    request: SearchRegisteredModels,
    conditions: Vec<RegisteredModelCondition>,
    orders: Vec<RegisteredModelOrder>,
    wants_prompts: bool,
}

impl RegisteredModelSearch {
    pub(crate) fn parse(request: SearchRegisteredModels) -> Result<Self, InvalidParameter> {
        let conditions = parse_filter(&request.filter)?;
        let orders = parse_order_by(&request.order_by)?;
        let wants_prompts =
            prompts::are_wanted(conditions.iter().filter_map(|condition| match condition {
                RegisteredModelCondition::Tag { key, test } => Some((key.as_str(), test)),
                RegisteredModelCondition::Name(_) => None,
            }));
        Ok(Self { request, conditions, orders, wants_prompts })
    }

    pub(crate) fn request(&self) -> &SearchRegisteredModels {
        &self.request
    }

    /// Selects a page of models, and one more, which tells whether there is another page.
    pub(crate) fn select(&self, dialect: Dialect) -> SelectStatement {
        let mut select = select_models()
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
        let name = Expr::col((RegisteredModels::Table, RegisteredModels::Name));
        select.and_where_option(visible_test(dialect, name, visible));
        if self.wants_prompts && *models != Visible::All {
            // What has the tag with another value is no prompt, and seen by those who may see models.
            let is_prompt = Expr::col(RegisteredModelTags::Value).eq(prompts::IS_PROMPT);
            select.and_where(Expr::exists(tag(IS_PROMPT_TAG).and_where(is_prompt).take()));
        }
        if !self.wants_prompts {
            let is_prompt = Expr::col(RegisteredModelTags::Value).eq(prompts::IS_PROMPT);
            select.and_where(Expr::not_exists(tag(IS_PROMPT_TAG).and_where(is_prompt).take()));
        }
        for order in &self.orders {
            let direction = if order.is_descending { Order::Desc } else { Order::Asc };
            select.order_by(column(order.key), direction);
        }
        if !self.orders.iter().any(|order| order.key == RegisteredModelKey::Name) {
            select.order_by(RegisteredModels::Name, Order::Asc);
        }
        select
    }

    fn test(&self, dialect: Dialect, condition: &RegisteredModelCondition) -> Option<Expr> {
        match condition {
            RegisteredModelCondition::Name(test) => {
                Some(text_test(dialect, Expr::col(RegisteredModels::Name), test))
            }
            // Models don't have it, whatever it is compared with.
            RegisteredModelCondition::Tag { key, .. }
                if key == IS_PROMPT_TAG && !self.wants_prompts =>
            {
                None
            }
            RegisteredModelCondition::Tag { key, test } => {
                Some(row_test(dialect, tag(key), Expr::col(RegisteredModelTags::Value), test))
            }
        }
    }
}

/// Finds the row of a model's tag.
fn tag(key: &str) -> SelectStatement {
    let belongs = Expr::col((RegisteredModelTags::Table, RegisteredModelTags::Name))
        .equals((RegisteredModels::Table, RegisteredModels::Name));
    Query::select()
        .expr(Expr::val(1))
        .from(RegisteredModelTags::Table)
        .and_where(
            Expr::col((RegisteredModelTags::Table, RegisteredModelTags::Workspace)).eq(WORKSPACE),
        )
        .and_where(belongs)
        .and_where(Expr::col(RegisteredModelTags::Key).eq(key))
        .take()
}

fn column(key: RegisteredModelKey) -> RegisteredModels {
    match key {
        RegisteredModelKey::Name => RegisteredModels::Name,
        RegisteredModelKey::LastUpdatedTime => RegisteredModels::LastUpdatedTime,
    }
}

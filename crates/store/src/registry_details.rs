//! What belongs to registered models and their versions, read for a whole page at once.

use crate::{
    StoreError,
    db::{DbError, Dialect, Transaction, is_one_of_texts, list},
    model_versions::{select_versions, version_of},
    registered_models,
    schema::WORKSPACE,
    tables::{ModelVersionTags, ModelVersions, RegisteredModelAliases, RegisteredModelTags},
};
use mlferry_protocol::{
    model_versions::{ModelVersion, Stage, VersionNumber},
    registered_models::{Alias, RegisteredModel},
    tags::Tag,
};
use sea_query::{
    Alias as TableAlias, Expr, ExprTrait, Func, JoinType, Order, Query, SelectStatement,
};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Gives models their newest versions, tags and aliases: a few statements, however many models there are.
pub(crate) async fn complete_models(
    transaction: &mut Transaction,
    models: &mut [RegisteredModel],
) -> Result<(), StoreError> {
    if models.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = models.iter().map(|model| model.name.clone()).collect();
    let mut latest = latest_versions(transaction, &names).await?;
    let mut aliases = aliases_of(transaction, &names).await?;
    let mut tags = tags_of(transaction, &names).await?;
    for model in models {
        model.latest_versions = latest.remove(&model.name).unwrap_or_default();
        model.aliases = aliases.remove(&model.name).unwrap_or_default();
        model.tags = tags.remove(&model.name).unwrap_or_default();
    }
    Ok(())
}

/// The newest version of each of some stages of a model; of all stages when none is named.
pub(crate) async fn latest_in_stages(
    transaction: &mut Transaction,
    name: &str,
    stages: &[String],
) -> Result<Vec<ModelVersion>, StoreError> {
    registered_models::check_existence(transaction, name).await?;
    let stages = stages.iter().map(|stage| Stage::parse(stage)).collect::<Result<Vec<_>, _>>()?;
    let names = [name.to_owned()];
    let mut latest = latest_versions(transaction, &names).await?.remove(name).unwrap_or_default();
    latest.retain(|version| {
        let is_in = |stage: &Stage| version.current_stage.as_deref() == Some(stage.name());
        stages.is_empty() || stages.iter().any(is_in)
    });
    add_aliases_to_versions(transaction, name, &mut latest).await?;
    Ok(latest)
}

/// The newest version of each stage of models; stages stand in the order in which they were first entered.
async fn latest_versions(
    transaction: &mut Transaction,
    names: &[String],
) -> Result<HashMap<String, Vec<ModelVersion>>, DbError> {
    let mut found: HashMap<String, Vec<ModelVersion>> = HashMap::new();
    let rows = transaction.fetch_all(&select_latest(transaction.dialect(), names)).await?;
    let mut versions = rows.iter().map(version_of).collect::<Result<Vec<_>, _>>()?;
    add_tags_to_versions(transaction, &mut versions).await?;
    for version in versions {
        found.entry(version.name.clone()).or_default().push(version);
    }
    Ok(found)
}

fn select_latest(dialect: Dialect, names: &[String]) -> SelectStatement {
    let (ends, first, last) =
        (TableAlias::new("ends"), TableAlias::new("first"), TableAlias::new("last"));
    let number = || Expr::col((ModelVersions::Table, ModelVersions::Version));
    // Said of both, since nobody infers it: the versions of all models would be read.
    let is_of_models = || {
        let name = Expr::col((ModelVersions::Table, ModelVersions::Name));
        is_one_of_texts(dialect, name, names)
    };
    let ends_of_stages = select_versions()
        .clear_selects()
        .column(ModelVersions::Name)
        .expr_as(Func::min(number()), first.clone())
        .expr_as(Func::max(number()), last.clone())
        .and_where(is_of_models())
        .group_by_columns([ModelVersions::Name, ModelVersions::CurrentStage])
        .take();
    let is_last = number().equals((ends.clone(), last)).and(
        Expr::col((ModelVersions::Table, ModelVersions::Name))
            .equals((ends.clone(), ModelVersions::Name)),
    );
    select_versions()
        .join_subquery(JoinType::InnerJoin, ends_of_stages, ends.clone(), is_last)
        .and_where(is_of_models())
        .order_by((ends, first), Order::Asc)
        .take()
}

/// Tags of one model.
pub(crate) async fn tags_of_model(
    transaction: &mut Transaction,
    name: &str,
) -> Result<Vec<Tag>, DbError> {
    let names = [name.to_owned()];
    Ok(tags_of(transaction, &names).await?.remove(name).unwrap_or_default())
}

/// Tags of models.
async fn tags_of(
    transaction: &mut Transaction,
    names: &[String],
) -> Result<HashMap<String, Vec<Tag>>, DbError> {
    const NAMES: &str = "names";
    let mut found: HashMap<String, Vec<Tag>> = HashMap::new();
    // No index begins with the name: PostgreSQL puts rows to select from into a hash table, and would compare each tag with each
    // value of an array.
    let list = list(transaction.dialect(), names, NAMES);
    let names = Query::select().column((NAMES, list.column)).from_function(list.rows, NAMES).take();
    let select = Query::select()
        .columns([RegisteredModelTags::Name, RegisteredModelTags::Key, RegisteredModelTags::Value])
        .from(RegisteredModelTags::Table)
        .and_where(Expr::col(RegisteredModelTags::Workspace).eq(WORKSPACE))
        .and_where(Expr::col(RegisteredModelTags::Name).in_subquery(names))
        .take();
    for row in transaction.fetch_all(&select).await? {
        let value: Option<String> = row.get(RegisteredModelTags::Value)?;
        let tag = Tag { key: row.get(RegisteredModelTags::Key)?, value: value.unwrap_or_default() };
        found.entry(row.get(RegisteredModelTags::Name)?).or_default().push(tag);
    }
    for tags in found.values_mut() {
        sort(tags);
    }
    Ok(found)
}

/// Aliases of models.
async fn aliases_of(
    transaction: &mut Transaction,
    names: &[String],
) -> Result<HashMap<String, Vec<Alias>>, DbError> {
    let mut found: HashMap<String, Vec<Alias>> = HashMap::new();
    let select = Query::select()
        .columns([
            RegisteredModelAliases::Name,
            RegisteredModelAliases::Alias,
            RegisteredModelAliases::Version,
        ])
        .from(RegisteredModelAliases::Table)
        .and_where(Expr::col(RegisteredModelAliases::Workspace).eq(WORKSPACE))
        .and_where(is_one_of_texts(
            transaction.dialect(),
            Expr::col(RegisteredModelAliases::Name),
            names,
        ))
        .order_by(RegisteredModelAliases::Alias, Order::Asc)
        .take();
    for row in transaction.fetch_all(&select).await? {
        let version = VersionNumber(row.get(RegisteredModelAliases::Version)?);
        let alias = Alias { alias: row.get(RegisteredModelAliases::Alias)?, version };
        found.entry(row.get(RegisteredModelAliases::Name)?).or_default().push(alias);
    }
    Ok(found)
}

/// Gives versions of one model their other names.
pub(crate) async fn add_aliases_to_versions(
    transaction: &mut Transaction,
    name: &str,
    versions: &mut [ModelVersion],
) -> Result<(), DbError> {
    let names = [name.to_owned()];
    let aliases = aliases_of(transaction, &names).await?.remove(name).unwrap_or_default();
    for version in versions {
        let mine = aliases.iter().filter(|alias| alias.version == version.version);
        version.aliases = mine.map(|alias| alias.alias.clone()).collect();
    }
    Ok(())
}

/// Gives versions, of whatever models, their tags.
pub(crate) async fn add_tags_to_versions(
    transaction: &mut Transaction,
    versions: &mut [ModelVersion],
) -> Result<(), DbError> {
    if versions.is_empty() {
        return Ok(());
    }
    let mut found: HashMap<(String, i64), Vec<Tag>> = HashMap::new();
    let select = Query::select()
        .columns([
            ModelVersionTags::Name,
            ModelVersionTags::Version,
            ModelVersionTags::Key,
            ModelVersionTags::Value,
        ])
        .from(ModelVersionTags::Table)
        .and_where(Expr::col(ModelVersionTags::Workspace).eq(WORKSPACE))
        .and_where(is_of_one(transaction.dialect(), versions))
        .take();
    for row in transaction.fetch_all(&select).await? {
        let value: Option<String> = row.get(ModelVersionTags::Value)?;
        let tag = Tag { key: row.get(ModelVersionTags::Key)?, value: value.unwrap_or_default() };
        let of = (row.get(ModelVersionTags::Name)?, row.get(ModelVersionTags::Version)?);
        found.entry(of).or_default().push(tag);
    }
    for version in versions {
        let of = (version.name.clone(), version.version.0);
        version.tags = found.remove(&of).unwrap_or_default();
        sort(&mut version.tags);
    }
    Ok(())
}

/// Puts tags in order. To ask a database for it would have SQLite read those of all models by a key that has the order.
fn sort(tags: &mut [Tag]) {
    tags.sort_by(|one, other| one.key.cmp(&other.key));
}

/// Whether a tag is one of these versions'. Their names and numbers travel as one value, since databases
/// count values, and not every one takes lists of pairs.
fn is_of_one(dialect: Dialect, versions: &[ModelVersion]) -> Expr {
    let pairs = versions.iter().map(|version| json!([version.name, version.version.0]));
    let pairs = pairs.collect::<Value>().to_string();
    let template = match dialect {
        Dialect::Sqlite => {
            "(name, version) IN (SELECT page.value ->> 0, page.value ->> 1 FROM json_each(?) AS page)"
        }
        Dialect::Postgres => {
            "(name, version) IN (SELECT page ->> 0, (page ->> 1)::int \
             FROM jsonb_array_elements($1::jsonb) AS page)"
        }
    };
    Expr::cust_with_values(template, [pairs])
}

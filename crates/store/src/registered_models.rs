//! Registered models.

use crate::{
    Store, StoreError,
    clock::now_ms,
    db::{DbError, Row, Transaction, Trouble, insert},
    model_versions,
    reads::{Question, cut_page},
    registered_model_search::RegisteredModelSearch,
    registry_details,
    registry_tags::set_on_model,
    schema::WORKSPACE,
    tables::{
        ModelVersionTags, ModelVersions, RegisteredModelAliases, RegisteredModelTags,
        RegisteredModels,
    },
    webhook_news::{Subject, announce, told_tags},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    registered_models::{
        CreateRegisteredModel, DeleteRegisteredModel, GetLatestVersions, GetLatestVersionsResponse,
        GetRegisteredModel, RegisteredModel, RenameRegisteredModel, SearchRegisteredModels,
        SearchRegisteredModelsResponse, UpdateRegisteredModel,
    },
    tags::{IS_PROMPT_TAG, Tag, are_of_prompt},
    webhook_events::RegistryChange,
};
use sea_query::{
    Expr, ExprTrait, IntoIden, LockType, OnConflict, Query, SelectStatement, UpdateStatement,
};
use serde_json::json;

impl Store {
    /// Makes a registered model; its name must be free.
    pub async fn create_registered_model(
        &self,
        request: CreateRegisteredModel,
    ) -> Result<RegisteredModel, StoreError> {
        self.write(request).await
    }

    /// A registered model.
    pub async fn get_registered_model(
        &self,
        request: GetRegisteredModel,
    ) -> Result<RegisteredModel, StoreError> {
        self.ask(request).await
    }

    /// A page of registered models that fulfil a filter, in the order asked for, or by name.
    pub async fn search_registered_models(
        &self,
        request: SearchRegisteredModels,
    ) -> Result<SearchRegisteredModelsResponse, StoreError> {
        self.ask(RegisteredModelSearch::parse(request)?).await
    }

    /// The newest version of each stage of a registered model.
    pub async fn get_latest_versions(
        &self,
        request: GetLatestVersions,
    ) -> Result<GetLatestVersionsResponse, StoreError> {
        self.ask(request).await
    }

    /// Gives a registered model another description.
    pub async fn update_registered_model(
        &self,
        request: UpdateRegisteredModel,
    ) -> Result<RegisteredModel, StoreError> {
        self.write(request).await
    }

    /// Gives a registered model, with all that it has, another name.
    pub async fn rename_registered_model(
        &self,
        request: RenameRegisteredModel,
    ) -> Result<RegisteredModel, StoreError> {
        self.write(request).await
    }

    /// Removes a registered model with all its versions, for good.
    pub async fn delete_registered_model(
        &self,
        request: DeleteRegisteredModel,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }
}

impl Question for GetRegisteredModel {
    type Answer = RegisteredModel;
    const IS_SHORT: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<RegisteredModel, StoreError> {
        find(transaction, &self.name).await
    }
}

impl Question for RegisteredModelSearch {
    type Answer = SearchRegisteredModelsResponse;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<SearchRegisteredModelsResponse, StoreError> {
        let request = self.request();
        let mut rows = transaction.fetch_all(&self.select(transaction.dialect())).await?;
        let has_more = cut_page(&mut rows, request.max_results);
        let mut models = rows.iter().map(model_of).collect::<Result<Vec<_>, _>>()?;
        registry_details::complete_models(transaction, &mut models).await?;
        let next_page_token = has_more.then(|| request.page_token.after(models.len()));
        Ok(SearchRegisteredModelsResponse { registered_models: models, next_page_token })
    }
}

impl Question for GetLatestVersions {
    type Answer = GetLatestVersionsResponse;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<GetLatestVersionsResponse, StoreError> {
        let model_versions =
            registry_details::latest_in_stages(transaction, &self.name, &self.stages).await?;
        Ok(GetLatestVersionsResponse { model_versions })
    }
}

impl Change for CreateRegisteredModel {
    type Output = RegisteredModel;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Nothing
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<RegisteredModel, StoreError> {
        let now = now_ms();
        let columns = [
            RegisteredModels::Name,
            RegisteredModels::CreationTime,
            RegisteredModels::LastUpdatedTime,
            RegisteredModels::Description,
            RegisteredModels::Workspace,
        ];
        let row = [
            self.name.as_str().into(),
            now.into(),
            now.into(),
            self.description.as_str().into(),
            WORKSPACE.into(),
        ];
        let mut insertion = insert(RegisteredModels::Table, columns, [row]);
        // A statement that fails would end the transaction, in which it is still to be asked who has the name.
        insertion.on_conflict(OnConflict::new().do_nothing().to_owned());
        if transaction.insert(&insertion).await? == 0 {
            return Err(taken(transaction, &self.name, &self.tags).await?);
        }
        set_on_model(transaction, &self.name, &self.tags).await?;
        let subject = Subject { name: &self.name, is_prompt: Some(are_of_prompt(&self.tags)) };
        announce(transaction, RegistryChange::Created, subject, |is_prompt| {
            let tags = told_tags(&self.tags, is_prompt);
            json!({"name": self.name, "tags": tags, "description": self.description})
        })
        .await?;
        find(transaction, &self.name).await
    }
}

/// Why a new model can't have a name: models and prompts share their names.
async fn taken(
    transaction: &mut Transaction,
    name: &str,
    new_tags: &[Tag],
) -> Result<StoreError, DbError> {
    let holder_tags = registry_details::tags_of_model(transaction, name).await?;
    let is_prompt = |tags: &[Tag]| tags.iter().any(|tag| tag.key == IS_PROMPT_TAG);
    let name = name.to_owned();
    Ok(match (is_prompt(new_tags), is_prompt(&holder_tags)) {
        (false, false) => StoreError::RegisteredModelExists(name),
        (true, true) => StoreError::PromptExists(name),
        (true, false) => {
            StoreError::NameTaken { name, wanted: "prompt", taker: "registered model" }
        }
        (false, true) => {
            StoreError::NameTaken { name, wanted: "registered model", taker: "prompt" }
        }
    })
}

impl Change for UpdateRegisteredModel {
    type Output = RegisteredModel;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::RegisteredModel(&self.name)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<RegisteredModel, StoreError> {
        let update = update(&self.name)
            .value(RegisteredModels::Description, self.description.as_str())
            .value(RegisteredModels::LastUpdatedTime, now_ms())
            .take();
        if transaction.execute(&update).await? == 0 {
            return Err(StoreError::RegisteredModelNotFound(self.name.clone()));
        }
        find(transaction, &self.name).await
    }
}

impl Change for RenameRegisteredModel {
    type Output = RegisteredModel;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::RegisteredModel(&self.name)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<RegisteredModel, StoreError> {
        let now = now_ms();
        let new_name = self.new_name.as_str();
        // Versions, tags and aliases follow by their keys.
        let update = update(&self.name)
            .value(RegisteredModels::Name, new_name)
            .value(RegisteredModels::LastUpdatedTime, now)
            .take();
        let updated =
            transaction.execute(&update).await.map_err(|error| match error.trouble() {
                Trouble::Duplicate => StoreError::RegisteredModelExists(self.new_name.clone()),
                _ => error.into(),
            })?;
        if updated == 0 {
            return Err(StoreError::RegisteredModelNotFound(self.name.clone()));
        }
        transaction.execute(&model_versions::update(new_name, now)).await?;
        find(transaction, new_name).await
    }
}

impl Change for DeleteRegisteredModel {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::RegisteredModel(&self.name)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        if !lock(transaction, &self.name, LockType::Update).await? {
            return Err(StoreError::RegisteredModelNotFound(self.name.clone()));
        }
        // Rows go before those that they refer to. All tables name workspace and model alike.
        for table in [
            ModelVersionTags::Table.into_iden(),
            ModelVersions::Table.into_iden(),
            RegisteredModelTags::Table.into_iden(),
            RegisteredModelAliases::Table.into_iden(),
            RegisteredModels::Table.into_iden(),
        ] {
            let delete = Query::delete()
                .from_table(table)
                .and_where(Expr::col(RegisteredModels::Workspace).eq(WORKSPACE))
                .and_where(is_called(&self.name))
                .take();
            transaction.execute(&delete).await?;
        }
        Ok(())
    }
}

/// Locks a model, so that nobody else changes it or what it has; tells whether it exists.
pub(crate) async fn lock(
    transaction: &mut Transaction,
    name: &str,
    lock: LockType,
) -> Result<bool, DbError> {
    let select = select_model(name).lock(lock).take();
    Ok(transaction.fetch_optional(&select).await?.is_some())
}

/// Refuses a model that does not exist.
pub(crate) async fn check_existence(
    transaction: &mut Transaction,
    name: &str,
) -> Result<(), StoreError> {
    row_of(transaction, name).await.map(|_| ())
}

/// Locks a model that must exist.
pub(crate) async fn existing(transaction: &mut Transaction, name: &str) -> Result<(), StoreError> {
    if lock(transaction, name, LockType::NoKeyUpdate).await? {
        return Ok(());
    }
    Err(StoreError::RegisteredModelNotFound(name.to_owned()))
}

/// Notes that a model, or one of its versions, changed.
pub(crate) async fn touch(
    transaction: &mut Transaction,
    name: &str,
    now: i64,
) -> Result<(), DbError> {
    let update = update(name).value(RegisteredModels::LastUpdatedTime, now).take();
    transaction.execute(&update).await?;
    Ok(())
}

/// A model with all that it has.
pub(crate) async fn find(
    transaction: &mut Transaction,
    name: &str,
) -> Result<RegisteredModel, StoreError> {
    let mut model = model_of(&row_of(transaction, name).await?)?;
    registry_details::complete_models(transaction, std::slice::from_mut(&mut model)).await?;
    Ok(model)
}

async fn row_of(transaction: &mut Transaction, name: &str) -> Result<Row, StoreError> {
    let row = transaction.fetch_optional(&select_model(name)).await?;
    row.ok_or_else(|| StoreError::RegisteredModelNotFound(name.to_owned()))
}

fn is_called(name: &str) -> Expr {
    Expr::col(RegisteredModels::Name).eq(name)
}

fn update(name: &str) -> UpdateStatement {
    Query::update()
        .table(RegisteredModels::Table)
        .and_where(Expr::col(RegisteredModels::Workspace).eq(WORKSPACE))
        .and_where(is_called(name))
        .take()
}

fn select_model(name: &str) -> SelectStatement {
    select_models().and_where(is_called(name)).take()
}

pub(crate) fn select_models() -> SelectStatement {
    Query::select()
        .columns([
            RegisteredModels::Name,
            RegisteredModels::CreationTime,
            RegisteredModels::LastUpdatedTime,
            RegisteredModels::Description,
        ])
        .from(RegisteredModels::Table)
        // A server with one workspace sees only that one.
        .and_where(Expr::col(RegisteredModels::Workspace).eq(WORKSPACE))
        .take()
}

fn model_of(row: &Row) -> Result<RegisteredModel, DbError> {
    let description: Option<String> = row.get(RegisteredModels::Description)?;
    Ok(RegisteredModel {
        name: row.get(RegisteredModels::Name)?,
        creation_timestamp: row.get(RegisteredModels::CreationTime)?,
        last_updated_timestamp: row.get(RegisteredModels::LastUpdatedTime)?,
        description: description.unwrap_or_default(),
        latest_versions: Vec::new(),
        tags: Vec::new(),
        aliases: Vec::new(),
    })
}

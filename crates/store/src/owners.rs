//! What runs, logged models and traces belong to, and which names are those of prompts: it decides who may do what with them.

use crate::{
    Store, StoreError,
    db::{Transaction, is_one_of_texts},
    prompts,
    reads::Question,
    schema::WORKSPACE,
    tables::{LoggedModels, RegisteredModelTags, Runs, TraceInfo as Traces},
};
use mlferry_protocol::{ExperimentId, tags::IS_PROMPT_TAG};
use sea_query::{DynIden, Expr, ExprTrait, IntoIden, Query};
use std::collections::{HashMap, HashSet};

/// What is asked about.
#[derive(Debug, Default)]
pub struct Owned {
    /// Ids of runs.
    pub runs: Vec<String>,
    /// Ids of logged models.
    pub logged_models: Vec<String>,
    /// Ids of traces.
    pub traces: Vec<String>,
    /// Names of registered models and prompts.
    pub names: Vec<String>,
}

impl Owned {
    fn len(&self) -> usize {
        let lists = [&self.runs, &self.logged_models, &self.traces, &self.names];
        lists.iter().map(|list| list.len()).sum()
    }

    /// Whether nothing is asked about.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The answer. What does not exist is not in it.
#[derive(Debug, Default)]
pub struct Ownership {
    /// The experiments of runs.
    pub of_runs: HashMap<String, ExperimentId>,
    /// The experiments of logged models.
    pub of_logged_models: HashMap<String, ExperimentId>,
    /// The experiments of traces.
    pub of_traces: HashMap<String, ExperimentId>,
    /// The names that prompts have.
    pub prompts: HashSet<String>,
}

impl Store {
    /// What things belong to, deleted ones included.
    pub async fn owners(&self, owned: Owned) -> Result<Ownership, StoreError> {
        if owned.len() > FEW {
            return self.ask(Many(owned)).await;
        }
        self.ask(owned).await
    }
}

/// Things that are asked about in a moment.
const FEW: usize = 100;

/// Too much to be answered where it is asked.
struct Many(Owned);

impl Question for Many {
    type Answer = Ownership;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Ownership, StoreError> {
        self.0.answer(transaction).await
    }
}

impl Question for Owned {
    type Answer = Ownership;
    const IS_SHORT: bool = true;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Ownership, StoreError> {
        let runs = columns(Runs::Table, Runs::RunUuid, Runs::ExperimentId);
        let models =
            columns(LoggedModels::Table, LoggedModels::ModelId, LoggedModels::ExperimentId);
        let traces = columns(Traces::Table, Traces::RequestId, Traces::ExperimentId);
        Ok(Ownership {
            of_runs: experiments_of(transaction, runs, &self.runs).await?,
            of_logged_models: experiments_of(transaction, models, &self.logged_models).await?,
            of_traces: experiments_of(transaction, traces, &self.traces).await?,
            prompts: prompts_among(transaction, &self.names).await?,
        })
    }
}

/// A table, the column of its ids, and that of its experiments.
struct Columns([DynIden; 3]);

fn columns<C: IntoIden>(table: C, id: C, experiment: C) -> Columns {
    Columns([table.into_iden(), id.into_iden(), experiment.into_iden()])
}

async fn experiments_of(
    transaction: &mut Transaction,
    Columns([table, id, experiment]): Columns,
    ids: &[String],
) -> Result<HashMap<String, ExperimentId>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let select = Query::select()
        .columns([id.clone(), experiment])
        .from(table)
        .and_where(is_one_of_texts(transaction.dialect(), Expr::col(id), ids))
        .take();
    let mut owners = HashMap::new();
    for row in transaction.fetch_all(&select).await? {
        let owner: Option<i64> = row.get_at(1)?;
        if let Some(owner) = owner {
            owners.insert(row.get_at(0)?, ExperimentId(owner));
        }
    }
    Ok(owners)
}

async fn prompts_among(
    transaction: &mut Transaction,
    names: &[String],
) -> Result<HashSet<String>, StoreError> {
    if names.is_empty() {
        return Ok(HashSet::new());
    }
    let is_one =
        is_one_of_texts(transaction.dialect(), Expr::col(RegisteredModelTags::Name), names);
    let select = Query::select()
        .columns([RegisteredModelTags::Name, RegisteredModelTags::Value])
        .from(RegisteredModelTags::Table)
        .and_where(Expr::col(RegisteredModelTags::Workspace).eq(WORKSPACE))
        .and_where(is_one)
        .and_where(Expr::col(RegisteredModelTags::Key).eq(IS_PROMPT_TAG))
        .take();
    let mut found = HashSet::new();
    for row in transaction.fetch_all(&select).await? {
        let value: Option<String> = row.get(RegisteredModelTags::Value)?;
        if value.is_some_and(|value| value.eq_ignore_ascii_case(prompts::IS_PROMPT)) {
            found.insert(row.get(RegisteredModelTags::Name)?);
        }
    }
    Ok(found)
}

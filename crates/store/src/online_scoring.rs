//! How many of the traces scorers are to judge by themselves.

use crate::{
    Store, StoreError,
    db::{Transaction, id_lists, insert},
    experiments,
    reads::Question,
    scorers::{not_found, select_id},
    tables::{OnlineScoringConfigs, ScorerVersions, Scorers},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    ExperimentId, InvalidParameter,
    python::hex,
    scorers::{GetOnlineScoringConfigs, OnlineScoringConfig, SetOnlineScoringConfig},
    serialized_scorers::SerializedScorer,
};
use sea_query::{Expr, ExprTrait, LockType, Order, Query};
use uuid::Uuid;

impl Store {
    /// The settings of scorers.
    pub async fn online_scoring_configs(
        &self,
        request: GetOnlineScoringConfigs,
    ) -> Result<Vec<OnlineScoringConfig>, StoreError> {
        self.ask(request).await
    }

    /// Replaces the settings of a scorer. Traces are judged by whoever reads them from the database: not here.
    pub async fn set_online_scoring_config(
        &self,
        request: SetOnlineScoringConfig,
    ) -> Result<OnlineScoringConfig, StoreError> {
        mlferry_search::traces::parse_filter(request.filter_string.as_deref().unwrap_or_default())?;
        self.write(request).await
    }
}

const COLUMNS: [OnlineScoringConfigs; 5] = [
    OnlineScoringConfigs::OnlineScoringConfigId,
    OnlineScoringConfigs::ScorerId,
    OnlineScoringConfigs::SampleRate,
    OnlineScoringConfigs::ExperimentId,
    OnlineScoringConfigs::FilterString,
];

impl Question for GetOnlineScoringConfigs {
    type Answer = Vec<OnlineScoringConfig>;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<Vec<OnlineScoringConfig>, StoreError> {
        let mut configs = Vec::new();
        for ids in id_lists(&self.scorer_ids) {
            let select = Query::select()
                .columns(COLUMNS)
                .from(OnlineScoringConfigs::Table)
                .and_where(
                    Expr::col(OnlineScoringConfigs::ScorerId).is_in(ids.iter().map(String::as_str)),
                )
                .take();
            for row in transaction.fetch_all(&select).await? {
                configs.push(OnlineScoringConfig {
                    online_scoring_config_id: row
                        .get(OnlineScoringConfigs::OnlineScoringConfigId)?,
                    scorer_id: row.get(OnlineScoringConfigs::ScorerId)?,
                    sample_rate: row.get(OnlineScoringConfigs::SampleRate)?,
                    experiment_id: ExperimentId(row.get(OnlineScoringConfigs::ExperimentId)?),
                    filter_string: row.get(OnlineScoringConfigs::FilterString)?,
                });
            }
        }
        Ok(configs)
    }
}

impl Change for SetOnlineScoringConfig {
    type Output = OnlineScoringConfig;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Experiment(self.experiment_id)
    }

    async fn apply(
        &self,
        transaction: &mut Transaction,
    ) -> Result<OnlineScoringConfig, StoreError> {
        experiments::active(transaction, self.experiment_id).await?;
        let select = select_id(self.experiment_id, &self.name).lock(LockType::NoKeyUpdate).take();
        let Some(row) = transaction.fetch_optional(&select).await? else {
            return Err(not_found(self.experiment_id, &self.name, None));
        };
        let scorer_id: String = row.get(Scorers::ScorerId)?;
        if self.sample_rate > 0.0 {
            check(transaction, &scorer_id, &self.name).await?;
        }
        let delete = Query::delete()
            .from_table(OnlineScoringConfigs::Table)
            .and_where(Expr::col(OnlineScoringConfigs::ScorerId).eq(scorer_id.as_str()))
            .take();
        transaction.execute(&delete).await?;
        let id = hex(Uuid::new_v4().as_bytes());
        let row = [
            id.as_str().into(),
            scorer_id.as_str().into(),
            self.sample_rate.into(),
            self.experiment_id.0.into(),
            self.filter_string.clone().into(),
        ];
        transaction.insert(&insert(OnlineScoringConfigs::Table, COLUMNS, [row])).await?;
        Ok(OnlineScoringConfig {
            online_scoring_config_id: id,
            scorer_id,
            sample_rate: self.sample_rate,
            experiment_id: self.experiment_id,
            filter_string: self.filter_string.clone(),
        })
    }
}

/// Refuses a scorer that can't judge by itself: a server asks models by the gateway alone, and nobody has said yet
/// what was expected of a trace that is new.
async fn check(
    transaction: &mut Transaction,
    scorer_id: &str,
    name: &str,
) -> Result<(), StoreError> {
    let select = Query::select()
        .column(ScorerVersions::SerializedScorer)
        .from(ScorerVersions::Table)
        .and_where(Expr::col(ScorerVersions::ScorerId).eq(scorer_id))
        .order_by(ScorerVersions::ScorerVersion, Order::Desc)
        .limit(1)
        .take();
    let Some(row) = transaction.fetch_optional(&select).await? else { return Ok(()) };
    let newest = SerializedScorer::stored(row.get(ScorerVersions::SerializedScorer)?);
    if newest.endpoint().is_none() {
        return Err(refusal(format!(
            "Scorer '{name}' does not use a gateway model. Automatic evaluation is only supported for \
             scorers that use gateway models."
        )));
    }
    if newest.needs_expectations() {
        return Err(refusal(format!(
            "Scorer '{name}' requires expectations, but scorers with expectations are not currently \
             supported for automatic evaluation."
        )));
    }
    Ok(())
}

fn refusal(message: String) -> StoreError {
    InvalidParameter::new(message).into()
}

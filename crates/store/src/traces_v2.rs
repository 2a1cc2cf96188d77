//! Traces that old clients start and end.

use crate::{
    Store, StoreError, artifact_uri,
    db::Transaction,
    experiments,
    tables::TraceInfo as Traces,
    trace_columns, trace_rows, traces,
    writes::{Change, Lock},
};
use mlferry_protocol::{
    WireEnum,
    traces::{ARTIFACT_LOCATION_TAG, NAME_TAG, TraceInfo, TraceState},
    traces_v2::{EndTraceV2, StartTraceV2},
};
use sea_query::{Expr, ExprTrait, Query};
use uuid::Uuid;

impl Store {
    /// Starts a trace, which gets its id here.
    pub async fn start_trace_v2(&self, request: StartTraceV2) -> Result<TraceInfo, StoreError> {
        self.write(request).await
    }

    /// Ends a trace.
    pub async fn end_trace_v2(&self, request: EndTraceV2) -> Result<TraceInfo, StoreError> {
        self.write(request).await
    }
}

impl Change for StartTraceV2 {
    type Output = TraceInfo;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Experiment(self.experiment_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<TraceInfo, StoreError> {
        let experiment = experiments::active(transaction, self.experiment_id).await?;
        let id = Uuid::new_v4().simple().to_string();
        let mut metadata = self.metadata.clone();
        let mut values = vec![
            (Traces::ExperimentId, self.experiment_id.0.into()),
            (Traces::TimestampMs, self.timestamp_ms.into()),
            (Traces::Status, TraceState::InProgress.name().into()),
        ];
        if let Some(name) = self.tags.get(NAME_TAG) {
            values.push((Traces::TraceName, name.as_str().into()));
        }
        values.extend(trace_columns::take(&mut metadata));
        traces::insert_trace(transaction, &id, &values).await?;
        let mut tags = self.tags.clone();
        let location = artifact_uri::of_trace(&experiment.artifact_location, &id);
        tags.insert(ARTIFACT_LOCATION_TAG.to_owned(), location);
        traces::write_told(transaction, &id, &tags, &metadata).await?;
        trace_rows::there(transaction, &id).await
    }
}

impl Change for EndTraceV2 {
    type Output = TraceInfo;
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Trace(&self.trace_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<TraceInfo, StoreError> {
        let id = self.trace_id.as_str();
        traces::hold(transaction, id).await?;
        let mut metadata = self.metadata.clone();
        let duration = Expr::val(self.timestamp_ms).sub(Expr::col(Traces::TimestampMs));
        let mut values =
            vec![(Traces::ExecutionTimeMs, duration), (Traces::Status, self.state.name().into())];
        if let Some(name) = self.tags.get(NAME_TAG) {
            values.push((Traces::TraceName, name.as_str().into()));
        }
        values.extend(trace_columns::take(&mut metadata));
        let update = Query::update()
            .table(Traces::Table)
            .values(values)
            .and_where(Expr::col(Traces::RequestId).eq(id))
            .take();
        transaction.execute(&update).await?;
        traces::write_told(transaction, id, &self.tags, &metadata).await?;
        trace_rows::there(transaction, id).await
    }
}

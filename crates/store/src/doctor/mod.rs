//! Whether a database is sound: its file, its schema, and what its rows say of each other.
//!
//! Each question has a transaction of its own, and its answer is a number and a few examples, however many rows
//! there are, so that servers go on beside it.

mod latest;
mod links;
mod places;
mod records;

pub use places::{FolderOwner, Located, LocatedVersion};
pub use records::{RecordFinding, Severity};

use crate::{
    OpenError, SchemaReport, StoreError,
    database_uri::{DatabaseUri, without_password},
    db::{Database, Depth, Faults, Transaction},
    reads::Question,
    schema,
};
use records::RecordCheck;

/// A database that is looked at; nothing is made or changed in it unless that is asked for.
#[derive(Debug)]
pub struct Checkup {
    database: Database,
    uri: String,
}

impl Checkup {
    /// Opens the database at `uri`, which must be there.
    pub async fn open(uri: &str) -> Result<Self, OpenError> {
        let location = DatabaseUri::parse(uri).map_err(|reason| OpenError::uri(uri, reason))?;
        Self::open_at(&location, uri).await
    }

    /// The same of a database whose place is known, and is called `uri` in errors.
    pub(crate) async fn open_at(location: &DatabaseUri, uri: &str) -> Result<Self, OpenError> {
        if !location.may_exist() {
            return Err(OpenError::Empty(without_password(uri)));
        }
        let database = Database::open_for_schema(location, false).await;
        let database = database.map_err(|error| OpenError::of(uri, error))?;
        Ok(Self { database, uri: uri.to_owned() })
    }

    /// What the database finds wrong with itself.
    pub async fn faults(&self, depth: Depth) -> Result<Faults, StoreError> {
        self.ask(Look(depth)).await
    }

    /// How the schema differs from MLflow's.
    pub async fn schema(&self) -> Result<SchemaReport, StoreError> {
        Ok(schema::report(&self.database, &self.uri).await?)
    }

    /// The clock of the database in milliseconds, where it is not that of this machine.
    pub async fn clock_ms(&self) -> Result<Option<i64>, StoreError> {
        self.ask(Clock).await
    }

    /// Rows that name others which are not there, a finding for each kind.
    pub async fn broken_links(&self) -> Result<Vec<RecordFinding>, StoreError> {
        let mut findings = self.findings(links::CHECKS).await?;
        findings.extend(self.ask(links::OtherKeys).await?);
        Ok(findings)
    }

    /// Rows that say what can't be, a finding for each kind.
    pub async fn impossible_states(&self) -> Result<Vec<RecordFinding>, StoreError> {
        self.findings(records::STATES).await
    }

    /// Latest values of metrics that are not the latest, or none of their history.
    pub async fn wrong_latest_metrics(&self) -> Result<Vec<RecordFinding>, StoreError> {
        self.findings(latest::CHECKS).await
    }

    async fn findings(
        &self,
        checks: &'static [RecordCheck],
    ) -> Result<Vec<RecordFinding>, StoreError> {
        let mut findings = Vec::new();
        for check in checks {
            findings.extend(self.ask(check).await?);
        }
        Ok(findings)
    }

    /// Answers a question in a transaction of its own.
    pub(crate) async fn ask<Q: Question>(&self, question: Q) -> Result<Q::Answer, StoreError> {
        let mut transaction = self.database.read().await?;
        let work = async move { question.answer(&mut transaction).await };
        self.database.apart(work, Q::IS_SHORT).await?
    }
}

struct Look(Depth);

impl Question for Look {
    type Answer = Faults;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Faults, StoreError> {
        Ok(transaction.faults(self.0).await?)
    }
}

struct Clock;

impl Question for Clock {
    type Answer = Option<i64>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Option<i64>, StoreError> {
        Ok(transaction.clock_ms().await?)
    }
}

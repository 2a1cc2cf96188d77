//! Connections that are kept open.
//!
//! They are files of this machine, so that they need no testing, ageing or replacing.

use super::{Opening, SqliteTransaction};
use crate::{activity::PoolUse, db::DbError};
use rusqlite::Connection;
use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task, time,
};

/// As many connections as may be used at once, opened when they are first needed.
#[derive(Debug, Clone)]
pub(super) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    opening: Opening,
    max: u32,
    acquire_timeout: Duration,
    room: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(super) fn new(opening: Opening, max: u32, acquire_timeout: Duration) -> Self {
        let room = Arc::new(Semaphore::new(max as usize));
        Self(Arc::new(Shared { opening, max, acquire_timeout, room, idle: Mutex::default() }))
    }

    /// Begins a transaction when there is a connection for it.
    pub(super) async fn begin(
        &self,
        statement: &'static str,
    ) -> Result<SqliteTransaction, DbError> {
        let connection = self.acquire().await?;
        Ok(SqliteTransaction::begin(connection, statement)?)
    }

    async fn acquire(&self) -> Result<Pooled, DbError> {
        let room = Arc::clone(&self.0.room).acquire_owned();
        let permit = time::timeout(self.0.acquire_timeout, room)
            .await
            .map_err(|_| DbError::timed_out())?
            .map_err(|_| DbError::closed())?;
        let connection = match self.0.take_idle() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Pooled { connection: Some(connection), pool: self.clone(), _permit: permit })
    }

    async fn connect(&self) -> Result<Connection, DbError> {
        let shared = Arc::clone(&self.0);
        let opened = task::spawn_blocking(move || shared.opening.connect()).await;
        Ok(opened.map_err(|_| DbError::closed())??)
    }

    pub(super) fn pool_use(&self) -> PoolUse {
        let idle = self.0.idle().len() as u64;
        // The two are not counted at the same moment.
        let used = u64::from(self.0.max).saturating_sub(self.0.room.available_permits() as u64);
        PoolUse { open: used + idle, idle, max: self.0.max.into(), waiting: 0 }
    }

    /// Waits until nobody uses a connection, and gives them away; nobody gets one afterwards.
    pub(super) async fn close(&self) -> Vec<Connection> {
        // It fails where another clone has closed it.
        let all = self.0.room.acquire_many(self.0.max).await;
        self.0.room.close();
        drop(all);
        mem::take(&mut *self.0.idle())
    }
}

impl Shared {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_idle(&self) -> Option<Connection> {
        self.idle().pop()
    }
}

/// A connection that goes back to its pool.
#[derive(Debug)]
pub(super) struct Pooled {
    /// Absent once it is given up.
    connection: Option<Connection>,
    pool: Pool,
    /// Given back after the connection.
    _permit: OwnedSemaphorePermit,
}

impl Pooled {
    /// The connection, unless it was given up.
    pub(super) fn get(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// Closes the connection, for one whose state is not known.
    pub(super) fn give_up(&mut self) {
        self.connection = None;
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.0.idle().push(connection);
        }
    }
}

//! The servers that keep records: how each is found, and how it is started on each database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;
use hyper::StatusCode;

use super::calls::Target;
use super::users;
use crate::options::program;
use crate::postgres::{Cluster, Postgres};
use crate::process;
use crate::running::{Running, free_address};
use crate::servers::{Kind, output_of};

/// Who takes turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Contender {
    /// Ours
    Mlferry,
    /// Ours with users, one of whom makes all calls; only where it is asked for
    MlferryUsers,
    /// `mlflow server` as its makers ship it
    Reference,
    /// A server in Go, from its wheel
    #[value(name = "fasttrackml")]
    FastTrackMl,
}

impl Contender {
    /// In the order of their turns.
    pub(super) const ALL: [Self; 4] =
        [Self::Mlferry, Self::MlferryUsers, Self::Reference, Self::FastTrackMl];

    /// Who takes part where nobody is named.
    pub(super) const USUAL: [Self; 3] = [Self::Mlferry, Self::Reference, Self::FastTrackMl];

    /// The name of its column.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Mlferry => Kind::Mlferry.name(),
            Self::MlferryUsers => "mlferry with users",
            Self::Reference => Kind::Reference.name(),
            Self::FastTrackMl => "FastTrackML",
        }
    }

    /// Whether what goes wrong is told beside its figures; mlferry's failures end the run.
    pub(super) const fn may_fail(self) -> bool {
        !matches!(self, Self::Mlferry | Self::MlferryUsers)
    }
}

/// Which database the records are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Product {
    /// A file beside the server
    Sqlite,
    /// A cluster with its default settings
    Postgresql,
}

impl Product {
    /// In the order of the tables.
    pub(super) const ALL: [Self; 2] = [Self::Sqlite, Self::Postgresql];

    /// The name in headings.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgresql => "PostgreSQL",
        }
    }
}

/// An empty database for one turn.
#[derive(Debug)]
pub(super) enum Database {
    /// The file.
    Sqlite(PathBuf),
    /// The cluster; it ends with the value.
    Postgresql(Cluster),
}

impl Database {
    /// Makes one below `home`.
    pub(super) async fn create(
        product: Product,
        postgres: Option<&Postgres>,
        home: &Path,
    ) -> Result<Self> {
        Ok(match product {
            Product::Sqlite => Self::Sqlite(home.join("records.db")),
            Product::Postgresql => {
                let postgres = postgres.context("PostgreSQL was not looked for")?;
                Self::Postgresql(postgres.start(&home.join("postgresql")).await?)
            }
        })
    }

    /// The URI in the spelling of `contender`.
    fn uri(&self, contender: Contender) -> String {
        match (self, contender) {
            (Self::Sqlite(path), Contender::FastTrackMl) => format!("sqlite://{}", path.display()),
            (Self::Sqlite(path), _) => format!("sqlite:///{}", path.display()),
            // The driver that the reference's environment has, whichever is SQLAlchemy's first choice.
            (Self::Postgresql(cluster), Contender::Reference) => {
                cluster.uri().replace("postgresql:", "postgresql+psycopg2:")
            }
            (Self::Postgresql(cluster), _) => cluster.uri(),
        }
    }

    async fn stop(self) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgresql(cluster) => cluster.running.stop().await,
        }
    }
}

/// A contender that was found on this machine.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) contender: Contender,
    program: PathBuf,
    /// What it says about its version.
    pub(super) version: String,
}

impl Found {
    /// `contender` as the executable `named`, if it is on this machine.
    pub(super) fn find(contender: Contender, named: &Path) -> Result<Self> {
        let program = program(named)?;
        let version = output_of(Command::new(&program).arg("--version")).with_context(|| {
            format!("{} cannot be run; leave it out with --only", contender.name())
        })?;
        Ok(Self { contender, program, version })
    }

    /// Starts the server in `home` on `database`, and returns when it answers.
    pub(super) async fn start(&self, home: &Path, database: Database) -> Result<Server> {
        let home = home.join("server");
        fs::create_dir(&home)?;
        let address = free_address()?;
        let uri = database.uri(self.contender);
        let mut command = Command::new(&self.program);
        command.arg("server");
        match self.contender {
            Contender::Mlferry | Contender::MlferryUsers | Contender::Reference => {
                command.args(["--backend-store-uri", &uri, "--host", "127.0.0.1", "--port"]);
                command.arg(address.port().to_string());
                command.env("MLFLOW_DISABLE_TELEMETRY", "true");
            }
            Contender::FastTrackMl => {
                command.args(["--database-uri", &uri, "--listen-address", &address.to_string()]);
            }
        }
        if self.contender == Contender::MlferryUsers {
            command.args(["--app-name", "basic-auth"]);
            command.env("MLFLOW_AUTH_ADMIN_PASSWORD", users::PASSWORD);
        }
        let name = self.contender.name();
        let is_ready = |status| status == StatusCode::OK;
        let running = Running::start(name, &mut command, &home, address, is_ready).await?;
        if self.contender == Contender::MlferryUsers {
            users::make(address).await?;
        }
        Ok(Server { contender: self.contender, running, database })
    }
}

/// A running server with its database.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) contender: Contender,
    /// Its processes.
    pub(super) running: Running,
    /// What it keeps its records in.
    pub(super) database: Database,
}

impl Server {
    /// Where its calls go.
    pub(super) const fn target(&self) -> Target {
        Target {
            address: self.running.address,
            may_fail: self.contender.may_fail(),
            authorization: match self.contender {
                Contender::MlferryUsers => Some(users::AUTHORIZATION),
                Contender::Mlferry | Contender::Reference | Contender::FastTrackMl => None,
            },
        }
    }

    /// Processor time of the server and of a database beside it so far, in seconds.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        let own = process::cpu_seconds(self.running.id())?;
        Ok(match &self.database {
            Database::Sqlite(_) => own,
            Database::Postgresql(cluster) => own + process::cpu_seconds(cluster.running.id())?,
        })
    }

    /// Stops both, the server first.
    pub(super) async fn stop(self) -> Result<()> {
        self.running.stop().await?;
        self.database.stop().await
    }
}

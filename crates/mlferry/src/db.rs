//! `mlferry db`: the schema of a database, checked and migrated.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use mlferry_store::{
    OpenError, Progress, SchemaReport, Step, Upgrade, check_schema, upgrade_schema,
    without_password,
};

use crate::env::Env;
use crate::usage::{Stop, Usage};

/// Stands in for a URI that is not given, as for the server.
pub(crate) const URI_VARIABLE: &str = "MLFLOW_BACKEND_STORE_URI";

/// The same in the configuration file.
const URI_KEY: &str = "backend-store-uri";

/// Arguments of `mlferry db`.
#[derive(Debug, Args)]
pub(crate) struct DbFlags {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: DbAction,
}

/// The subcommands of `mlferry db`.
#[derive(Debug, Subcommand)]
pub(crate) enum DbAction {
    /// Make MLflow's tables in an empty database, or bring those of MLflow 2.22.5 and later up to date; take a
    /// backup first
    Upgrade(DatabaseArgument),

    /// Tell whether a database has the tables that MLflow makes, without changing anything
    Check(DatabaseArgument),
}

/// The database that is meant.
#[derive(Debug, Args)]
pub(crate) struct DatabaseArgument {
    /// As the server takes it.
    #[arg(
        value_name = "URI",
        help = "Database, such as sqlite:///mlflow.db or postgresql://USER:PASSWORD@HOST/DATABASE \
                [env: MLFLOW_BACKEND_STORE_URI]"
    )]
    uri: Option<String>,
}

impl DatabaseArgument {
    fn or_variable(self, env: &Env, usage: Usage) -> Result<String, Stop> {
        let given = if let Some(uri) = self.uri {
            Some(uri)
        } else {
            let variable = env.get(URI_VARIABLE).map_err(|_| {
                Stop::Usage(usage, format!("The variable {URI_VARIABLE} is not valid UTF-8."))
            })?;
            variable.or_else(|| env.setting(URI_KEY)).map(ToOwned::to_owned)
        };
        given
            .filter(|uri| !uri.is_empty())
            .ok_or_else(|| Stop::Usage(usage, "Missing argument 'URI'.".to_owned()))
    }
}

/// Carries a subcommand out; `say` prints what the operator should read.
pub(crate) fn run(
    flags: DbFlags,
    env: &Env,
    say: impl Fn(String) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::Refused(format!("cannot start: {error}")))?;
    match flags.action {
        DbAction::Upgrade(database) => {
            let uri = database.or_variable(env, Usage::DbUpgrade)?;
            let tell = |progress: Progress<'_>| {
                let text = match progress {
                    Progress::Begins(upgrade) => announcement(upgrade, &without_password(&uri)),
                    Progress::Reaches(step) => format!("  {}\n", described_step(step)),
                };
                // What can't be told now is told at the end.
                let _ = say(text);
            };
            let upgraded = runtime.block_on(upgrade_schema(&uri, tell));
            let upgraded = upgraded.map_err(|error| stop(error, Usage::DbUpgrade))?;
            say(outcome(&upgraded, &without_password(&uri)))
        }
        DbAction::Check(database) => {
            let uri = database.or_variable(env, Usage::DbCheck)?;
            let report = runtime.block_on(check_schema(&uri));
            let report = report.map_err(|error| stop(error, Usage::DbCheck))?;
            say(described(&report))?;
            if report.is_exact() { Ok(()) } else { Err(Stop::Refused(advice(&report))) }
        }
    }
}

/// A bad URI is a mistake on the command line; all else is a refusal.
fn stop(error: OpenError, usage: Usage) -> Stop {
    if let OpenError::Uri { uri, reason } = &error {
        return Stop::Usage(usage, format!("Invalid value for 'URI': '{uri}': {reason}"));
    }
    Stop::Refused(crate::one_line(&anyhow::Error::from(error)))
}

fn announcement(upgrade: &Upgrade, database: &str) -> String {
    match upgrade {
        Upgrade::NotNeeded => String::new(),
        Upgrade::Create => format!("Making MLflow's tables in the empty database '{database}'.\n"),
        Upgrade::Migrate { from, releases } => format!(
            "Upgrading the database '{database}' from revision {from} ({releases}) in one transaction.\n\
             Take a backup first: there is no way back but one. Interrupting this is safe, and changes nothing.\n"
        ),
    }
}

fn described_step(step: Step) -> &'static str {
    match step {
        Step::Tables => "making new tables and columns",
        Step::Rows => "moving what rows hold to its new place",
        Step::Definitions => "changing columns and constraints",
        Step::Indexes => "making indexes",
        Step::Confirm => "comparing the outcome with MLflow's schema",
    }
}

fn outcome(upgrade: &Upgrade, database: &str) -> String {
    match upgrade {
        Upgrade::NotNeeded => {
            format!("The database '{database}' is up to date; nothing was changed.\n")
        }
        Upgrade::Create => {
            "Done: the database is ready for mlferry, and for MLflow 3.17.2.\n".to_owned()
        }
        Upgrade::Migrate { .. } => {
            "Done: all rows were kept, and the database is ready for mlferry, and for \
             MLflow 3.17.2. Older releases of MLflow refuse it.\n"
                .to_owned()
        }
    }
}

fn described(report: &SchemaReport) -> String {
    let found = match (&report.found, &report.found_in) {
        (Some(revision), Some(releases)) => format!("{revision} ({releases})"),
        (Some(revision), None) => format!("{revision} (not known to this release)"),
        (None, _) => "none".to_owned(),
    };
    let mut text = format!(
        "Database:         {}\nRevision found:   {found}\nRevision wanted:  {} (MLflow 3.17)\n",
        report.database, report.wanted
    );
    // A `String` takes all that is written to it.
    if report.is_exact() {
        text += "Schema:           as MLflow 3.17.2 makes it\n";
    } else if report.found.is_some() {
        let _ = writeln!(text, "Schema:           {} differences", report.differences.len());
        for difference in &report.differences {
            let _ = writeln!(text, "  {difference}");
        }
    }
    if report.found.is_some() && !report.other_tables.is_empty() {
        let _ = writeln!(text, "Other tables:     {}", report.other_tables.join(", "));
    }
    text
}

fn advice(report: &SchemaReport) -> String {
    report.remedy.clone().unwrap_or_else(|| {
        format!(
            "the database '{}' has the wanted revision, but was changed since by others; compare it with a backup",
            report.database
        )
    })
}

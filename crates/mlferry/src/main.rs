//! mlferry: a drop-in replacement of `mlflow server`.

mod access;
mod artifacts;
mod backup;
mod checks;
mod cli;
mod config;
mod db;
mod doctor;
mod env;
mod flags;
mod gc;
mod healthcheck;
mod import;
mod listen;
mod log;
mod manual;
mod options;
mod routes;
mod runtime;
mod server_opts;
mod service_manager;
mod signals;
mod start;
mod tokens;
#[cfg(feature = "otlp")]
mod traces;
#[cfg(not(feature = "otlp"))]
#[path = "no_traces.rs"]
mod traces;
mod ui;
mod units;
mod uri;
mod usage;
mod users;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use cli::{Command, Parsed};
use env::Env;
use usage::Stop;

/// Keeps resident memory flat: glibc's allocator holds on to what large uploads used.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    do_without_huge_pages();
    let args: Vec<OsString> = std::env::args_os().collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            // Nobody is left to tell when stderr is closed.
            let _ = stop.print();
            ExitCode::from(stop.exit_code())
        }
    }
}

/// Keeps the allocator from touching memory by 2 MiB at once: each thread's first allocations would take so
/// much, and an idle server three times what it needs. Where the system refuses, it only takes more memory.
fn do_without_huge_pages() {
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

fn run(args: &[OsString]) -> Result<(), Stop> {
    let Parsed { command, env, notices } = cli::parse(args, Env::of_process())?;
    carry_out(command, &env, notices).map_err(|stop| stop.without_secrets(&env))
}

fn carry_out(command: Command, env: &Env, notices: Vec<String>) -> Result<(), Stop> {
    if !matches!(command, Command::Server(_)) {
        for warning in notices.iter().filter(|notice| notice.contains("WARNING")) {
            let _ = writeln!(io::stderr(), "{warning}");
        }
    }
    match command {
        Command::Server(flags) => {
            let typed = flags.typed.clone();
            let options = options::resolve(*flags, env, Path::new("."));
            let mut options = options.map_err(|stop| config::with_origin(stop, &typed, env))?;
            options.notices.splice(0..0, notices);
            serve(options).map_err(|error| Stop::Refused(one_line(&error)))
        }
        Command::Gc(flags) => gc::run(&flags, env),
        Command::Doctor(flags) => doctor::run(&flags, env, |text| print(&Ok(text.into_bytes()))),
        Command::Backup(flags) => backup::backup(&flags),
        Command::Restore(flags) => backup::restore(&flags),
        Command::Import(flags) => import::run(&flags),
        Command::Artifacts(flags) => artifacts::run(&flags, env),
        Command::Healthcheck(flags) => healthcheck::run(&flags),
        Command::Db(flags) => db::run(flags, env, |text| print(&Ok(text.into_bytes()))),
        Command::Tokens(flags) => tokens::run(flags, env, |text| print(&Ok(text.into_bytes()))),
        Command::Users(flags) => users::run(flags, env, |text| print(&Ok(text.into_bytes()))),
        Command::Config(flags) => config::run(flags, env, |text| print(&Ok(text.into_bytes()))),
        Command::Routes => print(&Ok(routes::list().into_bytes())),
        Command::Openapi => print(&Ok(routes::openapi().into_bytes())),
        Command::Completions { shell } => print(&manual::completions(shell)),
        Command::Man => print(&manual::page()),
    }
}

fn serve(options: options::ServerOptions) -> anyhow::Result<()> {
    // First, since it changes the environment: nothing else may run yet.
    let handed = listen::take_handed()?;
    let traces = options.has_traces.then(traces::Traces::new).transpose()?;
    log::init(options.log, traces.as_ref())?;
    for notice in &options.notices {
        if notice.contains("WARNING") {
            tracing::warn!("{notice}");
        } else {
            tracing::info!("{notice}");
        }
    }
    let served = start::run(options, handed);
    if let Some(traces) = traces {
        traces.close();
    }
    served
}

/// The error with its causes, as one line whatever the causes say.
fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Writes to stdout; a reader that has gone, as in `mlferry man | head`, is no failure.
fn print(text: &io::Result<Vec<u8>>) -> Result<(), Stop> {
    let written = match text {
        Ok(text) => io::stdout().write_all(text),
        Err(error) => return Err(Stop::Refused(error.to_string())),
    };
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Stop::Refused(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

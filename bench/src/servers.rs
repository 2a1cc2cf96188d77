//! The servers under test: which there are, how each is started, and what its URLs look like.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use hyper::StatusCode;

use crate::nginx;
use crate::options::program;
use crate::running::{Running, free_address};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Ours
    Mlferry,
    /// `mlflow server` as its makers ship it
    Reference,
    /// Debian's nginx: GET with sendfile, PUT with its `WebDAV` module
    Nginx,
}

impl Kind {
    /// In the order of their turns.
    pub(crate) const ALL: [Self; 3] = [Self::Mlferry, Self::Reference, Self::Nginx];

    /// The name in tables and on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Mlferry => "mlferry",
            Self::Reference => "reference",
            Self::Nginx => "nginx",
        }
    }

    /// The URL path of a stored file or folder.
    pub(crate) fn target(self, name: &str) -> String {
        match self {
            Self::Mlferry | Self::Reference => {
                format!("/api/2.0/mlflow-artifacts/artifacts/{name}")
            }
            Self::Nginx => format!("/{name}"),
        }
    }

    /// The URL path that lists a folder, where the server can.
    pub(crate) fn listing(self, folder: &str) -> Option<String> {
        match self {
            Self::Mlferry | Self::Reference => {
                Some(format!("/api/2.0/mlflow-artifacts/artifacts?path={folder}"))
            }
            Self::Nginx => None,
        }
    }
}

/// A server program that was found on this machine.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Which one.
    pub(crate) kind: Kind,
    program: PathBuf,
    /// What it says about its version.
    pub(crate) version: String,
}

impl Peer {
    /// The server `kind` as the executable `named`, if it is on this machine.
    pub(crate) fn find(kind: Kind, named: &Path) -> Result<Self> {
        let program = match kind {
            Kind::Mlferry | Kind::Reference => program(named)?,
            Kind::Nginx => nginx::find(named)?,
        };
        let version_flag = if kind == Kind::Nginx { "-v" } else { "--version" };
        let version = output_of(Command::new(&program).arg(version_flag))
            .with_context(|| format!("{} cannot be run; leave it out with --only", kind.name()))?;
        Ok(Self { kind, program, version })
    }

    /// Starts the server in `home` with its files at `destination`, and returns when it answers.
    pub(crate) async fn start(&self, home: &Path, destination: &Destination) -> Result<Server> {
        let address = free_address()?;
        let mut command = self.command(home, destination, address)?;
        let is_ready: fn(StatusCode) -> bool = match self.kind {
            Kind::Mlferry | Kind::Reference => |status| status == StatusCode::OK,
            Kind::Nginx => |_| true,
        };
        let name = self.kind.name();
        let running = Running::start(name, &mut command, home, address, is_ready).await?;
        Ok(Server { kind: self.kind, running })
    }

    fn command(
        &self,
        home: &Path,
        destination: &Destination,
        address: SocketAddr,
    ) -> Result<Command> {
        let mut command = Command::new(&self.program);
        match self.kind {
            Kind::Mlferry | Kind::Reference => {
                command
                    .args(["server", "--artifacts-only", "--artifacts-destination"])
                    .arg(&destination.location);
                command.args(["--host", "127.0.0.1", "--port"]).arg(address.port().to_string());
                command.env("MLFLOW_DISABLE_TELEMETRY", "true");
                destination.variables.give_to(&mut command);
            }
            Kind::Nginx => {
                command = nginx::command(&self.program, home, &nginx::config(home, address))?;
            }
        }
        Ok(command)
    }
}

/// Where a server keeps the files.
#[derive(Debug)]
pub(crate) struct Destination {
    /// The value of `--artifacts-destination`.
    pub(crate) location: OsString,
    /// What it takes to get there.
    pub(crate) variables: Variables,
}

impl Destination {
    /// A folder, which is made; nginx has it at this place in its home by its configuration.
    pub(crate) fn folder(home: &Path) -> Result<Self> {
        fs::create_dir_all(files_of(home))?;
        Ok(Self { location: files_of(home).into(), variables: Variables::default() })
    }
}

/// Changes to the environment of a program.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables(Vec<(OsString, Option<OsString>)>);

impl Variables {
    /// Keeps all variables that begin so, and belong to the person at the keyboard, from the program.
    pub(crate) fn hide(&mut self, prefix: &str) {
        let names = env::vars_os().map(|(name, _)| name);
        let hidden = names.filter(|name| name.as_encoded_bytes().starts_with(prefix.as_bytes()));
        self.0.extend(hidden.map(|name| (name, None)));
    }

    /// Sets a variable, also if it was hidden before.
    pub(crate) fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.0.push((name.into(), Some(value.as_ref().to_owned())));
    }

    /// Starts a program with them.
    pub(crate) fn give_to(&self, command: &mut Command) {
        for (name, value) in &self.0 {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
}

/// The folder that a server with its home in `home` stores files in, if they are local ones.
pub(crate) fn files_of(home: &Path) -> PathBuf {
    home.join("files")
}

/// A running server under test.
#[derive(Debug)]
pub(crate) struct Server {
    /// Which one.
    pub(crate) kind: Kind,
    /// Its processes.
    pub(crate) running: Running,
}

/// What a program prints when asked for its version: the first line, on either stream.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "it ended with {}", output.status);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().next().unwrap_or_default().trim();
    Ok(line.strip_prefix("nginx version: ").unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_paths_that_each_server_expects() {
        assert_eq!(Kind::Nginx.target("a/b"), "/a/b");
        assert_eq!(Kind::Mlferry.target("a/b"), "/api/2.0/mlflow-artifacts/artifacts/a/b");
        assert_eq!(Kind::Nginx.listing("a"), None);
    }
}

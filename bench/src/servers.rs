//! The servers under test: how each is started, found ready and stopped.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use hyper::StatusCode;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use crate::load::{Connection, Pattern};
use crate::process;

/// A start that takes longer has failed.
const START_LIMIT: Duration = Duration::from_mins(3);

/// What every family of workloads can be told.
#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// Run these servers only
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SERVER")]
    only: Vec<Kind>,

    /// How often each server has its turn; the medians are reported
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,

    /// Write the tables into this file too, between the markers of these workloads
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// A sixteenth of the sizes: to try the program, not to measure
    #[arg(long, conflicts_with = "out")]
    pub(crate) quick: bool,

    /// Folder for the servers' files; its disk is the one that is measured
    #[arg(long, default_value = "target", value_name = "DIR")]
    dir: PathBuf,

    /// The mlferry executable
    #[arg(long, default_value = "target/release/mlferry", value_name = "PATH")]
    mlferry: PathBuf,

    /// The reference's executable
    #[arg(long, default_value = ".venv/bin/mlflow", value_name = "PATH")]
    mlflow: PathBuf,

    /// The nginx executable
    #[arg(long, default_value = "nginx", value_name = "PATH")]
    nginx: PathBuf,
}

impl RunOptions {
    /// The servers that take part, each found on this machine, in the order of their turns.
    pub(crate) fn peers(&self) -> Result<Vec<Peer>> {
        let wanted = |kind: &Kind| self.only.is_empty() || self.only.contains(kind);
        Kind::ALL.iter().filter(|kind| wanted(kind)).map(|kind| self.peer(*kind)).collect()
    }

    /// A temporary folder on the disk under test.
    pub(crate) fn temp_dir(&self) -> Result<TempDir> {
        fs::create_dir_all(&self.dir)
            .with_context(|| format!("cannot create {}", self.dir.display()))?;
        let parent = std::path::absolute(&self.dir)?;
        let dir = tempfile::Builder::new().prefix("mlferry-bench-").tempdir_in(parent);
        let dir = dir.context("cannot create a temporary folder")?;
        // See `new_home`. Other file systems know no such attribute, and have no need of it.
        let _ = Command::new("chattr").arg("+T").arg(dir.path()).stderr(Stdio::null()).status();
        Ok(dir)
    }

    fn peer(&self, kind: Kind) -> Result<Peer> {
        let program = match kind {
            // The servers run in folders of their own, where a relative path would lead nowhere.
            Kind::Mlferry => std::path::absolute(&self.mlferry)?,
            Kind::Reference => std::path::absolute(&self.mlflow)?,
            Kind::Nginx => find_nginx(&self.nginx)?,
        };
        let version_flag = if kind == Kind::Nginx { "-v" } else { "--version" };
        let version = output_of(Command::new(&program).arg(version_flag))
            .with_context(|| format!("{} cannot be run; leave it out with --only", kind.name()))?;
        Ok(Peer { kind, program, version })
    }
}

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
    const ALL: [Self; 3] = [Self::Mlferry, Self::Reference, Self::Nginx];

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
    /// Starts the server with its files in `home`, and returns when it answers.
    pub(crate) async fn start(&self, home: &Path, pattern: &Pattern) -> Result<Server> {
        fs::create_dir_all(files_of(home))?;
        let address = free_address()?;
        let log = File::create(home.join("server.log"))?;
        let mut command = self.command(home, address)?;
        command.current_dir(home).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let begin = Instant::now();
        let child =
            command.spawn().with_context(|| format!("cannot start {}", self.kind.name()))?;
        let mut server = Server { kind: self.kind, address, start_time: Duration::ZERO, child };
        let ready = timeout(START_LIMIT, server.wait_until_ready(pattern)).await;
        if let Err(error) = ready.context("no answer in time").and_then(|outcome| outcome) {
            let log = fs::read_to_string(home.join("server.log")).unwrap_or_default();
            bail!("{} did not start: {error:#}\n{log}", self.kind.name());
        }
        server.start_time = begin.elapsed();
        Ok(server)
    }

    fn command(&self, home: &Path, address: SocketAddr) -> Result<Command> {
        let mut command = Command::new(&self.program);
        match self.kind {
            Kind::Mlferry | Kind::Reference => {
                command
                    .args(["server", "--artifacts-only", "--artifacts-destination"])
                    .arg(files_of(home));
                command.args(["--host", "127.0.0.1", "--port"]).arg(address.port().to_string());
                command.env("MLFLOW_DISABLE_TELEMETRY", "true");
            }
            Kind::Nginx => {
                let config = home.join("nginx.conf");
                fs::write(
                    &config,
                    nginx_config(home, address, rustix::process::geteuid().is_root()),
                )?;
                fs::create_dir_all(home.join("tmp"))?;
                command.arg("-c").arg(config).args(["-e", "stderr"]);
            }
        }
        Ok(command)
    }
}

/// A new folder for one turn of a server, below [`RunOptions::temp_dir`].
///
/// For minutes after many files were removed, by an earlier run or a compiler, ext4 creates new ones in the same
/// block group up to ten times slower, because it passes over inodes that were in use a moment ago. The
/// attribute `T` of the parent makes ext4 choose a block group by the folder's name: a new name, a new place.
pub(crate) fn new_home(dir: &Path, name: &str) -> Result<PathBuf> {
    let home = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(dir);
    // The folder goes with its parent.
    Ok(home.context("cannot create a temporary folder")?.keep())
}

/// The folder that a server with its home in `home` stores files in.
pub(crate) fn files_of(home: &Path) -> PathBuf {
    home.join("files")
}

/// A running server; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    /// Which one.
    pub(crate) kind: Kind,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From the start of the process to its first answer.
    pub(crate) start_time: Duration,
    child: Child,
}

impl Server {
    /// The id of the first process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Stops the server and everything that it started.
    pub(crate) async fn stop(mut self) -> Result<()> {
        process::stop(&mut self.child).await
    }

    async fn wait_until_ready(&mut self, pattern: &Pattern) -> Result<()> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}");
            }
            if let Ok(status) = self.ask_health(pattern).await
                && (self.kind == Kind::Nginx || status == StatusCode::OK)
            {
                return Ok(());
            }
            sleep(Duration::from_millis(2)).await;
        }
    }

    async fn ask_health(&self, pattern: &Pattern) -> Result<StatusCode> {
        let mut connection = Connection::open(self.address, pattern.clone()).await?;
        connection.probe("/health").await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        process::kill(&mut self.child);
    }
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

/// Finds nginx, which Debian keeps off an ordinary user's path, and makes sure that it can PUT.
fn find_nginx(named: &Path) -> Result<PathBuf> {
    for program in [named, Path::new("/usr/sbin/nginx")] {
        if let Ok(output) = Command::new(program).arg("-V").output() {
            let has_dav = String::from_utf8_lossy(&output.stderr).contains("http_dav_module");
            ensure!(has_dav, "this nginx lacks http_dav_module: Debian's package `nginx` has it");
            return Ok(program.to_owned());
        }
    }
    bail!("nginx was not found: install Debian's package `nginx`, or leave it out with --only")
}

/// nginx as a plain file server with uploads; uploads and their temporary files share a disk, so that
/// nginx renames instead of copying.
fn nginx_config(home: &Path, address: SocketAddr, as_root: bool) -> String {
    // As root, nginx would hand its workers to a user who cannot write here.
    let user = if as_root { "user root;\n" } else { "" };
    let home = home.display();
    format!(
        r#"{user}daemon off;
worker_processes auto;
pid "{home}/nginx.pid";
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    default_type application/octet-stream;
    client_max_body_size 0;
    client_body_temp_path "{home}/tmp/body";
    proxy_temp_path "{home}/tmp/proxy";
    fastcgi_temp_path "{home}/tmp/fastcgi";
    uwsgi_temp_path "{home}/tmp/uwsgi";
    scgi_temp_path "{home}/tmp/scgi";
    server {{
        listen {address};
        root "{home}/files";
        location / {{
            dav_methods PUT DELETE;
            create_full_put_path on;
        }}
    }}
}}
"#
    )
}

fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nginx_config_names_its_folder_and_address() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 4321));
        let config = nginx_config(Path::new("/x y"), address, true);
        assert!(config.starts_with("user root;\n"));
        assert!(
            config.contains("root \"/x y/files\";") && config.contains("listen 127.0.0.1:4321;")
        );
        assert!(!nginx_config(Path::new("/x"), address, false).contains("user"));
        assert_eq!(config.matches('{').count(), config.matches('}').count());
    }

    #[test]
    fn files_have_the_paths_that_each_server_expects() {
        assert_eq!(Kind::Nginx.target("a/b"), "/a/b");
        assert_eq!(Kind::Mlferry.target("a/b"), "/api/2.0/mlflow-artifacts/artifacts/a/b");
        assert_eq!(Kind::Nginx.listing("a"), None);
    }
}

//! PostgreSQL with its default settings: a cluster of its own for each turn of a server.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::running::{Running, free_address};

/// The account that a cluster runs under when the program runs as root, which PostgreSQL refuses to do.
const ACCOUNT: &str = "postgres";

/// The user and the database that every cluster has.
const NAME: &str = "bench";

/// The programs of PostgreSQL.
#[derive(Debug)]
pub(crate) struct Postgres {
    folder: PathBuf,
    /// What it says about its version.
    pub(crate) version: String,
}

/// A running cluster; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Its processes.
    pub(crate) running: Running,
}

impl Postgres {
    /// Finds the programs: in `named`, or the newest that Debian installed, which are on nobody's path.
    pub(crate) fn find(named: Option<&Path>) -> Result<Self> {
        let folder = named.map(Path::to_owned).or_else(newest_of_debian);
        let folder = folder.context("PostgreSQL was not found: `make postgres` installs it")?;
        let version =
            crate::servers::output_of(Command::new(folder.join("postgres")).arg("--version"))?;
        Ok(Self { folder, version })
    }

    /// Makes a cluster in the new folder `home`, which the world may pass through, and starts it.
    pub(crate) async fn start(&self, home: &Path) -> Result<Cluster> {
        fs::create_dir(home)?;
        if let Some((user, group)) = account()? {
            chown(home, Some(user), Some(group))?;
        }
        let data = home.join("data");
        let mut initdb = self.command("initdb", home)?;
        initdb.arg("--pgdata").arg(&data).args(["--username", NAME, "--auth", "trust"]);
        run(initdb.args(["--encoding", "UTF8", "--locale", "C.UTF-8"]))?;
        let address = free_address()?;
        let port = address.port().to_string();
        let mut server = self.command("postgres", home)?;
        // No socket in the file system: its path may have a hundred bytes only.
        server.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-p", &port, "-k", ""]);
        let answers = async || self.answers(address);
        let running =
            Running::start_until("PostgreSQL", &mut server, home, address, answers).await?;
        let mut createdb = self.command("createdb", home)?;
        run(createdb.args(["-h", "127.0.0.1", "-p", &port, "-U", NAME, NAME]))?;
        Ok(Cluster { running })
    }

    fn answers(&self, address: SocketAddr) -> bool {
        let mut command = Command::new(self.folder.join("pg_isready"));
        command.args(["-q", "-h", "127.0.0.1", "-p", &address.port().to_string()]);
        command.status().is_ok_and(|status| status.success())
    }

    /// One of the programs in `home`, under an account that PostgreSQL accepts.
    fn command(&self, name: &str, home: &Path) -> Result<Command> {
        let mut command = Command::new(self.folder.join(name));
        command.current_dir(home).stdin(Stdio::null());
        if let Some((user, group)) = account()? {
            command.uid(user).gid(group);
        }
        Ok(command)
    }
}

impl Cluster {
    /// The URI in libpq's spelling.
    pub(crate) fn uri(&self) -> String {
        format!("postgresql://{NAME}@{}/{NAME}", self.running.address)
    }
}

/// Lets PostgreSQL's account on its way to the folders below `dir`.
pub(crate) fn open_way(dir: &Path) -> Result<()> {
    Ok(fs::set_permissions(dir, fs::Permissions::from_mode(0o711))?)
}

fn newest_of_debian() -> Option<PathBuf> {
    let entries = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = entries.map(|entry| entry.path()).max_by_key(version)?;
    Some(newest.join("bin"))
}

/// User and group to change to, if there is a need.
fn account() -> Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    let ids = ids_of(&accounts, ACCOUNT);
    Ok(Some(ids.with_context(|| format!("there is no account `{ACCOUNT}`"))?))
}

fn ids_of(accounts: &str, name: &str) -> Option<(u32, u32)> {
    let mut lines = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let fields = lines.find(|fields| fields.first() == Some(&name))?;
    Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let program = command.get_program().display();
    ensure!(output.status.success(), "{program} ended with {}: {text}", output.status);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_whole_name() {
        let accounts = "postgres2:x:1:2:::\npostgres:x:103:105:PostgreSQL:/var:/bin/bash\n";
        assert_eq!(ids_of(accounts, "postgres"), Some((103, 105)));
        assert_eq!(ids_of(accounts, "nobody"), None);
    }
}

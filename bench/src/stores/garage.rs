//! Garage: the store behind all contenders, one node with an empty folder for each turn.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::running::{Running, free_address};
use crate::servers::Variables;

/// The bucket that is there from the start.
pub(super) const BUCKET: &str = "artifacts";

const REGION: &str = "us-east-1";

/// A running store; dropping it kills it.
#[derive(Debug)]
pub(super) struct Garage {
    running: Running,
}

impl Garage {
    /// Starts an empty store in the new folder `home`.
    pub(super) async fn start(program: &Path, home: &Path) -> Result<Self> {
        fs::create_dir(home)?;
        let address = free_address()?;
        let configuration = home.join("garage.toml");
        fs::write(&configuration, configuration_text(home, address, free_address()?))?;
        let mut variables = Variables::default();
        variables.hide("GARAGE_");
        variables.set("GARAGE_DEFAULT_ACCESS_KEY", access_key());
        variables.set("GARAGE_DEFAULT_SECRET_KEY", secret_key());
        variables.set("GARAGE_DEFAULT_BUCKET", BUCKET);
        // A line for each request is not what a store is measured with.
        variables.set("RUST_LOG", "warn");
        let mut command = Command::new(program);
        command.arg("-c").arg(&configuration);
        command.args(["server", "--single-node", "--default-bucket"]);
        variables.give_to(&mut command);
        // It listens when the bucket is there; `/health` is then a bucket that one may not see.
        let running = Running::start("Garage", &mut command, home, address, |_| true).await?;
        Ok(Self { running })
    }

    /// What a server or client needs in order to reach it, and nothing of the person who runs this.
    pub(super) fn variables(&self) -> Variables {
        let mut variables = Variables::default();
        for prefix in ["AWS_", "BOTO_", "MLFLOW_"] {
            variables.hide(prefix);
        }
        variables.set("MLFLOW_S3_ENDPOINT_URL", format!("http://{}", self.running.address));
        variables.set("AWS_ACCESS_KEY_ID", access_key());
        variables.set("AWS_SECRET_ACCESS_KEY", secret_key());
        variables.set("AWS_DEFAULT_REGION", REGION);
        variables.set("AWS_CONFIG_FILE", "/dev/null");
        variables.set("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        variables
    }

    /// Stops it.
    pub(super) async fn stop(self) -> Result<()> {
        self.running.stop().await
    }
}

/// The URI of a folder in the bucket.
pub(super) fn uri(folder: &str) -> String {
    format!("s3://{BUCKET}/{folder}")
}

/// Of the form that Garage asks for.
fn access_key() -> String {
    format!("GK{:024x}", 1)
}

fn secret_key() -> String {
    format!("{:064x}", 2)
}

/// Garage's defaults; only what has none is set.
fn configuration_text(home: &Path, address: SocketAddr, peers: SocketAddr) -> String {
    let home = home.display();
    let secret = secret_key();
    format!(
        r#"metadata_dir = "{home}/meta"
data_dir = "{home}/data"
replication_factor = 1
rpc_bind_addr = "{peers}"
rpc_public_addr = "{peers}"
rpc_secret = "{secret}"

[s3_api]
api_bind_addr = "{address}"
s3_region = "{REGION}"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_length_that_garage_asks_for() {
        assert_eq!((access_key().len(), secret_key().len()), (26, 64));
        assert_eq!(uri("a/b"), "s3://artifacts/a/b");
    }
}

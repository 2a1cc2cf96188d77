//! nginx, a peer for local files only, and the measure of the load generator.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail, ensure};

use crate::running::{Running, free_address};

/// Finds nginx, which Debian keeps off an ordinary user's path, and makes sure that it can PUT.
pub(crate) fn find(named: &Path) -> Result<PathBuf> {
    for program in [named, Path::new("/usr/sbin/nginx")] {
        if let Ok(output) = Command::new(program).arg("-V").output() {
            let has_dav = String::from_utf8_lossy(&output.stderr).contains("http_dav_module");
            ensure!(has_dav, "this nginx lacks http_dav_module: Debian's package `nginx` has it");
            return Ok(program.to_owned());
        }
    }
    bail!("nginx was not found: install Debian's package `nginx`, or leave it out with --only")
}

/// Starts nginx in `home` as a server that answers every call with an empty object.
pub(crate) async fn start_empty(program: &Path, home: &Path) -> Result<Running> {
    let address = free_address()?;
    // Without the limit, nginx would close a connection after 1,000 calls.
    let server = r#"keepalive_requests 100000000;
        location / { return 200 "{}"; }"#;
    let mut command = command(program, home, &config_around(home, address, server))?;
    Running::start("nginx", &mut command, home, address, |_| true).await
}

/// What starts nginx with this configuration.
pub(crate) fn command(program: &Path, home: &Path, config: &str) -> Result<Command> {
    let path = home.join("nginx.conf");
    fs::write(&path, config)?;
    fs::create_dir_all(home.join("tmp"))?;
    let mut command = Command::new(program);
    command.arg("-c").arg(path).args(["-e", "stderr"]);
    Ok(command)
}

/// nginx as a plain file server with uploads; uploads and their temporary files share a disk, so that
/// nginx renames instead of copying.
pub(crate) fn config(home: &Path, address: SocketAddr) -> String {
    let server = format!(
        r#"root "{}/files";
        location / {{
            dav_methods PUT DELETE;
            create_full_put_path on;
        }}"#,
        home.display()
    );
    config_around(home, address, &server)
}

fn config_around(home: &Path, address: SocketAddr, server: &str) -> String {
    // As root, nginx would hand its workers to a user who cannot write here.
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
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
        {server}
    }}
}}
"#
    )
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn the_nginx_config_names_its_folder_and_address() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 4321));
        let text = config(Path::new("/x y"), address);
        assert!(text.contains("root \"/x y/files\";") && text.contains("listen 127.0.0.1:4321;"));
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }
}

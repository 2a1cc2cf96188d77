//! nginx, a peer for local files only.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail, ensure};

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

/// nginx as a plain file server with uploads; uploads and their temporary files share a disk, so that
/// nginx renames instead of copying.
pub(crate) fn config(home: &Path, address: SocketAddr, as_root: bool) -> String {
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn the_nginx_config_names_its_folder_and_address() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 4321));
        let text = config(Path::new("/x y"), address, true);
        assert!(text.starts_with("user root;\n"));
        assert!(text.contains("root \"/x y/files\";") && text.contains("listen 127.0.0.1:4321;"));
        assert!(!config(Path::new("/x"), address, false).contains("user"));
        assert_eq!(text.matches('{').count(), text.matches('}').count());
    }
}

//! Where the server is reached, as typed and as variables say.

use super::*;

#[test]
fn a_certificate_of_another_web_servers_options_counts_below_the_flags() {
    let files = |line: &str| options(line, NO_ENV).listen.tls;
    let pair = |certificate: &str, key: &str| {
        Some(TlsFiles { certificate: certificate.into(), key: key.into() })
    };
    assert_eq!(files("server --uvicorn-opts '--ssl-certfile c --ssl-keyfile k'"), pair("c", "k"));
    assert_eq!(files("server --gunicorn-opts '--certfile both'"), pair("both", "both"));
    let line = "server --tls-cert a --tls-key b --uvicorn-opts '--ssl-certfile c --ssl-keyfile k'";
    assert_eq!(files(line), pair("a", "b"));
    assert_eq!(files("server"), None);
    let env = [("MLFERRY_TLS_CERT", "c"), ("MLFERRY_TLS_KEY", "k")];
    assert_eq!(options("server", env).listen.tls, pair("c", "k"));
}

#[test]
fn half_a_certificate_is_a_mistake() {
    let missing_key = "--tls-cert needs its private key: give --tls-key (MLFERRY_TLS_KEY), too.";
    assert_usage_error("server --tls-cert c", missing_key);
    let missing_certificate =
        "--tls-key needs its certificate: give --tls-cert (MLFERRY_TLS_CERT), too.";
    assert_usage_error("server --tls-key k", missing_certificate);
    assert_usage_error_with("server", [("MLFERRY_TLS_KEY", "k")], missing_certificate);
}

#[test]
fn a_socket_stands_instead_of_host_and_port() {
    let address = |line: &str| options(line, NO_ENV).listen.address;
    let unix = |mode| Address::Unix { path: "/run/s".into(), mode };
    assert_eq!(address("server --unix-socket /run/s --port 1"), unix(None));
    assert_eq!(address("server --unix-socket /run/s --unix-socket-mode 660"), unix(Some(0o660)));
    for mode in ["rw", "8", "7777", "-1", ""] {
        let line = format!("server --unix-socket /run/s --unix-socket-mode '{mode}'");
        if mode.is_empty() {
            assert_eq!(address(&line), unix(None));
            continue;
        }
        assert_usage_error(
            &line,
            &format!(
                "Invalid value for '--unix-socket-mode': '{mode}' is no set of permissions. Write them in octal, \
                 such as 660."
            ),
        );
    }
    assert_usage_error(
        "server --unix-socket-mode 660",
        "--unix-socket-mode is of no use without --unix-socket. Name the socket's path, too.",
    );
    assert_usage_error(
        "server --unix-socket /run/s --tls-cert c --tls-key k",
        "A certificate is of no use with --unix-socket '/run/s': what never leaves this machine is not encrypted. \
         Leave one of them out.",
    );
}

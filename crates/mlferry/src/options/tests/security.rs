//! Whom the server answers, as typed.

use super::*;

#[test]
fn security_settings_are_told() {
    let cases = [
        (
            "server --disable-security-middleware --allowed-hosts '*'",
            &[
                "[MLflow] WARNING: Security middleware is DISABLED. Your MLflow server is vulnerable to various \
               attacks.",
            ][..],
        ),
        (
            "server --allowed-hosts a,b,c,d,e",
            &["[MLflow] Security middleware enabled. Allowed hosts: a, b, c, and 2 more."],
        ),
        (
            "server --allowed-hosts '*' --cors-allowed-origins 'x,*'",
            &[
                "WARNING: Accepting ALL hosts. This may leave the server vulnerable to DNS rebinding attacks.",
                "WARNING: Allowing ALL origins for CORS. This allows ANY website to access your MLflow data. This \
                 configuration is only recommended for local development.",
                "[MLflow] Security middleware enabled. Allowed hosts: *. CORS origins: x, *.",
            ],
        ),
    ];
    for (line, expected) in cases {
        let mut notices = options(line, NO_ENV).notices;
        notices.retain(|notice| !notice.contains("not provided"));
        assert_eq!(notices, expected, "{line}");
    }
    assert!(!options("server --disable-security-middleware", NO_ENV).security_middleware);
    assert_eq!(options("server --x-frame-options none", NO_ENV).x_frame_options, None);
    assert_eq!(options("server --allowed-hosts ''", NO_ENV).allowed_hosts, None);
}

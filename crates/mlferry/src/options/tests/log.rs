//! How much is logged, from all places that say it.

use super::*;

#[test]
fn log_level_comes_from_the_nearest_place() {
    use LogLevel::{Debug, Error, Info, Trace, Warn};
    let level = |line, env: &[(&'static str, &'static str)]| match *env {
        [] => options(line, NO_ENV).log.level,
        [one] => options(line, [one]).log.level,
        [one, two, ..] => options(line, [one, two]).log.level,
    };
    let ours = ("MLFERRY_LOG_LEVEL", "error");
    let gunicorn = ("MLFLOW_GUNICORN_OPTS", "--log-level debug");
    assert_eq!(level("server", &[]), Info);
    assert_eq!(level("server --log-level trace --uvicorn-opts '--log-level debug'", &[]), Trace);
    assert_eq!(level("server --log-level warn --dev", &[ours]), Warn);
    assert_eq!(level("server --dev", &[ours]), Debug);
    assert_eq!(level("server --waitress-opts --log-level=debug", &[ours]), Debug);
    assert_eq!(level("server", &[ours, gunicorn]), Error);
    assert_eq!(level("server", &[gunicorn]), Debug);
    assert_eq!(level("server --log-level critical", &[gunicorn]), Error);
    let notices = options("server --dev", NO_ENV).notices;
    assert_eq!(notices[0], "--dev: logs at level debug; reload is not needed here.");
    let notices = options("server --gunicorn-opts '--timeout 5'", NO_ENV).notices;
    assert_eq!(notices[0], "--gunicorn-opts: --timeout is not needed here and has no effect.");
}

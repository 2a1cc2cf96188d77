//! Connections to the database, as typed and as variables say.

use super::*;

#[test]
fn connections_are_kept_as_told() {
    let found = options(
        "server --db-pool-size 20 --db-acquire-timeout 5s --db-statement-timeout 2m --db-max-lifetime 60",
        [("MLFLOW_SQLALCHEMYSTORE_POOL_SIZE", "3")],
    );
    let expected = Connections {
        max: Some(20),
        acquire_timeout: Duration::from_secs(5),
        max_lifetime: Some(Duration::from_mins(1)),
        statement_timeout: Some(Duration::from_mins(2)),
    };
    assert_eq!(found.connections, expected);
    assert_eq!(options("server", NO_ENV).connections, Connections::default());
    for wrong in ["--db-pool-size 0", "--db-acquire-timeout x", "--db-max-lifetime 0"] {
        let text = start(&format!("server {wrong}"), NO_ENV).unwrap_err().to_string();
        assert!(text.contains(wrong.split(' ').next().unwrap()), "{text}");
    }
}

#[test]
fn variables_of_the_reference_s_pool_are_obeyed() {
    let max = |size, overflow| {
        let env = [
            ("MLFLOW_SQLALCHEMYSTORE_POOL_SIZE", size),
            ("MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW", overflow),
        ];
        options("server", env).connections.max
    };
    assert_eq!(max("5", ""), Some(15));
    assert_eq!(max("5", "0"), Some(5));
    assert_eq!(max("5", "-1"), None);
    assert_eq!(max("0", "3"), None);
    let recycle = [("MLFLOW_SQLALCHEMYSTORE_POOL_RECYCLE", "90")];
    assert_eq!(options("server", recycle).connections.max_lifetime, Some(Duration::from_secs(90)));
    let wrong = [("MLFLOW_SQLALCHEMYSTORE_POOL_SIZE", "many")];
    assert_refused("server", wrong, "MLFLOW_SQLALCHEMYSTORE_POOL_SIZE is 'many'");
}

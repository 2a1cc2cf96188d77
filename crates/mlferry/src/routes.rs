//! `mlferry routes`: what a server answers, for rules of proxies, and for tests that must leave nothing out.

use mlferry_protocol::WireEnum;
use mlferry_server::{RouteInfo, route_table};

/// One line for each method of each path, in the order of the paths: who is meant to call it, the scopes of tokens that are
/// good for it, the method, and the path without `--static-prefix`, where `{name}` stands for one name and `{*name}` for all
/// that follows.
pub(crate) fn list() -> String {
    let mut routes = route_table();
    routes.sort_by(|one, other| {
        let key = |route: &RouteInfo| (route.path.clone(), route.method.to_string());
        key(one).cmp(&key(other))
    });
    let lines = routes.iter().map(|RouteInfo { access, scopes, method, path }| {
        let scopes: Vec<_> = scopes.iter().map(|scope| scope.name().to_lowercase()).collect();
        let scopes = if scopes.is_empty() { "none".to_owned() } else { scopes.join(",") };
        format!("{access}\t{scopes}\t{method}\t{path}\n")
    });
    lines.collect()
}

/// `mlferry openapi`: the same as OpenAPI 3.1, with what each route takes and answers.
pub(crate) fn openapi() -> String {
    format!("{:#}\n", mlferry_server::openapi())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_four_columns_and_stands_once() {
        let list = list();
        assert!(
            list.contains(
                "delete\twrite,artifacts\tDELETE\t/api/2.0/mlflow-artifacts/artifacts/{*artifact_path}\n"
            )
        );
        assert!(list.contains("anyone\tread,write,artifacts\tGET\t/health\n"));
        let mut lines: Vec<_> = list.lines().collect();
        assert!(lines.iter().all(|line| line.split('\t').count() == 4));
        let count = lines.len();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), count);
    }
}

//! Whom the server answers, and what it says of that when it starts.

use super::set;
use crate::usage::Stop;

/// What to say of lists that leave nobody out.
pub(super) fn wildcard_warnings(
    hosts: Option<&[String]>,
    origins: Option<&[String]>,
) -> Vec<String> {
    let wild =
        |list: Option<&[String]>| list.is_some_and(|list| list.iter().any(|entry| entry == "*"));
    let mut warnings = Vec::new();
    if wild(hosts) {
        warnings.push(
            "WARNING: Accepting ALL hosts. This may leave the server vulnerable to DNS rebinding attacks.".to_owned(),
        );
    }
    if wild(origins) {
        warnings.push(
            "WARNING: Allowing ALL origins for CORS. This allows ANY website to access your MLflow data. This \
             configuration is only recommended for local development."
                .to_owned(),
        );
    }
    warnings
}

/// What holds, in a line.
pub(super) fn notice(
    enabled: bool,
    hosts: Option<&[String]>,
    origins: Option<&[String]>,
) -> String {
    if !enabled {
        return "[MLflow] WARNING: Security middleware is DISABLED. Your MLflow server is vulnerable to various \
                attacks."
            .to_owned();
    }
    if hosts.is_none() && origins.is_none() {
        return "[MLflow] Security middleware enabled with default settings (localhost-only). To allow connections \
                from other hosts, use --host 0.0.0.0 and configure --allowed-hosts and --cors-allowed-origins."
            .to_owned();
    }
    let mut parts = vec!["[MLflow] Security middleware enabled".to_owned()];
    for (title, entries) in [("Allowed hosts", hosts), ("CORS origins", origins)] {
        let Some(entries) = entries else { continue };
        let mut shown: Vec<String> = entries.iter().take(3).cloned().collect();
        if entries.len() > 3 {
            shown.push(format!("and {} more", entries.len() - 3));
        }
        parts.push(format!("{title}: {}", shown.join(", ")));
    }
    format!("{}.", parts.join(". "))
}

/// The header against pages in frames of others; none for `NONE`.
pub(super) fn x_frame_options(value: Option<String>) -> Result<Option<String>, Stop> {
    let value = set(value).unwrap_or_else(|| "SAMEORIGIN".to_owned()).to_uppercase();
    if value.contains(|char: char| !(char.is_ascii_graphic() || char == ' ')) {
        return Err(Stop::invalid(
            "'--x-frame-options'",
            format_args!("{value:?} cannot be sent as a header. Use SAMEORIGIN, DENY or NONE."),
        ));
    }
    Ok((value != "NONE").then_some(value))
}

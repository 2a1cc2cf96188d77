//! `--gunicorn-opts`, `--uvicorn-opts` and `--waitress-opts`: options of the web servers the reference runs in.
//!
//! mlferry is its own web server. It obeys the log level and the certificate, and tells about the rest.

use crate::log::LogLevel;

/// What was found in one of these options.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerOpts {
    /// The last log level given.
    pub(crate) log_level: Option<LogLevel>,
    /// The certificate for HTTPS.
    pub(crate) tls: TlsOpts,
    /// Names of the other options, each once and without values, which may be secret.
    pub(crate) ignored: Vec<String>,
}

/// Files for HTTPS, as gunicorn and uvicorn call them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsOpts {
    /// `--certfile`, `--ssl-certfile`.
    pub(crate) certificate: Option<String>,
    /// `--keyfile`, `--ssl-keyfile`.
    pub(crate) key: Option<String>,
}

impl TlsOpts {
    /// The place of an option's value, if it is one of these.
    fn named(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "--certfile" | "--ssl-certfile" => Some(&mut self.certificate),
            "--keyfile" | "--ssl-keyfile" => Some(&mut self.key),
            _ => None,
        }
    }
}

/// Reads the text the way a shell would; an error says what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<ServerOpts, String> {
    let words =
        shlex::split(text).ok_or_else(|| format!("'{text}' has a quote that is not closed."))?;
    let mut opts = ServerOpts::default();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        if name == "--log-level" {
            let value = value
                .or_else(|| words.next())
                .ok_or("--log-level needs a value, such as debug.")?;
            let level = LogLevel::parse(&value).ok_or_else(|| {
                format!("'{value}' is not a log level; use critical, error, warning, info, debug or trace.")
            })?;
            opts.log_level = Some(level);
        } else if let Some(file) = opts.tls.named(name) {
            *file = Some(
                value.or_else(|| words.next()).ok_or_else(|| format!("{name} needs a file."))?,
            );
        } else if let Some(name) = option_name(name)
            && !opts.ignored.contains(&name)
        {
            opts.ignored.push(name);
        }
    }
    Ok(opts)
}

/// The options with `mask` for their values, which may be secret, except for the log level.
pub(crate) fn without_values(text: &str, mask: &str) -> String {
    let Some(words) = shlex::split(text) else { return mask.to_owned() };
    let mut is_level = false;
    let shown = words.into_iter().map(|word| {
        let is_shown = std::mem::replace(&mut is_level, word == "--log-level");
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        match option_name(name) {
            _ if is_shown || name == "--log-level" => word,
            Some(name) if name == word => word,
            Some(name) if word.contains('=') => format!("{name}={mask}"),
            Some(name) => format!("{name}{mask}"),
            None => mask.to_owned(),
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// One line for the log on the options without effect.
pub(crate) fn notice(flag: &str, ignored: &[String]) -> Option<String> {
    let (last, before) = ignored.split_last()?;
    let mut line = match before {
        [] => format!("{flag}: {last} is not needed here and has no effect."),
        _ => format!(
            "{flag}: {} and {last} are not needed here and have no effect.",
            before.join(", ")
        ),
    };
    for hint in ignored.iter().filter_map(|name| hint(name)) {
        if !line.contains(hint) {
            line.push(' ');
            line.push_str(hint);
        }
    }
    Some(line)
}

/// What to use instead, where leaving the option out changes how the server is reached.
fn hint(name: &str) -> Option<&'static str> {
    match name {
        "-b" | "--bind" | "--host" | "--port" | "--listen" | "--uds" | "--fd" => {
            Some("To choose the address, use --host and --port, or --unix-socket.")
        }
        "-w" | "--workers" => Some("To choose the number of threads, use --workers."),
        "--ca-certs" | "--cert-reqs" | "--ssl-ca-certs" | "--ssl-cert-reqs" => Some(
            "WARNING: clients are not asked for certificates; where they must be, put a proxy in front.",
        ),
        _ => None,
    }
}

/// `--timeout` of `--timeout`, `-w` of `-w4`; nothing of values, negative numbers included.
fn option_name(word: &str) -> Option<String> {
    if word.starts_with("--") {
        return (word.len() > 2).then(|| word.to_owned());
    }
    let letter = word.strip_prefix('-')?.chars().next()?;
    letter.is_ascii_alphabetic().then(|| format!("-{letter}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opts(log_level: Option<LogLevel>, ignored: &[&str]) -> ServerOpts {
        let ignored = ignored.iter().map(ToString::to_string).collect();
        ServerOpts { log_level, ignored, ..ServerOpts::default() }
    }

    #[test]
    fn log_level_is_obeyed_and_the_rest_is_named() {
        let cases = [
            ("--log-level debug", opts(Some(LogLevel::Debug), &[])),
            ("--log-level=WARNING", opts(Some(LogLevel::Warn), &[])),
            ("--log-level info --log-level critical", opts(Some(LogLevel::Error), &[])),
            ("", opts(None, &[])),
            (
                "--timeout 60 -w4 --log-level 'trace' --access-logfile='-' --timeout=9",
                opts(Some(LogLevel::Trace), &["--timeout", "-w", "--access-logfile"]),
            ),
            ("--backlog -1 -k gevent", opts(None, &["--backlog", "-k"])),
            ("--reload --log-config \"my file.ini\"", opts(None, &["--reload", "--log-config"])),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn certificate_and_key_are_taken() {
        let found = |certificate: &str, key: Option<&str>| TlsOpts {
            certificate: Some(certificate.to_owned()),
            key: key.map(ToOwned::to_owned),
        };
        for (text, expected) in [
            ("--ssl-certfile c.pem --ssl-keyfile=k.pem", found("c.pem", Some("k.pem"))),
            ("--certfile 'my c.pem' --timeout 60", found("my c.pem", None)),
            ("--certfile a --certfile b --keyfile k", found("b", Some("k"))),
        ] {
            assert_eq!(parse(text).unwrap().tls, expected, "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("--ssl-certfile", "--ssl-certfile needs a file."),
            ("--log-level 'debug", "'--log-level 'debug' has a quote that is not closed."),
            ("--log-level", "--log-level needs a value, such as debug."),
            (
                "--log-level loud",
                "'loud' is not a log level; use critical, error, warning, info, debug or trace.",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn notice_names_options_but_never_values() {
        let notice_of = |text| notice("--uvicorn-opts", &parse(text).unwrap().ignored);
        assert_eq!(notice_of("--log-level debug"), None);
        assert_eq!(
            notice_of("--timeout 60").unwrap(),
            "--uvicorn-opts: --timeout is not needed here and has no effect."
        );
        assert_eq!(
            notice_of("--ssl-ca-certs c --ssl-keyfile-password secret -b :80 --bind :81").unwrap(),
            "--uvicorn-opts: --ssl-ca-certs, --ssl-keyfile-password, -b and --bind are not needed here and have no \
             effect. WARNING: clients are not asked for certificates; where they must be, put a proxy in front. To \
             choose the address, use --host and --port, or --unix-socket."
        );
    }
}

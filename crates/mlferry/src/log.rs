//! Log lines on stderr: like gunicorn's, or as JSON objects.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{Timestamp, Zoned};
use serde::Serialize;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::traces::Traces;

/// The target of the request log, whose message is a whole line; its fields appear in JSON only.
const ACCESS_TARGET: &str = "access";

/// The target of spans, which are for traces and never for the log.
pub(crate) const SPANS: &str = "otel";

/// How to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogOptions {
    /// The least level that is logged.
    pub(crate) level: LogLevel,
    /// The shape of a line.
    pub(crate) format: LogFormat,
}

/// Levels, from few lines to many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogLevel {
    /// Failures only.
    Error,
    /// And what may become one.
    Warn,
    /// And what a start says.
    Info,
    /// Requests as the reference's debug log shows them.
    Debug,
    /// And what libraries say.
    Trace,
}

impl LogLevel {
    /// Reads our names and Python's, in any case.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "critical" | "fatal" | "error" => Some(Self::Error),
            "warning" | "warn" => Some(Self::Warn),
            "info" => Some(Self::Info),
            "debug" => Some(Self::Debug),
            "trace" => Some(Self::Trace),
            _ => None,
        }
    }

    /// What is logged from where: libraries stay quiet below `trace`.
    fn targets(self) -> Targets {
        let ours = match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        };
        let theirs = if self == Self::Trace { ours } else { ours.min(LevelFilter::WARN) };
        // A target is a prefix: "mlferry" stands for mlferry_server and the other crates, too.
        Targets::new()
            .with_default(theirs)
            .with_target("mlferry", ours)
            .with_target(ACCESS_TARGET, ours)
            .with_target(SPANS, LevelFilter::OFF)
            // It would say of each batch what `traces.rs` says once.
            .with_target("opentelemetry-otlp", LevelFilter::OFF)
    }
}

/// Shapes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// `[2021-11-05 19:13:34 +0900] [92800] [DEBUG] message key=value`.
    Text,
    /// `{"timestamp":…,"level":…,"target":…,"message":…,"fields":{…}}`.
    Json,
}

/// Starts logging to stderr, for the whole process, and collecting spans where they are wanted.
pub(crate) fn init(options: LogOptions, traces: Option<&Traces>) -> anyhow::Result<()> {
    match traces {
        None => subscriber(options, std::io::stderr).try_init()?,
        // Each layer then has a filter of its own, which costs a little more.
        Some(traces) => tracing_subscriber::registry()
            .with(lines(options.format, std::io::stderr).with_filter(options.level.targets()))
            .with(traces.layer())
            .try_init()?,
    }
    Ok(())
}

fn subscriber<W>(options: LogOptions, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::registry().with(options.level.targets()).with(lines(options.format, writer))
}

/// Writes an event as a line.
fn lines<S, W>(format: LogFormat, writer: W) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let line = Line { format, pid: std::process::id() };
    tracing_subscriber::fmt::layer().event_format(line).with_ansi(false).with_writer(writer)
}

struct Line {
    format: LogFormat,
    pid: u32,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut content = Content::default();
        event.record(&mut content);
        let metadata = event.metadata();
        match self.format {
            LogFormat::Text => {
                let time = Zoned::now().strftime("%Y-%m-%d %H:%M:%S %z").to_string();
                write!(writer, "[{time}] [{}] [{}] ", self.pid, gunicorn_name(*metadata.level()))?;
                write_escaped(&mut writer, &content.message)?;
                if metadata.target() != ACCESS_TARGET {
                    for (name, value) in &content.fields {
                        write!(writer, " {name}=")?;
                        write_value(&mut writer, value)?;
                    }
                }
            }
            LogFormat::Json => {
                let line = JsonLine {
                    timestamp: format!("{:.6}", Timestamp::now()),
                    level: metadata.level().as_str(),
                    target: metadata.target(),
                    message: &content.message,
                    fields: content.fields.into_iter().collect(),
                };
                writer.write_str(&serde_json::to_string(&line).map_err(|_| fmt::Error)?)?;
            }
        }
        writeln!(writer)
    }
}

/// An event as JSON; the order of the fields is the order in the line.
#[derive(Serialize)]
struct JsonLine<'a> {
    timestamp: String,
    level: &'a str,
    target: &'a str,
    message: &'a str,
    fields: BTreeMap<&'a str, Value>,
}

fn gunicorn_name(level: Level) -> &'static str {
    if level == Level::WARN { "WARNING" } else { level.as_str() }
}

/// Writes text so that it stays on its line and cannot pass for another one.
fn write_escaped(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    for char in text.chars() {
        if char.is_control() {
            write!(writer, "{}", char.escape_default())?;
        } else {
            writer.write_char(char)?;
        }
    }
    Ok(())
}

fn write_value(writer: &mut Writer<'_>, value: &Value) -> fmt::Result {
    match value {
        Value::String(text)
            if text.is_empty()
                || text.contains(|char: char| char.is_whitespace() || char == '"') =>
        {
            write!(writer, "{text:?}")
        }
        Value::String(text) => write_escaped(writer, text),
        other => write!(writer, "{other}"),
    }
}

/// What an event carries.
#[derive(Default)]
struct Content {
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Content {
    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(message)) => self.message = message,
            ("message", value) => self.message = value.to_string(),
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for Content {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::json;
    use tracing::{debug, error, info, warn};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: LogLevel, format: LogFormat, events: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(LogOptions { level, format }, move || writer.clone());
        tracing::subscriber::with_default(subscriber, events);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn text_line_has_gunicorns_shape() {
        let line = logged(LogLevel::Debug, LogFormat::Text, || {
            debug!(run.id = "a1", count = 3, text = "two words", none = "", "Started");
        });
        let (time, rest) = line.strip_prefix('[').unwrap().split_once("] ").unwrap();
        jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S %z", time).unwrap().to_timestamp().unwrap();
        assert_eq!(time.len(), "2021-11-05 19:13:34 +0900".len());
        let pid = std::process::id();
        assert_eq!(
            rest,
            format!("[{pid}] [DEBUG] Started run.id=a1 count=3 text=\"two words\" none=\"\"\n")
        );
    }

    #[test]
    fn access_line_is_its_message() {
        let line = logged(LogLevel::Debug, LogFormat::Text, || {
            debug!(target: "access", status = 200, "PUT /api/2.0/mlflow-artifacts/artifacts/0/a.txt");
        });
        assert!(
            line.ends_with("] [DEBUG] PUT /api/2.0/mlflow-artifacts/artifacts/0/a.txt\n"),
            "{line}"
        );
    }

    #[test]
    fn an_event_never_spans_two_lines() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = logged(LogLevel::Info, format, || {
                info!(path = "a\n[x] [1] [INFO] b", "first\r\nsecond \u{1b}[31m");
            });
            assert_eq!(text.lines().count(), 1, "{text}");
            assert!(!text.contains('\u{1b}'));
        }
    }

    #[test]
    fn json_line_is_one_object() {
        let line = logged(LogLevel::Info, LogFormat::Json, || {
            warn!(target: "access", status = 200, http.path = "/a", slow = true, "GET /a");
        });
        assert!(line.starts_with("{\"timestamp\":"), "{line}");
        let object: Value = serde_json::from_str(&line).unwrap();
        object["timestamp"].as_str().unwrap().parse::<Timestamp>().unwrap();
        assert_eq!(object["level"], "WARN");
        assert_eq!(object["target"], "access");
        assert_eq!(object["message"], "GET /a");
        assert_eq!(object["fields"], json!({"status": 200, "http.path": "/a", "slow": true}));
    }

    #[test]
    fn levels_hold_for_us_and_libraries_stay_quiet() {
        let events = || {
            error!(target: "mlferry_store", "1");
            info!(target: "mlferry_server::routes", "2");
            debug!(target: "mlferry", "3");
            debug!(target: "access", "4");
            warn!(target: "hyper", "5");
            debug!(target: "hyper", "6");
        };
        let cases = [
            (LogLevel::Error, "1"),
            (LogLevel::Warn, "15"),
            (LogLevel::Info, "125"),
            (LogLevel::Debug, "12345"),
            (LogLevel::Trace, "123456"),
        ];
        for (level, expected) in cases {
            let text = logged(level, LogFormat::Text, events);
            let seen: String = text.lines().filter_map(|line| line.chars().last()).collect();
            assert_eq!(seen, expected, "{level:?}");
        }
        assert!(logged(LogLevel::Warn, LogFormat::Text, || warn!("x")).contains("] [WARNING] x"));
    }
}

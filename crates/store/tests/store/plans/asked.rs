//! What a store asks its database, heard of through its spans and PostgreSQL's notices.

use std::{
    fmt,
    sync::{Arc, Mutex},
};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
    util::SubscriberInitExt,
};

/// The target of the store's spans.
pub(super) const SPANS: &str = "otel";
/// The target under which the driver tells what a server of PostgreSQL says beside its answers.
const NOTICES: &str = "sqlx::postgres::notice";

/// Texts in the order in which they came, from all connections of this process.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked(Arc<Mutex<Heard>>);

/// What was heard since it was last taken.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Texts of statements.
    pub(super) statements: Vec<String>,
    /// Plans that PostgreSQL told with `auto_explain`, one for each statement.
    pub(super) plans: Vec<String>,
}

impl Asked {
    /// Listens to the whole process from now on, since the store's calls of SQLite happen on threads of their own. Of the
    /// store, only what is asked within a span is heard, which no other test has.
    pub(super) fn listen() -> Self {
        let asked = Self::default();
        let wanted =
            Targets::new().with_target(SPANS, Level::INFO).with_target(NOTICES, Level::INFO);
        tracing_subscriber::registry().with(asked.clone().with_filter(wanted)).init();
        asked
    }

    /// Everything since the last time.
    pub(super) fn take(&self) -> Heard {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// How many plans of PostgreSQL are still to come.
    pub(super) fn missing_plans(&self) -> usize {
        let heard = self.0.lock().unwrap();
        heard.statements.len().saturating_sub(heard.plans.len())
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Asked {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        let mut text = Text::of("db.query.text");
        attributes.record(&mut text);
        self.0.lock().unwrap().statements.extend(text.found);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::of("message");
        event.record(&mut text);
        // Other tests hear notices of other kinds.
        let plan = text.found.filter(|text| text.starts_with("duration: "));
        self.0.lock().unwrap().plans.extend(plan);
    }
}

/// The value of one field.
struct Text {
    name: &'static str,
    found: Option<String>,
}

impl Text {
    const fn of(name: &'static str) -> Self {
        Self { name, found: None }
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == self.name {
            self.found = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == self.name {
            self.found = Some(format!("{value:?}"));
        }
    }
}

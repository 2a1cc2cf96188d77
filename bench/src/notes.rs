//! What has to be said beside figures: calls that failed, and what could not be measured.

use crate::report::Measure;

/// Characters of a reason that tables have room for.
const REASON: usize = 240;

/// Everything that was noted in a run, in the order in which it came.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<Note>);

/// What is said of one column in one line, over all rounds.
#[derive(Debug)]
struct Note {
    measure: &'static Measure,
    column: &'static str,
    failed: usize,
    calls: usize,
    /// Why the first call failed, and whatever else has to be said.
    texts: Vec<String>,
}

impl Notes {
    /// Counts the calls of one more round, of which some may have failed, the first for the given reason.
    pub(crate) fn count(
        &mut self,
        measure: &'static Measure,
        column: &'static str,
        calls: usize,
        (failed, first): (usize, Option<&str>),
    ) {
        let note = self.of(measure, column);
        let is_first = note.failed == 0;
        note.calls += calls;
        note.failed += failed;
        if let Some(reason) = first.filter(|_| is_first) {
            note.texts.push(format!("the first: {}", code(reason)));
        }
    }

    /// Says something about a line, once.
    pub(crate) fn say(&mut self, measure: &'static Measure, column: &'static str, text: String) {
        let note = self.of(measure, column);
        if !note.texts.contains(&text) {
            note.texts.push(text);
        }
    }

    /// Says that there is no figure, and why.
    pub(crate) fn give_up(
        &mut self,
        measure: &'static Measure,
        column: &'static str,
        reason: &str,
    ) {
        self.say(measure, column, format!("not measured: {}", code(reason)));
    }

    /// Whether anything has to be said about a figure.
    pub(crate) fn has(&self, measure: &Measure, column: &str) -> bool {
        self.0.iter().any(|it| it.measure == measure && it.column == column && it.is_needed())
    }

    /// Whether anything has to be said about a line.
    pub(crate) fn has_any(&self, measure: &Measure) -> bool {
        self.0.iter().any(|it| it.measure == measure && it.is_needed())
    }

    /// All that has to be said about some lines, as a list; nothing if that is nothing.
    pub(crate) fn to_markdown(&self, measures: &[&Measure]) -> String {
        let is_wanted = |note: &&Note| note.is_needed() && measures.contains(&note.measure);
        let items: String = self.0.iter().filter(is_wanted).map(Note::to_markdown).collect();
        if items.is_empty() {
            return items;
        }
        format!(
            "What has a `*` is of the calls that did not fail, or has to be read with this:\n\n{items}"
        )
    }

    fn of(&mut self, measure: &'static Measure, column: &'static str) -> &mut Note {
        let known = self.0.iter().position(|note| note.measure == measure && note.column == column);
        let index = known.unwrap_or(self.0.len());
        if known.is_none() {
            self.0.push(Note { measure, column, failed: 0, calls: 0, texts: Vec::new() });
        }
        &mut self.0[index]
    }
}

impl Note {
    /// Calls that all went well are not worth a word.
    const fn is_needed(&self) -> bool {
        self.failed > 0 || !self.texts.is_empty()
    }

    fn to_markdown(&self) -> String {
        let Self { measure, column, failed, calls, texts } = self;
        let mut parts = Vec::new();
        if *failed > 0 {
            parts.push(format!("{failed} of {calls} calls failed"));
        }
        parts.extend(texts.iter().cloned());
        format!("- {column}, {}: {}\n", measure.name, parts.join("; "))
    }
}

/// What a server said, on one line, and in nothing that Markdown would read.
fn code(reason: &str) -> String {
    let line = reason.replace('`', "'").split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().take(REASON).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    format!("`{short}`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Better;

    static RATE: Measure =
        Measure { name: "batches", unit: "calls/s", better: Better::Higher, goal: "" };
    static OTHER: Measure =
        Measure { name: "searches", unit: "calls/s", better: Better::Higher, goal: "" };

    #[test]
    fn failures_of_all_rounds_are_told_with_the_first_reason() {
        let mut notes = Notes::default();
        notes.count(&RATE, "peer", 100, (0, None));
        assert!(!notes.has_any(&RATE));
        notes.count(&RATE, "peer", 50, (2, Some("400: `pool`\n is  full")));
        notes.count(&RATE, "peer", 50, (1, Some("500")));
        assert!(notes.has(&RATE, "peer") && !notes.has(&RATE, "ours") && !notes.has_any(&OTHER));
        let text = notes.to_markdown(&[&OTHER, &RATE]);
        let expected = "- peer, batches: 3 of 200 calls failed; the first: `400: 'pool' is full`\n";
        assert!(text.ends_with(expected), "{text}");
        assert_eq!(notes.to_markdown(&[&OTHER]), "");
    }

    #[test]
    fn what_recurs_is_said_once_and_briefly() {
        let mut notes = Notes::default();
        for _ in 0..3 {
            notes.give_up(&RATE, "peer", &"ä".repeat(REASON + 1));
        }
        let text = notes.to_markdown(&[&RATE]);
        let expected = format!("- peer, batches: not measured: `{}…`\n", "ä".repeat(REASON));
        assert!(text.ends_with(&expected), "{text}");
    }
}

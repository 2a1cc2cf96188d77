//! Figures of several rounds, the Markdown tables made of them, and the file that keeps them.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::notes::Notes;
use crate::plot::Plot;

/// The head of a new `bench/README.md`.
const INTRODUCTION: &str = include_str!("introduction.md");

/// Which way a figure gets better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    /// Rates.
    Higher,
    /// Times and sizes.
    Lower,
}

/// One line of a table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Measure {
    /// What was done.
    pub(crate) name: &'static str,
    /// In what the figure counts.
    pub(crate) unit: &'static str,
    /// Which way it gets better.
    pub(crate) better: Better,
    /// What mlferry is to reach, or nothing.
    pub(crate) goal: &'static str,
}

/// All figures of a run, in the order in which they came, and what has to be said of them.
#[derive(Debug, Default)]
pub(crate) struct Results {
    figures: Vec<Figures>,
    /// Rounds before this one, in which not everything has been measured.
    rounds_before: usize,
    pub(crate) notes: Notes,
}

/// The figures of one column in one line, a round each; nothing where there was none in a round.
#[derive(Debug)]
struct Figures {
    measure: &'static Measure,
    column: &'static str,
    values: Vec<Option<f64>>,
}

impl Results {
    /// Begins a round with this number, from 1 on. Without, the figures of a line belong to one round after another.
    pub(crate) fn begin_round(&mut self, number: usize) {
        self.rounds_before = number - 1;
    }

    /// Adds the figure of one more round.
    pub(crate) fn add(&mut self, measure: &'static Measure, column: &'static str, value: f64) {
        let is_it = |figures: &Figures| figures.measure == measure && figures.column == column;
        let known = self.figures.iter().position(is_it);
        let index = known.unwrap_or(self.figures.len());
        if known.is_none() {
            self.figures.push(Figures { measure, column, values: Vec::new() });
        }
        let values = &mut self.figures[index].values;
        values.resize(values.len().max(self.rounds_before), None);
        values.push(Some(value));
    }

    /// Those of the measures that have a figure, or a word on why there is none.
    pub(crate) fn present(&self, measures: Vec<&'static Measure>) -> Vec<&'static Measure> {
        let is_present = |measure: &&Measure| {
            self.figures.iter().any(|it| it.measure == *measure) || self.notes.has_any(measure)
        };
        measures.into_iter().filter(is_present).collect()
    }

    fn median(&self, measure: &Measure, column: &str) -> Option<f64> {
        let values: Vec<f64> = self.values(measure, column).iter().flatten().copied().collect();
        median(&values)
    }

    fn values(&self, measure: &Measure, column: &str) -> &[Option<f64>] {
        let known = self
            .figures
            .iter()
            .find(|figures| figures.measure == measure && figures.column == column);
        known.map_or(&[], |figures| &figures.values)
    }

    /// How many times better `subject` is than `other`.
    pub(crate) fn ratio(&self, measure: &Measure, subject: &str, other: &str) -> Option<f64> {
        let ours = self.median(measure, subject)?;
        let theirs = self.median(measure, other)?;
        let (above, below) =
            if measure.better == Better::Higher { (ours, theirs) } else { (theirs, ours) };
        // What is next to nothing is any number of times better.
        (below >= 0.05).then(|| above / below)
    }

    /// The medians of all columns, and the ratios of the first column to the others.
    pub(crate) fn medians(&self, measures: &[&Measure], columns: &[&str]) -> String {
        let (subject, others) = columns.split_first().unwrap_or((&"", &[]));
        let mut head = vec![String::new(), "unit".to_owned()];
        head.extend(columns.iter().map(ToString::to_string));
        head.extend(others.iter().map(|other| format!("{subject} to {other}")));
        head.push("to reach".to_owned());
        let mut table = Table::new(head);
        for measure in measures {
            let mut row = vec![measure.name.to_owned(), measure.unit.to_owned()];
            row.extend(columns.iter().map(|column| {
                let mark = if self.notes.has(measure, column) { "*" } else { "" };
                cell(self.median(measure, column), number) + mark
            }));
            row.extend(others.iter().map(|other| cell(self.ratio(measure, subject, other), times)));
            row.push(measure.goal.to_owned());
            table.push(row);
        }
        table.to_markdown(2..head_len(columns) + 2)
    }

    /// Every figure of every round.
    pub(crate) fn rounds(&self, measures: &[&Measure], columns: &[&str]) -> String {
        let count = self.figures.iter().map(|figures| figures.values.len()).max().unwrap_or(0);
        let mut head = vec![String::new(), "unit".to_owned(), "server".to_owned()];
        head.extend((1..=count).map(|round| format!("round {round}")));
        let mut table = Table::new(head);
        for measure in measures {
            for column in columns {
                let values = self.values(measure, column);
                if !values.is_empty() {
                    let mut row = vec![
                        measure.name.to_owned(),
                        measure.unit.to_owned(),
                        (*column).to_owned(),
                    ];
                    let values = (0..count).map(|round| values.get(round).copied().flatten());
                    row.extend(values.map(|value| cell(value, number)));
                    table.push(row);
                }
            }
        }
        table.to_markdown(3..count + 3)
    }
}

/// Number of columns with figures: each server's own, and the ratios to all but the first.
fn head_len(columns: &[&str]) -> usize {
    columns.len() + columns.len().saturating_sub(1)
}

/// The middle value, or the mean of the two middle ones.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[middle - 1], upper) })
}

fn cell(value: Option<f64>, format: fn(f64) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), format)
}

/// Three digits that matter, and a comma between thousands.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    let plain = format!("{value:.decimals$}");
    let digits = plain.find('.').unwrap_or(plain.len());
    let (whole, fraction) = plain.split_at(digits);
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

/// A ratio with the sign of one.
pub(crate) fn times(value: f64) -> String {
    format!("{}×", number(value))
}

/// A Markdown table whose columns line up in the source too.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this head.
    pub(crate) fn new(head: Vec<String>) -> Self {
        Self { rows: vec![head] }
    }

    /// Adds a row with as many cells as the head.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        debug_assert_eq!(row.len(), self.rows[0].len());
        self.rows.push(row);
    }

    /// Renders the table with the columns of `figures` aligned to the right.
    pub(crate) fn to_markdown(&self, figures: std::ops::Range<usize>) -> String {
        let width = |column: usize| {
            self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3)
        };
        let widths: Vec<usize> = (0..self.rows[0].len()).map(width).collect();
        let rule = widths.iter().enumerate().map(|(column, width)| {
            let end = if figures.contains(&column) { ":" } else { "-" };
            format!("{}{end}", "-".repeat(width - 1))
        });
        let rule: Vec<String> = rule.collect();
        let mut lines = Vec::with_capacity(self.rows.len() + 1);
        for (index, row) in self.rows.iter().enumerate() {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let width = widths[column];
                if figures.contains(&column) {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            });
            lines.push(cells.collect::<Vec<_>>());
            if index == 0 {
                lines.push(rule.clone());
            }
        }
        lines
            .iter()
            .map(|cells| format!("| {} |\n", cells.join(" | ")))
            .collect::<Vec<_>>()
            .concat()
    }
}

/// Puts `body` between the markers of `section` in the file, and its `plots` beside it; all other text stays.
pub(crate) fn write_section(path: &Path, section: &str, body: &str, plots: &[Plot]) -> Result<()> {
    Plot::write_all(plots, path)?;
    let old = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => INTRODUCTION.to_owned(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let new = replace_section(&old, section, body)?;
    fs::write(path, new).with_context(|| format!("cannot write {}", path.display()))
}

/// `text` with `body` between the markers of `section`, which are added at the end if there are none.
fn replace_section(text: &str, section: &str, body: &str) -> Result<String> {
    let begin = format!("<!-- {section}:begin -->");
    let end = format!("<!-- {section}:end -->");
    let block = format!("{begin}\n\n{}\n\n{end}", body.trim());
    match (text.find(&begin), text.find(&end)) {
        (None, None) => Ok(format!("{}\n\n{block}\n", text.trim_end())),
        (Some(start), Some(stop)) if start < stop => {
            Ok(format!("{}{block}{}", &text[..start], &text[stop + end.len()..]))
        }
        markers => {
            ensure!(markers.0.is_some(), "{begin} is missing before {end}");
            anyhow::bail!("{end} is missing behind {begin}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Measure =
        Measure { name: "upload", unit: "MB/s", better: Better::Higher, goal: "4×" };
    const TIME: Measure = Measure { name: "start", unit: "ms", better: Better::Lower, goal: "" };

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[9.0, 1.0, 4.0]), Some(4.0));
        assert_eq!(median(&[9.0, 1.0, 4.0, 5.0]), Some(4.5));
    }

    #[test]
    fn numbers_keep_three_digits_and_part_thousands() {
        let cases = [
            (0.123, "0.12"),
            (9.999, "10.0"),
            (12.34, "12.3"),
            (99.96, "100"),
            (1_234_567.8, "1,234,568"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!(number(-123.0), "-123");
        assert_eq!(times(20.04), "20.0×");
    }

    #[test]
    fn ratios_above_one_are_better_whatever_the_unit() {
        let mut results = Results::default();
        for (column, rate, time) in [("a", 40.0, 10.0), ("b", 10.0, 50.0)] {
            results.add(&RATE, column, rate);
            results.add(&TIME, column, time);
        }
        let expected = "\
|        | unit |    a |    b | a to b | to reach |
| ------ | ---- | ---: | ---: | -----: | -------- |
| upload | MB/s | 40.0 | 10.0 |  4.00× | 4×       |
| start  | ms   | 10.0 | 50.0 |  5.00× |          |
";
        assert_eq!(results.medians(&[&RATE, &TIME], &["a", "b"]), expected);
    }

    #[test]
    fn nothing_at_all_makes_no_ratio() {
        let mut results = Results::default();
        results.add(&TIME, "a", 0.01);
        results.add(&TIME, "b", 50.0);
        assert_eq!(results.ratio(&TIME, "a", "b"), None);
        assert!(results.ratio(&TIME, "b", "a").unwrap() < 1.0);
    }

    #[test]
    fn what_nobody_measured_is_left_out() {
        let mut results = Results::default();
        results.add(&TIME, "a", 1.0);
        assert_eq!(results.present(vec![&RATE, &TIME]), [&TIME]);
    }

    #[test]
    fn what_has_a_note_is_marked_and_stays_without_a_figure() {
        let mut results = Results::default();
        results.add(&RATE, "a", 40.0);
        results.notes.give_up(&RATE, "b", "too slow");
        let expected = "\
|        | unit |    a |   b | a to b | to reach |
| ------ | ---- | ---: | --: | -----: | -------- |
| upload | MB/s | 40.0 |  –* |      – | 4×       |
";
        assert_eq!(results.medians(&[&RATE], &["a", "b"]), expected);
        let only_notes = Results { figures: Vec::new(), ..results };
        assert_eq!(only_notes.present(vec![&RATE, &TIME]), [&RATE]);
    }

    #[test]
    fn a_figure_stands_in_the_round_in_which_it_was_taken() {
        let mut results = Results::default();
        for round in 1..=3 {
            results.begin_round(round);
            if round != 2 {
                results.add(&RATE, "a", 10.0);
            }
        }
        let expected = "\
|        | unit | server | round 1 | round 2 | round 3 |
| ------ | ---- | ------ | ------: | ------: | ------: |
| upload | MB/s | a      |    10.0 |       – |    10.0 |
";
        assert_eq!(results.rounds(&[&RATE], &["a"]), expected);
        assert_eq!(results.median(&RATE, "a"), Some(10.0));
    }

    #[test]
    fn what_was_not_measured_is_a_dash() {
        let mut results = Results::default();
        results.add(&RATE, "b", 1.0);
        results.add(&RATE, "b", 2.0);
        let expected = "\
|        | unit |   a |    b | a to b | to reach |
| ------ | ---- | --: | ---: | -----: | -------- |
| upload | MB/s |   – | 1.50 |      – | 4×       |
";
        assert_eq!(results.medians(&[&RATE], &["a", "b"]), expected);
        let expected = "\
|        | unit | server | round 1 | round 2 |
| ------ | ---- | ------ | ------: | ------: |
| upload | MB/s | b      |    1.00 |    2.00 |
";
        assert_eq!(results.rounds(&[&RATE], &["a", "b"]), expected);
    }

    #[test]
    fn a_section_is_replaced_and_its_surroundings_stay() {
        let text = "head\n<!-- x:begin -->\nold\n<!-- x:end -->\ntail\n";
        let once = replace_section(text, "x", "new\n").unwrap();
        assert_eq!(once, "head\n<!-- x:begin -->\n\nnew\n\n<!-- x:end -->\ntail\n");
        assert_eq!(replace_section(&once, "x", "new").unwrap(), once);
    }

    #[test]
    fn a_missing_section_is_added_and_a_torn_one_refused() {
        let added = replace_section("head\n", "y", "body").unwrap();
        assert_eq!(added, "head\n\n<!-- y:begin -->\n\nbody\n\n<!-- y:end -->\n");
        assert!(replace_section("<!-- y:begin -->", "y", "body").is_err());
        assert!(replace_section("<!-- y:end --> <!-- y:begin -->", "y", "body").is_err());
    }

    #[test]
    fn a_new_file_begins_with_the_introduction() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("README.md");
        write_section(&path, "artifacts", "figures", &[]).unwrap();
        let text = fs::read_to_string(path).unwrap();
        assert!(text.starts_with("# ") && text.contains("figures"));
    }
}

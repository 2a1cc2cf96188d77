//! Values of a file store: one file for each param, tag and metric, whose path is the key.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use mlferry_protocol::metrics::Metric;
use mlferry_protocol::{RunId, limits};
use mlferry_store::{Series, SeriesPoint};

use super::issues::Issues;

/// The files below a folder, with their paths below it; none if there is no such folder.
fn files(folder: &Path, issues: &mut Issues) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    walk(folder, "", &mut found, issues);
    found.sort_unstable();
    found
}

fn walk(folder: &Path, below: &str, found: &mut Vec<(String, PathBuf)>, issues: &mut Issues) {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        entries => entries,
    };
    let Some(entries) = issues.ok(folder, entries) else { return };
    for entry in entries {
        let Some(entry) = issues.ok(folder, entry) else { continue };
        let path = entry.path();
        let Some(kind) = issues.ok(&path, entry.file_type()) else { continue };
        let Ok(name) = entry.file_name().into_string() else {
            issues.add(&path, "the name is not UTF-8");
            continue;
        };
        let key = if below.is_empty() { name } else { format!("{below}/{name}") };
        if kind.is_dir() {
            walk(&path, &key, found, issues);
        } else if key.chars().count() > limits::KEY {
            issues.add(&path, format!("the key is longer than {} characters", limits::KEY));
        } else {
            found.push((key, path));
        }
    }
}

/// The texts in the files below a folder, by their keys.
pub(super) fn texts(
    folder: &Path,
    max_characters: usize,
    issues: &mut Issues,
) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for (key, path) in files(folder, issues) {
        let text = fs::read_to_string(&path).map_err(|error| error.to_string());
        let text = text.and_then(|text| storable(text, max_characters));
        if let Some(text) = issues.ok(&path, text) {
            texts.push((key, text));
        }
    }
    texts
}

fn storable(text: String, max_characters: usize) -> Result<String, String> {
    // A character takes a byte at least.
    if text.len() > max_characters && text.chars().count() > max_characters {
        return Err(format!("the value is longer than {max_characters} characters"));
    }
    if text.contains('\0') {
        return Err("the value has a NUL character, which databases can't keep".to_owned());
    }
    Ok(text)
}

/// The metrics of a run.
pub(super) fn series(folder: &Path, issues: &mut Issues) -> Vec<Series> {
    let mut all = Vec::new();
    for (key, path) in files(folder, issues) {
        let points = lines(&path, point_of_run, issues);
        if !points.is_empty() {
            all.push(Series::new(key, points));
        }
    }
    all
}

/// The metrics of a model.
pub(super) fn model_metrics(folder: &Path, issues: &mut Issues) -> Vec<Metric> {
    let mut all = Vec::new();
    for (key, path) in files(folder, issues) {
        let of_key = lines(&path, |line| metric_of_model(&key, line), issues);
        all.extend(of_key);
    }
    all
}

/// What the lines of a file say. Those that say nothing sensible are counted, the first is named.
fn lines<T>(path: &Path, parse: impl Fn(&str) -> Result<T, String>, issues: &mut Issues) -> Vec<T> {
    let Some(file) = issues.ok(path, File::open(path)) else { return Vec::new() };
    let mut parsed = Vec::new();
    let mut first_bad: Option<(usize, String)> = None;
    let mut bad = 0;
    for (index, line) in BufReader::new(file).split(b'\n').enumerate() {
        let Some(line) = issues.ok(path, line) else { return parsed };
        let outcome = match str::from_utf8(&line) {
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) => parse(line.trim()),
            Err(_) => Err("it is not UTF-8".to_owned()),
        };
        match outcome {
            Ok(value) => parsed.push(value),
            Err(reason) => {
                bad += 1;
                first_bad.get_or_insert((index + 1, reason));
            }
        }
    }
    match first_bad {
        Some((line, reason)) if bad == 1 => issues.add(path, format!("line {line}: {reason}")),
        Some((line, reason)) => {
            issues.add(path, format!("line {line}: {reason} ({} more lines are as bad)", bad - 1));
        }
        None if parsed.is_empty() => issues.add(path, "the metric has no value"),
        None => {}
    }
    parsed
}

/// `timestamp value`, since long `timestamp value step`, and since datasets are named
/// `timestamp value step name digest`.
fn point_of_run(line: &str) -> Result<SeriesPoint, String> {
    let (timestamp, value, step) = match line.split(' ').collect::<Vec<_>>()[..] {
        [timestamp, value] => (timestamp, value, "0"),
        [timestamp, value, step] | [timestamp, value, step, _, _] => (timestamp, value, step),
        _ => return Err("it does not read 'timestamp value step'".to_owned()),
    };
    Ok(SeriesPoint {
        timestamp: number(timestamp, "timestamp")?,
        step: number(step, "step")?,
        value: number(value, "value")?,
    })
}

/// `timestamp value step run`, perhaps followed by name and digest of a dataset.
fn metric_of_model(key: &str, line: &str) -> Result<Metric, String> {
    let (timestamp, value, step, run, dataset) = match line.split(' ').collect::<Vec<_>>()[..] {
        [timestamp, value, step, run] => (timestamp, value, step, run, None),
        [timestamp, value, step, run, name, digest] => {
            (timestamp, value, step, run, Some((name, digest)))
        }
        _ => return Err("it does not read 'timestamp value step run'".to_owned()),
    };
    Ok(Metric {
        key: key.to_owned(),
        value: number(value, "value")?,
        timestamp: number(timestamp, "timestamp")?,
        step: number(step, "step")?,
        dataset_name: dataset.map(|(name, _)| name.to_owned()),
        dataset_digest: dataset.map(|(_, digest)| digest.to_owned()),
        model_id: None,
        run_id: Some(RunId::new(run)),
    })
}

fn number<T: FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("'{text}' is no {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_all_times_are_read() {
        for (line, expected) in [
            ("5 0.25", (5, 0, 0.25)),
            ("5 -1e-05 7", (5, 7, -1e-5)),
            ("5 inf -7", (5, -7, f64::INFINITY)),
            ("5 -Infinity 7 name digest", (5, 7, f64::NEG_INFINITY)),
        ] {
            let point = point_of_run(line).unwrap();
            assert_eq!((point.timestamp, point.step), (expected.0, expected.1), "{line}");
            assert_eq!(point.value.to_bits(), expected.2.to_bits(), "{line}");
        }
        assert!(point_of_run("5 nan 7").unwrap().value.is_nan());
        for line in ["5", "5 1 2 3", "1.5 1 2", "5 x 2", "5 1 2.5", "5  1 2", "1 2 3 4 5 6"] {
            assert!(point_of_run(line).is_err(), "{line}");
        }
    }

    #[test]
    fn metrics_of_models_name_their_run() {
        let metric = metric_of_model("m", "5 1.5 7 r name digest").unwrap();
        assert_eq!(metric.run_id, Some(RunId::new("r")));
        assert_eq!(metric.dataset_digest.as_deref(), Some("digest"));
        assert!(metric_of_model("m", "5 1.5 7").is_err());
    }

    #[test]
    fn folders_are_part_of_keys_and_bad_lines_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/b"), "1 2 3\n\nx\n4 5 6\ny\n").unwrap();
        fs::write(folder.path().join("empty"), "").unwrap();
        let mut issues = Issues::default();
        assert_eq!(series(folder.path(), &mut issues).len(), 1);
        let issues: Vec<String> = issues.into_vec().iter().map(ToString::to_string).collect();
        assert_eq!(issues.len(), 2);
        assert!(issues[0].ends_with(
            "a/b: line 3: it does not read 'timestamp value step' (1 more lines are as bad)"
        ));
        assert!(issues[1].ends_with("empty: the metric has no value"));
    }

    #[test]
    fn texts_keep_every_character_or_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("kept"), "a\r\nb\n").unwrap();
        fs::write(folder.path().join("nul"), "a\0").unwrap();
        fs::write(folder.path().join("long"), "äöüß").unwrap();
        fs::write(folder.path().join("latin"), [0xff]).unwrap();
        let mut issues = Issues::default();
        let texts = texts(folder.path(), 5, &mut issues);
        assert_eq!(texts.len(), 2);
        assert_eq!(texts[0], ("kept".to_owned(), "a\r\nb\n".to_owned()));
        assert_eq!(issues.into_vec().len(), 2);
    }
}

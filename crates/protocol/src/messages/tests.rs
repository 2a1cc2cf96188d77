use super::*;
use serde_json::{Map, Value};
use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn every_request_is_listed_once() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let listed: BTreeSet<_> = MESSAGES.iter().map(|message| message.name.to_owned()).collect();
    let missing: Vec<_> = written_in(&sources).difference(&listed).cloned().collect();
    assert_eq!(missing, Vec::<String>::new());
    assert_eq!(listed.len(), MESSAGES.len());
}

/// The types below a folder that say how they are read.
fn written_in(folder: &Path) -> BTreeSet<String> {
    let mut written = BTreeSet::new();
    for path in fs::read_dir(folder).unwrap().map(|source| source.unwrap().path()) {
        if path.is_dir() {
            written.extend(written_in(&path));
            continue;
        }
        let text = fs::read_to_string(path).unwrap();
        let names = text.lines().filter_map(|line| line.strip_prefix("impl DecodeRequest for "));
        written.extend(names.map(|rest| rest.trim_end_matches(" {").to_owned()));
    }
    written
}

#[test]
fn examples_are_requests() {
    for message in MESSAGES {
        for example in message.examples {
            let values: Map<String, Value> = serde_json::from_str(example).unwrap();
            // Some requests name their model in the path and in the body.
            let model = values.get("model_id").and_then(Value::as_str).map(str::to_owned);
            let in_path = model.map(|model| ("model_id".to_owned(), model));
            let mut fields = Fields::of_object(values).with_path(in_path);
            let decoded = (message.decode)(&mut fields).map_err(|error| error.to_string());
            assert_eq!(decoded, Ok(()), "{}: {example}", message.name);
        }
    }
}

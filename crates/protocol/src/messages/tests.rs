use super::*;
use serde_json::{Map, Value};
use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn every_request_is_listed_once() {
    let sources = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let files = sources.map(|source| source.unwrap().path()).filter(|path| path.is_file());
    let mut written = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let names = text.lines().filter_map(|line| line.strip_prefix("impl DecodeRequest for "));
        written.extend(names.map(|rest| rest.trim_end_matches(" {").to_owned()));
    }
    let listed: BTreeSet<_> = MESSAGES.iter().map(|message| message.name.to_owned()).collect();
    assert_eq!(listed, written);
    assert_eq!(listed.len(), MESSAGES.len());
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

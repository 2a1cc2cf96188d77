//! What fuzzing begins with: files in `seeds/`, and what is known elsewhere in the repository.

use mlferry_protocol::MESSAGES;
use serde_json::Value;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The searches that the reference was asked, with the answers of both.
const OBSERVED: &str = "../crates/search/tests/observed.tsv";

/// Inputs of a target that take different ways through the code.
pub fn seeds(target: &str) -> io::Result<Vec<Vec<u8>>> {
    let mut paths = fs::read_dir(here("seeds").join(target))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    let mut seeds = paths.iter().map(fs::read).collect::<io::Result<Vec<_>>>()?;
    match target {
        "filters" => seeds.extend(observed("filter")?.into_iter().map(|texts| texts.concat())),
        "orders" => {
            seeds.extend(observed("order_by")?.into_iter().map(|texts| texts.join(&b"\n\n"[..])));
        }
        "requests" => seeds.extend(requests()),
        _ => {}
    }
    Ok(seeds)
}

/// Words that mean something in inputs of a target, in the form of libFuzzer's dictionaries.
pub fn words(target: &str) -> io::Result<Vec<Vec<u8>>> {
    let text = fs::read_to_string(here("words").join(format!("{target}.dict")))?;
    let quoted = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    Ok(quoted.map(unescaped).collect())
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A word without `\\`, `\"` and `\xAB`.
fn unescaped(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let number = rest.strip_prefix("\\x").and_then(|rest| rest.get(..2));
        let number = number.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let length = match (first, number) {
            (_, Some(number)) => {
                bytes.push(number);
                4
            }
            ('\\', None) => {
                bytes.extend(rest[1..].bytes().next());
                2.min(rest.len())
            }
            _ => {
                bytes.extend(rest[..first.len_utf8()].bytes());
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    bytes
}

/// The texts of each observed search in one part of requests.
fn observed(part: &str) -> io::Result<Vec<Vec<Vec<u8>>>> {
    let lines = fs::read_to_string(here(OBSERVED))?;
    let columns = lines.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let jsons = columns.filter(|columns| columns.get(1) == Some(&part)).filter_map(|columns| {
        let texts = match serde_json::from_str(columns.get(2)?).ok()? {
            Value::String(text) => vec![text],
            Value::Array(items) => {
                items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => return None,
        };
        Some(texts.into_iter().map(String::into_bytes).collect())
    });
    Ok(jsons.collect())
}

/// The examples of all requests, as bodies and as query strings.
fn requests() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for message in MESSAGES {
        for example in message.examples {
            seeds.push(format!("{}\n{example}", message.name).into_bytes());
            let Ok(Value::Object(values)) = serde_json::from_str(example) else { continue };
            let pairs = values.iter().flat_map(|(name, value)| match value {
                Value::Array(items) => items.iter().map(|item| (name, item)).collect::<Vec<_>>(),
                value => vec![(name, value)],
            });
            let pairs = pairs.map(|(name, value)| match value {
                Value::String(text) => format!("{name}={}", text.replace(' ', "+")),
                value => format!("{name}={}", value.to_string().replace(' ', "+")),
            });
            let query = pairs.collect::<Vec<_>>().join("&");
            seeds.push(format!("{}\n{query}", message.name).into_bytes());
        }
    }
    seeds
}

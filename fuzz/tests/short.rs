//! Seeds, and some of what becomes of them when they are changed at random: the same in each run. libFuzzer looks
//! farther (`make fuzz`), since it sees which changes lead to new places.
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use mlferry_fuzz::{TARGETS, Target, seeds, words};
use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
};

/// Inputs that are tried of each target.
const INPUTS: usize = 2_000;
/// Of archives, which are unpacked onto the disk.
const ARCHIVES: usize = 100;
/// Bytes of an input.
const MAX_BYTES: usize = 8 * 1024;

#[test]
fn paths() {
    try_out("paths", INPUTS);
}

#[test]
fn filters() {
    try_out("filters", INPUTS);
}

#[test]
fn orders() {
    try_out("orders", INPUTS);
}

#[test]
fn requests() {
    try_out("requests", INPUTS);
}

#[test]
fn page_tokens() {
    try_out("page_tokens", INPUTS);
}

#[test]
fn headers() {
    try_out("headers", INPUTS);
}

#[test]
fn archives() {
    try_out("archives", ARCHIVES);
}

#[test]
fn otlp() {
    try_out("otlp", INPUTS);
}

#[test]
fn graphql() {
    try_out("graphql", INPUTS);
}

#[test]
fn every_target_has_seeds_and_words_and_is_built_for_libfuzzer() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(here.join("libfuzzer/Cargo.toml")).unwrap();
    for Target { name, .. } in TARGETS {
        assert!(seeds(name).unwrap().len() > 2, "{name}");
        assert!(!words(name).unwrap().is_empty(), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        let source = here.join(format!("libfuzzer/fuzz_targets/{name}.rs"));
        let source = fs::read_to_string(source).unwrap();
        assert!(source.contains(&format!("mlferry_fuzz::{name}::check")), "{name}");
    }
}

fn try_out(name: &str, inputs: usize) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seeds = seeds(name).unwrap();
    let words = words(name).unwrap();
    for seed in &seeds {
        try_one(target, seed);
    }
    let mut changes = Changes { random: fastrand::Rng::with_seed(1), seeds: &seeds, words: &words };
    for _ in 0..inputs {
        try_one(target, &changes.input());
    }
}

/// Shows the input that something does not hold of.
fn try_one(target: &Target, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.check)(input))) {
        eprintln!("{} fails for b\"{}\"", target.name, input.escape_ascii());
        resume_unwind(panic);
    }
}

struct Changes<'a> {
    random: fastrand::Rng,
    seeds: &'a [Vec<u8>],
    words: &'a [Vec<u8>],
}

impl Changes<'_> {
    /// A seed with a few changes.
    fn input(&mut self) -> Vec<u8> {
        let mut input = self.seed().to_vec();
        for _ in 0..self.random.usize(1..=6) {
            self.change(&mut input);
            input.truncate(MAX_BYTES);
        }
        input
    }

    fn seed(&mut self) -> &[u8] {
        &self.seeds[self.random.usize(..self.seeds.len())]
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let start = self.random.usize(..=input.len());
        let end = (start + self.random.usize(..=16)).min(input.len());
        let part = input[start..end].to_vec();
        match self.random.u8(..8) {
            0 if start < input.len() => input[start] ^= 1 << self.random.u8(..8),
            1 if start < input.len() => input[start] = self.random.u8(..),
            2 => drop(input.drain(start..end)),
            3 => drop(input.splice(start..start, part)),
            4 => drop(input.splice(start..start, part.repeat(100))),
            5 => input.truncate(start),
            6 => {
                let other = self.seed().to_vec();
                let other_start = self.random.usize(..=other.len());
                input.truncate(start);
                input.extend_from_slice(&other[other_start..]);
            }
            _ => {
                let word = self.words[self.random.usize(..self.words.len())].clone();
                let replaced = if self.random.bool() { start..end } else { start..start };
                drop(input.splice(replaced, word));
            }
        }
    }
}

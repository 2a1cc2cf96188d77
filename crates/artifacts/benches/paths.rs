//! How long it takes to read the path of an artifact, good or bad: `cargo bench -p mlferry-artifacts`.

use divan::{Bencher, black_box};
use mlferry_artifacts::ArtifactPath;

fn main() {
    divan::main();
}

const GOOD: [&str; 3] = [
    "model.pkl",
    "0/4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76/artifacts/model/data/weights.bin",
    "0/4f1c7e0b9a6d4b3c8e2f5a1d0c9b8a76/artifacts/Bericht über 100 %/Bild (1).png",
];

const BAD: [&str; 3] = ["../../etc/passwd", "a/%252e%252e/%252e%252e/b", "model#1/weights.bin"];

#[divan::bench(args = GOOD)]
fn good_path(bencher: Bencher<'_, '_>, path: &str) {
    assert!(ArtifactPath::parse_file(path).is_ok(), "{path}");
    bencher.bench(|| ArtifactPath::parse_file(black_box(path)));
}

#[divan::bench(args = BAD)]
fn bad_path(bencher: Bencher<'_, '_>, path: &str) {
    assert!(ArtifactPath::parse_file(path).is_err(), "{path}");
    bencher.bench(|| ArtifactPath::parse_file(black_box(path)));
}

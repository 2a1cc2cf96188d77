//! How long it takes to read what people search for: `cargo bench -p mlferry-search`.

use divan::{Bencher, black_box};
use mlferry_search::{runs, traces};

fn main() {
    divan::main();
}

/// Filters from none at all to one that a dashboard makes up.
const RUN_FILTERS: [&str; 4] = [
    "",
    "metrics.accuracy > 0.9",
    "metrics.`val/accuracy` >= 0.72 and params.optimizer = 'adam' and tags.team != 'search'",
    "attributes.status != 'FAILED' and attributes.start_time > 1700000000000 and \
     attributes.run_name ILIKE '%warm-up%' and params.\"learning rate\" LIKE '1e-%' and \
     metrics.loss < 1.5e-3 and dataset.name = 'train'",
];

const TRACE_FILTERS: [&str; 2] =
    ["attributes.status = 'OK'", "span.name LIKE '%retrieve%' and tags.version = '3'"];

#[divan::bench(args = RUN_FILTERS)]
fn filter_of_runs(bencher: Bencher<'_, '_>, filter: &str) {
    assert!(runs::parse_filter(filter).is_ok(), "{filter}");
    bencher.bench(|| runs::parse_filter(black_box(filter)));
}

#[divan::bench(args = TRACE_FILTERS)]
fn filter_of_traces(bencher: Bencher<'_, '_>, filter: &str) {
    assert!(traces::parse_filter(filter).is_ok(), "{filter}");
    bencher.bench(|| traces::parse_filter(black_box(filter)));
}

#[divan::bench]
fn order_of_runs(bencher: Bencher<'_, '_>) {
    let clauses = ["metrics.loss ASC", "params.`batch size`", "attributes.start_time DESC"];
    let clauses = clauses.map(str::to_owned);
    assert!(runs::parse_order_by(&clauses).is_ok());
    bencher.bench(|| runs::parse_order_by(black_box(&clauses)));
}

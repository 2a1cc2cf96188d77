//! The tables of the tracking workloads.

use super::contenders::{Contender, Product};
use super::measures::{NOTES, costs, speeds};
use super::{growth, history, mixed, scale, suite, training};
use crate::options::RunOptions;
use crate::report::{Measure, Results};

/// The figures on one database.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) product: Product,
    pub(super) results: Results,
}

/// The titles of all tables, and their lines.
fn tables(product: Product) -> [(&'static str, Vec<&'static Measure>); 6] {
    [
        ("Tracking", speeds(product)),
        ("Cost of a call", costs()),
        ("Much data", [growth::lines(), history::lines(), scale::lines()].concat()),
        ("FastTrackML's suite", suite::lines()),
        ("Mixed load", mixed::lines()),
        ("The stock client", training::lines()),
    ]
}

/// All that is known as Markdown.
pub(super) fn render(
    options: &RunOptions,
    machine: &str,
    ceiling: f64,
    sections: &[Section],
) -> String {
    let columns = Contender::ALL.map(Contender::name);
    let mut parts = vec![format!(
        "## Tracking\n\n{}{machine}- ceiling of the load generator, with nginx: {ceiling:.0} calls/s\n\n\
         Median of {} rounds. A ratio above 1 says how many times better mlferry is, also where less is better.\n",
        options.warning(),
        options.rounds,
    )];
    for Section { product, results } in sections {
        for (title, lines) in tables(*product) {
            let lines = results.present(lines);
            if lines.is_empty() {
                continue;
            }
            let title = format!("{title} on {}", product.name());
            parts.push(format!("### {title}\n"));
            parts.push(results.medians(&lines, &columns));
        }
    }
    parts.push(NOTES.to_owned());
    for Section { product, results } in sections {
        let all: Vec<_> = tables(*product).into_iter().flat_map(|(_, lines)| lines).collect();
        parts.push(format!("### Every round on {}\n", product.name()));
        parts.push(results.rounds(&all, &columns));
    }
    parts.join("\n")
}

//! The tables of the tracking workloads.

use super::contenders::Product;
use super::measures::{NOTES, costs, speeds};
use super::{Options, growth, history, mixed, scale, suite, training};
use crate::plot::Plot;
use crate::report::{Measure, Results};

/// The figures on one database.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) product: Product,
    pub(super) results: Results,
}

/// The titles of all tables, the names of their charts, and their lines.
fn tables(product: Product) -> [(&'static str, &'static str, Vec<&'static Measure>); 6] {
    [
        ("Tracking", "tracking", speeds(product)),
        ("Cost of a call", "cost", costs()),
        ("Much data", "much-data", [growth::lines(), history::lines(), scale::lines()].concat()),
        ("FastTrackML's suite", "fasttrackml", suite::lines()),
        ("Mixed load", "mixed", mixed::lines()),
        ("The stock client", "client", training::lines()),
    ]
}

/// All that is known as Markdown, with a column for each server that took part, and a chart of each table.
pub(super) fn render(
    options: &Options,
    machine: &str,
    ceiling: f64,
    columns: &[&str],
    sections: &[Section],
) -> (String, Vec<Plot>) {
    let mut parts = vec![format!(
        "## Tracking\n\n{}{machine}- ceiling of the load generator, with nginx: {ceiling:.0} calls/s\n\n\
         {} The mixed load was kept for {} s by mlferry, and by the others for a tenth of that.\n",
        options.run.warning(),
        options.run.reading(),
        options.mixed_time,
    )];
    let mut plots = Vec::new();
    for Section { product, results } in sections {
        for (title, name, lines) in tables(*product) {
            let lines = results.present(lines);
            if lines.is_empty() {
                continue;
            }
            let title = format!("{title} on {}", product.name());
            parts.push(format!("### {title}\n"));
            parts.push(results.medians(&lines, columns));
            parts.extend(Some(results.notes.to_markdown(&lines)).filter(|it| !it.is_empty()));
            let name = format!("{name}-{}", product.name().to_lowercase());
            if let Some(plot) = Plot::of(&name, &title, results, &lines, columns) {
                parts.push(plot.link());
                plots.push(plot);
            }
        }
    }
    parts.push(NOTES.to_owned());
    for Section { product, results } in sections {
        let all: Vec<_> = tables(*product).into_iter().flat_map(|(.., lines)| lines).collect();
        parts.push(format!("### Every round on {}\n", product.name()));
        parts.push(results.rounds(&all, columns));
    }
    (parts.join("\n"), plots)
}

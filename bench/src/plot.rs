//! Bar charts of the tables, as SVG: how many times better mlferry is than each of the others.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::report::{Measure, Results, times};

/// The folder of the charts, beside the file with the tables.
const FOLDER: &str = "plots";

/// Width of a chart, and where its bars begin and end, in pixels.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 390.0;
const RIGHT: f64 = 890.0;
/// Above the first line: title and legend.
const HEAD: f64 = 64.0;
/// Below the last one: the scale.
const FOOT: f64 = 28.0;
/// A bar, and what parts the lines.
const BAR: f64 = 13.0;
const GAP: f64 = 9.0;

/// Between black and white, so that it is read on a page of either.
const INK: &str = "#7d8794";
/// One for each of the others, of the same kind.
const COLOURS: [&str; 3] = ["#3d85d8", "#d9822b", "#3c9d5d"];

/// A chart, and where it goes.
#[derive(Debug)]
pub(crate) struct Plot {
    /// The name of its file.
    name: String,
    title: String,
    svg: String,
}

/// The bars of one line of a table, from the first of the others to the last.
type Line = (&'static str, Vec<Option<f64>>);

impl Plot {
    /// The chart of a table whose first column is compared with the others; none of a table without ratios.
    pub(crate) fn of(
        name: &str,
        title: &str,
        results: &Results,
        measures: &[&'static Measure],
        columns: &[&str],
    ) -> Option<Self> {
        let (subject, others) = columns.split_first()?;
        let ratios = |measure: &&'static Measure| -> Line {
            let ratios = others.iter().map(|other| results.ratio(measure, subject, other));
            (measure.name, ratios.collect())
        };
        let has_any = |line: &Line| line.1.iter().any(Option::is_some);
        let lines: Vec<Line> = measures.iter().map(ratios).filter(has_any).collect();
        if lines.is_empty() {
            return None;
        }
        let title = format!("{title}: how many times better {subject} is");
        let svg = draw(&title, others, &lines);
        Some(Self { name: format!("{name}.svg"), title, svg })
    }

    /// The chart in Markdown, for a file beside its folder.
    pub(crate) fn link(&self) -> String {
        format!("![{}]({FOLDER}/{})\n", self.title, self.name)
    }

    /// Writes the charts into their folder beside `tables`.
    pub(crate) fn write_all(plots: &[Self], tables: &Path) -> Result<()> {
        let folder = tables.with_file_name(FOLDER);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        for plot in plots {
            let path = folder.join(&plot.name);
            fs::write(&path, &plot.svg)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

/// A logarithmic axis of whole decades, which 1 is on.
#[derive(Debug, Clone, Copy)]
struct Axis {
    /// Powers of ten.
    low: f64,
    high: f64,
}

impl Axis {
    fn of(lines: &[Line]) -> Self {
        let all = lines.iter().flat_map(|(_, ratios)| ratios.iter().flatten());
        let (mut low, mut high) = (0.0_f64, 1.0_f64);
        for ratio in all {
            low = low.min(ratio.log10().floor());
            high = high.max(ratio.log10().ceil());
        }
        Self { low, high }
    }

    fn place(self, ratio: f64) -> f64 {
        LEFT + (ratio.log10() - self.low) / (self.high - self.low) * (RIGHT - LEFT)
    }

    fn decades(self) -> impl Iterator<Item = f64> {
        let exponents = std::iter::successors(Some(self.low), |exponent| Some(exponent + 1.0));
        exponents.take_while(move |exponent| *exponent <= self.high).map(|it| 10_f64.powf(it))
    }
}

fn draw(title: &str, others: &[&str], lines: &[Line]) -> String {
    let axis = Axis::of(lines);
    let heights: Vec<f64> = lines.iter().map(height).collect();
    let bottom = HEAD + heights.iter().sum::<f64>();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {0}\" width=\"{WIDTH}\" height=\"{0}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"{INK}\">\n<title>{1}</title>\n\
         <text x=\"12\" y=\"22\" font-size=\"15\" font-weight=\"600\">{1}</text>\n",
        bottom + FOOT,
        escaped(title),
    );
    legend(&mut svg, others);
    for decade in axis.decades() {
        let is_equal = (decade - 1.0).abs() < 1e-9;
        let x = axis.place(decade);
        let width = if is_equal { 1.5 } else { 0.5 };
        add(
            &mut svg,
            format_args!(
                "<path d=\"M{x:.1} {HEAD}V{bottom}\" stroke=\"{INK}\" stroke-width=\"{width}\" opacity=\"0.7\"/>\n\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n",
                bottom + 18.0,
                decade_text(decade),
            ),
        );
    }
    let mut top = HEAD;
    for (line, height) in lines.iter().zip(&heights) {
        bars(&mut svg, axis, line, top, *height);
        top += height;
    }
    svg + "</svg>\n"
}

fn height((_, ratios): &Line) -> f64 {
    GAP + ratios.iter().map(|_| BAR).sum::<f64>()
}

/// Names beside their colours.
fn legend(svg: &mut String, others: &[&str]) {
    let mut x = LEFT;
    for (other, colour) in others.iter().zip(COLOURS.iter().cycle()) {
        add(
            svg,
            format_args!(
                "<rect x=\"{x:.1}\" y=\"38\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\n\
                 <text x=\"{:.1}\" y=\"48\">than {}</text>\n",
                x + 18.0,
                escaped(other),
            ),
        );
        x += 160.0;
    }
}

/// The bars of one line, from 1 to the ratio: to the right what is better, to the left what is worse.
fn bars(svg: &mut String, axis: Axis, (name, ratios): &Line, top: f64, height: f64) {
    let middle = top + height / 2.0 + 4.0;
    let name = escaped(name);
    add(
        svg,
        format_args!(
            "<text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{name}</text>\n",
            LEFT - 10.0
        ),
    );
    let mut y = top + GAP / 2.0;
    for (ratio, colour) in ratios.iter().zip(COLOURS.iter().cycle()) {
        if let Some(ratio) = ratio {
            let (one, end) = (axis.place(1.0), axis.place(*ratio));
            let (start, width) = (one.min(end), (end - one).abs());
            add(
                svg,
                format_args!(
                    "<rect x=\"{start:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>\n\
                     <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"11\">{}</text>\n",
                    BAR - 2.0,
                    one.max(end) + 5.0,
                    y + BAR - 3.0,
                    times(*ratio),
                ),
            );
        }
        y += BAR;
    }
}

fn add(svg: &mut String, text: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = svg.write_fmt(text);
}

/// A power of ten with the sign of a ratio, without more digits than it has.
fn decade_text(decade: f64) -> String {
    match decade {
        below if below < 1.0 => format!("{}×", (below * 1e6).round() / 1e6),
        few if few < 100.0 => format!("{few:.0}×"),
        many => times(many),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Better;

    static RATE: Measure =
        Measure { name: "a < b", unit: "calls/s", better: Better::Higher, goal: "" };
    static TIME: Measure = Measure { name: "start", unit: "ms", better: Better::Lower, goal: "" };

    fn results() -> Results {
        let mut results = Results::default();
        for (column, rate) in [("us", 250.0), ("them", 1.0), ("others", 500.0)] {
            results.add(&RATE, column, rate);
        }
        results.add(&TIME, "us", 5.0);
        results
    }

    #[test]
    fn bars_go_right_where_it_is_better_and_left_where_it_is_worse() {
        let columns = ["us", "them", "others"];
        let plot = Plot::of("x", "Title", &results(), &[&RATE, &TIME], &columns).unwrap();
        assert_eq!(plot.link(), "![Title: how many times better us is](plots/x.svg)\n");
        // From 0.1 to 1,000, a decade is 125 pixels.
        assert!(plot.svg.contains("<rect x=\"515.0\" y=\"68.5\" width=\"299.7\""), "{}", plot.svg);
        assert!(plot.svg.contains("<rect x=\"477.4\" y=\"81.5\" width=\"37.6\""), "{}", plot.svg);
        assert!(plot.svg.contains(">250×<") && plot.svg.contains(">0.50×<"));
        assert!(plot.svg.contains(">a &lt; b<"));
        assert!(!plot.svg.contains("start"), "a line without ratios has no bars");
    }

    #[test]
    fn a_table_without_ratios_has_no_chart() {
        assert!(Plot::of("x", "Title", &results(), &[&TIME], &["us", "them"]).is_none());
        assert!(Plot::of("x", "Title", &results(), &[&RATE], &["us"]).is_none());
    }

    #[test]
    fn charts_go_beside_the_tables() {
        let dir = tempfile::tempdir().unwrap();
        let plot = Plot::of("x", "Title", &results(), &[&RATE], &["us", "them"]).unwrap();
        Plot::write_all(&[plot], &dir.path().join("README.md")).unwrap();
        let svg = fs::read_to_string(dir.path().join("plots/x.svg")).unwrap();
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn the_scale_has_whole_decades_and_one() {
        let axis = Axis::of(&[("a", vec![Some(30.0), None]), ("b", vec![Some(40.0)])]);
        let texts: Vec<String> = axis.decades().map(decade_text).collect();
        assert_eq!(texts, ["1×", "10×", "100×"]);
        let axis = Axis::of(&[("a", vec![Some(0.02)])]);
        assert_eq!(
            axis.decades().map(decade_text).collect::<Vec<_>>(),
            ["0.01×", "0.1×", "1×", "10×"]
        );
    }
}

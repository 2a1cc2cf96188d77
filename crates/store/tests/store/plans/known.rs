//! Scans that are there today, each with its reason. A mark goes away with its scan: the test fails on one that is left over.

use crate::database::TestDatabase;
use std::collections::BTreeMap;

/// Where the database scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Both,
    /// There it chooses an index without knowing what the tables hold.
    Sqlite,
    /// There it reads a whole table at once where most of it is asked for.
    Postgres,
}

/// A table that these questions scan; `*` at the end stands for every end.
#[derive(Debug)]
struct Known {
    table: &'static str,
    questions: &'static [&'static str],
    on: On,
    why: &'static str,
}

const KNOWN: [Known; 9] = [
    Known {
        table: "params",
        questions: &[
            "runs/search by a param of one run*",
            "runs/search by a metric and a param",
            "runs/search, filter and order",
        ],
        on: On::Sqlite,
        why: "rows with the value are counted, but no more than the experiment has runs",
    },
    Known {
        table: "latest_metrics",
        questions: &["runs/search by a metric of few, metric in order"],
        on: On::Sqlite,
        why: "rows with the metric are counted, but no more than the experiment has runs",
    },
    Known {
        table: "experiment_tags",
        questions: &["experiments/search", "experiments/search by a tag"],
        on: On::Postgres,
        why: "all experiments are asked for",
    },
    Known {
        table: "inputs",
        questions: &["experiments/search-datasets"],
        on: On::Both,
        why: "the join names no source_type, with which the index of inputs by their source begins",
    },
    Known {
        table: "assessments",
        questions: &["runs/delete"],
        on: On::Both,
        why: "the run that made an assessment is in its metadata, a text",
    },
    Known {
        table: "model_versions",
        questions: &["model-versions/search"],
        on: On::Both,
        why: "all versions are asked for, and no index has their order",
    },
    Known {
        table: "registered_models",
        questions: &["registered-models/search by the start of a name"],
        on: On::Both,
        why: "the start of a name is a pattern to SQL; of all models, it asks for some",
    },
    Known {
        table: "registered_models",
        questions: &["registered-models/search", "registered-models/search by a tag"],
        on: On::Sqlite,
        why: "all models are asked for, in the order of the index",
    },
    Known {
        table: "experiments",
        questions: &["experiments/search", "experiments/search by a tag"],
        on: On::Sqlite,
        why: "all experiments are asked for, in the order of the index",
    },
];

/// Which of the `questions` that were asked are known to scan which tables, and why.
pub(super) fn known(
    database: &TestDatabase,
    questions: &[&'static str],
) -> BTreeMap<(&'static str, String), &'static str> {
    let is_sqlite = matches!(database, TestDatabase::Sqlite(_));
    let other = if is_sqlite { On::Postgres } else { On::Sqlite };
    let here = KNOWN.iter().filter(|known| known.on != other);
    let mut expected = BTreeMap::new();
    for known in here {
        let asked = questions.iter().filter(|question| known.has(question));
        expected.extend(asked.map(|question| ((*question, known.table.to_owned()), known.why)));
    }
    expected
}

impl Known {
    fn has(&self, question: &str) -> bool {
        self.questions.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => question.starts_with(start),
            None => question == *pattern,
        })
    }
}

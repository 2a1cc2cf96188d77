//! What searches mean.

use mlferry_search::{
    NumberComparator, TextComparator, TextTest,
    experiments::{self, ExperimentCondition},
    logged_models::{self, LoggedModelCondition, LoggedModelText},
    runs::{self, RunCondition, RunOrder, RunOrderKey, RunText, RunTime},
    traces::{self, AssessmentKind, AssessmentTest, SpanProperty, TraceCondition, TraceTest},
};
use std::time::{Duration, Instant};

fn equal(text: &str) -> TextTest {
    TextTest::Compare(TextComparator::Equal, text.to_owned())
}

#[test]
fn a_filter_for_runs_becomes_a_condition_for_each_clause() {
    let filter = "metrics.acc>=.5 and params.`a b` = 'x' AND `Run name` IS NULL";
    assert!(runs::parse_filter(filter).is_err());
    let filter = "metrics.acc>=.5 and params.`a b` = 'x' tags.\"t\" is not null AND Created < 1e3 \
                  run_id NOT IN ('a', \"b\") AND";
    let conditions = [
        RunCondition::Metric {
            key: "acc".to_owned(),
            comparator: NumberComparator::GreaterOrEqual,
            value: 0.5,
        },
        RunCondition::Param { key: "a b".to_owned(), test: equal("x") },
    ];
    assert_eq!(
        runs::parse_filter(filter).unwrap_err().to_string(),
        "\
        Invalid clause(s) in filter string: 'params.`a b` = 'x' tags.\"t\"', 'is', 'not null', \
        'Created < 1e3 run_id', 'NOT', 'IN', '('a', \"b\")'"
    );
    let filter = filter.replace(" tags", " AND tags").replace(" run_id", " AND run_id");
    let parsed = runs::parse_filter(&filter).unwrap();
    assert_eq!(parsed[..2], conditions);
    let absent = TextTest::IsNull { negated: true };
    assert_eq!(parsed[2], RunCondition::Tag { key: "t".to_owned(), test: absent });
    let time = RunCondition::Time {
        attribute: RunTime::Start,
        comparator: NumberComparator::Less,
        value: 1000.0,
    };
    assert_eq!(parsed[3], time);
    let values = vec!["a".to_owned(), "b".to_owned()];
    let test = TextTest::OneOf { values, negated: true };
    assert_eq!(parsed[4], RunCondition::Attribute { attribute: RunText::Id, test });
    assert_eq!(parsed.len(), 5);
}

#[test]
fn names_of_attributes_are_nothing_special_in_metrics_params_and_tags() {
    let tag = RunCondition::Tag { key: "Created".to_owned(), test: equal("x") };
    assert_eq!(runs::parse_filter("tags.Created = 'x'").unwrap(), [tag]);
    let tag = TraceCondition::Tag { key: "name".to_owned(), test: TraceTest::Text(equal("x")) };
    assert_eq!(traces::parse_filter("tags.name = 'x'").unwrap(), [tag]);
}

#[test]
fn an_order_has_a_key_and_a_direction() {
    let order = |key, is_descending| RunOrder { key, is_descending };
    let clauses = ["metrics.`it's` DESC", "tags.b", "`attribute`.Created asc", "\"params.p\" desc"];
    assert_eq!(
        runs::parse_order_by(&clauses.map(str::to_owned)).unwrap(),
        [
            order(RunOrderKey::Metric("it's".to_owned()), true),
            order(RunOrderKey::Tag("b".to_owned()), false),
            order(RunOrderKey::Time(RunTime::Start), false),
            order(RunOrderKey::Param("p".to_owned()), true),
        ]
    );
    let twice = ["start_time", "Created DESC"].map(str::to_owned);
    assert!(runs::parse_order_by(&twice).is_err());
    assert!(experiments::parse_order_by(&["name", "name"].map(str::to_owned)).is_ok());
}

#[test]
fn integers_are_saturated() {
    let filter = "creation_time < 99999999999999999999";
    let [ExperimentCondition::Time { value, .. }] = experiments::parse_filter(filter).unwrap()[..]
    else {
        panic!("{filter}");
    };
    assert_eq!(value, i64::MAX);
}

#[test]
fn logged_models_take_texts_without_quotes() {
    let attribute = LoggedModelText::Name;
    let condition = LoggedModelCondition::Attribute { attribute, test: equal("lm1") };
    assert_eq!(logged_models::parse_filter("name = lm1").unwrap(), [condition]);
}

#[test]
fn traces_know_spans_assessments_and_patterns() {
    let filter = "span.attributes.`a b` rlike '^x' AND feedback.q > 0.5 AND prompt = 'p/1'";
    assert_eq!(
        traces::parse_filter(filter).unwrap(),
        [
            TraceCondition::Span {
                property: SpanProperty::Attribute("a b".to_owned()),
                test: TraceTest::Matches("^x".to_owned()),
            },
            TraceCondition::Assessment {
                kind: AssessmentKind::Feedback,
                name: "q".to_owned(),
                test: AssessmentTest::Number(NumberComparator::Greater, 0.5),
            },
            TraceCondition::Prompt("p/1".to_owned()),
        ]
    );
}

#[test]
fn endless_texts_take_no_endless_time() {
    let started = Instant::now();
    for part in
        ["(", "[", "a=", "a.", "'", "\"`", "/*", "-- ", "a ", "1", "not ", "a,", "\\'", "a=1 "]
    {
        let filter = part.repeat(20_000);
        assert!(runs::parse_filter(&filter).is_err(), "{part}");
        assert!(runs::parse_order_by(&[filter]).is_err(), "{part}");
    }
    assert!(started.elapsed() < Duration::from_mins(1));
    let message = runs::parse_filter(&"a".repeat(2_000_000)).unwrap_err().to_string();
    assert!(message.starts_with("Invalid filter: it is longer than"), "{message}");
    let ids = vec!["'0123456789abcdef'"; 50_000].join(",");
    assert!(runs::parse_filter(&format!("run_id IN ({ids})")).is_ok());
}

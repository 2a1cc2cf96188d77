//! How fields are read.

use super::*;
use crate::ViewType;

fn fields(json: &str) -> Fields {
    Fields::from_json(json.as_bytes()).unwrap()
}

#[test]
fn both_spellings_of_a_name_are_read_but_not_together() {
    assert_eq!(fields(r#"{"run_name": "a"}"#).string("run_name").unwrap().unwrap(), "a");
    assert_eq!(fields(r#"{"runName": "a"}"#).string("run_name").unwrap().unwrap(), "a");
    assert_eq!(
        fields(r#"{"run_name": "a", "runName": "a"}"#).string("run_name").unwrap_err().to_string(),
        "Request specifies both 'run_name' and 'runName'; provide only one of them."
    );
}

#[test]
fn no_text_holds_the_nul_character() {
    let mut fields =
        Fields::from_json(br#"{"a": "x\u0000y", "b": ["\u0000"], "c": "x\\u0000"}"#).unwrap();
    assert!(fields.string("a").unwrap_err().to_string().contains("NUL"));
    assert!(fields.strings("b").is_err());
    assert_eq!(fields.string("c").unwrap().unwrap(), r"x\u0000");
}

#[test]
fn integers_come_as_numbers_texts_and_whole_floats() {
    let values = [("5", 5), ("\"5\"", 5), ("1000.0", 1000), ("-3", -3), ("\" 7 \"", 7)];
    for (json, expected) in values {
        let read = fields(&format!(r#"{{"step": {json}}}"#)).integer("step").unwrap();
        assert_eq!(read, Some(expected), "{json}");
    }
    let ends = [("9223372036854775807", i64::MAX), ("\"-9223372036854775808\"", i64::MIN)];
    for (json, expected) in ends {
        let read = fields(&format!(r#"{{"step": {json}}}"#)).integer("step").unwrap();
        assert_eq!(read, Some(expected), "{json}");
    }
    let beyond = ["9223372036854775808", "\"9223372036854775808\"", "\"-9223372036854775809\""];
    for json in ["1.5", "\"x\"", "true", "[]", "-9223372036854775809"].iter().chain(&beyond) {
        assert!(fields(&format!(r#"{{"step": {json}}}"#)).integer("step").is_err(), "{json}");
    }
}

#[test]
fn doubles_may_be_not_a_number() {
    assert!(fields(r#"{"value": "NaN"}"#).number("value").unwrap().unwrap().is_nan());
    assert_eq!(
        fields(r#"{"value": "-Infinity"}"#).number("value").unwrap(),
        Some(f64::NEG_INFINITY)
    );
    assert_eq!(fields(r#"{"value": true}"#).number("value").unwrap(), Some(1.0));
    assert_eq!(
        fields(r#"{"value": "abc"}"#).number("value").unwrap_err().to_string(),
        "Invalid value \"abc\" for parameter 'value' supplied:  Hint: Value was of type 'str'. \
             See the API docs for more information about request parameters."
    );
}

#[test]
fn enumerations_come_as_names_numbers_and_texts_of_numbers() {
    for json in [r#""ALL""#, "3", r#""3""#] {
        let read = || fields(&format!(r#"{{"view_type": {json}}}"#));
        assert_eq!(read().enumeration("view_type").unwrap(), Some(ViewType::All), "{json}");
        assert_eq!(read().known_enumeration("view_type"), Ok(ViewType::All), "{json}");
    }
    for json in [r#""all""#, "9", r#""9""#, "1.5", "true"] {
        let read = || fields(&format!(r#"{{"view_type": {json}}}"#));
        assert!(read().enumeration::<ViewType>("view_type").is_err(), "{json}");
        assert_eq!(read().known_enumeration("view_type"), Ok(ViewType::ActiveOnly), "{json}");
    }
}

#[test]
fn a_required_list_may_come_in_camel_case() {
    assert!(fields(r#"{"runIds": []}"#).has("run_ids"));
    assert!(!fields(r#"{"run_ids": null}"#).has("run_ids"));
    let pair = ("runIds".to_owned(), "a".to_owned());
    assert!(!Fields::from_query([pair]).has("run_ids"));
}

#[test]
fn a_list_that_holds_more_than_texts_is_shown_as_a_whole() {
    let refused = fields(r#"{"order_by": ["a", 5]}"#).strings("order_by").unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("Invalid value [\"a\",5] for parameter 'order_by' supplied")
    );
    assert!(refused.to_string().contains("Value was of type 'list'"));
}

#[test]
fn objects_in_a_list_are_named_by_their_place() {
    let mut request = fields(r#"{"metrics": [{"key": "a"}, {"value": 1}]}"#);
    let error = request.objects("metrics", |metric| metric.required_string("key")).unwrap_err();
    assert!(
        error.to_string().starts_with("Missing value for required parameter 'metrics[1].key'.")
    );
}

#[test]
fn a_query_repeats_a_name_for_a_list() {
    let pairs = [("run_ids", "a"), ("run_ids", "b"), ("max_results", "5"), ("flag", "TRUE")];
    let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut query = Fields::from_query(owned);
    assert_eq!(query.strings("run_ids").unwrap(), ["a", "b"]);
    assert_eq!(query.integer("max_results").unwrap(), Some(5));
    assert_eq!(query.boolean("flag").unwrap(), Some(true));
}

#[test]
fn malformed_json_is_refused_and_an_empty_body_is_an_empty_message() {
    assert!(Fields::from_json(b"{\"a\": NaN}").is_err());
    assert!(Fields::from_json(b"[1]").is_err());
    assert!(Fields::from_json(b" ").unwrap().string("a").unwrap().is_none());
    let mut twice = Fields::from_json(br#""{\"name\": \"x\"}""#).unwrap();
    assert_eq!(twice.required_string("name").unwrap(), "x");
}

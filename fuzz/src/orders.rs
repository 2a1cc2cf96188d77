//! Orders of searches: as filters, they are understood in the same way when they are written anew.

use crate::spelling::{Spelled, accepted, check_same, respelled};
use mlferry_protocol::InvalidParameter;
use mlferry_search::{
    evaluation_datasets, experiments, logged_models, model_versions, registered_models, runs,
    traces,
};
use std::fmt::Debug;

/// Reads a text as the items of an order of each kind, divided by empty lines.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let clauses: Vec<String> = text.split("\n\n").map(str::to_owned).collect();
    check_again(&clauses, runs::parse_order_by);
    check_again(&clauses, experiments::parse_order_by);
    check_again(&clauses, registered_models::parse_order_by);
    check_again(&clauses, model_versions::parse_order_by);
    check_again(&clauses, traces::parse_order_by);
    check_again(&clauses, evaluation_datasets::parse_order_by);
    check_again(&clauses, |clauses| {
        let names: Vec<&str> = clauses.iter().map(String::as_str).collect();
        logged_models::parse_order_by(&names)
    });
}

fn check_again<O: Spelled + Debug>(
    clauses: &[String],
    parse: impl Fn(&[String]) -> Result<Vec<O>, InvalidParameter>,
) {
    let Some(orders) = accepted(parse(clauses), &clauses) else { return };
    assert_eq!(orders.len(), clauses.len());
    let parse_one = |clause: &str| parse(&[clause.to_owned()]);
    let written: Vec<String> = orders
        .iter()
        .zip(clauses)
        .map(|(order, clause)| respelled(order, clause, parse_one))
        .collect();
    check_same(&orders, &clauses, parse(&written), &written);
}

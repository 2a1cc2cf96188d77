//! The search language: filters and orders as text in, typed trees out. It reads nothing else.
//!
//! The reference has a grammar for each kind of thing that can be searched. What they share is how a
//! text falls into pieces (`tokens.rs`, `pieces.rs`, after sqlparse) and what a condition looks like
//! (`conditions.rs`); one file for each grammar says what its names, comparators and values are.
//! What a tree means in SQL is the store's business.

mod comparators;
mod conditions;
pub mod evaluation_datasets;
pub mod experiments;
mod list;
pub mod logged_models;
pub mod model_versions;
mod order;
mod pieces;
pub mod registered_models;
mod registry;
pub mod runs;
mod tokens;
pub mod trace_metrics;
mod trace_values;
pub mod traces;
mod type_words;

pub use comparators::{IdTest, NumberComparator, TextComparator, TextTest};

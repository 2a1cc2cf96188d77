//! What must hold whatever bytes come in: a module for each kind of input, whose `check` panics where it does not.
//!
//! `tests/short.rs` tries seeds and what becomes of them in every run of the tests; `make fuzz` lets libFuzzer look for
//! inputs that take other ways through the code.

#![allow(clippy::missing_panics_doc, reason = "to panic is what the checks are for")]

pub mod archives;
pub mod filters;
pub mod graphql;
pub mod headers;
pub mod orders;
pub mod otlp;
pub mod page_tokens;
pub mod paths;
pub mod requests;
mod seeds;
mod spelling;

pub use seeds::{seeds, words};

/// A kind of input.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name of its module, and of the folder with its seeds.
    pub name: &'static str,
    /// Panics where something does not hold that must hold for all inputs.
    pub check: fn(&[u8]),
}

/// All kinds of input.
pub const TARGETS: [Target; 9] = [
    Target { name: "paths", check: paths::check },
    Target { name: "filters", check: filters::check },
    Target { name: "orders", check: orders::check },
    Target { name: "requests", check: requests::check },
    Target { name: "page_tokens", check: page_tokens::check },
    Target { name: "headers", check: headers::check },
    Target { name: "archives", check: archives::check },
    Target { name: "otlp", check: otlp::check },
    Target { name: "graphql", check: graphql::check },
];

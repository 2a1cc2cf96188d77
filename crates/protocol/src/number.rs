//! Doubles as MLflow writes them: JSON has no NaN and no infinities, so they travel as strings.

/// Serde functions for `#[serde(with = "mlferry_protocol::double")]` on an `f64`.
pub mod double {
    use schemars::{Schema, SchemaGenerator, json_schema};
    use serde::Serializer;

    /// What it writes.
    pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]})
    }

    /// Writes a finite value as a number, the others as `"NaN"`, `"Infinity"`, `"-Infinity"`.
    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_nan() {
            serializer.serialize_str("NaN")
        } else if value.is_infinite() {
            serializer.serialize_str(if *value > 0.0 { "Infinity" } else { "-Infinity" })
        } else {
            serializer.serialize_f64(*value)
        }
    }
}

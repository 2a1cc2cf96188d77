//! What figures are made of.

use std::time::Duration;

/// Megabytes a second.
pub(crate) fn rate(bytes: u64, elapsed: Duration) -> f64 {
    megabytes(bytes) / elapsed.as_secs_f64()
}

/// How many a second.
pub(crate) fn per_second(count: usize, elapsed: Duration) -> f64 {
    to_f64(count as u64) / elapsed.as_secs_f64()
}

/// Millions of bytes.
pub(crate) fn megabytes(bytes: u64) -> f64 {
    to_f64(bytes) / 1e6
}

/// Thousandths of a second.
pub(crate) fn milliseconds(elapsed: Duration) -> f64 {
    elapsed.as_secs_f64() * 1e3
}

/// Counts and sizes as figures.
#[expect(clippy::cast_precision_loss, reason = "sizes and counts here are far below 2^52")]
pub(crate) fn to_f64(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_count_millions_of_bytes() {
        assert!((rate(5_000_000, Duration::from_millis(500)) - 10.0).abs() < 1e-9);
        assert!((per_second(2_000, Duration::from_secs(4)) - 500.0).abs() < 1e-9);
    }
}

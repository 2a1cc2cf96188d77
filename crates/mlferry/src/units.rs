//! Sizes and durations as people write them.

use std::time::Duration;

use jiff::SignedDuration;

/// Reads `1048576`, `10G`, `512MiB` or `10GB`. As in coreutils, a lone letter and `iB` count in 1024s, `B` in 1000s.
pub(crate) fn parse_size_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.trim_start().to_ascii_lowercase();
    let (base, power): (u64, u32) = match unit.as_str() {
        "" | "b" => (1, 0),
        "k" | "kib" => (1024, 1),
        "m" | "mib" => (1024, 2),
        "g" | "gib" => (1024, 3),
        "t" | "tib" => (1024, 4),
        "kb" => (1000, 1),
        "mb" => (1000, 2),
        "gb" => (1000, 3),
        "tb" => (1000, 4),
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(base.checked_pow(power)?)
}

/// Writes a number of bytes as people read it: `999 B`, `1.5 KiB`.
pub(crate) fn format_bytes(bytes: u64) -> String {
    for (power, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes >> power > 0 {
            let tenths = (u128::from(bytes) * 10) >> power;
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} B")
}

/// Reads seconds, with or without a fraction, or `30s`, `2m`, `1h 30m`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()
}

/// Reads an age as the reference writes it: `30d`, `1d2h3m4s`, `1.5d6h`, each unit at most once and in this order.
pub(crate) fn parse_age(text: &str) -> Option<Duration> {
    let mut units = [('d', 86_400.0), ('h', 3600.0), ('m', 60.0), ('s', 1.0)].into_iter();
    let mut seconds = 0.0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|char: char| !char.is_ascii_digit() && char != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        let unit = rest[end..].chars().next()?;
        let (_, factor) = units.find(|(name, _)| *name == unit)?;
        seconds += number * factor;
        rest = &rest[end + 1..];
    }
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let cases = [
            ("0", Some(0)),
            ("1048576", Some(1 << 20)),
            ("10G", Some(10 << 30)),
            ("512MiB", Some(512 << 20)),
            ("512 mib", Some(512 << 20)),
            ("10GB", Some(10_000_000_000)),
            ("1k", Some(1024)),
            ("3T", Some(3 << 40)),
            ("7B", Some(7)),
            ("", None),
            ("G", None),
            ("-1", None),
            ("1.5G", None),
            ("10Gb/s", None),
            ("18446744073709551616", None),
            ("99999999T", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_size_bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn durations_are_seconds_or_have_units() {
        let cases = [
            ("30", Some(30_000)),
            ("0", Some(0)),
            ("1.5", Some(1_500)),
            ("30s", Some(30_000)),
            ("2m", Some(120_000)),
            ("1h 30m", Some(5_400_000)),
            ("500ms", Some(500)),
            ("", None),
            ("-1", None),
            ("-5s", None),
            ("soon", None),
            ("inf", None),
            ("NaN", None),
            ("1e300", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_duration(text), expected.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn bytes_are_shown_in_a_fitting_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(format_bytes(bytes), text);
        }
    }

    #[test]
    fn ages_have_units_in_order() {
        let cases = [
            ("30d", Some(30.0 * 86_400.0)),
            ("1d2h3m4s", Some(93_784.0)),
            ("1.5d6h", Some(151_200.0)),
            ("0s", Some(0.0)),
            ("4s1d", None),
            ("1d1d", None),
            ("5", None),
            ("", None),
            ("d", None),
            ("1w", None),
            ("-1d", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse_age(text), seconds.map(Duration::from_secs_f64), "{text}");
        }
    }
}

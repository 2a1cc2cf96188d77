//! Times and durations as protobuf's JSON writes them: `2023-11-14T22:13:20.123Z` and `1.500s`.

use crate::{Fields, InvalidParameter};
use jiff::Timestamp;
use serde_json::Value;

/// The first and the last millisecond that a time can be: the years 1 to 9999, but for the last day or two.
const TIMES_MS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_207_200_000;

/// The longest duration, in seconds, to either side: about 10,000 years.
const DURATION_SECONDS: f64 = 315_576_000_000.0;

/// A time in milliseconds as text. Times that no text stands for become the nearest that one does.
#[must_use]
pub fn time(milliseconds: i64) -> String {
    let milliseconds = milliseconds.clamp(*TIMES_MS.start(), *TIMES_MS.end());
    let time = Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH);
    if milliseconds % 1000 == 0 { format!("{time:.0}") } else { format!("{time:.3}") }
}

/// This moment as text, to the millisecond.
#[must_use]
pub fn now() -> String {
    format!("{:.3}", Timestamp::now())
}

/// A time in milliseconds as Python writes it: `2023-11-14T22:00:00+00:00`; without what is less than a second.
#[must_use]
pub fn python_time(milliseconds: i64) -> String {
    format!(
        "{}+00:00",
        time(milliseconds.saturating_sub(milliseconds.rem_euclid(1000))).trim_end_matches('Z')
    )
}

/// This moment as Python writes it: `2023-11-14T22:00:00.123456+00:00`.
#[must_use]
pub(crate) fn python_now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

/// A duration in milliseconds as text.
#[must_use]
pub fn duration(milliseconds: i64) -> String {
    let sign = if milliseconds < 0 { "-" } else { "" };
    let magnitude = milliseconds.unsigned_abs();
    match magnitude % 1000 {
        0 => format!("{sign}{}s", magnitude / 1000),
        rest => format!("{sign}{}.{rest:03}s", magnitude / 1000),
    }
}

impl Fields {
    /// A time as text, in milliseconds; what is finer is cut.
    pub fn time(&mut self, name: &str) -> Result<Option<i64>, InvalidParameter> {
        let Some(text) = self.string(name)? else { return Ok(None) };
        let time = text.parse::<Timestamp>().ok().map(Timestamp::as_nanosecond);
        let time =
            time.and_then(|nanoseconds| i64::try_from(nanoseconds.div_euclid(1_000_000)).ok());
        match time.filter(|time| TIMES_MS.contains(time)) {
            Some(time) => Ok(Some(time)),
            None => Err(self.malformed(
                name,
                text,
                "It must be a time such as '2023-11-14T22:13:20.123Z'.",
            )),
        }
    }

    /// A duration as text, in milliseconds; what is finer is cut.
    pub fn duration(&mut self, name: &str) -> Result<Option<i64>, InvalidParameter> {
        let Some(text) = self.string(name)? else { return Ok(None) };
        match read_duration(&text) {
            Some(duration) => Ok(Some(duration)),
            None => Err(self.malformed(name, text, "It must be a duration such as '1.500s'.")),
        }
    }

    fn malformed(&self, name: &str, text: String, reason: &str) -> InvalidParameter {
        InvalidParameter::value(&self.label(name), Value::from(text), reason)
    }
}

fn read_duration(text: &str) -> Option<i64> {
    let number = text.strip_suffix('s')?;
    let unsigned = number.strip_prefix('-').unwrap_or(number);
    let (seconds, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if seconds.is_empty() || !is_digits(seconds) || !is_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    if seconds.parse::<f64>().ok()? > DURATION_SECONDS {
        return None;
    }
    let milliseconds = format!("{fraction:0<3}");
    let milliseconds: i64 = milliseconds.get(..3)?.parse().ok()?;
    let magnitude = seconds.parse::<i64>().ok()? * 1000 + milliseconds;
    Some(if number.starts_with('-') { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_python_have_whole_seconds() {
        assert_eq!(python_time(1_700_000_000_000), "2023-11-14T22:13:20+00:00");
        assert_eq!(python_time(-1), "1969-12-31T23:59:59+00:00");
        assert_eq!(python_time(i64::MIN), "0001-01-01T00:00:00+00:00");
    }

    #[test]
    fn times_have_no_fraction_or_three_digits() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
            (1_700_000_000_500, "2023-11-14T22:13:20.500Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (i64::MAX, "9999-12-30T22:00:00Z"),
            (i64::MIN, "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(time(milliseconds), text);
        }
    }

    #[test]
    fn durations_have_no_fraction_or_three_digits() {
        for (milliseconds, text) in [(0, "0s"), (1500, "1.500s"), (-1500, "-1.500s"), (2000, "2s")]
        {
            assert_eq!(duration(milliseconds), text);
            assert_eq!(read_duration(text), Some(milliseconds));
        }
        assert_eq!(read_duration("0.0015s"), Some(1));
        for bad in ["1", "s", "1.5", "1e3s", "+1s", "1.0000000001s", "999999999999s", "1.-5s"] {
            assert_eq!(read_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_of_requests_are_cut_to_milliseconds() {
        let read = |text: &str| {
            let json = serde_json::json!({"t": text}).to_string();
            Fields::from_json(json.as_bytes()).unwrap().time("t")
        };
        assert_eq!(read("2023-11-14T22:13:20.123999Z"), Ok(Some(1_700_000_000_123)));
        assert_eq!(read("2023-11-14T23:13:20+01:00"), Ok(Some(1_700_000_000_000)));
        assert!(read("yesterday").is_err());
        assert!(read("2023-11-14").is_err());
    }
}

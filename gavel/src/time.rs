//! Moments as people write them: RFC 3339, or how long from now.

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use auction::spec::Time;

const DAY: u64 = 86_400;

/// Longest time that can be asked for, in seconds: a thousand years.
const LONGEST: u64 = 1000 * 366 * DAY;

/// A moment that someone typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A date with its time.
    At(Time),
    /// So much after some other moment.
    After(Duration),
}

/// A length of time that someone typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// Text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TimeError {
    #[error("expected a time such as 2027-03-01T18:00:00Z, or from now on, such as +10m or 1h30m")]
    NotAMoment,
    #[error("expected a length of time such as 90s, 10m, 2h, 1h30m or 3d")]
    NotASpan,
    #[error("the date does not exist")]
    NoSuchDate,
    #[error("dates before 1970 and times of more than a thousand years are not possible")]
    OutOfRange,
}

impl Moment {
    /// The moment, where [`Moment::After`] counts from `from`.
    pub(crate) fn resolve(self, from: Time) -> Time {
        match self {
            Self::At(time) => time,
            Self::After(span) => later(from, span),
        }
    }
}

impl FromStr for Moment {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let text = text.trim();
        if text == "now" {
            return Ok(Self::After(Duration::ZERO));
        }
        if text.contains('-') {
            return rfc3339(text).map(Self::At);
        }
        match text.strip_prefix('+').unwrap_or(text).parse::<Span>() {
            Ok(Span(span)) => Ok(Self::After(span)),
            Err(TimeError::NotASpan) => Err(TimeError::NotAMoment),
            Err(error) => Err(error),
        }
    }
}

impl FromStr for Span {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let (mut rest, mut total, mut smallest) = (text.trim(), 0u64, u64::MAX);
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or(TimeError::NotASpan)?;
            let (digits, tail) = rest.split_at(end);
            let unit = match tail.chars().next() {
                Some('s') => 1,
                Some('m') => 60,
                Some('h') => 3600,
                Some('d') => DAY,
                _ => return Err(TimeError::NotASpan),
            };
            // Large units first, each once: 30m1h is more likely a slip than a wish.
            if digits.is_empty() || unit >= smallest {
                return Err(TimeError::NotASpan);
            }
            smallest = unit;
            let count: u64 = digits.parse().map_err(|_| TimeError::OutOfRange)?;
            total = count
                .checked_mul(unit)
                .and_then(|part| total.checked_add(part))
                .filter(|total| *total <= LONGEST)
                .ok_or(TimeError::OutOfRange)?;
            rest = tail.split_at(1).1;
        }
        if smallest == u64::MAX {
            Err(TimeError::NotASpan)
        } else {
            Ok(Self(Duration::from_secs(total)))
        }
    }
}

/// The clock of this machine.
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    later(Time(0), since)
}

/// So much after a moment.
pub(crate) fn later(from: Time, span: Duration) -> Time {
    Time(from.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
}

/// How long until a moment; nothing when it is past.
pub(crate) fn until(moment: Time, now: Time) -> Duration {
    Duration::from_millis(moment.0.saturating_sub(now.0))
}

/// A moment in RFC 3339, in UTC and whole seconds.
pub(crate) fn utc(time: Time) -> String {
    let seconds = time.0 / 1000;
    let (year, month, day) = date_of(seconds / DAY);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A length of time as people say it: two units at most.
pub(crate) fn in_words(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [
        ("d", seconds / DAY),
        ("h", seconds / 3600 % 24),
        ("m", seconds / 60 % 60),
        ("s", seconds % 60),
    ];
    let shown: Vec<String> = units
        .iter()
        .skip_while(|(_, count)| *count == 0)
        .take(2)
        .filter(|(_, count)| *count != 0)
        .map(|(unit, count)| format!("{count}{unit}"))
        .collect();
    if shown.is_empty() { "0s".to_owned() } else { shown.join(" ") }
}

fn rfc3339(text: &str) -> Result<Time, TimeError> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Result<u64, TimeError> {
        let digits = text.get(from..to).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
        digits.and_then(|digits| digits.parse().ok()).ok_or(TimeError::NotAMoment)
    };
    let punctuated = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')]
        .iter()
        .all(|(place, sign)| bytes.get(*place) == Some(sign));
    if !punctuated || !matches!(bytes.get(10), Some(b'T' | b't' | b' ')) {
        return Err(TimeError::NotAMoment);
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let (millis, offset) = fraction(text.get(19..).unwrap_or_default())?;
    let east = zone(offset)?;
    let exists = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !exists {
        return Err(TimeError::NoSuchDate);
    }
    let days = days_before(year, month, day).ok_or(TimeError::OutOfRange)?;
    let seconds = (days * DAY + hour * 3600 + minute * 60 + second)
        .checked_add_signed(-east)
        .ok_or(TimeError::OutOfRange)?;
    Ok(Time(seconds * 1000 + millis))
}

/// Splits `.123Z` into milliseconds and the zone.
fn fraction(text: &str) -> Result<(u64, &str), TimeError> {
    let Some(rest) = text.strip_prefix('.') else { return Ok((0, text)) };
    let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or(TimeError::NotAMoment)?;
    let (digits, zone) = rest.split_at(end);
    let millis: String = digits.chars().chain("000".chars()).take(3).collect();
    if digits.is_empty() || digits.len() > 9 {
        return Err(TimeError::NotAMoment);
    }
    Ok((millis.parse().map_err(|_| TimeError::NotAMoment)?, zone))
}

/// Seconds east of UTC.
fn zone(text: &str) -> Result<i64, TimeError> {
    if text.eq_ignore_ascii_case("z") {
        return Ok(0);
    }
    let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => (1, rest),
        (_, Some(rest)) => (-1, rest),
        _ => return Err(TimeError::NotAMoment),
    };
    let (hours, minutes) = rest.split_once(':').ok_or(TimeError::NotAMoment)?;
    let two = |part: &str, below: i64| {
        let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        part.parse::<i64>()
            .ok()
            .filter(|value| digits && *value < below)
            .ok_or(TimeError::NotAMoment)
    };
    Ok(sign * (two(hours, 24)? * 3600 + two(minutes, 60)? * 60))
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; `None` before.
fn days_before(year: u64, month: u64, day: u64) -> Option<u64> {
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    let before = year.checked_sub(1970)? * 365 + leaps(year - 1) - leaps(1969);
    Some(before + (1..month).map(|month| days_of(year, month)).sum::<u64>() + day - 1)
}

/// The date that many days after 1970-01-01.
fn date_of(days: u64) -> (u64, u64, u64) {
    // Every 400 years have 146,097 days.
    let (mut year, mut left) = (1970 + days / 146_097 * 400, days % 146_097);
    let length = |year| if is_leap(year) { 366 } else { 365 };
    while left >= length(year) {
        left -= length(year);
        year += 1;
    }
    let mut month = 1;
    while left >= days_of(year, month) {
        left -= days_of(year, month);
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<u64, TimeError> {
        match text.parse::<Moment>()? {
            Moment::At(time) => Ok(time.0),
            Moment::After(_) => Err(TimeError::NotAMoment),
        }
    }

    #[test]
    fn reads_rfc_3339() {
        // Numbers from GNU date.
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:34:56Z", 951_827_696),
            ("2026-11-20T18:07:02Z", 1_795_198_022),
            ("2026-11-20T19:07:02+01:00", 1_795_198_022),
            ("2026-11-20 13:37:02-04:30", 1_795_198_022),
            ("2100-03-01T00:00:00z", 4_107_542_400),
        ] {
            assert_eq!(at(text), Ok(seconds * 1000), "{text}");
        }
        assert_eq!(at("1970-01-01T00:00:01.5Z"), Ok(1500));
        assert_eq!(at("1970-01-01T00:00:01.123456789Z"), Ok(1123));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "soon",
            "2026-11-20",
            "2026-11-20T18:07:02",
            "2026-11-20T18:07Z",
            "+",
            "-5m",
            "5",
            "m",
            "5x",
            "1m1h",
            "1h1h",
            "2026-1120T18:07:02Z",
            "2026-11-20T18:07:02.Z",
            "2026-11-20T18:07:02+1:00",
            "2026-11-20T18:07:02Z ",
        ] {
            let read = text.parse::<Moment>();
            if text.ends_with(' ') {
                assert!(read.is_ok())
            } else {
                assert!(read.is_err(), "{text}: {read:?}")
            }
        }
        assert_eq!(at("2026-02-29T00:00:00Z"), Err(TimeError::NoSuchDate));
        assert_eq!(at("2026-13-01T00:00:00Z"), Err(TimeError::NoSuchDate));
        assert_eq!(at("2026-01-01T24:00:00Z"), Err(TimeError::NoSuchDate));
        assert_eq!(at("1969-12-31T23:59:59Z"), Err(TimeError::OutOfRange));
        assert_eq!(at("1970-01-01T00:00:00+01:00"), Err(TimeError::OutOfRange));
        assert_eq!("99999999999999999999d".parse::<Span>(), Err(TimeError::OutOfRange));
        assert_eq!("9999999999d".parse::<Span>(), Err(TimeError::OutOfRange));
    }

    #[test]
    fn reads_spans_from_some_moment_on() {
        for (text, seconds) in [
            ("+10m", 600),
            ("2h", 7200),
            ("1h30m", 5400),
            ("1d2h3m4s", 93_784),
            ("now", 0),
            ("0s", 0),
        ] {
            let moment: Moment = text.parse().unwrap();
            assert_eq!(moment.resolve(Time(5)), Time(5 + seconds * 1000), "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for seconds in (0..8_000_000_000).step_by(98_765_431) {
            let time = Time(seconds * 1000);
            assert_eq!(at(&utc(time)), Ok(time.0), "{}", utc(time));
        }
        assert_eq!(utc(Time(951_827_696_123)), "2000-02-29T12:34:56Z");
    }

    #[test]
    fn says_spans_in_two_units() {
        for (seconds, words) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (3661, "1h 1m"), (90_000, "1d 1h"), (86_401, "1d")]
        {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}

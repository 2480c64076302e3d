//! The instant of a signature in its two spellings: `x-amz-date` (ISO 8601 basic) and `Date` (HTTP).
//!
//! Signatures know whole seconds of UTC and nothing else; there are no time zones and no fractions here.

use super::Error;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;

const BASIC_FORMAT: &str = "%Y%m%dT%H%M%SZ";
static RFC_2822: DateTimeParser = DateTimeParser::new();

/// A second of UTC, with its text `YYYYMMDDTHHMMSSZ`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SigningDate {
    pub(super) epoch_s: i64,
    text: String,
}

impl SigningDate {
    pub(super) fn from_epoch_ms(epoch_ms: i64) -> Self {
        Self::from_epoch_s(epoch_ms.div_euclid(1000))
    }

    pub(super) fn from_epoch_s(epoch_s: i64) -> Self {
        // Past the year 9999 the calendar ends; a clock that far off refuses every signature anyway.
        let time = Timestamp::from_second(epoch_s).unwrap_or(if epoch_s < 0 { Timestamp::MIN } else { Timestamp::MAX });
        Self {
            epoch_s,
            text: time.strftime(BASIC_FORMAT).to_string(),
        }
    }

    /// `x-amz-date`: the basic format and nothing else.
    pub(super) fn parse_basic(text: &str) -> Result<Self, Error> {
        let malformed = || Error::MalformedDate(text.to_owned());
        // The parser skips spaces and signs in places; the shape is fixed, so look at it first.
        let shaped = text.len() == 16 && text.bytes().enumerate().all(is_shaped);
        let civil = shaped
            .then(|| DateTime::strptime(BASIC_FORMAT, text).ok())
            .flatten()
            .ok_or_else(malformed)?;
        let time = civil.to_zoned(TimeZone::UTC).map_err(|_| malformed())?;
        Ok(Self::from_epoch_s(time.timestamp().as_second()))
    }

    /// The `Date` header, which clients fill with an HTTP date or with the basic format.
    pub(super) fn parse_header(text: &str) -> Result<Self, Error> {
        match RFC_2822.parse_timestamp(text) {
            Ok(time) => Ok(Self::from_epoch_s(time.as_second())),
            Err(_) => Self::parse_basic(text),
        }
    }

    /// `20261120T124229Z`.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// `20261120`, as in a credential scope.
    pub(super) fn day(&self) -> &str {
        self.text.split('T').next().unwrap_or_default()
    }
}

fn is_shaped((index, byte): (usize, u8)) -> bool {
    match index {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    }
}

#[cfg(test)]
mod tests {
    use super::SigningDate;

    #[test]
    fn the_spellings_agree() {
        let basic = SigningDate::parse_basic("20261120T124229Z").unwrap();
        assert_eq!(basic, SigningDate::from_epoch_ms(1_795_178_549_901));
        assert_eq!(
            basic,
            SigningDate::parse_header("Fri, 20 Nov 2026 12:42:29 GMT").unwrap()
        );
        assert_eq!(
            basic,
            SigningDate::parse_header("Fri, 20 Nov 2026 12:42:29 -0000").unwrap()
        );
        assert_eq!(basic, SigningDate::parse_header("20261120T124229Z").unwrap());
        assert_eq!(basic.day(), "20261120");
    }

    #[test]
    fn other_spellings_are_refused() {
        let wrong = [
            "",
            "201",
            "2026-11-20T12:42:29Z",
            "20261120T124229",
            "20261120 124229Z",
            "20261320T124229Z",
        ];
        for text in wrong
            .into_iter()
            .chain(["20261120T126229Z", "+0261120T124229Z", "20261120T12422\u{e9}"])
        {
            assert!(SigningDate::parse_basic(text).is_err(), "{text}");
        }
    }
}

//! How moments are spelled: epoch seconds and ISO 8601. Anything before year -9999 or after year 9999 is no moment.

use crate::document::Timestamp;

/// Milliseconds as a moment, if a calendar has it.
pub(super) fn in_range(ms: i64) -> Option<Timestamp> {
    jiff::Timestamp::from_millisecond(ms).ok().map(|_| Timestamp(ms))
}

/// `1795179233.445`.
pub(super) fn from_epoch_seconds(seconds: f64) -> Option<Timestamp> {
    let ms = (seconds * 1000.0).round();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates, and the ends are out of range"
    )]
    let ms = ms.is_finite().then_some(ms as i64)?;
    in_range(ms)
}

/// `2026-11-20T12:53:53.445Z`, or with an offset instead of the Z.
pub(super) fn from_iso8601(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    in_range(moment.as_millisecond())
}

/// `1795179233.445`; without a fraction where there is none.
pub(super) fn to_epoch_seconds(moment: Timestamp) -> String {
    let sign = if moment.0 < 0 { "-" } else { "" };
    let (seconds, ms) = (moment.0.unsigned_abs() / 1000, moment.0.unsigned_abs() % 1000);
    if ms == 0 {
        format!("{sign}{seconds}")
    } else {
        format!("{sign}{seconds}.{ms:03}")
    }
}

/// `2026-11-20T12:53:53.445Z`; without a fraction where there is none.
pub(super) fn to_iso8601(moment: Timestamp) -> String {
    let calendar = jiff::Timestamp::from_millisecond(moment.0);
    let nearest = if moment.0 < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    };
    calendar.unwrap_or(nearest).to_string()
}

//! Pagination tokens: opaque to clients, and only positions, never permissions: a forged one names another position of
//! the same resource.

use super::LogsError;
use super::keys::Position;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Which way a page of events reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the oldest to the newest.
    Forward,
    /// From the newest to the oldest.
    Backward,
}

/// Where a page of events begins: at a gap between events, and which way it goes from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) direction: Direction,
    pub(super) gap: Position,
}

impl Cursor {
    /// The token in the form of GetLogEvents, `f/` or `b/` and 56 digits.
    pub(super) fn to_token(self) -> String {
        let direction = match self.direction {
            Direction::Forward => 'f',
            Direction::Backward => 'b',
        };
        format!("{direction}/{:028}{:028}", self.gap.timestamp_ms, self.gap.number)
    }

    /// The cursor in a token.
    pub(super) fn from_token(token: &str) -> Result<Self, LogsError> {
        Self::parse(token).ok_or_else(LogsError::bad_token)
    }

    fn parse(token: &str) -> Option<Self> {
        let (direction, digits) = token.split_once('/')?;
        let direction = match direction {
            "f" => Direction::Forward,
            "b" => Direction::Backward,
            _ => return None,
        };
        if digits.len() != 56 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (timestamp, number) = digits.split_at(28);
        let gap = Position {
            timestamp_ms: timestamp.parse().ok()?,
            number: number.parse().ok()?,
        };
        Some(Self { direction, gap })
    }
}

/// A token of a Describe call: the list it belongs to, and the last key of the page.
pub(super) fn seal(list: char, key: &[u8]) -> String {
    let mut bytes = list.to_string().into_bytes();
    bytes.extend_from_slice(key);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The last key of the previous page, if the token belongs to this list.
pub(super) fn open(list: char, token: &str) -> Result<Vec<u8>, LogsError> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| LogsError::bad_token())?;
    bytes
        .strip_prefix(list.to_string().as_bytes())
        .map(<[u8]>::to_vec)
        .ok_or_else(LogsError::bad_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_survive_the_trip() {
        for direction in [Direction::Forward, Direction::Backward] {
            let gap = Position {
                timestamp_ms: i64::MAX,
                number: u64::MAX,
            };
            let cursor = Cursor { direction, gap };
            assert_eq!(Cursor::from_token(&cursor.to_token()), Ok(cursor));
        }
    }

    #[test]
    fn foreign_tokens_are_refused() {
        let nines = format!("f/{}", "9".repeat(56));
        let signed = format!("f/+{}", "1".repeat(55));
        for token in ["", "f/", "n/00", "not-existing-token", &nines, &signed] {
            assert_eq!(Cursor::from_token(token), Err(LogsError::bad_token()), "{token}");
        }
        assert_eq!(open('g', "%%%"), Err(LogsError::bad_token()));
        assert_eq!(open('g', &seal('t', b"name")), Err(LogsError::bad_token()));
        assert_eq!(open('g', &seal('g', b"name")), Ok(b"name".to_vec()));
    }
}

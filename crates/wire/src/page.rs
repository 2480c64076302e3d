//! Pagination tokens: opaque to clients, the place after which a list goes on to us.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A token that this endpoint never gave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign;

/// What every token begins with, so that any other text is told apart.
const MARK: &str = "berth-page:";

/// The token for `place`.
#[must_use]
pub fn seal(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{MARK}{place}"))
}

/// The place that `token` stands for.
///
/// # Errors
/// A text that is no token of ours.
pub fn open(token: &str) -> Result<String, Foreign> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Foreign)?;
    let text = String::from_utf8(bytes).map_err(|_| Foreign)?;
    text.strip_prefix(MARK).map(str::to_owned).ok_or(Foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_tokens_open() {
        assert_eq!(open(&seal("family:0000000003")), Ok("family:0000000003".to_owned()));
        for foreign in ["", "abc", "%%%", &URL_SAFE_NO_PAD.encode("x")] {
            assert_eq!(open(foreign), Err(Foreign), "{foreign}");
        }
    }
}

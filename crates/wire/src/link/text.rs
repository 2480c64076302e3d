//! Small values of the link: closed lists of words that stay open for newer versions, secrets, and times.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Declares an enum of the words that a member may hold. A word that is not in the list is kept in `Other`, so that
/// a newer agent or control plane is understood as far as possible.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A word that this version does not know.
            Other(String),
        }

        impl $name {
            /// The word on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$variant,)+
                    _ => Self::Other(text),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    };
}
pub(super) use words;

/// A text that must not appear in logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sensitive(pub String);

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sensitive(..)")
    }
}

impl From<String> for Sensitive {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// A time as telemetry spells it: seconds since the epoch with milliseconds behind the point.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EpochSeconds(f64);

impl EpochSeconds {
    /// From epoch milliseconds.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of any real date fit the 53 bits of a double"
    )]
    pub fn from_ms(epoch_ms: i64) -> Self {
        Self(epoch_ms as f64 / 1000.0)
    }

    /// In epoch milliseconds, rounded; absurd values end at the ends of the range.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast saturates, and that is what is wanted"
    )]
    pub fn as_ms(self) -> i64 {
        (self.0 * 1000.0).round() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::{EpochSeconds, Sensitive};

    #[test]
    fn times_survive_the_double() {
        for epoch_ms in [0, 1, 999, 1_795_178_549_901, 253_402_300_799_999] {
            assert_eq!(EpochSeconds::from_ms(epoch_ms).as_ms(), epoch_ms);
        }
        assert_eq!(
            serde_json::to_string(&EpochSeconds::from_ms(1_795_178_549_901)).unwrap(),
            "1795178549.901"
        );
    }

    #[test]
    fn secrets_are_sent_and_not_shown() {
        let secret = Sensitive("hush".into());
        assert_eq!(format!("{secret:?}"), "Sensitive(..)");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"hush\"");
    }
}

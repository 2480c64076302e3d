//! An account in a region: the first part of every regional key, and the unit of sharding.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::names::{Name, Unfit};
use super::shared::Shared;

/// A twelve-digit account number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(u64);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

impl FromStr for AccountId {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let digits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
        if digits {
            text.parse().map(Self).map_err(|_| Unfit)
        } else {
            Err(Unfit)
        }
    }
}

/// A region's name, such as `us-east-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Region(Name);

impl Region {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Region {
    type Err = Unfit;

    /// Takes every well-formed name (`us-east-1`, `eu-central-2`, `mars-north-12`): lower-case words joined by dashes, ending in a number.
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let parts: Vec<&str> = text.split('-').collect();
        let (number, words) = parts.split_last().ok_or(Unfit)?;
        let word = |w: &&str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase());
        let numbered = !number.is_empty() && number.len() <= 3 && number.bytes().all(|b| b.is_ascii_digit());
        if text.len() <= 32 && words.len() >= 2 && words.iter().all(word) && numbered {
            Ok(Self(Name::new(text)))
        } else {
            Err(Unfit)
        }
    }
}

/// An account in a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// Whose resources.
    pub account: AccountId,
    /// Where they are.
    pub region: Region,
}

impl Scope {
    /// Lets its region be one with its equals.
    pub(crate) fn share(&mut self, shared: &mut Shared) {
        shared.share(&mut self.region.0);
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_words_and_a_number() {
        for good in ["us-east-1", "us-gov-west-1", "mars-north-12"] {
            assert!(good.parse::<Region>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "us",
            "us-east",
            "us-east-",
            "US-EAST-1",
            "us--1",
            "us-east-1/..",
            "a-b-1234",
        ] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_account_has_twelve_digits() {
        assert_eq!("000000000042".parse::<AccountId>().unwrap().to_string(), "000000000042");
        assert!("42".parse::<AccountId>().is_err());
        assert!("+00000000042".parse::<AccountId>().is_err());
    }
}

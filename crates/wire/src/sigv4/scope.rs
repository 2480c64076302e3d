//! The credential scope: for which day, region and service a signing key is good.
//!
//! Which services exist is the caller's knowledge; any well-formed region is somebody's region.

/// `20261120/us-east-1/ecs/aws4_request`, as the client wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// `YYYYMMDD`, UTC.
    pub date: &'a str,
    /// For example `us-east-1`; compare [`is_well_formed_region`].
    pub region: &'a str,
    /// The signing name of the service, for example `ecs` or `elasticloadbalancing`.
    pub service: &'a str,
    pub(super) terminator: &'a str,
}

/// What every scope ends in.
pub(super) const TERMINATOR: &str = "aws4_request";

impl Scope<'_> {
    pub(super) fn text(&self) -> String {
        format!("{}/{}/{}/{}", self.date, self.region, self.service, self.terminator)
    }
}

const MAX_REGION_BYTES: usize = 32;

/// Whether a name has the shape of AWS's region names: lower-case words, then a number, joined by hyphens
/// (`us-east-1`, `us-gov-west-1`, `eusc-de-east-1`).
#[must_use]
pub fn is_well_formed_region(name: &str) -> bool {
    let Some((words, number)) = name.rsplit_once('-') else {
        return false;
    };
    let is_word = |word: &str| word.len() >= 2 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let numbered = (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= MAX_REGION_BYTES && numbered && words.contains('-') && words.split('-').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::is_well_formed_region;

    #[test]
    fn regions() {
        for good in [
            "us-east-1",
            "ap-southeast-2",
            "us-gov-west-1",
            "us-iso-east-1",
            "eusc-de-east-1",
            "me-south-12",
        ] {
            assert!(is_well_formed_region(good), "{good}");
        }
        for bad in [
            "",
            "-",
            "us",
            "useast1",
            "us-1",
            "US-EAST-1",
            "us-east-",
            "us--east-1",
            "us-east-1a",
            "us-east-123",
        ] {
            assert!(!is_well_formed_region(bad), "{bad}");
        }
    }
}

//! Amazon Resource Names, `arn:aws:ecs:us-east-1:123456789012:task/default/0123...`.

use std::fmt;
use std::str::FromStr;

use super::names::Unfit;
use super::scope::{AccountId, Region, Scope};

/// The ARN of a regional resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arn {
    /// The service's name in ARNs, for example `ecs`.
    pub service: String,
    /// Where the resource is.
    pub scope: Scope,
    /// Everything behind the fifth colon, for example `task/default/0123...`.
    pub resource: String,
}

impl Arn {
    /// The ARN of `resource` of `service` in `scope`.
    #[must_use]
    pub fn new(service: &str, scope: &Scope, resource: String) -> Self {
        Self {
            service: service.to_owned(),
            scope: scope.clone(),
            resource,
        }
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scope { account, region } = &self.scope;
        write!(f, "arn:aws:{}:{region}:{account}:{}", self.service, self.resource)
    }
}

impl FromStr for Arn {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or(Unfit);
        let (arn, partition, service) = (next()?, next()?, next()?);
        let (region, account, resource) = (next()?, next()?, next()?);
        if arn != "arn" || partition != "aws" || service.is_empty() || resource.is_empty() {
            return Err(Unfit);
        }
        let scope = Scope {
            account: account.parse::<AccountId>()?,
            region: region.parse::<Region>()?,
        };
        Ok(Self::new(service, &scope, resource.to_owned()))
    }
}

/// Whether `text` is well-formed as the ARN of an IAM role, and of which account.
#[must_use]
pub fn role_account(text: &str) -> Option<AccountId> {
    let rest = text.strip_prefix("arn:aws:iam::")?;
    let (account, role) = rest.split_once(":role/")?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&b);
    let named = !role.is_empty() && role.len() <= 512 && !role.ends_with('/') && role.bytes().all(fits);
    if named { account.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_prints_and_parses() {
        let text = "arn:aws:ecs:us-east-1:123456789012:task/default/abc:d";
        assert_eq!(text.parse::<Arn>().unwrap().to_string(), text);
        for bad in [
            "",
            "arn:aws:ecs:us-east-1:1:task/a",
            "arn:aws:ecs::123456789012:x",
            "arn:aws:ecs:us-east-1:123456789012:",
        ] {
            assert!(bad.parse::<Arn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_role_has_an_account() {
        let role = "arn:aws:iam::012345678910:role/ecsTaskExecutionRole";
        assert_eq!(role_account(role).unwrap().to_string(), "012345678910");
        assert_eq!(role_account("arn:aws:iam::012345678910:user/me"), None);
        assert_eq!(role_account("ecsTaskExecutionRole"), None);
    }
}

//! Who calls, and whether they may. Every call passes [`authorise`], whatever the service.
//!
//! Today there is one administrator per account; policies will be evaluated here and nowhere else.

use crate::kernel::AccountId;

/// Who signed a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The account that the credentials belong to.
    pub account: AccountId,
    /// What kind of identity they stand for.
    pub identity: Identity,
}

/// What kind of identity signed a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The account's own administrator, made by the operator.
    Administrator,
}

impl Principal {
    /// The ARN that AWS shows for this identity.
    #[must_use]
    pub fn arn(&self) -> String {
        match self.identity {
            Identity::Administrator => format!("arn:aws:iam::{}:root", self.account),
        }
    }
}

/// An access key that the operator gave to the control plane when it started. Keys are facts of this run, not of the
/// store: their secrets live in the operator's file alone.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The public half, for example `AKIA...`.
    pub id: String,
    /// The secret half.
    pub secret: String,
    /// Whom the key stands for.
    pub principal: Principal,
}

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccessKey({}, {:?})", self.id, self.principal)
    }
}

/// What somebody wants to do, in IAM's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// The action, for example `ecs:RunTask`.
    pub action: &'a str,
    /// The account whose resources are meant.
    pub account: AccountId,
}

/// The caller may not do this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The caller's ARN.
    pub principal: String,
    /// The refused action.
    pub action: String,
}

/// Decides whether `principal` may do `attempt`.
///
/// # Errors
/// [`Denied`] if nothing allows it.
pub fn authorise(principal: &Principal, attempt: &Attempt<'_>) -> Result<(), Denied> {
    let allowed = match principal.identity {
        Identity::Administrator => principal.account == attempt.account,
    };
    if allowed {
        Ok(())
    } else {
        Err(Denied {
            principal: principal.arn(),
            action: attempt.action.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_administrator_rules_their_own_account_only() {
        let account = |text: &str| text.parse::<AccountId>().unwrap();
        let me = Principal {
            account: account("000000000001"),
            identity: Identity::Administrator,
        };
        let attempt = |of: &str| {
            authorise(
                &me,
                &Attempt {
                    action: "ecs:RunTask",
                    account: account(of),
                },
            )
        };
        assert_eq!(attempt("000000000001"), Ok(()));
        assert_eq!(
            attempt("000000000002").unwrap_err().principal,
            "arn:aws:iam::000000000001:root"
        );
    }
}

//! Who calls, and whether they may. Every call passes [`authorise`], whatever the service.
//!
//! There is one administrator per account, and a key of its own for each machine that joined with a token ([`admit`]). Policies
//! will be evaluated here and nowhere else.

pub mod admit;
pub mod agent_key;
pub mod join_token;
pub mod state;

pub use state::{Change, State};

use crate::kernel::ids::InstanceId;
use crate::kernel::{AccountId, Scope};
use agent_key::AgentKey;

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
    /// The agent of one machine, which has this key.
    Agent(AgentKey),
}

impl Principal {
    /// The ARN that AWS shows for this identity.
    #[must_use]
    pub fn arn(&self) -> String {
        match &self.identity {
            Identity::Administrator => format!("arn:aws:iam::{}:root", self.account),
            Identity::Agent(key) => format!("arn:aws:sts::{}:assumed-role/berth-agent/{}", self.account, key.id),
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
    /// The machine that is meant, if it is about one.
    pub place: Option<Place>,
}

/// A machine, or one that is yet to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where its cluster is.
    pub scope: Scope,
    /// Its cluster.
    pub cluster: String,
    /// The container instance, unless it is yet to be made.
    pub instance: Option<InstanceId>,
    /// Whether this container instance is somebody's already.
    pub taken: bool,
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
    let allowed = principal.account == attempt.account
        && match &principal.identity {
            Identity::Administrator => true,
            Identity::Agent(key) => agent_may(key, attempt.action, attempt.place.as_ref()),
        };
    if allowed {
        Ok(())
    } else {
        Err(denied(principal, attempt.action))
    }
}

/// The refusal of `action`.
#[must_use]
pub fn denied(principal: &Principal, action: &str) -> Denied {
    Denied {
        principal: principal.arn(),
        action: action.to_owned(),
    }
}

/// What an agent needs for its own machine, and nothing else.
fn agent_may(key: &AgentKey, action: &str, place: Option<&Place>) -> bool {
    let here = |place: &&Place| place.scope == key.scope && place.cluster == key.cluster;
    let place = place.filter(here);
    let own = |place: &Place| key.instance.is_some() && place.instance == key.instance;
    match action {
        // Log groups have no owner among machines.
        "logs:CreateLogGroup" | "logs:CreateLogStream" | "logs:PutLogEvents" | "ecs:DiscoverPollEndpoint" => true,
        // A new machine, this one again, or one that has left and comes back with a new key.
        "ecs:RegisterContainerInstance" => place.is_some_and(|place| match (place.instance, key.instance) {
            (None, None) => true,
            (Some(_), None) => !place.taken,
            (_, Some(_)) => own(place),
        }),
        // Reports on what nobody knows are taken and forgotten.
        "ecs:SubmitTaskStateChange" | "ecs:SubmitContainerStateChange" | "ecs:SubmitAttachmentStateChanges" => {
            place.is_some_and(|place| place.instance.is_none() || own(place))
        }
        "ecs:DeregisterContainerInstance" | "ecs:Poll" | "ecs:StartTelemetrySession" => place.is_some_and(own),
        _ => false,
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
                    place: None,
                },
            )
        };
        assert_eq!(attempt("000000000001"), Ok(()));
        assert_eq!(
            attempt("000000000002").unwrap_err().principal,
            "arn:aws:iam::000000000001:root"
        );
    }

    /// A machine in the cluster `blue`, which may be this key's.
    fn place(region: &str, cluster: &str, instance: Option<u128>) -> Place {
        Place {
            scope: Scope {
                account: "000000000001".parse().unwrap(),
                region: region.parse().unwrap(),
            },
            cluster: cluster.to_owned(),
            instance: instance.map(InstanceId),
            taken: instance.is_some(),
        }
    }

    fn may(instance: Option<u128>, action: &str, place: Option<Place>) -> bool {
        let key = AgentKey {
            id: agent_key::AccessKeyId::new("AKIA"),
            scope: self::place("eu-west-1", "blue", None).scope,
            cluster: "blue".to_owned(),
            instance: instance.map(InstanceId),
            made_at: crate::kernel::Timestamp(0),
        };
        let account = key.scope.account;
        authorise(&key.principal(), &Attempt { action, account, place }).is_ok()
    }

    #[test]
    fn an_agent_may_register_one_machine() {
        let register = |own, place| may(own, "ecs:RegisterContainerInstance", Some(place));
        assert!(register(None, place("eu-west-1", "blue", None)));
        assert!(register(Some(1), place("eu-west-1", "blue", Some(1))), "again");
        assert!(!register(Some(1), place("eu-west-1", "blue", Some(2))), "another one");
        assert!(!register(Some(1), place("eu-west-1", "blue", None)), "a second one");
        assert!(!register(None, place("eu-west-1", "green", None)), "in another cluster");
        assert!(!register(None, place("eu-west-2", "blue", None)), "in another region");
        assert!(!register(None, place("eu-west-1", "blue", Some(2))), "somebody else's");
        let left = Place {
            taken: false,
            ..place("eu-west-1", "blue", Some(2))
        };
        assert!(register(None, left), "one that has left");
    }

    #[test]
    fn an_agent_speaks_for_its_own_machine_alone() {
        for action in [
            "ecs:Poll",
            "ecs:StartTelemetrySession",
            "ecs:DeregisterContainerInstance",
        ] {
            let at = |instance| Some(place("eu-west-1", "blue", instance));
            assert!(may(Some(1), action, at(Some(1))), "{action}");
            assert!(!may(Some(1), action, at(Some(2))), "{action}");
            assert!(!may(None, action, at(None)), "{action}");
            assert!(!may(None, action, at(Some(1))), "{action}");
            assert!(!may(Some(1), action, None), "{action}");
        }
        let submit = |instance| {
            may(
                Some(1),
                "ecs:SubmitTaskStateChange",
                Some(place("eu-west-1", "blue", instance)),
            )
        };
        assert!(submit(Some(1)) && submit(None));
        assert!(!submit(Some(2)));
    }

    #[test]
    fn an_agent_may_nothing_else() {
        for action in [
            "logs:PutLogEvents",
            "logs:CreateLogStream",
            "logs:CreateLogGroup",
            "ecs:DiscoverPollEndpoint",
        ] {
            assert!(may(Some(1), action, None), "{action}");
        }
        for action in [
            "ecs:RunTask",
            "ecs:ListTasks",
            "logs:GetLogEvents",
            "logs:DeleteLogGroup",
            "berth:CreateJoinToken",
        ] {
            assert!(
                !may(Some(1), action, Some(place("eu-west-1", "blue", Some(1)))),
                "{action}"
            );
        }
    }
}

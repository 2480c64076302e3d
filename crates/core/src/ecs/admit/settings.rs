//! PutAccountSetting, PutAccountSettingDefault and DeleteAccountSetting, and what holds for a caller.
//!
//! What is said for the root user holds for everybody who says nothing else. A value that Berth would not carry out is refused.

use super::{Admitted, Caller};
use crate::ecs::model::cluster::Insights;
use crate::ecs::model::{AccountSetting, SettingKey, SettingName};
use crate::ecs::refusal::{Refusal, SettingFault};
use crate::ecs::state::{Change, State};
use crate::ecs::view::Answer;
use crate::kernel::{AccountId, Edit, Scope};

/// A setting as it holds for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its name.
    pub name: SettingName,
    /// Its value.
    pub value: String,
    /// Whose word it is.
    pub principal: String,
}

/// Makes a setting for a principal; for the caller if none is named.
///
/// # Errors
/// A name or a value that does not exist, one that cannot be had, or somebody else's principal.
pub fn put(
    state: &State,
    caller: &Caller,
    name: &str,
    value: &str,
    principal: Option<&str>,
) -> Result<Admitted, Refusal> {
    let name = SettingName::from_word(name).ok_or(Refusal::SettingName)?;
    let principal = principal_of(caller, principal)?;
    check_value(name, value)?;
    if name == SettingName::FargateTaskRetirementWaitPeriod && principal != root(caller.scope.account) {
        return Err(Refusal::Setting(SettingFault::RootOnly(name)));
    }
    let key = key(&caller.scope, principal, name);
    let held = Held {
        name,
        value: value.to_owned(),
        principal: key.principal.clone(),
    };
    let setting = AccountSetting {
        key,
        value: value.to_owned(),
    };
    let is_new = state.settings().get(&setting.key) != Some(&setting);
    let changes = is_new.then_some(Change::Setting(Edit::Put(setting)));
    Ok(Admitted::with(changes.into_iter().collect(), Answer::Setting(held)))
}

/// Makes a setting for everybody in the account who says nothing else.
///
/// # Errors
/// As of [`put`].
pub fn put_default(state: &State, caller: &Caller, name: &str, value: &str) -> Result<Admitted, Refusal> {
    let root = root(caller.scope.account);
    let everybody = Caller {
        arn: root.clone(),
        ..caller.clone()
    };
    put(state, &everybody, name, value, Some(&root))
}

/// Takes a setting of a principal back; of the caller if none is named. Answers what holds from then on.
///
/// # Errors
/// A name that does not exist, or somebody else's principal.
pub fn delete(state: &State, caller: &Caller, name: &str, principal: Option<&str>) -> Result<Admitted, Refusal> {
    let name = SettingName::from_word(name).ok_or(Refusal::SettingName)?;
    let principal = principal_of(caller, principal)?;
    let key = key(&caller.scope, principal.clone(), name);
    let changes = state.settings().get(&key).map(|_| Change::Setting(Edit::Delete(key)));
    let root = root(caller.scope.account);
    let left = if principal == root {
        usual(&root, name)
    } else {
        held(state, &caller.scope, &root, name)
    };
    Ok(Admitted::with(changes.into_iter().collect(), Answer::Setting(left)))
}

/// The principal that is meant.
///
/// # Errors
/// An ARN of no principal of this account, or somebody else's unless the caller is the root user.
pub(crate) fn principal_of(caller: &Caller, wanted: Option<&str>) -> Result<String, Refusal> {
    let account = caller.scope.account;
    let Some(wanted) = wanted.filter(|arn| !arn.is_empty()) else {
        return Ok(caller.arn.clone());
    };
    if !is_principal(account, wanted) {
        return Err(Refusal::Setting(SettingFault::Principal));
    }
    if wanted != caller.arn && caller.arn != root(account) {
        return Err(Refusal::Setting(SettingFault::OtherPrincipal));
    }
    Ok(wanted.to_owned())
}

/// The ARN of an account's root user.
pub(crate) fn root(account: AccountId) -> String {
    format!("arn:aws:iam::{account}:root")
}

fn is_principal(account: AccountId, arn: &str) -> bool {
    let rest = arn
        .strip_prefix(&format!("arn:aws:iam::{account}:"))
        .unwrap_or_default();
    let named = |kind: &str| rest.strip_prefix(kind).is_some_and(|name| !name.is_empty());
    arn.len() <= 2048 && (rest == "root" || named("user/") || named("role/"))
}

/// Whether a setting can have this value here.
fn check_value(name: SettingName, value: &str) -> Result<(), Refusal> {
    if !name.values().contains(&value) {
        return Err(Refusal::SettingValue);
    }
    let usual = value == name.usual();
    match name {
        SettingName::GuardDutyActivate => Err(Refusal::Setting(SettingFault::ReadOnly(name))),
        SettingName::ContainerInstanceLongArnFormat
        | SettingName::ServiceLongArnFormat
        | SettingName::TaskLongArnFormat
            if !usual =>
        {
            Err(Refusal::Setting(SettingFault::AlwaysEnabled(name)))
        }
        SettingName::FargateEventWindows | SettingName::FargateFipsMode if !usual => Err(Refusal::NotBuilt(format!(
            "Berth does not carry out the account setting '{name}' yet: it can only be '{}'.",
            name.usual()
        ))),
        SettingName::DefaultLogDriverMode
        | SettingName::AwsvpcTrunking
        | SettingName::ContainerInsights
        | SettingName::ContainerInstanceLongArnFormat
        | SettingName::FargateEventWindows
        | SettingName::FargateFipsMode
        | SettingName::FargateTaskRetirementWaitPeriod
        | SettingName::ServiceLongArnFormat
        | SettingName::TagResourceAuthorization
        | SettingName::TaskLongArnFormat => Ok(()),
    }
}

fn key(scope: &Scope, principal: String, name: SettingName) -> SettingKey {
    SettingKey {
        scope: scope.clone(),
        principal,
        name,
    }
}

/// What somebody has said for exactly this principal.
pub(crate) fn said(state: &State, scope: &Scope, principal: &str, name: SettingName) -> Option<Held> {
    let setting = state.settings().get(&key(scope, principal.to_owned(), name))?;
    Some(Held {
        name,
        value: setting.value.clone(),
        principal: principal.to_owned(),
    })
}

/// What holds for a principal: their own word, else the root user's, else what is usual.
pub(crate) fn held(state: &State, scope: &Scope, principal: &str, name: SettingName) -> Held {
    let root = root(scope.account);
    said(state, scope, principal, name)
        .or_else(|| said(state, scope, &root, name))
        .unwrap_or_else(|| usual(&root, name))
}

fn usual(root: &str, name: SettingName) -> Held {
    Held {
        name,
        value: name.usual().to_owned(),
        principal: root.to_owned(),
    }
}

/// How much Container Insights a new cluster of `caller` wants.
pub(super) fn insights(state: &State, caller: &Caller) -> Insights {
    let held = held(state, &caller.scope, &caller.arn, SettingName::ContainerInsights);
    Insights::from_word(&held.value).expect("a setting has one of its values")
}

/// Whether containers that `caller` runs wait for their logs, where their definition says nothing of it.
pub(super) fn blocking_logs(state: &State, caller: &Caller) -> bool {
    held(state, &caller.scope, &caller.arn, SettingName::DefaultLogDriverMode).value == "blocking"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::quota::Quotas;

    fn caller(who: &str) -> Caller {
        Caller {
            scope: Scope {
                account: "123456789012".parse().unwrap(),
                region: "us-east-1".parse().unwrap(),
            },
            arn: format!("arn:aws:iam::123456789012:{who}"),
            quotas: Quotas::default(),
            release: None,
        }
    }

    fn applied(state: &mut State, admitted: Result<Admitted, Refusal>) {
        admitted
            .unwrap()
            .changes
            .into_iter()
            .for_each(|change| state.apply(change));
    }

    #[test]
    fn everybody_has_their_own_word_and_else_the_root_users() {
        let (root, ann, bob) = (caller("root"), caller("user/ann"), caller("role/bob"));
        let mut state = State::default();
        let value = |state: &State, who: &Caller| insights(state, who).to_string();
        let name = "containerInsights";
        assert_eq!(value(&state, &ann), "disabled");
        let made = put_default(&state, &bob, name, "enabled");
        applied(&mut state, made);
        let made = put(&state, &ann, name, "enhanced", None);
        applied(&mut state, made);
        assert_eq!(
            [&root, &ann, &bob].map(|who| value(&state, who)),
            ["enabled", "enhanced", "enabled"]
        );
        let gone = delete(&state, &root, name, Some(&ann.arn));
        applied(&mut state, gone);
        assert_eq!(value(&state, &ann), "enabled");
        let gone = delete(&state, &root, name, None);
        applied(&mut state, gone);
        assert_eq!(value(&state, &ann), "disabled");
    }

    #[test]
    fn only_the_root_user_speaks_for_others() {
        let (root, ann, bob) = (caller("root"), caller("user/ann"), caller("role/bob"));
        let state = State::default();
        let set =
            |who: &Caller, name: &str, value: &str, whom: Option<&str>| put(&state, who, name, value, whom).map(|_| ());
        assert_eq!(set(&root, "awsvpcTrunking", "enabled", Some(&ann.arn)), Ok(()));
        assert_eq!(set(&ann, "awsvpcTrunking", "enabled", Some(&ann.arn)), Ok(()));
        assert_eq!(
            set(&ann, "awsvpcTrunking", "enabled", Some(&bob.arn)),
            Err(Refusal::Setting(SettingFault::OtherPrincipal))
        );
        let period = SettingName::FargateTaskRetirementWaitPeriod;
        assert_eq!(
            set(&ann, period.as_str(), "0", None),
            Err(Refusal::Setting(SettingFault::RootOnly(period)))
        );
        assert_eq!(set(&root, period.as_str(), "0", None), Ok(()));
    }
}

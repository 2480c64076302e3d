//! ListAccountSettings: what somebody has said for a principal, or what holds for them.

use super::Reply;
use super::list::{Entry, Order, PageWish};
use crate::ecs::admit::Caller;
use crate::ecs::admit::settings::{self, Held};
use crate::ecs::model::SettingName;
use crate::ecs::refusal::{Refusal, SettingFault};
use crate::ecs::state::State;

/// The most settings of one page.
const MOST: i64 = 10;

/// Which account settings are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingFilter {
    /// The setting's name.
    pub name: Option<String>,
    /// Its value.
    pub value: Option<String>,
    /// Whose it is; the caller's if nobody is named.
    pub principal: Option<String>,
    /// Whether to show what holds, or only what was said for exactly this principal.
    pub effective: bool,
}

/// ListAccountSettings, by names.
///
/// # Errors
/// A name that does not exist, a value without a name, somebody else's principal, or a page that does not exist.
pub fn list(state: &State, caller: &Caller, filter: &SettingFilter, page: &PageWish) -> Result<Reply, Refusal> {
    let name = filter
        .name
        .as_deref()
        .map(|word| SettingName::from_word(word).ok_or(Refusal::SettingName));
    let name = name.transpose()?;
    if filter.value.is_some() && name.is_none() {
        return Err(Refusal::Setting(SettingFault::ValueWithoutName));
    }
    let principal = settings::principal_of(caller, filter.principal.as_deref())?;
    let names = SettingName::ALL
        .into_iter()
        .filter(|one| name.is_none_or(|name| name == *one));
    let shown = names.filter_map(|name| {
        if filter.effective {
            Some(settings::held(state, &caller.scope, &principal, name))
        } else {
            settings::said(state, &caller.scope, &principal, name)
        }
    });
    let fitting = shown.filter(|held| filter.value.as_ref().is_none_or(|value| *value == held.value));
    let entry = |held: Held| Entry {
        place: held.name.to_string(),
        item: held,
    };
    let (items, next) = page.slice(MOST, Order::Ascending, fitting.map(entry))?;
    Ok(Reply::Settings(items, next))
}

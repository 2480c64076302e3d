//! Log groups and their retention: created, deleted in one small write, listed by name.
//!
//! It does not delete events: that is `expire`.

use super::check::Checks;
use super::listing::Listing;
use super::rows::{DeletedGroupRow, GroupRow, GroupStateRow, MarkRow, ScopeRow};
use super::{DescribeLogGroups, LogGroup, LogGroupPage, LogStore, LogsError, keys, limits};
use crate::Scope;
use crate::store::{Key, Read, Row, Table, Turn, View, decode};

/// A group that exists.
pub(super) struct Group {
    pub(super) id: u64,
    pub(super) state: GroupStateRow,
}

/// The group called `name`.
pub(super) fn find(read: &impl Read, scope: &Scope, name: &str) -> Result<Group, LogsError> {
    let row = read.get(&keys::group(scope, name))?.ok_or_else(LogsError::no_group)?;
    let state = read.get(&keys::group_state(row.id))?.unwrap_or_default();
    Ok(Group { id: row.id, state })
}

/// A number that nothing has had before.
pub(super) fn new_id(turn: &mut Turn<'_>) -> Result<u64, LogsError> {
    let mut last = turn.get(&keys::last_id())?.unwrap_or_default();
    last.id += 1;
    turn.put(keys::last_id(), &last);
    Ok(last.id)
}

/// Puts the group into the schedule of expiry at `due_ms`, or takes it out.
pub(super) fn schedule_expiry(turn: &mut Turn<'_>, group: &mut Group, due_ms: Option<i64>) {
    if let Some(old_ms) = group.state.expiry_due_ms.filter(|old| Some(*old) != due_ms) {
        turn.remove(keys::expiry(old_ms, group.id));
    }
    if let Some(due_ms) = due_ms {
        turn.put(keys::expiry(due_ms, group.id), &MarkRow {});
    }
    group.state.expiry_due_ms = due_ms;
}

impl LogStore {
    /// CreateLogGroup.
    ///
    /// # Errors
    ///
    /// [`LogsError::InvalidParameter`], [`LogsError::ResourceAlreadyExists`], [`LogsError::LimitExceeded`] or
    /// [`LogsError::Storage`].
    pub fn create_log_group(&self, scope: &Scope, log_group_name: &str, now_ms: i64) -> Result<(), LogsError> {
        Checks::default().group("logGroupName", log_group_name).done()?;
        if log_group_name.to_ascii_lowercase().starts_with("aws/") {
            return Err(LogsError::invalid(
                "Log groups starting with AWS/ are reserved for AWS.",
            ));
        }
        self.store.turn(|turn| {
            let key = keys::group(scope, log_group_name);
            if turn.get(&key)?.is_some() {
                return Err(LogsError::group_exists());
            }
            count_group(turn, scope)?;
            let id = new_id(turn)?;
            turn.put(key, &GroupRow { id, created_ms: now_ms });
            turn.put(keys::group_state(id), &GroupStateRow::default());
            Ok(())
        })
    }

    /// DeleteLogGroup: the group, its streams and its events are gone at once; [`LogStore::expire`] frees their space.
    ///
    /// # Errors
    ///
    /// [`LogsError::InvalidParameter`], [`LogsError::ResourceNotFound`] or [`LogsError::Storage`].
    pub fn delete_log_group(&self, scope: &Scope, log_group_name: &str) -> Result<(), LogsError> {
        Checks::default().group("logGroupName", log_group_name).done()?;
        self.store.turn(|turn| {
            let deleted = delete(turn, keys::group(scope, log_group_name), keys::scope(scope))?;
            if deleted { Ok(()) } else { Err(LogsError::no_group()) }
        })
    }

    /// Deletes all groups of all scopes, as [`LogStore::delete_log_group`] does.
    ///
    /// # Errors
    ///
    /// [`LogsError::Storage`]; some groups may be deleted then.
    pub fn delete_all_log_groups(&self) -> Result<(), LogsError> {
        loop {
            let rows = self.store.view().range(Table::Catalog, &keys::all_groups());
            let some: Vec<Row> = rows.take(limits::EXPIRY_SLICE).collect::<Result<_, _>>()?;
            if some.is_empty() {
                return Ok(());
            }
            self.store.turn(|turn| {
                for row in &some {
                    delete(turn, Key::new(row.key.to_vec()), keys::scope_of_group(&row.key)?)?;
                }
                Ok::<_, LogsError>(())
            })?;
        }
    }

    /// DescribeLogGroups.
    ///
    /// # Errors
    ///
    /// [`LogsError::InvalidParameter`] or [`LogsError::Storage`].
    pub fn describe_log_groups(&self, scope: &Scope, request: &DescribeLogGroups) -> Result<LogGroupPage, LogsError> {
        check_description(request)?;
        let limit = usize::try_from(request.limit.unwrap_or(limits::DESCRIBED)).expect("the limit is checked");
        let (keys, name_at) = keys::groups(scope, request.log_group_name_prefix.as_deref().unwrap_or_default());
        let listing = Listing {
            tag: 'g',
            keys,
            sort_at: name_at,
            descending: false,
        };
        let view = self.store.view();
        let mut page = LogGroupPage {
            log_groups: Vec::new(),
            next_token: None,
        };
        let mut last: Option<Row> = None;
        for (examined, row) in listing.rows(&view, request.next_token.as_deref())?.enumerate() {
            let row = row?;
            if let Some(last) = last.filter(|_| page.log_groups.len() == limit || examined == limits::EXAMINED_NAMES) {
                page.next_token = Some(listing.token_after(&last.key));
                break;
            }
            let name = keys::text(&row.key, name_at)?;
            if request
                .log_group_name_pattern
                .as_ref()
                .is_none_or(|part| name.contains(part))
            {
                page.log_groups.push(describe(&view, name, &row)?);
            }
            last = Some(row);
        }
        Ok(page)
    }

    /// PutRetentionPolicy: events older than `retention_in_days` are no longer returned from now on.
    ///
    /// # Errors
    ///
    /// [`LogsError::InvalidParameter`], [`LogsError::ResourceNotFound`] or [`LogsError::Storage`].
    pub fn put_retention_policy(
        &self,
        scope: &Scope,
        log_group_name: &str,
        retention_in_days: i64,
    ) -> Result<(), LogsError> {
        let mut checks = Checks::default().group("logGroupName", log_group_name);
        if !limits::RETENTION_DAYS.contains(&retention_in_days) {
            let allowed = format!("Member must satisfy enum value set: {:?}", limits::RETENTION_DAYS);
            checks.add("retentionInDays", retention_in_days, allowed);
        }
        checks.done()?;
        self.set_retention(scope, log_group_name, Some(retention_in_days))
    }

    /// DeleteRetentionPolicy: events are kept for ever.
    ///
    /// # Errors
    ///
    /// [`LogsError::InvalidParameter`], [`LogsError::ResourceNotFound`] or [`LogsError::Storage`].
    pub fn delete_retention_policy(&self, scope: &Scope, log_group_name: &str) -> Result<(), LogsError> {
        Checks::default().group("logGroupName", log_group_name).done()?;
        self.set_retention(scope, log_group_name, None)
    }

    fn set_retention(&self, scope: &Scope, name: &str, retention_days: Option<i64>) -> Result<(), LogsError> {
        self.store.turn(|turn| {
            let mut group = find(turn, scope, name)?;
            group.state.retention_days = retention_days;
            // Due at once: expiry finds out itself when the oldest event is next.
            schedule_expiry(turn, &mut group, retention_days.map(|_| 0));
            turn.put(keys::group_state(group.id), &group.state);
            Ok(())
        })
    }
}

fn count_group(turn: &mut Turn<'_>, scope: &Scope) -> Result<(), LogsError> {
    let mut counts = turn.get(&keys::scope(scope))?.unwrap_or_default();
    if counts.groups >= limits::GROUPS_PER_SCOPE {
        return Err(LogsError::too_many_groups());
    }
    counts.groups += 1;
    turn.put(keys::scope(scope), &counts);
    Ok(())
}

/// Deletes the group at `key`, or says that there is none.
fn delete(turn: &mut Turn<'_>, key: Key<GroupRow>, scope: Key<ScopeRow>) -> Result<bool, LogsError> {
    let Some(GroupRow { id, .. }) = turn.get(&key)? else {
        return Ok(false);
    };
    let state = turn.get(&keys::group_state(id))?.unwrap_or_default();
    let mut counts = turn.get(&scope)?.unwrap_or_default();
    counts.groups = counts.groups.saturating_sub(1);
    turn.put(scope, &counts);
    turn.remove(key);
    schedule_expiry(turn, &mut Group { id, state }, None);
    turn.remove(keys::group_state(id));
    turn.put(keys::deleted_group(id), &DeletedGroupRow::default());
    Ok(true)
}

fn check_description(request: &DescribeLogGroups) -> Result<(), LogsError> {
    let mut checks = Checks::default().range("limit", request.limit, (1, limits::DESCRIBED));
    if let Some(prefix) = &request.log_group_name_prefix {
        checks = checks.group("logGroupNamePrefix", prefix);
    }
    if let Some(part) = request.log_group_name_pattern.as_ref().filter(|part| !part.is_empty()) {
        checks = checks.group("logGroupNamePattern", part);
    }
    checks.done()?;
    if request.log_group_name_prefix.is_some() && request.log_group_name_pattern.is_some() {
        let message = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.";
        return Err(LogsError::invalid(message));
    }
    Ok(())
}

fn describe(view: &View<'_>, name: &str, row: &Row) -> Result<LogGroup, LogsError> {
    let GroupRow { id, created_ms } = decode(&row.value)?;
    let state = view.get(&keys::group_state(id))?.unwrap_or_default();
    Ok(LogGroup {
        log_group_name: name.to_owned(),
        creation_time_ms: created_ms,
        retention_in_days: state.retention_days,
        stored_bytes: state.stored_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_groups_is_limited_per_scope() {
        let dir = tempfile::tempdir().unwrap();
        let logs = LogStore::open(&dir.path().join("logs")).unwrap();
        let (full, other) = (Scope::new("1", "eu-central-1"), Scope::new("1", "us-east-1"));
        let almost = ScopeRow {
            groups: limits::GROUPS_PER_SCOPE - 1,
        };
        let counted = logs.store.turn(|turn| {
            turn.put(keys::scope(&full), &almost);
            Ok::<_, LogsError>(())
        });
        counted.unwrap();
        logs.create_log_group(&full, "last", 1).unwrap();
        assert_eq!(
            logs.create_log_group(&full, "one-more", 1),
            Err(LogsError::too_many_groups())
        );
        logs.create_log_group(&other, "one-more", 1).unwrap();
        logs.delete_log_group(&full, "last").unwrap();
        logs.create_log_group(&full, "one-more", 1).unwrap();
    }
}

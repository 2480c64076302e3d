//! Log groups and their retention.

use std::collections::BTreeSet;

use berth_telemetry::logs as store;
use berth_wire::protocol::ServiceError;
use berth_wire::shapes::Empty;
use berth_wire::shapes::logs::{
    CreateLogGroupRequest, DeleteLogGroupRequest, DeleteRetentionPolicyRequest, DescribeLogGroupsRequest,
    DescribeLogGroupsResponse, LOG_GROUP_CLASS, LogGroup, PutRetentionPolicyRequest,
};

use super::refusal::{self, invalid, unless_asked};
use super::{Place, done, names};

/// The class of all groups.
const STANDARD: &str = "STANDARD";
/// The most groups that a request may identify.
const MOST_IDENTIFIERS: usize = 50;

/// CreateLogGroup.
pub(super) fn create(place: &Place, request: CreateLogGroupRequest) -> Result<Empty, ServiceError> {
    unless_asked(
        request.kms_key_id.is_some(),
        "kmsKeyId",
        "log events are not encrypted with keys of KMS",
    )?;
    unless_asked(
        request.tags.is_some_and(|tags| !tags.is_empty()),
        "tags",
        "log groups have no tags",
    )?;
    unless_asked(
        request.deletion_protection_enabled == Some(true),
        "deletionProtectionEnabled",
        "log groups cannot be protected from deletion",
    )?;
    let is_other = class(request.log_group_class.as_deref())?.is_some_and(|class| class != STANDARD);
    unless_asked(is_other, "logGroupClass", "all log groups are of the class STANDARD")?;
    let created = place
        .store
        .create_log_group(&place.shelf, &request.log_group_name, place.now_ms);
    created.map(done).map_err(refusal::of)
}

/// DeleteLogGroup.
pub(super) fn delete(place: &Place, request: DeleteLogGroupRequest) -> Result<Empty, ServiceError> {
    let deleted = place.store.delete_log_group(&place.shelf, &request.log_group_name);
    deleted.map(done).map_err(refusal::of)
}

/// PutRetentionPolicy.
pub(super) fn put_retention_policy(place: &Place, request: PutRetentionPolicyRequest) -> Result<Empty, ServiceError> {
    let days = i64::from(request.retention_in_days);
    let put = place
        .store
        .put_retention_policy(&place.shelf, &request.log_group_name, days);
    put.map(done).map_err(refusal::of)
}

/// DeleteRetentionPolicy.
pub(super) fn delete_retention_policy(
    place: &Place,
    request: DeleteRetentionPolicyRequest,
) -> Result<Empty, ServiceError> {
    let deleted = place
        .store
        .delete_retention_policy(&place.shelf, &request.log_group_name);
    deleted.map(done).map_err(refusal::of)
}

/// DescribeLogGroups.
pub(super) fn describe(
    place: &Place,
    request: DescribeLogGroupsRequest,
) -> Result<DescribeLogGroupsResponse, ServiceError> {
    let others = "accounts cannot be linked";
    unless_asked(
        request.include_linked_accounts == Some(true),
        "includeLinkedAccounts",
        others,
    )?;
    let accounts = request.account_identifiers.as_deref().unwrap_or_default();
    unless_asked(!accounts.is_empty(), "accountIdentifiers", others)?;
    let is_other = class(request.log_group_class.as_deref())?.is_some_and(|class| class != STANDARD);
    let identifiers = request.log_group_identifiers.as_deref().unwrap_or_default();
    let page = if identifiers.is_empty() {
        listed(place, &request)?
    } else {
        identified(place, &request, identifiers)?
    };
    if is_other {
        // No group is of another class: there is nothing to list, and nothing more to come.
        return Ok(DescribeLogGroupsResponse {
            log_groups: Some(Vec::new()),
            next_token: None,
        });
    }
    let log_groups = page.log_groups.into_iter().map(|group| shape(place, group)).collect();
    Ok(DescribeLogGroupsResponse {
        log_groups: Some(log_groups),
        next_token: page.next_token,
    })
}

fn listed(place: &Place, request: &DescribeLogGroupsRequest) -> Result<store::LogGroupPage, ServiceError> {
    let wanted = store::DescribeLogGroups {
        log_group_name_prefix: request.log_group_name_prefix.clone(),
        log_group_name_pattern: request.log_group_name_pattern.clone(),
        limit: request.limit.map(i64::from),
        next_token: request.next_token.clone(),
    };
    place
        .store
        .describe_log_groups(&place.shelf, &wanted)
        .map_err(refusal::of)
}

/// The groups of these identifiers that exist, in the order of their names.
fn identified(
    place: &Place,
    request: &DescribeLogGroupsRequest,
    identifiers: &[String],
) -> Result<store::LogGroupPage, ServiceError> {
    let filters = [
        &request.log_group_name_prefix,
        &request.log_group_name_pattern,
        &request.log_group_class,
    ];
    if filters.iter().any(|filter| filter.is_some()) {
        return Err(invalid("logGroupIdentifiers cannot be combined with other filters."));
    }
    if identifiers.len() > MOST_IDENTIFIERS {
        return Err(invalid(format!(
            "At most {MOST_IDENTIFIERS} logGroupIdentifiers can be given."
        )));
    }
    let names = identifiers
        .iter()
        .map(|identifier| names::identified(&place.scope, identifier));
    let mut names: BTreeSet<String> = names.collect::<Result<_, _>>()?;
    if let Some(token) = &request.next_token {
        names.retain(|name| name > token);
    }
    let mut groups = Vec::new();
    for name in names {
        groups.extend(find(place, name, request.limit)?);
    }
    let most = request
        .limit
        .map_or(MOST_IDENTIFIERS, |limit| usize::try_from(limit).unwrap_or_default());
    let more = groups.len() > most;
    groups.truncate(most);
    let last = groups.last().filter(|_| more);
    let next_token = last.map(|group| group.log_group_name.clone());
    Ok(store::LogGroupPage {
        log_groups: groups,
        next_token,
    })
}

/// The group with this name: the first of those that begin with it. The limit is passed on to be checked.
fn find(place: &Place, name: String, limit: Option<i32>) -> Result<Option<store::LogGroup>, ServiceError> {
    let wanted = store::DescribeLogGroups {
        log_group_name_prefix: Some(name.clone()),
        limit: Some(limit.map_or(1, i64::from)),
        ..store::DescribeLogGroups::default()
    };
    let page = place
        .store
        .describe_log_groups(&place.shelf, &wanted)
        .map_err(refusal::of)?;
    Ok(page
        .log_groups
        .into_iter()
        .next()
        .filter(|group| group.log_group_name == name))
}

/// A class that there is at AWS.
fn class(class: Option<&str>) -> Result<Option<&str>, ServiceError> {
    match class {
        Some(class) if !LOG_GROUP_CLASS.values.contains(&class) => {
            let allowed = LOG_GROUP_CLASS.values.join(", ");
            Err(invalid(format!(
                "1 validation error detected: Value '{class}' at 'logGroupClass' failed to satisfy constraint: Member \
                 must satisfy enum value set: [{allowed}]"
            )))
        }
        class => Ok(class),
    }
}

fn shape(place: &Place, group: store::LogGroup) -> LogGroup {
    let name = group.log_group_name;
    LogGroup {
        arn: Some(names::group_arn_with_streams(&place.scope, &name)),
        log_group_arn: Some(names::group_arn(&place.scope, &name)),
        log_group_name: Some(name),
        creation_time: Some(group.creation_time_ms),
        retention_in_days: group.retention_in_days.and_then(|days| i32::try_from(days).ok()),
        metric_filter_count: Some(0),
        stored_bytes: Some(i64::try_from(group.stored_bytes).unwrap_or(i64::MAX)),
        log_group_class: Some(STANDARD.to_owned()),
        deletion_protection_enabled: Some(false),
        ..LogGroup::default()
    }
}

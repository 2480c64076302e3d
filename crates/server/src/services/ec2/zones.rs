//! DescribeAvailabilityZones: the zones of the caller's region.

use berth_core::network::Subnet;
use berth_core::network::view::NetworkView;
use berth_wire::protocol::ServiceError;
use berth_wire::shapes::ec2::{AvailabilityZone, DescribeAvailabilityZonesRequest, DescribeAvailabilityZonesResult};

use super::filter::{Key, nothing, select, value};
use super::invalid_value;

const FILTERS: &[Key<AvailabilityZone>] = &[
    Key(&["zone-name"], |zone| value(&zone.zone_name)),
    Key(&["zone-id"], |zone| value(&zone.zone_id)),
    Key(&["zone-type"], |zone| value(&zone.zone_type)),
    Key(&["region-name"], |zone| value(&zone.region_name)),
    Key(&["group-name"], |zone| value(&zone.group_name)),
    Key(&["opt-in-status"], |zone| value(&zone.opt_in_status)),
    Key(&["state"], |zone| value(&zone.state)),
    Key(
        &["group-long-name", "message", "parent-zone-id", "parent-zone-name"],
        nothing,
    ),
];

/// Answers DescribeAvailabilityZones. A region has no zones to opt into, so all of them are the same as those.
///
/// # Errors
/// What is wrong with the request.
pub(super) fn describe(
    view: &NetworkView,
    request: &DescribeAvailabilityZonesRequest,
) -> Result<DescribeAvailabilityZonesResult, ServiceError> {
    let all: Vec<AvailabilityZone> = view.network.subnets.iter().map(|subnet| zone(view, subnet)).collect();
    let named = only(all, request.zone_names.as_deref(), "zone", |zone| &zone.zone_name)?;
    let named = only(named, request.zone_ids.as_deref(), "zone-id", |zone| &zone.zone_id)?;
    let zones = select(named, FILTERS, request.filters.as_deref())?;
    Ok(DescribeAvailabilityZonesResult {
        availability_zones: Some(zones),
    })
}

/// The zones that are called so; all if none is called for.
fn only(
    zones: Vec<AvailabilityZone>,
    wanted: Option<&[String]>,
    what: &str,
    called: fn(&AvailabilityZone) -> &Option<String>,
) -> Result<Vec<AvailabilityZone>, ServiceError> {
    let wanted = wanted.unwrap_or_default();
    let is_there = |name: &String| zones.iter().any(|zone| called(zone).as_ref() == Some(name));
    if let Some(name) = wanted.iter().find(|name| !is_there(name)) {
        return Err(invalid_value(format!("Invalid availability {what}: [{name}]")));
    }
    let is_wanted =
        |zone: &AvailabilityZone| wanted.is_empty() || called(zone).iter().any(|name| wanted.contains(name));
    Ok(zones.into_iter().filter(is_wanted).collect())
}

fn zone(view: &NetworkView, subnet: &Subnet) -> AvailabilityZone {
    let region = Some(view.scope.region.to_string());
    AvailabilityZone {
        zone_name: Some(subnet.zone.clone()),
        zone_id: zone_id(&subnet.zone),
        zone_type: Some("availability-zone".to_owned()),
        state: Some("available".to_owned()),
        opt_in_status: Some("opt-in-not-required".to_owned()),
        group_name: Some(format!("{}-zg-1", view.scope.region)),
        network_border_group: region.clone(),
        region_name: region,
        messages: Some(Vec::new()),
        ..AvailabilityZone::default()
    }
}

/// The id of a zone by its name: `use1-az1` for `us-east-1a`.
pub(super) fn zone_id(zone: &str) -> Option<String> {
    let letter = zone.bytes().last().filter(u8::is_ascii_lowercase)?;
    let (words, number) = zone[..zone.len() - 1].rsplit_once('-')?;
    let mut words = words.split('-');
    let area = words.next()?;
    let rest: String = words.map(short).collect();
    Some(format!("{area}{rest}{number}-az{}", letter - b'a' + 1))
}

/// A direction in letters: `s` for south, `se` for southeast.
fn short(word: &str) -> String {
    let initial = |word: &str| word.chars().take(1).collect::<String>();
    let second = ["east", "west"]
        .into_iter()
        .find(|end| word.len() > end.len() && word.ends_with(end));
    initial(word) + &second.map(initial).unwrap_or_default()
}

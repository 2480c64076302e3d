//! DescribeRegions. Every well-formed region exists as soon as somebody asks for it, so there is no list of all of them:
//! the caller sees their own region, or those whose names they give.

use berth_core::kernel::Region as RegionName;
use berth_core::network::view::NetworkView;
use berth_wire::protocol::ServiceError;
use berth_wire::shapes::ec2::{DescribeRegionsRequest, DescribeRegionsResult, Region};

use super::filter::{Key, select, value};
use super::invalid_value;

const FILTERS: &[Key<Region>] = &[
    Key(&["region-name"], |region| value(&region.region_name)),
    Key(&["endpoint"], |region| value(&region.endpoint)),
    Key(&["opt-in-status"], |region| value(&region.opt_in_status)),
];

/// Answers DescribeRegions. All regions are served by the one endpoint, `host`.
///
/// # Errors
/// What is wrong with the request.
pub(super) fn describe(
    view: &NetworkView,
    request: &DescribeRegionsRequest,
    host: &str,
) -> Result<DescribeRegionsResult, ServiceError> {
    let asked = request.region_names.as_deref().filter(|names| !names.is_empty());
    let named = asked
        .map(|names| names.iter().map(|name| parsed(name)).collect::<Result<Vec<_>, _>>())
        .transpose()?;
    let mut names = named.unwrap_or_else(|| vec![view.scope.region.clone()]);
    names.sort();
    names.dedup();
    let all = names.iter().map(|name| region(name, host)).collect();
    let regions = select(all, FILTERS, request.filters.as_deref())?;
    Ok(DescribeRegionsResult { regions: Some(regions) })
}

fn parsed(name: &str) -> Result<RegionName, ServiceError> {
    name.parse()
        .map_err(|_| invalid_value(format!("Invalid region: [{name}]")))
}

fn region(name: &RegionName, host: &str) -> Region {
    Region {
        region_name: Some(name.to_string()),
        endpoint: Some(host.to_owned()),
        opt_in_status: Some("opt-in-not-required".to_owned()),
        ..Region::default()
    }
}

//! What a path of the endpoint asks for. Pure.

/// A version of the endpoint that knows containers by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// `/v3`.
    V3,
    /// `/v4`.
    V4,
}

/// What is wanted of a container or its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The container's document.
    Container,
    /// The task's document.
    Task,
    /// The same with the tags of task and machine.
    TaskWithTags,
    /// What the container uses.
    ContainerStats,
    /// What every container of the task uses.
    TaskStats,
}

/// What is done with a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultAction {
    /// Begin it.
    Start,
    /// End it.
    Stop,
    /// Ask for it.
    Status,
}

/// A path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// `/v2/metadata`, `/v2/metadataWithTags`, `/v2/stats`: who asks is known by its address. A container of the task may
    /// be named by its runtime id.
    V2(Wanted, Option<&'a str>),
    /// Something of the container with this id.
    Own(Version, &'a str, Wanted),
    /// The names of the devices of one type that the container has.
    Associations(Version, &'a str, &'a str),
    /// The protection of the task against being stopped.
    Protection(&'a str),
    /// A fault in the network of the task.
    Fault(&'a str, FaultAction),
    /// Nothing that there is.
    Unknown,
}

/// The kinds of faults that exist.
const FAULTS: [&str; 3] = ["network-blackhole-port", "network-latency", "network-packet-loss"];

impl<'a> Route<'a> {
    /// Understands a path without its query.
    pub(super) fn parse(path: &'a str) -> Self {
        let parts: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        match parts.as_slice() {
            ["v2", kind, rest @ ..] => Self::version_2(kind, rest),
            ["v3", id, rest @ ..] => Self::own(Version::V3, id, rest),
            ["v4", id, rest @ ..] => Self::own(Version::V4, id, rest),
            ["api", id, "task-protection", "v1", "state"] => Self::Protection(id),
            ["api", id, "fault", "v1", kind, action] if FAULTS.contains(kind) => match *action {
                "start" => Self::Fault(id, FaultAction::Start),
                "stop" => Self::Fault(id, FaultAction::Stop),
                "status" => Self::Fault(id, FaultAction::Status),
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }

    fn version_2(kind: &str, rest: &[&'a str]) -> Self {
        let (task, container) = match kind {
            "metadata" => (Wanted::Task, Some(Wanted::Container)),
            "metadataWithTags" => (Wanted::TaskWithTags, None),
            "stats" => (Wanted::TaskStats, Some(Wanted::ContainerStats)),
            _ => return Self::Unknown,
        };
        match (rest, container) {
            ([] | [""], _) => Self::V2(task, None),
            ([id], Some(container)) => Self::V2(container, Some(id)),
            _ => Self::Unknown,
        }
    }

    fn own(version: Version, id: &'a str, rest: &[&'a str]) -> Self {
        let wanted = match rest {
            [] => Wanted::Container,
            ["task"] => Wanted::Task,
            ["taskWithTags"] => Wanted::TaskWithTags,
            ["stats"] => Wanted::ContainerStats,
            ["task", "stats"] => Wanted::TaskStats,
            ["associations", kind] => return Self::Associations(version, id, kind),
            _ => return Self::Unknown,
        };
        Self::Own(version, id, wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_stock_agent() {
        let own = |version, wanted| Route::Own(version, "id", wanted);
        let cases = [
            ("/v4/id", own(Version::V4, Wanted::Container)),
            ("/v4/id/task", own(Version::V4, Wanted::Task)),
            ("/v4/id/taskWithTags", own(Version::V4, Wanted::TaskWithTags)),
            ("/v4/id/stats", own(Version::V4, Wanted::ContainerStats)),
            ("/v4/id/task/stats", own(Version::V4, Wanted::TaskStats)),
            ("/v3/id/task/stats", own(Version::V3, Wanted::TaskStats)),
            ("/v4/", Route::Own(Version::V4, "", Wanted::Container)),
            ("/v3/id/associations/gpu", Route::Associations(Version::V3, "id", "gpu")),
            ("/v2/metadata", Route::V2(Wanted::Task, None)),
            ("/v2/metadata/", Route::V2(Wanted::Task, None)),
            ("/v2/metadata/abc", Route::V2(Wanted::Container, Some("abc"))),
            ("/v2/metadataWithTags", Route::V2(Wanted::TaskWithTags, None)),
            ("/v2/stats/abc", Route::V2(Wanted::ContainerStats, Some("abc"))),
            ("/api/id/task-protection/v1/state", Route::Protection("id")),
            (
                "/api/id/fault/v1/network-latency/stop",
                Route::Fault("id", FaultAction::Stop),
            ),
        ];
        for (path, route) in cases {
            assert_eq!(Route::parse(path), route, "{path}");
        }
    }

    #[test]
    fn other_paths_lead_nowhere() {
        let paths = [
            "",
            "/",
            "/v1/metadata",
            "/v4",
            "/v4/id/",
            "/v4/id/tasks",
            "/v2",
            "/v2/other",
            "/v2/metadata/a/b",
            "/v2/credentials/x",
            "/api/id/fault/v1/meteor/start",
            "/api/id/fault/v1/network-latency/pause",
            "v5/id",
        ];
        for path in paths {
            assert_eq!(Route::parse(path), Route::Unknown, "{path}");
        }
    }
}

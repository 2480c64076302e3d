//! Members of ECS requests whose operations carry out some and not others, except task definitions.

use super::{Area, Section, Source, full, partial, refused};

pub(crate) const AREA: Area = Area {
    file: "ecs_calls",
    service: "ecs",
    title: "ECS: members of calls",
    intro: "A member that is refused answers `UnsupportedFeatureException` naming it; none is ignored.",
    refusal_proof: Some("tests/e2e/test_definitions.py::test_a_call_that_asks_for_what_is_not_built_is_refused"),
    sections: SECTIONS,
};

const SECTIONS: &[Section] = &[
    Section {
        title: "RunTask",
        source: Source::Structure("RunTaskRequest"),
        rows: &[
            refused("capacityProviderStrategy"),
            full(
                "cluster",
                "tests/e2e/test_calls.py::test_the_default_cluster_is_meant_when_none_is_named",
            ),
            full(
                "count",
                "tests/e2e/test_tasks.py::test_a_count_of_tasks_runs_side_by_side",
            ),
            refused("enableECSManagedTags"),
            refused("enableExecuteCommand"),
            full(
                "group",
                "tests/e2e/test_tasks.py::test_tasks_are_listed_by_what_they_are",
            ),
            full(
                "launchType",
                "tests/e2e/test_networks.py::test_bridge_publishes_a_container_on_a_dynamic_port",
            ),
            partial(
                "networkConfiguration",
                "see below",
                "tests/e2e/test_sample.py::test_the_sample_runs_from_its_first_status_to_its_last",
            ),
            refused("overrides"),
            refused("placementConstraints"),
            partial(
                "placementStrategy",
                "spread over instanceId and the zone only",
                "crates/core/tests/control/placement.rs::in_order",
            ),
            full(
                "platformVersion",
                "tests/e2e/test_calls.py::test_a_run_that_cannot_be_is_refused",
            ),
            refused("propagateTags"),
            refused("referenceId"),
            full(
                "startedBy",
                "tests/e2e/test_tasks.py::test_tasks_are_listed_by_what_they_are",
            ),
            full(
                "tags",
                "tests/e2e/test_tasks.py::test_a_count_of_tasks_runs_side_by_side",
            ),
            full(
                "taskDefinition",
                "tests/e2e/test_definitions.py::test_a_bare_family_means_its_newest_active_revision",
            ),
            full(
                "clientToken",
                "tests/e2e/test_tasks.py::test_the_same_client_token_runs_the_same_tasks",
            ),
            refused("volumeConfigurations"),
        ],
    },
    Section {
        title: "RunTask: launchType",
        source: Source::Enumeration("LAUNCH_TYPE"),
        rows: &[
            full(
                "EC2",
                "tests/e2e/test_networks.py::test_bridge_publishes_a_container_on_a_dynamic_port",
            ),
            partial(
                "FARGATE",
                "shares the host's kernel",
                "tests/e2e/test_sample.py::test_the_sample_runs_from_its_first_status_to_its_last",
            ),
            full(
                "EXTERNAL",
                "tests/e2e/test_networks.py::test_bridge_publishes_a_container_on_a_dynamic_port",
            ),
            refused("MANAGED_INSTANCES"),
        ],
    },
    Section {
        title: "RunTask: overrides",
        source: Source::Structure("TaskOverride"),
        rows: &[
            refused("containerOverrides"),
            refused("cpu"),
            refused("inferenceAcceleratorOverrides"),
            refused("executionRoleArn"),
            refused("memory"),
            refused("taskRoleArn"),
            refused("ephemeralStorage"),
        ],
    },
    Section {
        title: "RunTask: overrides.containerOverrides",
        source: Source::Structure("ContainerOverride"),
        rows: &[
            refused("name"),
            refused("command"),
            refused("environment"),
            refused("environmentFiles"),
            refused("cpu"),
            refused("memory"),
            refused("memoryReservation"),
            refused("resourceRequirements"),
        ],
    },
    Section {
        title: "RunTask: networkConfiguration.awsvpcConfiguration",
        source: Source::Structure("AwsVpcConfiguration"),
        rows: &[
            full(
                "subnets",
                "tests/e2e/test_placement.py::test_a_zone_without_machines_has_no_place",
            ),
            partial(
                "securityGroups",
                "must exist; their rules are not enforced yet",
                "tests/e2e/test_calls.py::test_a_run_that_cannot_be_is_refused",
            ),
            partial(
                "assignPublicIp",
                "tasks reach the outside either way; no public address is given",
                "tests/e2e/test_sample.py::test_the_sample_runs_from_its_first_status_to_its_last",
            ),
        ],
    },
    Section {
        title: "RunTask: placementStrategy types",
        source: Source::Enumeration("PLACEMENT_STRATEGY_TYPE"),
        rows: &[
            full("random", "crates/core/tests/control/properties.rs::placement_is_right"),
            partial(
                "spread",
                "over instanceId and the zone",
                "crates/core/tests/control/placement.rs::spread",
            ),
            full("binpack", "crates/core/tests/control/placement.rs::binpack"),
        ],
    },
    Section {
        title: "RunTask: placementConstraints types",
        source: Source::Enumeration("PLACEMENT_CONSTRAINT_TYPE"),
        rows: &[refused("distinctInstance"), refused("memberOf")],
    },
    Section {
        title: "StartTask",
        source: Source::Structure("StartTaskRequest"),
        rows: &[
            refused("cluster"),
            refused("containerInstances"),
            refused("enableECSManagedTags"),
            refused("enableExecuteCommand"),
            refused("group"),
            refused("networkConfiguration"),
            refused("overrides"),
            refused("propagateTags"),
            refused("referenceId"),
            refused("startedBy"),
            refused("tags"),
            refused("taskDefinition"),
            refused("volumeConfigurations"),
        ],
    },
    Section {
        title: "StopTask",
        source: Source::Structure("StopTaskRequest"),
        rows: &[
            full(
                "cluster",
                "tests/e2e/test_calls.py::test_what_does_not_exist_is_refused",
            ),
            full("task", "tests/e2e/test_tasks.py::test_stopping_twice_changes_nothing"),
            full("reason", "tests/e2e/test_tasks.py::test_stopping_twice_changes_nothing"),
        ],
    },
    Section {
        title: "DescribeTasks",
        source: Source::Structure("DescribeTasksRequest"),
        rows: &[
            full(
                "cluster",
                "tests/e2e/test_calls.py::test_what_does_not_exist_is_refused",
            ),
            full(
                "tasks",
                "tests/e2e/test_calls.py::test_unknown_tasks_are_failures_when_described",
            ),
            full(
                "include",
                "tests/e2e/test_tasks.py::test_a_count_of_tasks_runs_side_by_side",
            ),
        ],
    },
    Section {
        title: "ListTasks",
        source: Source::Structure("ListTasksRequest"),
        rows: &[
            full(
                "cluster",
                "tests/e2e/test_tasks.py::test_tasks_are_listed_by_what_they_are",
            ),
            full(
                "containerInstance",
                "tests/e2e/test_tasks.py::test_tasks_are_listed_by_what_they_are",
            ),
            full(
                "family",
                "tests/e2e/test_tasks.py::test_tasks_are_listed_by_what_they_are",
            ),
            full(
                "nextToken",
                "tests/e2e/test_tasks.py::test_tasks_are_listed_by_what_they_are",
            ),
            full(
                "maxResults",
                "tests/e2e/test_tasks.py::test_tasks_are_listed_by_what_they_are",
            ),
            full(
                "startedBy",
                "tests/e2e/test_tasks.py::test_tasks_are_listed_by_what_they_are",
            ),
            refused("serviceName"),
            full(
                "desiredStatus",
                "tests/e2e/test_tasks.py::test_tasks_are_listed_by_what_they_are",
            ),
            full(
                "launchType",
                "tests/e2e/test_tasks.py::test_tasks_are_listed_by_what_they_are",
            ),
            refused("daemonName"),
        ],
    },
    Section {
        title: "CreateCluster",
        source: Source::Structure("CreateClusterRequest"),
        rows: &[
            full(
                "clusterName",
                "tests/e2e/test_calls.py::test_a_cluster_needs_a_fitting_name",
            ),
            full("tags", "tests/e2e/test_calls.py::test_a_cluster_lives_and_ends"),
            refused("settings"),
            refused("configuration"),
            refused("capacityProviders"),
            refused("defaultCapacityProviderStrategy"),
            refused("serviceConnectDefaults"),
        ],
    },
    Section {
        title: "DescribeClusters: include",
        source: Source::Enumeration("CLUSTER_FIELD"),
        rows: &[
            refused("ATTACHMENTS"),
            refused("CONFIGURATIONS"),
            refused("SETTINGS"),
            refused("STATISTICS"),
            full("TAGS", "tests/e2e/test_calls.py::test_a_cluster_lives_and_ends"),
        ],
    },
    Section {
        title: "ListContainerInstances",
        source: Source::Structure("ListContainerInstancesRequest"),
        rows: &[
            full(
                "cluster",
                "tests/e2e/test_placement.py::test_the_machine_tells_what_it_is",
            ),
            refused("filter"),
            full(
                "nextToken",
                "tests/e2e/test_placement.py::test_the_machine_tells_what_it_is",
            ),
            full(
                "maxResults",
                "tests/e2e/test_placement.py::test_the_machine_tells_what_it_is",
            ),
            full("status", "crates/core/tests/control/draining.rs::drains"),
        ],
    },
    Section {
        title: "DescribeContainerInstances",
        source: Source::Structure("DescribeContainerInstancesRequest"),
        rows: &[
            full(
                "cluster",
                "tests/e2e/test_calls.py::test_what_does_not_exist_is_refused",
            ),
            full(
                "containerInstances",
                "tests/e2e/test_placement.py::test_the_machine_tells_what_it_is",
            ),
            partial(
                "include",
                "TAGS",
                "tests/e2e/test_placement.py::test_the_machine_tells_what_it_is",
            ),
        ],
    },
];

//! Members of ECS requests whose operations carry out some and not others, except task definitions.

use super::{Area, Section, Source, accepted, full, partial, refused};

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
            partial(
                "capacityProviderStrategy",
                "FARGATE and FARGATE_SPOT; a FARGATE_SPOT task is never interrupted",
                "tests/e2e/test_clusters_api.py::test_tasks_run_as_shares_of_capacity_providers",
            ),
            full(
                "cluster",
                "tests/e2e/test_calls.py::test_the_default_cluster_is_meant_when_none_is_named",
            ),
            full(
                "count",
                "tests/e2e/test_tasks.py::test_a_count_of_tasks_runs_side_by_side",
            ),
            full(
                "enableECSManagedTags",
                "tests/e2e/test_tasks_api.py::test_tags_come_from_the_call_the_definition_and_ecs",
            ),
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
            partial(
                "overrides",
                "see below",
                "tests/e2e/test_overrides.py::test_a_container_runs_what_the_overrides_say",
            ),
            full(
                "placementConstraints",
                "crates/core/tests/control/placement.rs::members",
            ),
            full("placementStrategy", "crates/core/tests/control/placement.rs::in_order"),
            full(
                "platformVersion",
                "tests/e2e/test_calls.py::test_a_run_that_cannot_be_is_refused",
            ),
            full(
                "propagateTags",
                "tests/e2e/test_tasks_api.py::test_tags_come_from_the_call_the_definition_and_ecs",
            ),
            full(
                "referenceId",
                "tests/e2e/test_tasks_api.py::test_a_member_that_cannot_be_is_refused",
            ),
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
                "tests/e2e/test_tasks_api.py::test_a_client_token_means_the_call_and_not_its_bytes",
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
            partial(
                "containerOverrides",
                "see below",
                "tests/e2e/test_overrides.py::test_a_container_runs_what_the_overrides_say",
            ),
            full(
                "cpu",
                "tests/e2e/test_overrides.py::test_sizes_reach_the_kernel_and_the_machine",
            ),
            refused("inferenceAcceleratorOverrides"),
            partial(
                "executionRoleArn",
                "checked and shown, like that of the definition",
                "crates/core/tests/control/overrides.rs::refusals_of_tasks",
            ),
            full(
                "memory",
                "tests/e2e/test_overrides.py::test_sizes_reach_the_kernel_and_the_machine",
            ),
            refused("taskRoleArn"),
            refused("ephemeralStorage"),
        ],
    },
    Section {
        title: "RunTask: overrides.containerOverrides",
        source: Source::Structure("ContainerOverride"),
        rows: &[
            full(
                "name",
                "tests/e2e/test_overrides.py::test_a_container_runs_what_the_overrides_say",
            ),
            full(
                "command",
                "tests/e2e/test_overrides.py::test_a_container_runs_what_the_overrides_say",
            ),
            full(
                "environment",
                "tests/e2e/test_overrides.py::test_a_container_runs_what_the_overrides_say",
            ),
            refused("environmentFiles"),
            full(
                "cpu",
                "tests/e2e/test_overrides.py::test_sizes_reach_the_kernel_and_the_machine",
            ),
            full(
                "memory",
                "tests/e2e/test_overrides.py::test_sizes_reach_the_kernel_and_the_machine",
            ),
            full(
                "memoryReservation",
                "tests/e2e/test_overrides.py::test_sizes_reach_the_kernel_and_the_machine",
            ),
            partial(
                "resourceRequirements",
                "type GPU with a number or ALL",
                "tests/e2e/test_gpus.py::test_containers_of_a_task_share_out_what_overrides_say",
            ),
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
            full(
                "random",
                "crates/core/tests/place/main.rs::nothing_is_better_and_nothing_was_possible",
            ),
            full(
                "spread",
                "crates/core/tests/control/placement.rs::spread_over_an_attribute",
            ),
            full("binpack", "crates/core/tests/control/placement.rs::binpack"),
        ],
    },
    Section {
        title: "RunTask: placementConstraints types",
        source: Source::Enumeration("PLACEMENT_CONSTRAINT_TYPE"),
        rows: &[
            full(
                "distinctInstance",
                "crates/core/tests/control/placement.rs::distinct_instances",
            ),
            full("memberOf", "crates/core/tests/control/placement.rs::members"),
        ],
    },
    Section {
        title: "StartTask",
        source: Source::Structure("StartTaskRequest"),
        rows: &[
            full(
                "cluster",
                "tests/e2e/test_start_task.py::test_a_start_that_cannot_be_is_refused",
            ),
            full(
                "containerInstances",
                "tests/e2e/test_start_task.py::test_a_task_starts_on_the_machine_that_was_named",
            ),
            full(
                "enableECSManagedTags",
                "tests/e2e/test_start_task.py::test_a_task_starts_on_the_machine_that_was_named",
            ),
            refused("enableExecuteCommand"),
            full(
                "group",
                "tests/e2e/test_start_task.py::test_a_task_starts_on_the_machine_that_was_named",
            ),
            partial(
                "networkConfiguration",
                "as that of RunTask",
                "tests/e2e/test_start_task.py::test_a_task_with_an_interface_starts_on_the_machine_that_was_named",
            ),
            partial(
                "overrides",
                "as those of RunTask",
                "tests/e2e/test_start_task.py::test_a_task_starts_on_the_machine_that_was_named",
            ),
            full(
                "propagateTags",
                "tests/e2e/test_start_task.py::test_a_task_starts_on_the_machine_that_was_named",
            ),
            full(
                "referenceId",
                "tests/e2e/test_start_task.py::test_a_task_starts_on_the_machine_that_was_named",
            ),
            full(
                "startedBy",
                "tests/e2e/test_start_task.py::test_a_task_starts_on_the_machine_that_was_named",
            ),
            full(
                "tags",
                "tests/e2e/test_start_task.py::test_a_task_starts_on_the_machine_that_was_named",
            ),
            full(
                "taskDefinition",
                "tests/e2e/test_start_task.py::test_a_task_starts_on_the_machine_that_was_named",
            ),
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
            partial(
                "serviceName",
                "no service exists yet, so none is found",
                "tests/e2e/test_tasks_api.py::test_a_list_that_cannot_be_is_refused",
            ),
            full(
                "desiredStatus",
                "tests/e2e/test_tasks.py::test_tasks_are_listed_by_what_they_are",
            ),
            full(
                "launchType",
                "tests/e2e/test_tasks.py::test_tasks_are_listed_by_what_they_are",
            ),
            partial(
                "daemonName",
                "no daemon exists yet, so none is found",
                "tests/e2e/test_tasks_api.py::test_a_list_that_cannot_be_is_refused",
            ),
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
            partial(
                "settings",
                "containerInsights is kept and shown; no metrics are collected",
                "tests/e2e/test_clusters_api.py::test_a_cluster_is_made_with_all_that_can_be_said_of_it",
            ),
            partial(
                "configuration",
                "executeCommandConfiguration is kept for ExecuteCommand, which is refused; managedStorageConfiguration is refused",
                "tests/e2e/test_clusters_api.py::test_a_cluster_is_made_with_all_that_can_be_said_of_it",
            ),
            partial(
                "capacityProviders",
                "FARGATE and FARGATE_SPOT",
                "tests/e2e/test_clusters_api.py::test_a_cluster_is_given_its_capacity_providers",
            ),
            full(
                "defaultCapacityProviderStrategy",
                "tests/e2e/test_clusters_api.py::test_tasks_run_as_shares_of_capacity_providers",
            ),
            accepted(
                "serviceConnectDefaults",
                "tests/e2e/test_clusters_api.py::test_a_cluster_is_made_with_all_that_can_be_said_of_it",
            ),
        ],
    },
    Section {
        title: "DescribeClusters: include",
        source: Source::Enumeration("CLUSTER_FIELD"),
        rows: &[
            partial(
                "ATTACHMENTS",
                "always empty: FARGATE and FARGATE_SPOT attach nothing",
                "tests/e2e/test_clusters_api.py::test_a_cluster_shows_what_is_included_only",
            ),
            full(
                "CONFIGURATIONS",
                "tests/e2e/test_clusters_api.py::test_a_cluster_shows_what_is_included_only",
            ),
            full(
                "SETTINGS",
                "tests/e2e/test_clusters_api.py::test_a_cluster_shows_what_is_included_only",
            ),
            full(
                "STATISTICS",
                "tests/e2e/test_clusters_api.py::test_statistics_count_by_launch_type",
            ),
            full("TAGS", "tests/e2e/test_calls.py::test_a_cluster_lives_and_ends"),
        ],
    },
    Section {
        title: "Account settings",
        source: Source::Enumeration("SETTING_NAME"),
        rows: &[
            full(
                "serviceLongArnFormat",
                "tests/e2e/test_settings.py::test_a_setting_that_cannot_be_is_refused",
            ),
            full(
                "taskLongArnFormat",
                "tests/e2e/test_settings.py::test_a_setting_that_cannot_be_is_refused",
            ),
            full(
                "containerInstanceLongArnFormat",
                "tests/e2e/test_settings.py::test_a_setting_that_cannot_be_is_refused",
            ),
            partial(
                "awsvpcTrunking",
                "kept; instances have no limit of interfaces that it could raise",
                "tests/e2e/test_settings.py::test_settings_that_change_nothing_here_are_kept",
            ),
            full(
                "containerInsights",
                "tests/e2e/test_settings.py::test_new_clusters_want_the_insights_of_the_account",
            ),
            partial(
                "fargateFIPSMode",
                "only disabled",
                "tests/e2e/test_settings.py::test_a_setting_that_cannot_be_is_refused",
            ),
            partial(
                "tagResourceAuthorization",
                "kept; every caller is an administrator, who may tag",
                "tests/e2e/test_settings.py::test_settings_that_change_nothing_here_are_kept",
            ),
            partial(
                "fargateTaskRetirementWaitPeriod",
                "kept; Berth retires no tasks by itself",
                "tests/e2e/test_settings.py::test_settings_that_change_nothing_here_are_kept",
            ),
            full(
                "guardDutyActivate",
                "tests/e2e/test_settings.py::test_a_setting_that_cannot_be_is_refused",
            ),
            full(
                "defaultLogDriverMode",
                "crates/core/tests/control/settings.rs::log_mode",
            ),
            partial(
                "fargateEventWindows",
                "only disabled",
                "tests/e2e/test_settings.py::test_a_setting_that_cannot_be_is_refused",
            ),
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
            full(
                "filter",
                "tests/e2e/test_instances_api.py::test_machines_are_found_by_expressions",
            ),
            full(
                "nextToken",
                "tests/e2e/test_placement.py::test_the_machine_tells_what_it_is",
            ),
            full(
                "maxResults",
                "tests/e2e/test_placement.py::test_the_machine_tells_what_it_is",
            ),
            full(
                "status",
                "tests/e2e/test_instances_api.py::test_machines_drain_and_come_back",
            ),
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
            full(
                "include",
                "tests/e2e/test_instances_api.py::test_a_machine_tells_how_well_it_is",
            ),
        ],
    },
];

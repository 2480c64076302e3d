//! The 88 operations of Amazon ECS, in families.
//!
//! What a single field of a request does stands in [`super::ecs_definitions`] and [`super::ecs_calls`].

use super::{Area, Section, Source, full, partial, refused};

pub(crate) const AREA: Area = Area {
    file: "ecs_operations",
    service: "ecs",
    title: "ECS: operations",
    intro: "What is refused answers `UnsupportedFeatureException`.",
    refusal_proof: Some("tests/e2e/test_model.py::test_an_ecs_operation_answers_as_its_model_says"),
    sections: SECTIONS,
};

const SECTIONS: &[Section] = &[
    Section {
        title: "Clusters",
        source: Source::Operations,
        rows: &[
            partial(
                "CreateCluster",
                "see the fields",
                "tests/e2e/test_clusters_api.py::test_a_cluster_is_made_with_all_that_can_be_said_of_it",
            ),
            full(
                "DeleteCluster",
                "tests/e2e/test_calls.py::test_a_cluster_lives_and_ends",
            ),
            full(
                "DescribeClusters",
                "tests/e2e/test_clusters_api.py::test_a_cluster_shows_what_is_included_only",
            ),
            full(
                "ListClusters",
                "tests/e2e/test_calls.py::test_clusters_are_listed_page_by_page",
            ),
            partial(
                "UpdateCluster",
                "members as of CreateCluster",
                "tests/e2e/test_clusters_api.py::test_a_cluster_is_updated_in_parts",
            ),
            full(
                "UpdateClusterSettings",
                "tests/e2e/test_clusters_api.py::test_a_cluster_is_updated_in_parts",
            ),
        ],
    },
    Section {
        title: "Capacity providers",
        source: Source::Operations,
        rows: &[
            refused("CreateCapacityProvider"),
            refused("DeleteCapacityProvider"),
            full(
                "DescribeCapacityProviders",
                "tests/e2e/test_clusters_api.py::test_every_account_has_two_capacity_providers",
            ),
            partial(
                "PutClusterCapacityProviders",
                "FARGATE and FARGATE_SPOT are all there are",
                "tests/e2e/test_clusters_api.py::test_a_cluster_is_given_its_capacity_providers",
            ),
            refused("UpdateCapacityProvider"),
        ],
    },
    Section {
        title: "Container instances",
        source: Source::Operations,
        rows: &[
            full(
                "DeregisterContainerInstance",
                "tests/e2e/test_placement.py::test_a_machine_with_tasks_is_not_let_go",
            ),
            full(
                "DescribeContainerInstances",
                "tests/e2e/test_instances_api.py::test_a_machine_that_joins_is_shown_as_it_is",
            ),
            full(
                "ListContainerInstances",
                "tests/e2e/test_instances_api.py::test_machines_are_listed_page_by_page",
            ),
            full(
                "RegisterContainerInstance",
                "tests/e2e/test_placement.py::test_the_machine_tells_what_it_is",
            ),
            full(
                "UpdateContainerAgent",
                "tests/e2e/test_agent_updates.py::test_an_agent_is_updated_across_a_crash_of_the_control_plane",
            ),
            full(
                "UpdateContainerInstancesState",
                "tests/e2e/test_instances_api.py::test_machines_drain_and_come_back",
            ),
        ],
    },
    Section {
        title: "Attributes",
        source: Source::Operations,
        rows: &[
            full(
                "DeleteAttributes",
                "tests/e2e/test_attributes.py::test_attributes_come_and_go",
            ),
            full(
                "ListAttributes",
                "tests/e2e/test_attributes.py::test_attributes_are_listed_by_name_and_value_and_page_by_page",
            ),
            full(
                "PutAttributes",
                "tests/e2e/test_attributes.py::test_ten_attributes_are_the_most",
            ),
        ],
    },
    Section {
        title: "Task definitions",
        source: Source::Operations,
        rows: &[
            full(
                "DeleteTaskDefinitions",
                "tests/e2e/test_definitions_api.py::test_a_revision_is_deleted_and_its_number_never_used_again",
            ),
            full(
                "DeregisterTaskDefinition",
                "tests/e2e/test_definitions.py::test_a_deregistered_definition_cannot_be_run",
            ),
            full(
                "DescribeTaskDefinition",
                "tests/e2e/test_definitions.py::test_a_bare_family_means_its_newest_active_revision",
            ),
            full(
                "ListTaskDefinitionFamilies",
                "tests/e2e/test_definitions.py::test_families_are_listed_by_what_is_active_in_them",
            ),
            full(
                "ListTaskDefinitions",
                "tests/e2e/test_definitions.py::test_definitions_are_listed_page_by_page",
            ),
            partial(
                "RegisterTaskDefinition",
                "what is not carried out is stored and echoed; see the fields",
                "tests/e2e/test_definitions.py::test_the_sample_registers_unchanged",
            ),
        ],
    },
    Section {
        title: "Tasks",
        source: Source::Operations,
        rows: &[
            full(
                "DescribeTasks",
                "tests/e2e/test_sample.py::test_the_sample_runs_from_its_first_status_to_its_last",
            ),
            refused("ExecuteCommand"),
            refused("GetTaskProtection"),
            partial(
                "ListTasks",
                "there are no services and daemons to list by yet",
                "tests/e2e/test_tasks_api.py::test_lists_by_every_filter",
            ),
            partial(
                "RunTask",
                "see the fields",
                "tests/e2e/test_sample.py::test_the_sample_runs_from_its_first_status_to_its_last",
            ),
            partial(
                "StartTask",
                "see the fields",
                "tests/e2e/test_start_task.py::test_a_task_starts_on_the_machine_that_was_named",
            ),
            full(
                "StopTask",
                "tests/e2e/test_tasks.py::test_stopping_twice_changes_nothing",
            ),
            refused("UpdateTaskProtection"),
        ],
    },
    Section {
        title: "Services",
        source: Source::Operations,
        rows: &[
            refused("CreateService"),
            refused("DeleteService"),
            refused("DescribeServices"),
            refused("ListServices"),
            refused("ListServicesByNamespace"),
            refused("UpdateService"),
        ],
    },
    Section {
        title: "Task sets",
        source: Source::Operations,
        rows: &[
            refused("CreateTaskSet"),
            refused("DeleteTaskSet"),
            refused("DescribeTaskSets"),
            refused("UpdateServicePrimaryTaskSet"),
            refused("UpdateTaskSet"),
        ],
    },
    Section {
        title: "Service deployments and revisions",
        source: Source::Operations,
        rows: &[
            refused("ContinueServiceDeployment"),
            refused("DescribeServiceDeployments"),
            refused("DescribeServiceRevisions"),
            refused("ListServiceDeployments"),
            refused("StopServiceDeployment"),
        ],
    },
    Section {
        title: "Account settings",
        source: Source::Operations,
        rows: &[
            full(
                "DeleteAccountSetting",
                "tests/e2e/test_settings.py::test_settings_are_made_inherited_and_taken_back",
            ),
            full(
                "ListAccountSettings",
                "tests/e2e/test_settings.py::test_settings_are_listed_by_name_and_value_and_page_by_page",
            ),
            partial(
                "PutAccountSetting",
                "see the settings",
                "tests/e2e/test_settings.py::test_settings_are_made_inherited_and_taken_back",
            ),
            partial(
                "PutAccountSettingDefault",
                "see the settings",
                "tests/e2e/test_settings.py::test_settings_are_made_inherited_and_taken_back",
            ),
        ],
    },
    Section {
        title: "Tags",
        source: Source::Operations,
        rows: &[
            full(
                "ListTagsForResource",
                "tests/e2e/test_tags.py::test_tags_of_a_cluster_come_and_go",
            ),
            full(
                "TagResource",
                "tests/e2e/test_tags.py::test_tags_of_a_running_task_and_its_machine",
            ),
            full(
                "UntagResource",
                "tests/e2e/test_tags.py::test_tags_of_a_cluster_come_and_go",
            ),
        ],
    },
    Section {
        title: "Agents only",
        source: Source::Operations,
        rows: &[
            full(
                "DiscoverPollEndpoint",
                "crates/server/tests/agent_frames/replay.rs::every_line_of_the_recording_is_answered",
            ),
            full(
                "SubmitAttachmentStateChanges",
                "crates/core/tests/control/reports.rs::attachments_alone",
            ),
            full(
                "SubmitContainerStateChange",
                "crates/core/tests/control/reports.rs::a_life",
            ),
            partial(
                "SubmitTaskStateChange",
                "managed agents are ignored",
                "crates/core/tests/control/reports.rs::a_life",
            ),
        ],
    },
    Section {
        title: "Daemons",
        source: Source::Operations,
        rows: &[
            refused("CreateDaemon"),
            refused("DeleteDaemon"),
            refused("DeleteDaemonTaskDefinition"),
            refused("DescribeDaemon"),
            refused("DescribeDaemonDeployments"),
            refused("DescribeDaemonRevisions"),
            refused("DescribeDaemonTaskDefinition"),
            refused("ListDaemonDeployments"),
            refused("ListDaemonTaskDefinitions"),
            refused("ListDaemons"),
            refused("RegisterDaemonTaskDefinition"),
            refused("UpdateDaemon"),
        ],
    },
    Section {
        title: "Express services",
        source: Source::Operations,
        rows: &[
            refused("CreateExpressGatewayService"),
            refused("DeleteExpressGatewayService"),
            refused("DescribeExpressGatewayService"),
            refused("UpdateExpressGatewayService"),
        ],
    },
    Section {
        title: "Gateways",
        source: Source::Operations,
        rows: &[
            refused("AssociateGatewayWithCluster"),
            refused("CreateGateway"),
            refused("DeleteGateway"),
            refused("DescribeGateway"),
            refused("DescribeGatewayResources"),
            refused("DescribeGatewayRoute"),
            refused("DisassociateGatewayFromCluster"),
            refused("ListGatewayClusterAssociations"),
            refused("ListGatewayRoutes"),
            refused("ListGateways"),
            refused("UpdateGateway"),
        ],
    },
];

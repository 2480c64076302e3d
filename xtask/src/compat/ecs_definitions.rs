//! Members of task definitions and their containers. Operations as a whole stand in [`super::ecs_operations`].

use super::{Area, Section, Source, accepted, full, partial, refused};

pub(crate) const AREA: Area = Area {
    file: "ecs_definitions",
    service: "ecs",
    title: "ECS: task definitions",
    intro: "What is accepted is checked, stored and echoed; RunTask then answers `UnsupportedFeatureException` naming the member. Nothing is ignored.",
    refusal_proof: Some("tests/e2e/test_definitions.py::test_a_faulty_definition_is_refused"),
    sections: SECTIONS,
};

const SECTIONS: &[Section] = &[
    Section {
        title: "RegisterTaskDefinition",
        source: Source::Structure("RegisterTaskDefinitionRequest"),
        rows: &[
            full(
                "family",
                "tests/e2e/test_definitions.py::test_a_family_counts_every_registration",
            ),
            accepted(
                "taskRoleArn",
                "tests/e2e/test_definitions.py::test_a_task_that_asks_for_what_is_not_built_is_not_run",
            ),
            partial(
                "executionRoleArn",
                "checked for its form; nothing that needs it is built",
                "tests/e2e/test_sample.py::test_the_sample_runs_from_its_first_status_to_its_last",
            ),
            full(
                "networkMode",
                "tests/e2e/test_networks.py::test_bridge_publishes_a_container_on_a_dynamic_port",
            ),
            partial(
                "containerDefinitions",
                "see below",
                "tests/e2e/test_tasks.py::test_a_container_runs_what_its_definition_says",
            ),
            partial(
                "volumes",
                "see below",
                "tests/e2e/test_volumes.py::test_what_one_container_writes_another_reads",
            ),
            full(
                "placementConstraints",
                "crates/core/tests/control/placement.rs::members",
            ),
            full(
                "requiresCompatibilities",
                "tests/e2e/test_definitions.py::test_the_sizes_of_fargate",
            ),
            full("cpu", "tests/e2e/test_tasks.py::test_limits_reach_the_kernel"),
            full(
                "memory",
                "tests/e2e/test_tasks.py::test_the_limit_of_the_task_counts_for_all_its_containers",
            ),
            full(
                "tags",
                "tests/e2e/test_definitions.py::test_every_member_of_the_model_is_echoed",
            ),
            accepted(
                "pidMode",
                "tests/e2e/test_definitions.py::test_a_task_that_asks_for_what_is_not_built_is_not_run",
            ),
            accepted(
                "ipcMode",
                "tests/e2e/test_definitions.py::test_a_task_that_asks_for_what_is_not_built_is_not_run",
            ),
            accepted(
                "proxyConfiguration",
                "tests/e2e/test_definitions.py::test_a_task_that_asks_for_what_is_not_built_is_not_run",
            ),
            accepted(
                "inferenceAccelerators",
                "tests/e2e/test_definitions.py::test_a_task_that_asks_for_what_is_not_built_is_not_run",
            ),
            accepted(
                "ephemeralStorage",
                "tests/e2e/test_definitions.py::test_a_task_that_asks_for_what_is_not_built_is_not_run",
            ),
            partial(
                "runtimePlatform",
                "operating systems other than LINUX are refused",
                "tests/e2e/test_definitions.py::test_every_member_of_the_model_is_echoed",
            ),
            accepted(
                "enableFaultInjection",
                "tests/e2e/test_definitions.py::test_a_task_that_asks_for_what_is_not_built_is_not_run",
            ),
            accepted(
                "trustedExecutionConfiguration",
                "tests/e2e/test_definitions.py::test_a_task_that_asks_for_what_is_not_built_is_not_run",
            ),
        ],
    },
    Section {
        title: "Container definition",
        source: Source::Structure("ContainerDefinition"),
        rows: &[
            full(
                "name",
                "tests/e2e/test_definitions.py::test_a_faulty_definition_is_refused",
            ),
            full(
                "image",
                "tests/e2e/test_tasks.py::test_an_image_may_be_named_by_its_digest",
            ),
            accepted(
                "repositoryCredentials",
                "tests/e2e/test_definitions.py::test_a_container_that_asks_for_what_is_not_built_is_not_run",
            ),
            full("cpu", "tests/e2e/test_tasks.py::test_limits_reach_the_kernel"),
            full(
                "memory",
                "tests/e2e/test_tasks.py::test_a_container_that_needs_too_much_memory_is_killed",
            ),
            full(
                "memoryReservation",
                "tests/e2e/test_tasks.py::test_limits_reach_the_kernel",
            ),
            accepted(
                "links",
                "tests/e2e/test_definitions.py::test_a_container_that_asks_for_what_is_not_built_is_not_run",
            ),
            partial(
                "portMappings",
                "see below",
                "tests/e2e/test_networks.py::test_bridge_publishes_fixed_ports",
            ),
            full(
                "essential",
                "tests/e2e/test_tasks.py::test_a_task_goes_on_without_a_container_that_is_not_essential",
            ),
            full(
                "restartPolicy",
                "tests/e2e/test_lifecycle.py::test_a_container_that_ran_long_enough_is_started_again",
            ),
            full(
                "entryPoint",
                "tests/e2e/test_tasks.py::test_a_container_runs_what_its_definition_says",
            ),
            full(
                "command",
                "tests/e2e/test_tasks.py::test_a_container_runs_what_its_definition_says",
            ),
            full(
                "environment",
                "tests/e2e/test_tasks.py::test_a_container_runs_what_its_definition_says",
            ),
            accepted(
                "environmentFiles",
                "tests/e2e/test_definitions.py::test_a_container_that_asks_for_what_is_not_built_is_not_run",
            ),
            full(
                "mountPoints",
                "tests/e2e/test_volumes.py::test_what_one_container_writes_another_reads",
            ),
            full(
                "volumesFrom",
                "tests/e2e/test_volumes.py::test_containers_take_over_the_volumes_of_others",
            ),
            full(
                "linuxParameters",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            accepted(
                "secrets",
                "tests/e2e/test_definitions.py::test_a_container_that_asks_for_what_is_not_built_is_not_run",
            ),
            full(
                "dependsOn",
                "tests/e2e/test_lifecycle.py::test_containers_start_in_order_and_stop_in_reverse",
            ),
            full(
                "startTimeout",
                "tests/e2e/test_lifecycle.py::test_waiting_ends_with_the_start_timeout",
            ),
            full(
                "stopTimeout",
                "tests/e2e/test_tasks.py::test_a_container_that_ignores_sigterm_is_killed_after_its_stop_timeout",
            ),
            accepted(
                "versionConsistency",
                "tests/e2e/test_definitions.py::test_a_container_that_asks_for_what_is_not_built_is_not_run",
            ),
            full(
                "hostname",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            full(
                "user",
                "tests/e2e/test_tasks.py::test_a_user_may_be_given_in_every_form",
            ),
            full(
                "workingDirectory",
                "tests/e2e/test_tasks.py::test_a_working_directory_is_made_if_the_image_lacks_it",
            ),
            full(
                "disableNetworking",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            full(
                "privileged",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            full(
                "readonlyRootFilesystem",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            full(
                "dnsServers",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            full(
                "dnsSearchDomains",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            full(
                "extraHosts",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            partial(
                "dockerSecurityOptions",
                "no-new-privileges, seccomp=unconfined; others are refused at RunTask",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            accepted(
                "interactive",
                "tests/e2e/test_definitions.py::test_a_container_that_asks_for_what_is_not_built_is_not_run",
            ),
            full(
                "pseudoTerminal",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            full(
                "dockerLabels",
                "tests/e2e/test_surroundings.py::test_labels_are_on_the_container",
            ),
            full(
                "ulimits",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            partial(
                "logConfiguration",
                "awslogs and none",
                "tests/e2e/test_container_logs.py::test_both_outputs_arrive",
            ),
            full(
                "healthCheck",
                "tests/e2e/test_lifecycle.py::test_the_health_of_containers_is_shown_and_stops_nothing",
            ),
            full(
                "systemControls",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            partial(
                "resourceRequirements",
                "type GPU with a number or ALL; sharingStrategy, NeuronDevice and InferenceAccelerator are accepted, and refused when run",
                "tests/e2e/test_gpus.py::test_each_task_sees_its_own_gpu_and_nothing_else",
            ),
            accepted(
                "firelensConfiguration",
                "tests/e2e/test_definitions.py::test_a_container_that_asks_for_what_is_not_built_is_not_run",
            ),
            accepted(
                "credentialSpecs",
                "tests/e2e/test_definitions.py::test_a_container_that_asks_for_what_is_not_built_is_not_run",
            ),
        ],
    },
    Section {
        title: "Container definition: portMappings",
        source: Source::Structure("PortMapping"),
        rows: &[
            full(
                "containerPort",
                "tests/e2e/test_networks.py::test_bridge_publishes_fixed_ports",
            ),
            full(
                "hostPort",
                "tests/e2e/test_networks.py::test_bridge_publishes_a_container_on_a_dynamic_port",
            ),
            full(
                "protocol",
                "tests/e2e/test_networks.py::test_bridge_publishes_fixed_ports",
            ),
            partial(
                "name",
                "stored and echoed; service discovery will use it",
                "tests/e2e/test_definitions.py::test_every_member_of_the_model_is_echoed",
            ),
            partial(
                "appProtocol",
                "stored and echoed; service discovery will use it",
                "tests/e2e/test_definitions.py::test_every_member_of_the_model_is_echoed",
            ),
            accepted(
                "containerPortRange",
                "tests/e2e/test_definitions.py::test_a_part_of_a_built_member_that_is_not_built_is_not_run",
            ),
        ],
    },
    Section {
        title: "Container definition: logConfiguration",
        source: Source::Structure("LogConfiguration"),
        rows: &[
            partial(
                "logDriver",
                "awslogs and none",
                "tests/e2e/test_container_logs.py::test_both_outputs_arrive",
            ),
            partial(
                "options",
                "of awslogs: group, region, stream-prefix, create-group, mode, max-buffer-size",
                "tests/e2e/test_container_logs.py::test_a_group_is_made_when_the_definition_says_so",
            ),
            accepted(
                "secretOptions",
                "tests/e2e/test_definitions.py::test_a_part_of_a_built_member_that_is_not_built_is_not_run",
            ),
        ],
    },
    Section {
        title: "Container definition: log drivers",
        source: Source::Enumeration("LOG_DRIVER"),
        rows: &[
            accepted(
                "json-file",
                "tests/e2e/test_definitions.py::test_a_part_of_a_built_member_that_is_not_built_is_not_run",
            ),
            accepted(
                "syslog",
                "tests/e2e/test_definitions.py::test_a_part_of_a_built_member_that_is_not_built_is_not_run",
            ),
            accepted(
                "journald",
                "tests/e2e/test_definitions.py::test_a_part_of_a_built_member_that_is_not_built_is_not_run",
            ),
            accepted(
                "gelf",
                "tests/e2e/test_definitions.py::test_a_part_of_a_built_member_that_is_not_built_is_not_run",
            ),
            accepted(
                "fluentd",
                "tests/e2e/test_definitions.py::test_a_part_of_a_built_member_that_is_not_built_is_not_run",
            ),
            partial(
                "awslogs",
                "multiline-pattern, datetime-format and endpoint are accepted and refused at RunTask",
                "tests/e2e/test_container_logs.py::test_the_last_line_is_there_when_the_task_shows_stopped",
            ),
            accepted(
                "splunk",
                "tests/e2e/test_definitions.py::test_a_part_of_a_built_member_that_is_not_built_is_not_run",
            ),
            accepted(
                "awsfirelens",
                "tests/e2e/test_definitions.py::test_a_part_of_a_built_member_that_is_not_built_is_not_run",
            ),
        ],
    },
    Section {
        title: "Container definition: healthCheck",
        source: Source::Structure("HealthCheck"),
        rows: &[
            full(
                "command",
                "tests/e2e/test_lifecycle.py::test_the_health_of_containers_is_shown_and_stops_nothing",
            ),
            full(
                "interval",
                "tests/e2e/test_lifecycle.py::test_the_health_of_containers_is_shown_and_stops_nothing",
            ),
            full(
                "timeout",
                "tests/e2e/test_lifecycle.py::test_a_probe_that_hangs_has_failed",
            ),
            full(
                "retries",
                "tests/e2e/test_lifecycle.py::test_the_health_of_containers_is_shown_and_stops_nothing",
            ),
            full(
                "startPeriod",
                "tests/e2e/test_lifecycle.py::test_failures_in_the_start_period_do_not_count",
            ),
        ],
    },
    Section {
        title: "Container definition: linuxParameters",
        source: Source::Structure("LinuxParameters"),
        rows: &[
            full(
                "capabilities",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            full(
                "devices",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            full(
                "initProcessEnabled",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            full(
                "sharedMemorySize",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            full(
                "tmpfs",
                "tests/e2e/test_surroundings.py::test_a_container_finds_what_its_definition_says",
            ),
            full(
                "maxSwap",
                "tests/e2e/test_surroundings.py::test_swap_is_limited_beside_memory",
            ),
            full(
                "swappiness",
                "tests/e2e/test_surroundings.py::test_swap_is_limited_beside_memory",
            ),
        ],
    },
    Section {
        title: "Task definition: networkMode",
        source: Source::Enumeration("NETWORK_MODE"),
        rows: &[
            full(
                "bridge",
                "tests/e2e/test_networks.py::test_bridge_publishes_a_container_on_a_dynamic_port",
            ),
            full(
                "host",
                "tests/e2e/test_networks.py::test_host_mode_serves_on_the_host_itself",
            ),
            partial(
                "awsvpc",
                "reachable on its own host; security groups are not enforced yet",
                "tests/e2e/test_networks.py::test_awsvpc_tasks_reach_each_other",
            ),
            full("none", "tests/e2e/test_networks.py::test_mode_none_has_loopback_only"),
        ],
    },
    Section {
        title: "Task definition: requiresCompatibilities",
        source: Source::Enumeration("COMPATIBILITY"),
        rows: &[
            full(
                "EC2",
                "tests/e2e/test_definitions.py::test_a_faulty_definition_is_refused",
            ),
            full("FARGATE", "tests/e2e/test_definitions.py::test_the_sizes_of_fargate"),
            full(
                "EXTERNAL",
                "tests/e2e/test_networks.py::test_bridge_publishes_a_container_on_a_dynamic_port",
            ),
            refused("MANAGED_INSTANCES"),
        ],
    },
    Section {
        title: "Task definition: volumes",
        source: Source::Structure("Volume"),
        rows: &[
            full(
                "name",
                "tests/e2e/test_volumes.py::test_volumes_that_cannot_be_are_refused",
            ),
            full(
                "host",
                "tests/e2e/test_volumes.py::test_a_path_of_the_host_is_seen_on_both_sides",
            ),
            partial(
                "dockerVolumeConfiguration",
                "drivers other than local, and driverOpts, are refused when run",
                "tests/e2e/test_volumes.py::test_a_shared_volume_outlives_its_tasks",
            ),
            accepted(
                "efsVolumeConfiguration",
                "tests/e2e/test_volumes.py::test_volumes_that_are_not_built_are_kept_and_not_run",
            ),
            accepted(
                "s3filesVolumeConfiguration",
                "tests/e2e/test_volumes.py::test_volumes_that_are_not_built_are_kept_and_not_run",
            ),
            accepted(
                "fsxWindowsFileServerVolumeConfiguration",
                "tests/e2e/test_volumes.py::test_volumes_that_are_not_built_are_kept_and_not_run",
            ),
            accepted(
                "configuredAtLaunch",
                "tests/e2e/test_volumes.py::test_volumes_that_are_not_built_are_kept_and_not_run",
            ),
        ],
    },
];

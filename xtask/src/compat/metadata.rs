//! What containers of Berth's own agent find inside: the task metadata endpoint and the variables that lead to it.

use super::{Area, Section, Source, full, partial, refused};

pub(crate) const AREA: Area = Area {
    file: "metadata",
    service: "metadata",
    title: "Inside the container",
    intro: "The endpoints at http://169.254.170.2 for containers of Berth's own agent; containers of Amazon's agent find Amazon's. \
            What is refused here is answered in the stock agent's words.",
    refusal_proof: Some("crates/agent/src/metadata/tests.rs::faults_are_refused"),
    sections: SECTIONS,
};

const READS: &str = "tests/e2e/test_metadata.py::test_a_container_reads_its_own_documents";
const ENVIRONMENT: &str = "tests/e2e/test_metadata.py::test_the_environment_names_endpoint_and_region";

const SECTIONS: &[Section] = &[
    Section {
        title: "Task metadata endpoint",
        source: Source::Hand,
        rows: &[
            partial(
                "/v4/{id}",
                "`Volumes`, `Snapshotter`; `Health` has no `exitCode`",
                READS,
            ),
            partial("/v4/{id}/task", "`ClockDrift`, `EphemeralStorageMetrics`", READS),
            partial(
                "/v4/{id}/taskWithTags",
                "a machine that joined with a token may not ask for tags: `Errors` says so",
                "tests/e2e/test_metadata.py::test_tags_come_with_the_task",
            ),
            full("/v4/{id}/stats", READS),
            full("/v4/{id}/task/stats", READS),
            partial(
                "/v4/{id}/associations/{type}",
                "only names of GPUs; no documents of associations",
                "crates/agent/src/metadata/tests.rs::gpus_are_associated",
            ),
            full("/v3/{id}/...", READS),
            full(
                "/v2/metadata, /v2/metadataWithTags, /v2/stats",
                "tests/e2e/test_metadata.py::test_version_2_knows_a_task_by_its_address",
            ),
            refused("/v2/credentials/{id}"),
        ],
    },
    Section {
        title: "Agent endpoint",
        source: Source::Hand,
        rows: &[
            partial(
                "/api/{id}/task-protection/v1/state",
                "services: no task is one's, and only theirs can be protected",
                "tests/e2e/test_metadata.py::test_protection_and_faults_are_refused",
            ),
            refused("/api/{id}/fault/v1/..."),
        ],
    },
    Section {
        title: "Environment",
        source: Source::Hand,
        rows: &[
            full("ECS_CONTAINER_METADATA_URI", ENVIRONMENT),
            full("ECS_CONTAINER_METADATA_URI_V4", ENVIRONMENT),
            full("ECS_AGENT_URI", ENVIRONMENT),
            full("AWS_REGION, AWS_DEFAULT_REGION", ENVIRONMENT),
            partial("AWS_EXECUTION_ENV", "EXTERNAL tasks have none", ENVIRONMENT),
            refused("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
            refused("ECS_CONTAINER_METADATA_FILE"),
        ],
    },
];

//! A task as the agent is told about it.
//!
//! Source: the public ECS agent's model and what agent 1.105.1 was seen to read. Overrides of environment, CPU and
//! memory are merged by the sender; the stock agent fails a whole payload over any override but `command`.

use super::docker::DockerConfig;
use super::extension::{ContainerExtension, TaskExtension};
use super::interface::ElasticNetworkInterface;
use super::text::{Sensitive, words};
use super::volume::{Attachment, Volume};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A task of a payload. To stop one, ARN and desired status are enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// With a `/` in its resource.
    pub arn: String,
    /// What it should be. For a known ARN this is all that counts.
    pub desired_status: DesiredStatus,
    /// Its cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_cluster_arn: Option<String>,
    /// Of the task definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The task definition's revision, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Owner of the task definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_definition_account_id: Option<String>,
    /// Availability zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// For example `service:web`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Shown in metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// `EC2`, `EXTERNAL`, `FARGATE`; shown in metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch_type: Option<String>,
    /// `bridge` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<NetworkMode>,
    /// `host` or `task`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid_mode: Option<String>,
    /// `host`, `task` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipc_mode: Option<String>,
    /// Limit of the whole task, in **vCPU**, not in CPU units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// Limit of the whole task, MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// Of the task role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_credentials: Option<IamRoleCredentials>,
    /// Of the execution role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_role_credentials: Option<IamRoleCredentials>,
    /// For awsvpc.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elastic_network_interfaces: Vec<ElasticNetworkInterface>,
    /// Mounted by the containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// At least one, unless the task is to be stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<Container>,
    /// Devices that belong to containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub associations: Vec<Association>,
    /// Block devices, Service Connect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// App Mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_configuration: Option<ProxyConfiguration>,
    /// Whether the fault injection endpoints work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_fault_injection: Option<bool>,
    /// JSON within text, for metadata only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overrides: Option<String>,
    /// Berth's own members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub berth: Option<TaskExtension>,
}

words! {
    /// What a task should be.
    DesiredStatus {
        /// Started and kept.
        Running = "RUNNING",
        /// Stopped.
        Stopped = "STOPPED",
    }
}

words! {
    /// How a task's containers reach the network.
    NetworkMode {
        /// A private network of the host, ports published.
        Bridge = "bridge",
        /// The host's own network.
        Host = "host",
        /// An interface of the task's own.
        Awsvpc = "awsvpc",
        /// Loopback only.
        None = "none",
    }
}

/// Short-lived credentials of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IamRoleCredentials {
    /// The containers fetch them by this id; the same when they are renewed.
    pub credentials_id: String,
    /// The role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// `ASIA…`.
    pub access_key_id: String,
    /// To sign with.
    pub secret_access_key: Sensitive,
    /// To be sent with each request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Sensitive>,
    /// RFC 3339; the agent passes it on unread, and never asks for new ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration: Option<String>,
    /// In the model; not read by the stock agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_scope: Option<String>,
}

/// A container of a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Unique within the task.
    pub name: String,
    /// As in the task definition.
    pub image: String,
    /// Whether the task ends with it.
    pub essential: bool,
    /// Shown in metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_arn: Option<String>,
    /// Instead of the image's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Instead of the image's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry_point: Vec<String>,
    /// Sensitive, as people put secrets there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, Sensitive>,
    /// Files of further variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environment_files: Vec<EnvironmentFile>,
    /// CPU units (1024 to a vCPU), as a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// MiB, the hard limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// Empty for awsvpc.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub port_mappings: Vec<PortMapping>,
    /// Volumes of the task.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mount_points: Vec<MountPoint>,
    /// Volumes of other containers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes_from: Vec<VolumeFrom>,
    /// `name:alias`, bridge only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// What must have happened before it starts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<ContainerDependency>,
    /// Seconds that those who depend on it wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_timeout: Option<u32>,
    /// Seconds from SIGTERM to SIGKILL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_timeout: Option<u32>,
    /// Fetched by the agent with the execution role.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// Who pulls the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_authentication: Option<RegistryAuthentication>,
    /// `ExecutionRole` when the log driver needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs_auth_strategy: Option<String>,
    /// For a log router.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firelens_configuration: Option<FirelensConfiguration>,
    /// For exec.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed_agents: Vec<ManagedAgent>,
    /// Whether the agent restarts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<RestartPolicy>,
    /// gMSA.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credential_specs: Vec<String>,
    /// GPUs and the like.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_requirements: Vec<ResourceRequirement>,
    /// Exactly `docker`, else the stock agent reports no health.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check_type: Option<HealthCheckType>,
    /// Docker's own configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_config: Option<DockerConfig>,
    /// An object with `command` only, as JSON within text or as an object; see [`Container::overriding_command`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overrides: Option<Value>,
    /// Berth's own members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub berth: Option<ContainerExtension>,
}

impl Container {
    /// The command of `overrides`, which replaces `command`.
    ///
    /// # Errors
    /// When `overrides` is neither absent nor an object (perhaps within text) that holds nothing but `command`: who
    /// skipped the rest would run something else than was asked for.
    pub fn overriding_command(&self) -> Result<Option<Vec<String>>, serde_json::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Overrides {
            command: Option<Vec<String>>,
        }
        let overrides: Option<Overrides> = match &self.overrides {
            None => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(Value::String(text)) => Some(serde_json::from_str(text)?),
            Some(object) => Some(Overrides::deserialize(object)?),
        };
        Ok(overrides.and_then(|overrides| overrides.command))
    }
}

words! {
    /// Who checks a container's health.
    HealthCheckType {
        /// The container runtime.
        Docker = "docker",
    }
}

/// One port, or a range of ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PortMapping {
    /// Within the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_port: Option<u16>,
    /// On the host; 0 or absent lets the agent choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_port: Option<u16>,
    /// `8000-8005`, instead of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_port_range: Option<String>,
    /// `tcp` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<TransportProtocol>,
}

words! {
    /// Of a port.
    TransportProtocol {
        /// TCP.
        Tcp = "tcp",
        /// UDP.
        Udp = "udp",
    }
}

/// A volume's place in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MountPoint {
    /// Name of the volume.
    pub source_volume: String,
    /// Absolute.
    pub container_path: String,
    /// Whether writing fails.
    pub read_only: bool,
}

/// All volumes of another container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeFrom {
    /// Name of the container.
    pub source_container: String,
    /// Whether writing fails.
    pub read_only: bool,
}

/// A file of environment variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentFile {
    /// ARN of an object.
    pub value: String,
    /// `s3`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// What another container must have reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerDependency {
    /// Name of the other container.
    pub container_name: String,
    /// What it must have reached.
    pub condition: ContainerCondition,
}

words! {
    /// What a container can have reached.
    ContainerCondition {
        /// Started.
        Start = "START",
        /// Ended, however.
        Complete = "COMPLETE",
        /// Ended with exit code 0.
        Success = "SUCCESS",
        /// Found healthy.
        Healthy = "HEALTHY",
    }
}

/// A secret that the agent fetches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Secret {
    /// Of the variable or log option.
    pub name: String,
    /// ARN or name.
    pub value_from: String,
    /// Where it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// `ssm` or `asm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// `ENVIRONMENT_VARIABLE`, `MOUNT_POINT` or `BOOTSTRAP`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `CONTAINER` or `LOG_DRIVER`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// For `MOUNT_POINT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_path: Option<String>,
}

/// How the agent authenticates to the image's registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegistryAuthentication {
    /// `ecr` or `asm`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// For `ecr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ecr_auth_data: Option<EcrAuthData>,
    /// For `asm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asm_auth_data: Option<AsmAuthData>,
}

/// A token from an ECR API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EcrAuthData {
    /// Account id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// Of the registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Of the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_override: Option<String>,
    /// Else the instance's own credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_execution_role: Option<bool>,
}

/// User and password from Secrets Manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AsmAuthData {
    /// ARN of the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_parameter: Option<String>,
    /// Of the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// A log router.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FirelensConfiguration {
    /// `fluentd` or `fluentbit`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// For the router.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// A program that the agent starts within a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ManagedAgent {
    /// `ExecuteCommandAgent`.
    pub name: String,
    /// For example `sessionLimit`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
}

/// Whether and when the agent restarts a container that ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RestartPolicy {
    /// Off when absent.
    pub enabled: bool,
    /// After these it stays down.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored_exit_codes: Vec<i32>,
    /// Seconds that it must have run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_attempt_period: Option<u32>,
}

/// A device that a container needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceRequirement {
    /// A number or name, as text.
    pub value: String,
    /// For example `GPU`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A device that belongs to containers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Association {
    /// Of the device.
    pub name: String,
    /// `gpu` or `elastic-inference`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Names of containers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
    /// What the containers read about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<EncodedString>,
}

/// A text and how it is encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EncodedString {
    /// `identity` or `base64`.
    pub encoding: String,
    /// Encoded.
    pub value: String,
}

/// A proxy container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyConfiguration {
    /// `APPMESH`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Which container.
    pub container_name: String,
    /// For the proxy.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::Container;
    use serde_json::{Value, json};

    #[test]
    fn overrides_hold_a_command_and_nothing_else() {
        let command = |overrides: Option<Value>| {
            let container = Container {
                overrides,
                ..Container::default()
            };
            container.overriding_command().map_err(|error| error.to_string())
        };
        let expected = Ok(Some(vec!["a".to_owned()]));
        assert_eq!(command(Some(json!(r#"{"command":["a"]}"#))), expected);
        assert_eq!(command(Some(json!({"command": ["a"]}))), expected);
        for nothing in [None, Some(json!("{}")), Some(json!({})), Some(json!(""))] {
            assert_eq!(command(nothing), Ok(None));
        }
        for wrong in [
            json!(r#"{"environment":[]}"#),
            json!({"command": [], "cpu": 1}),
            json!(7),
            json!("x"),
        ] {
            assert!(command(Some(wrong)).is_err());
        }
    }
}

//! How the endpoint spells its documents: the stock agent's members, which SDKs and resource detectors read.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Number;

/// A task.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TaskDocument {
    pub(super) cluster: String,
    #[serde(rename = "TaskARN")]
    pub(super) task_arn: String,
    pub(super) family: String,
    pub(super) revision: String,
    pub(super) desired_status: &'static str,
    pub(super) known_status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) containers: Vec<ContainerDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limits: Option<LimitsDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pull_started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pull_stopped_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) execution_stopped_at: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) availability_zone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) task_tags: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) container_instance_tags: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    pub(super) version_4: Option<TaskVersion4>,
}

/// What version 4 adds to a task.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TaskVersion4 {
    pub(super) launch_type: &'static str,
    #[serde(rename = "VPCID")]
    pub(super) vpc_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) service_name: String,
    pub(super) fault_injection_enabled: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<Problem>,
}

/// Why a member is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Problem {
    pub(super) error_field: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error_code: Option<String>,
    pub(super) error_message: String,
    #[serde(rename = "ResourceARN")]
    pub(super) resource_arn: String,
}

/// A container.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ContainerDocument {
    pub(super) docker_id: String,
    pub(super) name: String,
    pub(super) docker_name: String,
    pub(super) image: String,
    #[serde(rename = "ImageID")]
    pub(super) image_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) ports: Vec<PortDocument>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) desired_status: &'static str,
    pub(super) known_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exit_code: Option<i32>,
    pub(super) limits: LimitsDocument,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finished_at: Option<String>,
    #[serde(rename = "Type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) networks: Vec<NetworkDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) health: Option<HealthDocument>,
    #[serde(flatten)]
    pub(super) version_4: Option<ContainerVersion4>,
}

/// How well a container is that is probed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HealthDocument {
    pub(super) status: &'static str,
    pub(super) status_since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output: Option<String>,
}

/// What version 4 adds to a container.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ContainerVersion4 {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_driver: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) log_options: BTreeMap<String, String>,
    #[serde(rename = "ContainerARN")]
    pub(super) container_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restart_count: Option<u32>,
}

/// Limits: of a task in vCPUs, of a container in CPU units; memory in MiB.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct LimitsDocument {
    #[serde(rename = "CPU", skip_serializing_if = "Option::is_none")]
    pub(super) cpu: Option<Number>,
    #[serde(rename = "Memory", skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<u32>,
}

/// A port of a container.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PortDocument {
    pub(super) container_port: u16,
    pub(super) protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host_ip: Option<String>,
}

/// A network of a container.
#[derive(Clone, Debug, Serialize)]
pub(super) struct NetworkDocument {
    #[serde(rename = "NetworkMode")]
    pub(super) mode: &'static str,
    #[serde(rename = "IPv4Addresses")]
    pub(super) ipv4_addresses: Vec<String>,
    #[serde(flatten)]
    pub(super) interface: Option<InterfaceDocument>,
}

/// What version 4 adds to the network of a task with an interface of its own.
#[derive(Clone, Debug, Serialize)]
pub(super) struct InterfaceDocument {
    #[serde(rename = "AttachmentIndex")]
    pub(super) attachment_index: u32,
    #[serde(rename = "MACAddress")]
    pub(super) mac_address: String,
    #[serde(rename = "IPv4SubnetCIDRBlock")]
    pub(super) ipv4_subnet_cidr_block: String,
    #[serde(rename = "PrivateDNSName")]
    pub(super) private_dns_name: String,
    #[serde(rename = "SubnetGatewayIpv4Address")]
    pub(super) subnet_gateway_ipv4_address: String,
}

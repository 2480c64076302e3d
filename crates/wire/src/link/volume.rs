//! Volumes and attachments in a task's payload.
//!
//! Source: the public ECS agent's model. Which of the configurations counts follows from the volume's type.

use super::text::words;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A volume of a task, mounted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    /// What mount points refer to.
    pub name: String,
    /// `host` when absent.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<VolumeType>,
    /// Mandatory for type `host`, even if empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<HostVolume>,
    /// For type `docker`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker_volume_configuration: Option<DockerVolumeConfiguration>,
    /// For type `efs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub efs_volume_configuration: Option<EfsVolumeConfiguration>,
    /// For type `fsxWindowsFileServer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fsx_windows_file_server_volume_configuration: Option<FsxVolumeConfiguration>,
    /// For type `ebs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ebs_volume_configuration: Option<EbsVolumeConfiguration>,
    /// For type `logDriverOutput`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_driver_volume_configuration: Option<LogDriverVolumeConfiguration>,
}

words! {
    /// Where a volume's data is.
    VolumeType {
        /// A directory of the host, or a new one for the task.
        Host = "host",
        /// A volume of a Docker volume driver.
        Docker = "docker",
        /// An EFS file system.
        Efs = "efs",
        /// A file share of Windows.
        FsxWindowsFileServer = "fsxWindowsFileServer",
        /// A block device.
        Ebs = "ebs",
        /// What a log driver writes.
        LogDriverOutput = "logDriverOutput",
    }
}

/// A bind mount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HostVolume {
    /// On the host; absent or empty for a new directory that ends with the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_path: Option<String>,
}

/// A volume of a Docker volume driver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DockerVolumeConfiguration {
    /// How long it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<VolumeScope>,
    /// Whether a shared volume is made when it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoprovision: Option<bool>,
    /// `local` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// For the driver.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub driver_opts: BTreeMap<String, String>,
    /// On the volume.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

words! {
    /// How long a Docker volume lives.
    VolumeScope {
        /// As long as its task.
        Task = "task",
        /// Until somebody removes it.
        Shared = "shared",
    }
}

/// An EFS file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EfsVolumeConfiguration {
    /// `fs-…`.
    pub file_system_id: String,
    /// `/` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_directory: Option<String>,
    /// `ENABLED` or `DISABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transit_encryption: Option<String>,
    /// TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transit_encryption_port: Option<u16>,
    /// Who mounts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_config: Option<EfsAuthorizationConfig>,
}

/// Who mounts an EFS file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EfsAuthorizationConfig {
    /// `fsap-…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_point_id: Option<String>,
    /// `ENABLED` or `DISABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iam: Option<String>,
}

/// A file share of Windows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FsxVolumeConfiguration {
    /// `fs-…`.
    pub file_system_id: String,
    /// Within the share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_directory: Option<String>,
    /// Who mounts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_config: Option<FsxAuthorizationConfig>,
}

/// Who mounts a file share of Windows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FsxAuthorizationConfig {
    /// ARN of a secret or parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_parameter: Option<String>,
    /// Of the directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

/// A block device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EbsVolumeConfiguration {
    /// `vol-…`.
    pub volume_id: String,
    /// Whether it ends with the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_on_termination: Option<bool>,
    /// Of the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// For example `ext4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filesystem_type: Option<String>,
}

/// What a log driver writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LogDriverVolumeConfiguration {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
}

/// Something that is attached to a task from outside: a block device, Service Connect, …
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attachment {
    /// Comes back when the attachment is reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachment_arn: Option<String>,
    /// `amazonebs`, `serviceconnectdetail`, `s3files`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachment_type: Option<String>,
    /// What the type demands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachment_properties: Vec<AttachmentProperty>,
}

/// A name and a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentProperty {
    /// For example `volumeId`.
    pub name: String,
    /// Always text.
    pub value: String,
}

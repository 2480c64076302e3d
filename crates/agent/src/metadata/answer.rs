//! Answers the endpoint's requests, in the stock agent's words where it refuses.

use std::net::Ipv4Addr;

use berth_core::ecs::model::NetworkMode;
use berth_core::node::TaskRecord;
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Metadata;
use super::book::FoundTask;
use super::document::{self, Detail};
use super::route::{FaultAction, Route, Version, Wanted};
use super::shapes::TaskDocument;
use super::stats;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
}

impl Answer {
    fn json(status: u16, body: &impl Serialize) -> Self {
        Self {
            status,
            content_type: "application/json",
            body: serde_json::to_vec(body).expect("documents are plain JSON"),
        }
    }

    /// A refusal is a JSON text.
    fn refusal(status: u16, text: impl Into<String>) -> Self {
        Self::json(status, &text.into())
    }

    fn plain(status: u16, text: &str) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: text.as_bytes().to_vec(),
        }
    }

    fn nowhere() -> Self {
        Self::plain(404, "404 page not found\n")
    }

    fn other_method() -> Self {
        Self::plain(405, "")
    }

    pub(super) fn too_many() -> Self {
        Self::plain(429, "You have reached maximum request limit.")
    }

    pub(super) fn too_large() -> Self {
        Self::plain(413, "")
    }

    pub(super) fn too_slow() -> Self {
        Self::plain(408, "")
    }
}

/// What cannot be found by an id, as version and subject have it.
fn unknown_id(version: Version, wanted: Wanted, id: &str) -> Answer {
    let (number, status) = match version {
        Version::V3 => ("V3", 400),
        Version::V4 => ("V4", 404),
    };
    let handler = match wanted {
        Wanted::Container => "container metadata",
        Wanted::Task | Wanted::TaskWithTags => "task metadata",
        Wanted::ContainerStats => "container stats",
        Wanted::TaskStats => "task stats",
    };
    let why = match wanted {
        Wanted::Container => "unable to get container ID from request: unable to get docker ID from v3 endpoint ID",
        Wanted::Task | Wanted::TaskWithTags | Wanted::ContainerStats | Wanted::TaskStats => {
            "unable to get task arn from request: unable to get task Arn from v3 endpoint ID"
        }
    };
    Answer::refusal(status, format!("{number} {handler} handler: {why}: {id}"))
}

impl Metadata {
    /// Answers one request.
    pub(super) async fn answer(&self, peer: Ipv4Addr, method: &str, path: &str, body: &[u8]) -> Answer {
        match Route::parse(path) {
            Route::Own(version, id, wanted) => match self.by_id(id, peer) {
                Some((task, at)) => self.tell(&task, at, wanted, Detail::of(version)).await,
                None => unknown_id(version, wanted, id),
            },
            Route::V2(wanted, container) => self.version_2(peer, wanted, container).await,
            Route::Associations(version, id, kind) => self.associations(peer, (version, id), kind),
            Route::Protection(id) => self.protection(peer, id, method, body),
            Route::Fault(id, action) => self.fault(peer, id, (method, action), body),
            Route::Unknown => Answer::nowhere(),
        }
    }

    async fn version_2(&self, peer: Ipv4Addr, wanted: Wanted, container: Option<&str>) -> Answer {
        let Some(task) = self.by_address(peer) else {
            let text = format!("Unable to get task arn from request: unable to associate '{peer}' with task");
            return Answer::refusal(400, text);
        };
        let position = container.map(|id| {
            let mut containers = task.record.containers.iter();
            containers.position(|container| container.runtime_id.0.as_str() == id)
        });
        match (position, wanted) {
            (None, _) => self.tell(&task, 0, wanted, Detail::V2).await,
            (Some(Some(at)), _) => self.tell(&task, at, wanted, Detail::V2).await,
            (Some(None), Wanted::ContainerStats) => Answer::refusal(
                400,
                format!("Unable to get container stats for: {}", container.unwrap_or_default()),
            ),
            (Some(None), _) => Answer::refusal(
                400,
                format!(
                    "Unable to generate metadata for container '{}'",
                    container.unwrap_or_default()
                ),
            ),
        }
    }

    async fn tell(&self, task: &FoundTask, at: usize, wanted: Wanted, detail: Detail) -> Answer {
        let FoundTask { record, addresses } = task;
        match wanted {
            Wanted::Container => Answer::json(200, &document::container(record, at, addresses, detail)),
            Wanted::Task => Answer::json(200, &document::task(record, addresses, detail)),
            Wanted::TaskWithTags => Answer::json(200, &self.with_tags(task, detail).await),
            Wanted::ContainerStats => match self.stats(record, at, detail).await {
                Some(stats) => Answer::json(200, &stats),
                None => {
                    let status = if detail == Detail::V4 { 500 } else { 400 };
                    let id = &record.containers[at].runtime_id;
                    Answer::refusal(status, format!("Unable to get container stats for: {id}"))
                }
            },
            Wanted::TaskStats => Answer::json(200, &self.task_stats(record, detail).await),
        }
    }

    async fn with_tags(&self, task: &FoundTask, detail: Detail) -> TaskDocument {
        let mut told = document::task(&task.record, &task.addresses, detail);
        let mut errors = Vec::new();
        let of_instance = match self.instance() {
            Some(arn) => self.tags.of(&arn, "ContainerInstanceTags").await,
            None => Ok(None),
        };
        told.container_instance_tags = of_instance.unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        told.task_tags = self.tags.of(&told.task_arn, "TaskTags").await.unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        if let Some(version_4) = &mut told.version_4 {
            version_4.errors = errors;
        }
        told
    }

    async fn stats(&self, record: &TaskRecord, at: usize, detail: Detail) -> Option<Value> {
        let container = record.containers.get(at)?;
        let definition = &record.assignment.containers.get(at)?.definition;
        let own_network = record.assignment.network_mode != NetworkMode::Host;
        let pair = self
            .meter
            .measure(record.key(), &container.runtime_id, own_network)
            .await?;
        let name = document::docker_name(record, definition, container);
        Some(stats::document(
            (&container.runtime_id, &name),
            &pair,
            detail == Detail::V4,
        ))
    }

    /// By runtime id; null for what does not run.
    async fn task_stats(&self, record: &TaskRecord, detail: Detail) -> Map<String, Value> {
        let all = (0..record.containers.len()).map(|at| self.stats(record, at, detail));
        let ids = record
            .containers
            .iter()
            .map(|container| container.runtime_id.to_string());
        ids.zip(join_all(all).await)
            .map(|(id, stats)| (id, stats.unwrap_or(Value::Null)))
            .collect()
    }

    /// Devices are all that is associated.
    fn associations(&self, peer: Ipv4Addr, (version, id): (Version, &str), kind: &str) -> Answer {
        let Some((task, at)) = self.by_id(id, peer) else {
            return unknown_id(version, Wanted::Container, id);
        };
        let gpus = task.record.assignment.containers[at].gpu_ids.clone();
        let names = if kind == "gpu" { gpus } else { Vec::new() };
        Answer::json(200, &json!({ "Associations": names }))
    }

    /// No task of this machine is a service's: only those can be protected.
    fn protection(&self, peer: Ipv4Addr, id: &str, method: &str, body: &[u8]) -> Answer {
        let refuse = |status, arn: &str, code: &str, message: &str| {
            let mut error = json!({ "Code": code, "Message": message });
            if !arn.is_empty() {
                error["Arn"] = json!(arn);
            }
            Answer::json(status, &json!({ "error": error }))
        };
        let invalid = |arn: &str, message: &str| refuse(400, arn, "InvalidParameterException", message);
        let request = match method {
            "GET" => None,
            "PUT" => match serde_json::from_slice::<ProtectionRequest>(body) {
                Ok(request) => Some(request),
                Err(_) => return invalid("", "UpdateTaskProtection: failed to decode request"),
            },
            _ => return Answer::other_method(),
        };
        let Some((task, _)) = self.by_id(id, peer) else {
            let message = "Failed to find a task for the request";
            return refuse(404, "", "ResourceNotFoundException", message);
        };
        let arn = task.record.key().arn().to_string();
        if request.is_some_and(|request| request.protection_enabled.is_none()) {
            return invalid(&arn, "Invalid request: does not contain 'ProtectionEnabled' field");
        }
        let failure = json!({ "Arn": arn, "Detail": null, "Reason": "TASK_NOT_VALID" });
        Answer::json(200, &json!({ "failure": failure }))
    }

    /// No definition can allow faults yet, so that no task has any.
    fn fault(&self, peer: Ipv4Addr, id: &str, (method, action): (&str, FaultAction), body: &[u8]) -> Answer {
        if method != "POST" {
            return Answer::other_method();
        }
        let refuse = |status, error: String| Answer::json(status, &json!({ "Error": error }));
        if action == FaultAction::Start && body.is_empty() {
            return refuse(400, "required request body is missing".to_owned());
        }
        match self.by_id(id, peer) {
            None => refuse(404, format!("unable to lookup container: {id}")),
            Some((task, _)) => {
                let arn = task.record.key().arn();
                refuse(400, format!("enableFaultInjection is not enabled for task: {arn}"))
            }
        }
    }
}

/// What is wanted of a task's protection.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ProtectionRequest {
    protection_enabled: Option<bool>,
    #[serde(rename = "ExpiresInMinutes")]
    _expires_in_minutes: Option<i64>,
}

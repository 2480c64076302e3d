//! How well machines are: what their agents said last, and whether they are heard at all. True only now, never stored.

use std::collections::BTreeMap;

use super::model::{ContainerInstance, InstanceKey};
use crate::kernel::Timestamp;

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckKind {
    /// Whether the runtime answers the agent.
    ContainerRuntime,
    /// Whether the GPUs are well.
    AcceleratedCompute,
    /// Whether the daemons run.
    Daemon,
    /// Whether the agent is connected.
    AgentConnectivity,
}

/// What came of a check, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckStatus {
    /// It is well.
    Ok,
    /// Nobody has looked yet.
    Initializing,
    /// What was seen last is too old to count.
    InsufficientData,
    /// It is not well.
    Impaired,
}

/// A check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Of what.
    pub kind: CheckKind,
    /// What came of it.
    pub status: CheckStatus,
    /// Why, in the agent's words.
    pub reason: Option<String>,
    /// When it was done last.
    pub updated_at: Timestamp,
    /// When something else came of it last.
    pub changed_at: Timestamp,
}

/// What an agent says of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// Of what.
    pub kind: CheckKind,
    /// What came of it.
    pub status: CheckStatus,
    /// Why, for people.
    pub reason: Option<String>,
}

/// What is known of one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    connectivity: Check,
    reported: BTreeMap<CheckKind, Check>,
}

/// What is known of the machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    machines: BTreeMap<InstanceKey, Known>,
}

/// The most characters of a reason that are kept.
const MOST_REASON: usize = 1024;

impl Health {
    /// The agent is connected, or is taken to be.
    pub fn connected(&mut self, key: &InstanceKey, now: Timestamp) {
        self.turn(key, CheckStatus::Ok, now);
    }

    /// The agent is not connected any more.
    pub fn gone(&mut self, key: &InstanceKey, now: Timestamp) {
        self.turn(key, CheckStatus::Impaired, now);
    }

    fn turn(&mut self, key: &InstanceKey, status: CheckStatus, now: Timestamp) {
        let fresh = || Known {
            connectivity: Check::new(CheckKind::AgentConnectivity, status, now),
            reported: BTreeMap::new(),
        };
        let known = self.machines.entry(key.clone()).or_insert_with(fresh);
        known.connectivity.take(status, None, now);
    }

    /// The agent was heard.
    pub fn heard(&mut self, key: &InstanceKey, now: Timestamp) {
        if let Some(known) = self.machines.get_mut(key) {
            known.connectivity.updated_at = now;
        }
    }

    /// What the agent says of its checks. One that is not connected is not asked.
    pub fn reported(&mut self, key: &InstanceKey, reports: Vec<CheckReport>, now: Timestamp) {
        let Some(known) = self.machines.get_mut(key) else {
            return;
        };
        for report in reports {
            let fresh = || Check::new(report.kind, report.status, now);
            let check = known.reported.entry(report.kind).or_insert_with(fresh);
            let reason = report.reason.map(|text| text.chars().take(MOST_REASON).collect());
            check.take(report.status, reason, now);
        }
    }

    /// The machine is forgotten.
    pub fn forget(&mut self, key: &InstanceKey) {
        self.machines.remove(key);
    }

    /// The checks of a machine, the worst of which counts for all. What a machine said that is gone does not count any more.
    #[must_use]
    pub fn of(&self, instance: &ContainerInstance) -> Vec<Check> {
        let Some(known) = self.machines.get(&instance.key) else {
            let (runtime, agent) = if instance.is_registered() {
                (CheckStatus::Initializing, CheckStatus::Initializing)
            } else {
                (CheckStatus::InsufficientData, CheckStatus::Impaired)
            };
            let since = instance.deregistered_at.unwrap_or(instance.registered_at);
            return vec![
                Check::new(CheckKind::ContainerRuntime, runtime, since),
                Check::new(CheckKind::AgentConnectivity, agent, since),
            ];
        };
        let connectivity = &known.connectivity;
        let runtime = Check::new(
            CheckKind::ContainerRuntime,
            CheckStatus::Initializing,
            connectivity.changed_at,
        );
        let mut checks = known.reported.clone();
        checks.entry(CheckKind::ContainerRuntime).or_insert(runtime);
        if connectivity.status != CheckStatus::Ok {
            for check in checks.values_mut() {
                check.status = CheckStatus::InsufficientData;
                check.changed_at = connectivity.changed_at;
                check.reason = None;
            }
        }
        checks.into_values().chain([connectivity.clone()]).collect()
    }
}

impl Check {
    fn new(kind: CheckKind, status: CheckStatus, now: Timestamp) -> Self {
        Self {
            kind,
            status,
            reason: None,
            updated_at: now,
            changed_at: now,
        }
    }

    fn take(&mut self, status: CheckStatus, reason: Option<String>, now: Timestamp) {
        if self.status != status {
            self.changed_at = now;
        }
        (self.status, self.reason, self.updated_at) = (status, reason, now);
    }
}

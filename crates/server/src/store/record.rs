//! How entities lie in the store: a table, a readable key, and a value that describes itself.
//!
//! A value is one byte for the version of its encoding, then MessagePack with names: a newer version of Berth reads what an
//! older one wrote, because members that it added have defaults.

use berth_core::control::Change;
use berth_core::ecs::Change as Ecs;
use berth_core::iam::Change as Iam;
use berth_core::kernel::{Edit, Entity};
use berth_core::network::Change as Network;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version of the encoding of values.
const ENCODING: u8 = 1;
/// Where the epoch stands.
const EPOCH_KEY: &str = "epoch";

/// A table of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Numbers of the control plane itself.
    Control,
    /// Clusters.
    Clusters,
    /// Families of task definitions.
    Families,
    /// Task definitions.
    TaskDefinitions,
    /// Container instances.
    Instances,
    /// Tasks.
    Tasks,
    /// Client tokens.
    ClientTokens,
    /// Account settings.
    AccountSettings,
    /// Network interfaces.
    Interfaces,
    /// Join tokens.
    JoinTokens,
    /// The keys of agents, without their secrets.
    AgentKeys,
}

impl Table {
    /// All tables, in the order in which they are loaded: what others refer to comes first.
    pub const ALL: [Self; 11] = [
        Self::Control,
        Self::Clusters,
        Self::Families,
        Self::TaskDefinitions,
        Self::Instances,
        Self::Tasks,
        Self::ClientTokens,
        Self::AccountSettings,
        Self::Interfaces,
        Self::JoinTokens,
        Self::AgentKeys,
    ];

    /// The table that has this name in the store.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The name that it has in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Clusters => "ecs-clusters",
            Self::Families => "ecs-families",
            Self::TaskDefinitions => "ecs-task-definitions",
            Self::Instances => "ecs-instances",
            Self::Tasks => "ecs-tasks",
            Self::ClientTokens => "ecs-client-tokens",
            Self::AccountSettings => "ecs-account-settings",
            Self::Interfaces => "network-interfaces",
            Self::JoinTokens => "iam-join-tokens",
            Self::AgentKeys => "iam-agent-keys",
        }
    }
}

/// What a change writes.
#[derive(Debug)]
pub struct Row {
    /// Where.
    pub table: Table,
    /// Under which key.
    pub key: String,
    /// The new value, or nothing to remove it.
    pub value: Option<Vec<u8>>,
}

/// The row that `change` writes.
#[must_use]
pub fn encode(change: &Change) -> Row {
    match change {
        Change::Epoch(epoch) => Row {
            table: Table::Control,
            key: EPOCH_KEY.to_owned(),
            value: Some(value(epoch)),
        },
        Change::Ecs(Ecs::Cluster(edit)) => row(Table::Clusters, edit),
        Change::Ecs(Ecs::Family(edit)) => row(Table::Families, edit),
        Change::Ecs(Ecs::TaskDefinition(edit)) => row(Table::TaskDefinitions, edit),
        Change::Ecs(Ecs::Instance(edit)) => row(Table::Instances, edit),
        Change::Ecs(Ecs::Task(edit)) => row(Table::Tasks, edit),
        Change::Ecs(Ecs::ClientToken(edit)) => row(Table::ClientTokens, edit),
        Change::Ecs(Ecs::Setting(edit)) => row(Table::AccountSettings, edit),
        Change::Network(Network::Interface(edit)) => row(Table::Interfaces, edit),
        Change::Iam(Iam::JoinToken(edit)) => row(Table::JoinTokens, edit),
        Change::Iam(Iam::AgentKey(edit)) => row(Table::AgentKeys, edit),
    }
}

/// The change that put `value` into `table`.
///
/// # Errors
/// What is wrong with the value.
pub fn decode(table: Table, value: &[u8]) -> Result<Change, String> {
    Ok(match table {
        Table::Control => Change::Epoch(entity(value)?),
        Table::Clusters => Change::Ecs(Ecs::Cluster(Edit::Put(entity(value)?))),
        Table::Families => Change::Ecs(Ecs::Family(Edit::Put(entity(value)?))),
        Table::TaskDefinitions => Change::Ecs(Ecs::TaskDefinition(Edit::Put(entity(value)?))),
        Table::Instances => Change::Ecs(Ecs::Instance(Edit::Put(entity(value)?))),
        Table::Tasks => Change::Ecs(Ecs::Task(Edit::Put(entity(value)?))),
        Table::ClientTokens => Change::Ecs(Ecs::ClientToken(Edit::Put(entity(value)?))),
        Table::AccountSettings => Change::Ecs(Ecs::Setting(Edit::Put(entity(value)?))),
        Table::Interfaces => Change::Network(Network::Interface(Edit::Put(entity(value)?))),
        Table::JoinTokens => Change::Iam(Iam::JoinToken(Edit::Put(entity(value)?))),
        Table::AgentKeys => Change::Iam(Iam::AgentKey(Edit::Put(entity(value)?))),
    })
}

fn row<E: Entity + Serialize>(table: Table, edit: &Edit<E>) -> Row {
    let value = match edit {
        Edit::Put(entity) => Some(value(entity)),
        Edit::Delete(_) => None,
    };
    Row {
        table,
        key: edit.key().to_string(),
        value,
    }
}

/// The value of an entity, or of something else that is kept in the same way.
#[must_use]
pub fn value(entity: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![ENCODING];
    entity
        .serialize(&mut rmp_serde::Serializer::new(&mut bytes).with_struct_map())
        .expect("entities are plain data, which MessagePack can always hold");
    bytes
}

/// What is in a value.
///
/// # Errors
/// What is wrong with it.
pub fn entity<E: DeserializeOwned>(value: &[u8]) -> Result<E, String> {
    match value.split_first() {
        Some((&ENCODING, body)) => rmp_serde::from_slice(body).map_err(|error| error.to_string()),
        Some((other, _)) => Err(format!("its encoding is {other}, this version reads {ENCODING}")),
        None => Err("it is empty".to_owned()),
    }
}

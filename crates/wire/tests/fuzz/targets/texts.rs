//! Single texts with a grammar of their own, and values of the store.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use berth_core::ecs::admit::definition_rules::{task_cpu, task_memory};
use berth_core::ecs::model::{Cluster, ContainerInstance, FamilyName, Task, TaskDefinition};
use berth_core::ecs::place::expression::{Query, Version};
use berth_core::kernel::ids::{InstanceId, TaskId};
use berth_core::kernel::{AccountId, Arn, Region};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The cluster query language: what is printed means the same.
pub(super) fn queries(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Query::new(text) {
        Ok(query) => {
            let printed = query.meaning().to_string();
            // Quotes may make a text longer than an expression may be.
            if printed.chars().count() <= berth_core::ecs::place::expression::MOST_CHARACTERS {
                let again = Query::new(&printed).expect("what is printed can be read");
                assert_eq!(again.meaning().to_string(), printed);
            }
        }
        Err(fault) => assert!(!fault.to_string().is_empty()),
    }
    let _ = Version::parse(text);
}

/// Names, ids, ARNs and sizes: what is understood prints as what was read.
pub(super) fn texts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    same::<Arn>(text);
    same::<AccountId>(text);
    same::<Region>(text);
    same::<TaskId>(text);
    same::<InstanceId>(text);
    same::<FamilyName>(text);
    let _ = berth_core::kernel::arn::role_account(text);
    if let Ok(units) = task_cpu(text) {
        assert_eq!(task_cpu(&units.0.to_string()), Ok(units));
    }
    if let Ok(mib) = task_memory(text) {
        assert_eq!(task_memory(&mib.0.to_string()), Ok(mib));
    }
}

fn same<T: FromStr + Display + PartialEq + Debug>(text: &str)
where
    T::Err: Debug,
{
    if let Ok(read) = text.parse::<T>() {
        assert_eq!(read.to_string(), text);
    }
}

/// MessagePack as it lies in the store: what is understood is stored as what is understood again.
pub(super) fn stored(data: &[u8]) {
    stored_as::<Cluster>(data);
    stored_as::<TaskDefinition>(data);
    stored_as::<ContainerInstance>(data);
    stored_as::<Task>(data);
}

fn stored_as<E: DeserializeOwned + Serialize>(data: &[u8]) {
    let write = |entity: &E| {
        let mut bytes = Vec::new();
        let written = entity.serialize(&mut rmp_serde::Serializer::new(&mut bytes).with_struct_map());
        written.expect("entities are plain data");
        bytes
    };
    if let Ok(entity) = rmp_serde::from_slice::<E>(data) {
        let written = write(&entity);
        let again: E = rmp_serde::from_slice(&written).expect("what we write, we read");
        assert_eq!(write(&again), written);
    }
}

//! How one task of a RunTask is placed and made.

use std::collections::{BTreeMap, BTreeSet};

use super::Order;
use super::checks::InterfaceWish;
use crate::ecs::model::task::Times;
use crate::ecs::model::{
    ClusterKey, Container, ContainerDefinition, ContainerInstance, ContainerStatus, InstanceKey, Task, TaskDefinition,
    TaskInterface, TaskKey, TaskStatus,
};
use crate::ecs::place::{self, Failure, Want};
use crate::ecs::state::State;
use crate::kernel::ids::{Ec2Digits, InstanceId, TaskId, Uuid};
use crate::kernel::{Arn, Cx};
use crate::network::interface::Mac;
use crate::network::{self, Interface, InterfaceId, InterfaceKey, SecurityGroupId, Subnet};

/// What one step of a RunTask changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The new task.
    pub task: Task,
    /// Its interface, in awsvpc mode.
    pub interface: Option<Interface>,
}

/// Places one task of an admitted request.
///
/// # Errors
/// Why no machine can take it, machine by machine. The next task of the same request will not fit either.
pub fn place_one(
    state: &State,
    networks: &network::State,
    connected: &BTreeSet<InstanceKey>,
    cx: &mut Cx,
    order: &Order,
) -> Result<Placed, Vec<Failure>> {
    let definition = state
        .definitions()
        .get(&order.definition)
        .expect("an admitted definition exists");
    let subnets = order.interface.as_ref().map(|wish| open_subnets(networks, order, wish));
    if subnets.as_ref().is_some_and(BTreeMap::is_empty) {
        return Err(vec![Failure {
            arn: None,
            reason: "RESOURCE:ENI".to_owned(),
        }]);
    }
    let want = Want {
        cluster: &order.cluster,
        definition,
        launch_type: order.launch_type,
        zones: subnets.as_ref().map(|subnets| subnets.keys().copied().collect()),
        group: &order.group,
        strategy: &order.strategy,
    };
    let instance = place::place(state, connected, cx, &want)?;
    let task = task(state, cx, order, definition, instance);
    let (Some(subnets), Some(wish)) = (subnets, &order.interface) else {
        return Ok(Placed { task, interface: None });
    };
    let subnet = subnets
        .get(task.zone.as_str())
        .expect("placement keeps to the zones of the subnets");
    let interface = interface(networks, cx, &task, subnet, &wish.groups);
    let task = Task {
        interface: Some(TaskInterface {
            id: interface.key.id,
            attachment: interface.attachment,
            subnet: interface.subnet,
            address: interface.address,
        }),
        ..task
    };
    Ok(Placed {
        task,
        interface: Some(interface),
    })
}

/// The wanted subnets that have a free address, by their zones.
fn open_subnets<'a>(
    networks: &network::State,
    order: &Order,
    wish: &'a InterfaceWish,
) -> BTreeMap<&'a str, &'a Subnet> {
    let open = |subnet: &&Subnet| networks.free_addresses(&order.cluster.scope, subnet) > 0;
    let subnets = wish.subnets.iter().filter(open);
    subnets.map(|subnet| (subnet.zone.as_str(), subnet)).collect()
}

fn task(state: &State, cx: &mut Cx, order: &Order, definition: &TaskDefinition, instance: InstanceId) -> Task {
    let ClusterKey { scope, name } = order.cluster.clone();
    let key = TaskKey {
        scope,
        cluster: name,
        id: TaskId::mint(cx),
    };
    let instance_key = InstanceKey {
        scope: key.scope.clone(),
        cluster: key.cluster.clone(),
        id: instance,
    };
    let zone = state.instances().get(&instance_key).map(ContainerInstance::zone);
    let container = |definition: &ContainerDefinition| Container {
        id: Uuid::mint(cx, "container"),
        name: definition.name.clone(),
        status: ContainerStatus::Pending,
        exit_code: None,
        reason: None,
        runtime_id: None,
        image_digest: None,
        bindings: Vec::new(),
    };
    let containers = definition.containers.iter().map(container).collect();
    let provisions = order.interface.is_some();
    Task {
        key,
        family: definition.key.family.clone(),
        revision: definition.key.revision,
        instance,
        zone: zone.unwrap_or_default(),
        launch_type: order.launch_type,
        last_status: if provisions {
            TaskStatus::Provisioning
        } else {
            TaskStatus::Pending
        },
        desired_status: TaskStatus::Running,
        version: 1,
        cpu: definition.reserved_cpu(),
        memory: definition.reserved_memory(),
        containers,
        interface: None,
        group: order.group.clone(),
        started_by: order.started_by.clone(),
        tags: order.tags.clone(),
        stop_code: None,
        stopped_reason: None,
        times: Times {
            created_at: cx.now,
            ..Times::default()
        },
    }
}

fn interface(
    networks: &network::State,
    cx: &mut Cx,
    task: &Task,
    subnet: &Subnet,
    groups: &[SecurityGroupId],
) -> Interface {
    let scope = task.key.scope.clone();
    let address = networks
        .free_address(cx, &scope, subnet)
        .expect("only subnets with a free address are used");
    let attachment = Uuid::mint(cx, "attachment");
    let holder = Arn::new("ecs", &scope, format!("attachment/{attachment}"));
    Interface {
        key: InterfaceKey {
            scope,
            id: InterfaceId(Ec2Digits::new(cx.draw("interface"))),
        },
        subnet: subnet.id,
        address,
        mac: Mac::of(address),
        security_groups: groups.to_vec(),
        attachment,
        description: holder.to_string(),
        created_at: cx.now,
    }
}

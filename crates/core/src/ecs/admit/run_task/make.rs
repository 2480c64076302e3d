//! How one task of a RunTask or a StartTask is placed and made.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use super::Order;
use super::checks::InterfaceWish;
use super::launch::Pattern;
use crate::ecs::admit::start_task::StartOrder;
use crate::ecs::model::task::{Times, effective};
use crate::ecs::model::{
    ClusterKey, Container, ContainerDefinition, ContainerInstance, ContainerStatus, GpuNeed, InstanceKey, LaunchType,
    Task, TaskDefinition, TaskInterface, TaskKey, TaskStatus,
};
use crate::ecs::place::index::Machine;
use crate::ecs::place::{self, Failure, Planner, Want};
use crate::ecs::state::State;
use crate::kernel::ids::{Ec2Digits, InstanceId, TaskId, Uuid};
use crate::kernel::names::Name;
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
    planner: &mut Planner,
    cx: &mut Cx,
    order: &Order,
) -> Result<Placed, Vec<Failure>> {
    let site = Site::new(state, networks, &order.cluster, &order.pattern).map_err(|failure| vec![failure])?;
    let want = Want {
        strategy: &order.strategy,
        constraints: &order.constraints,
        ..site.want(order.capacity.launch_type)
    };
    let instance = place::place(state.index(), planner, cx, &want)?;
    Ok(site.put(cx, order.capacity.launch_type, instance))
}

/// Puts one task of a StartTask on the machine that the caller chose, as `text` names it.
///
/// # Errors
/// Why that machine cannot take it.
pub fn start_one(
    state: &State,
    networks: &network::State,
    cx: &mut Cx,
    order: &StartOrder,
    text: &str,
) -> Result<Placed, Failure> {
    let instance = order.machine(state, text)?;
    let launch_type = if instance.serves(LaunchType::External) && !instance.serves(LaunchType::Ec2) {
        LaunchType::External
    } else {
        LaunchType::Ec2
    };
    let site = Site::new(state, networks, &order.cluster, &order.pattern)?;
    match place::objection(state.index(), &site.want(launch_type), instance.key.id) {
        Some(reason) => Err(Failure::of(&instance.key, reason)),
        None => Ok(site.put(cx, launch_type, instance.key.id)),
    }
}

/// Where and from what one task is made.
struct Site<'a> {
    state: &'a State,
    networks: &'a network::State,
    cluster: &'a ClusterKey,
    pattern: &'a Pattern,
    /// With the overrides.
    definition: Cow<'a, TaskDefinition>,
    /// The wanted subnets that have a free address, by their zones; nothing without an interface.
    subnets: Option<BTreeMap<&'a str, &'a Subnet>>,
}

impl<'a> Site<'a> {
    /// Fails if no subnet has an address left.
    fn new(
        state: &'a State,
        networks: &'a network::State,
        cluster: &'a ClusterKey,
        pattern: &'a Pattern,
    ) -> Result<Self, Failure> {
        let definition = state.definitions().get(&pattern.definition);
        let definition = definition.expect("an admitted definition exists");
        let open = |wish: &'a InterfaceWish| open_subnets(networks, cluster, wish);
        let subnets = pattern.interface.as_ref().map(open);
        if subnets.as_ref().is_some_and(BTreeMap::is_empty) {
            return Err(Failure {
                arn: None,
                reason: "RESOURCE:ENI".to_owned(),
            });
        }
        Ok(Self {
            state,
            networks,
            cluster,
            pattern,
            definition: effective(pattern.overrides.as_deref(), definition),
            subnets,
        })
    }

    /// What the task needs from its machine, without a preference for any.
    fn want(&self, launch_type: LaunchType) -> Want<'_> {
        Want {
            cluster: self.cluster,
            definition: &self.definition,
            launch_type,
            zones: self.subnets.as_ref().map(|subnets| subnets.keys().copied().collect()),
            group: &self.pattern.group,
            strategy: &[],
            constraints: &[],
        }
    }

    /// The task on `instance`, with its interface.
    fn put(&self, cx: &mut Cx, launch_type: LaunchType, instance: InstanceId) -> Placed {
        let task = self.task(cx, launch_type, instance);
        let (Some(subnets), Some(wish)) = (&self.subnets, &self.pattern.interface) else {
            return Placed { task, interface: None };
        };
        let subnet = subnets
            .get(task.zone.as_str())
            .expect("placement keeps to the zones of the subnets");
        let interface = interface(self.networks, cx, &task, subnet, &wish.groups);
        let task = Task {
            interface: Some(TaskInterface {
                id: interface.key.id,
                attachment: interface.attachment,
                subnet: interface.subnet,
                address: interface.address,
            }),
            ..task
        };
        Placed {
            task,
            interface: Some(interface),
        }
    }

    /// The GPUs of the machine that no task holds, if any are asked for.
    fn free_gpus(&self, key: &InstanceKey) -> VecDeque<String> {
        let asks = !self.definition.reserved_gpus().is_nothing();
        let machine = self.state.index().machine(key).filter(|_| asks);
        let free = machine.into_iter().flat_map(Machine::free_gpus);
        free.map(str::to_owned).collect()
    }

    fn task(&self, cx: &mut Cx, launch_type: LaunchType, instance: InstanceId) -> Task {
        let (definition, pattern) = (&self.definition, self.pattern);
        let ClusterKey { scope, name } = self.cluster.clone();
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
        let zone = self.state.instances().get(&instance_key).map(ContainerInstance::zone);
        let mut gpus = self.free_gpus(&instance_key);
        let containers = definition.containers.iter();
        let containers = containers.map(|one| container(cx, one, &mut gpus)).collect();
        Task {
            key,
            family: definition.key.family.clone(),
            revision: definition.key.revision,
            instance,
            zone: zone.unwrap_or_default().into(),
            launch_type,
            capacity_provider: None,
            blocking_logs: pattern.blocking_logs,
            last_status: if pattern.interface.is_some() {
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
            group: Name::new(&pattern.group),
            started_by: pattern.started_by.clone(),
            overrides: pattern.overrides.clone(),
            tags: pattern.tags.clone(),
            stop_code: None,
            stopped_reason: None,
            times: Times {
                created_at: cx.now,
                ..Times::default()
            },
        }
    }
}

/// The wanted subnets that have a free address, by their zones.
fn open_subnets<'a>(
    networks: &network::State,
    cluster: &ClusterKey,
    wish: &'a InterfaceWish,
) -> BTreeMap<&'a str, &'a Subnet> {
    let open = |subnet: &&Subnet| networks.free_addresses(&cluster.scope, subnet) > 0;
    let subnets = wish.subnets.iter().filter(open);
    subnets.map(|subnet| (subnet.zone.as_str(), subnet)).collect()
}

/// A container takes its GPUs off those that are `free`.
fn container(cx: &mut Cx, definition: &ContainerDefinition, free: &mut VecDeque<String>) -> Container {
    let need = GpuNeed::of(definition.resource_requirements.iter());
    let count = if need.whole > 0 {
        free.len()
    } else {
        need.count as usize
    };
    assert!(count <= free.len(), "placement keeps to the GPUs that are free");
    Container {
        gpu_ids: free.drain(..count).collect(),
        id: Uuid::mint(cx, "container"),
        name: Name::new(&definition.name),
        status: ContainerStatus::Pending,
        exit_code: None,
        reason: None,
        runtime_id: None,
        image_digest: None,
        bindings: Vec::new(),
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

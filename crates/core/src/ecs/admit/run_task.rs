//! RunTask. First the request as a whole is admitted or refused; then each task is placed in a step of its own, so that the
//! second one sees what the first one took.

use std::collections::{BTreeMap, BTreeSet};

use super::{Caller, cluster};
use crate::ecs::model::task::Times;
use crate::ecs::model::{
    ClientToken, ClientTokenKey, ClusterKey, Container, ContainerDefinition, ContainerInstance, ContainerStatus,
    DefinitionStatus, InstanceKey, LaunchType, NetworkMode, Task, TaskDefinition, TaskDefinitionKey, TaskKey,
    TaskStatus, Unbuilt,
};
use crate::ecs::place::{self, Failure, Strategy, Want};
use crate::ecs::refer;
use crate::ecs::refusal::Refusal;
use crate::ecs::state::{Change, State};
use crate::kernel::ids::{Ec2Digits, InstanceId, TaskId, Uuid};
use crate::kernel::{Arn, Cx, Edit, Tags};
use crate::network::interface::Mac;
use crate::network::{self, DefaultNetwork, Interface, InterfaceId, InterfaceKey, SecurityGroupId, Subnet};

/// A RunTask request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunTask {
    /// The cluster; the default one springs up.
    pub cluster: Option<String>,
    /// The task definition: family, `family:revision` or ARN.
    pub definition: String,
    /// How many tasks, 1 to 10.
    pub count: i64,
    /// What capacity to run on; EC2 if nothing is said.
    pub launch_type: Option<LaunchType>,
    /// The version of the FARGATE platform.
    pub platform_version: Option<String>,
    /// Where awsvpc tasks get their interface.
    pub network: Option<NetworkWish>,
    /// Tasks of one purpose.
    pub group: Option<String>,
    /// Who starts it, in the caller's words.
    pub started_by: Option<String>,
    /// The idempotency key.
    pub client_token: Option<String>,
    /// A digest of everything else in the request, to tell a repetition from another use of the token.
    pub digest: u128,
    /// In which order to prefer machines.
    pub strategy: Vec<Strategy>,
    /// The user's tags.
    pub tags: Vec<(String, String)>,
    /// Members that were given and that Berth does not carry out yet.
    pub unbuilt: Vec<String>,
}

/// Where an awsvpc task wants its interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkWish {
    /// Ids of subnets, any of which will do.
    pub subnets: Vec<String>,
    /// Ids of security groups; the default group if there are none.
    pub security_groups: Vec<String>,
}

/// A request that was admitted: what each of its tasks will be made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The cluster.
    pub cluster: ClusterKey,
    /// The cluster springs up, if it was not there.
    pub first: Option<Change>,
    /// How many tasks to place.
    pub count: u32,
    /// Tasks that the same client token made before; then nothing is placed.
    pub repeated: Option<Vec<TaskId>>,
    definition: TaskDefinitionKey,
    launch_type: LaunchType,
    interface: Option<(Vec<Subnet>, Vec<SecurityGroupId>)>,
    group: String,
    started_by: Option<String>,
    token: Option<(ClientTokenKey, u128)>,
    strategy: Vec<Strategy>,
    tags: Tags,
}

/// Admits a request as a whole.
///
/// # Errors
/// Whatever makes the request impossible for every task of it. Nothing has changed then.
pub fn admit(state: &State, cx: &Cx, caller: &Caller, request: RunTask) -> Result<Admission, Refusal> {
    let cluster = refer::cluster(&caller.scope, request.cluster.as_deref())?;
    let first = cluster::spring_up(state, cx, &cluster)?;
    let definition = find_definition(state, caller, &request.definition)?;
    let count = u32::try_from(request.count)
        .ok()
        .filter(|count| (1..=10).contains(count));
    let count = count.ok_or(Refusal::OutOfRange {
        member: "count",
        least: 1,
        most: 10,
    })?;
    let token = request.client_token.filter(|token| !token.is_empty());
    limit_text(token.as_ref(), "clientToken", 64)?;
    limit_text(request.started_by.as_ref(), "startedBy", 128)?;
    limit_text(request.group.as_ref(), "group", 255)?;
    let token = token.map(|token| {
        (
            ClientTokenKey {
                cluster: cluster.clone(),
                token,
            },
            request.digest,
        )
    });
    let repeated = token
        .as_ref()
        .map(|token| repetition(state, &cluster, token))
        .transpose()?
        .flatten();
    let launch_type = request.launch_type.unwrap_or(LaunchType::Ec2);
    check_launch_type(definition, launch_type, request.platform_version.as_deref())?;
    let interface = interface_wish(definition, caller, request.network.as_ref())?;
    refuse_unbuilt(definition, &request.unbuilt)?;
    if launch_type == LaunchType::Ec2
        && state
            .index()
            .orders(&cluster)
            .is_none_or(place::index::Orders::is_empty)
    {
        return Err(Refusal::NoInstances);
    }
    let group = request.group.filter(|group| !group.is_empty());
    Ok(Admission {
        first,
        count,
        repeated,
        definition: definition.key.clone(),
        launch_type,
        interface,
        group: group.unwrap_or_else(|| format!("family:{}", definition.key.family)),
        started_by: request.started_by,
        token,
        strategy: request.strategy,
        tags: Tags::new(request.tags).map_err(Refusal::Tags)?,
        cluster,
    })
}

fn find_definition<'a>(state: &'a State, caller: &Caller, text: &str) -> Result<&'a TaskDefinition, Refusal> {
    let found = refer::definition(&caller.scope, text)?.find(state, &caller.scope);
    let definition = found.ok_or(Refusal::DefinitionNotFound)?;
    if definition.status == DefinitionStatus::Active {
        Ok(definition)
    } else {
        Err(Refusal::DefinitionInactive)
    }
}

fn limit_text(text: Option<&String>, member: &'static str, most: usize) -> Result<(), Refusal> {
    let fits = text.is_none_or(|text| text.chars().count() <= most);
    if fits {
        Ok(())
    } else {
        Err(Refusal::TooLong { member, most })
    }
}

/// The tasks that the token made before.
fn repetition(
    state: &State,
    cluster: &ClusterKey,
    (key, digest): &(ClientTokenKey, u128),
) -> Result<Option<Vec<TaskId>>, Refusal> {
    let Some(known) = state.tokens().get(key) else {
        return Ok(None);
    };
    if known.digest == *digest {
        return Ok(Some(known.tasks.clone()));
    }
    let arn = |id: &TaskId| Arn::new("ecs", &cluster.scope, format!("task/{}/{id}", cluster.name)).to_string();
    Err(Refusal::TokenConflict {
        resource_ids: known.tasks.iter().map(arn).collect(),
    })
}

fn check_launch_type(
    definition: &TaskDefinition,
    launch_type: LaunchType,
    platform_version: Option<&str>,
) -> Result<(), Refusal> {
    if !definition.compatibilities.contains(&launch_type) {
        return Err(Refusal::LaunchTypeUnsupported(launch_type));
    }
    match platform_version {
        None | Some("" | "LATEST" | "1.4.0") if launch_type == LaunchType::Fargate => Ok(()),
        None | Some("") => Ok(()),
        Some(_) => Err(Refusal::PlatformUnknown),
    }
}

/// The subnets and groups that are meant, if the task gets an interface.
fn interface_wish(
    definition: &TaskDefinition,
    caller: &Caller,
    wish: Option<&NetworkWish>,
) -> Result<Option<(Vec<Subnet>, Vec<SecurityGroupId>)>, Refusal> {
    let wish = match (definition.effective_network_mode(), wish) {
        (NetworkMode::Awsvpc, None) => return Err(Refusal::NetworkMissing),
        (NetworkMode::Awsvpc, Some(wish)) => wish,
        (NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None, None) => return Ok(None),
        (NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None, Some(_)) => return Err(Refusal::NetworkUnwanted),
    };
    if wish.subnets.is_empty() {
        return Err(Refusal::Empty("Subnets"));
    }
    if wish.subnets.len() > 16 {
        return Err(Refusal::TooMany {
            what: "subnets",
            most: 16,
        });
    }
    if wish.security_groups.len() > 5 {
        return Err(Refusal::TooMany {
            what: "security groups",
            most: 5,
        });
    }
    let network = DefaultNetwork::of(&caller.scope);
    let subnet = |id: &String| {
        let found = id.parse().ok().and_then(|id| network.subnet(id)).cloned();
        found.ok_or_else(|| Refusal::SubnetNotFound(id.clone()))
    };
    let group = |id: &String| {
        let found = id.parse().ok().filter(|id| *id == network.security_group);
        found.ok_or_else(|| Refusal::SecurityGroupNotFound(id.clone()))
    };
    let subnets = wish.subnets.iter().map(subnet).collect::<Result<_, _>>()?;
    let groups: Vec<SecurityGroupId> = wish.security_groups.iter().map(group).collect::<Result<_, _>>()?;
    Ok(Some((
        subnets,
        if groups.is_empty() {
            vec![network.security_group]
        } else {
            groups
        },
    )))
}

/// Nothing is run without what it asked for.
fn refuse_unbuilt(definition: &TaskDefinition, request: &[String]) -> Result<(), Refusal> {
    if let Some(member) = request.first() {
        return Err(Refusal::NotBuilt(format!(
            "Berth does not carry out '{member}' of RunTask yet."
        )));
    }
    if definition.task_role_arn.is_some() {
        return Err(Refusal::NotBuilt(
            "Berth does not carry out 'taskRoleArn' yet: tasks cannot have a role.".to_owned(),
        ));
    }
    let asked = |unbuilt: &&Unbuilt| unbuilt.asks;
    if let Some(unbuilt) = definition.unbuilt.iter().find(asked) {
        return Err(Refusal::NotBuilt(format!(
            "Berth does not carry out '{}' of task definitions yet.",
            unbuilt.member
        )));
    }
    definition.containers.iter().try_for_each(refuse_unbuilt_of_container)
}

fn refuse_unbuilt_of_container(container: &ContainerDefinition) -> Result<(), Refusal> {
    let refuse = |member: &str| {
        let name = &container.name;
        Err(Refusal::NotBuilt(format!(
            "Berth does not carry out '{member}' yet, which container '{name}' asks for."
        )))
    };
    if let Some(unbuilt) = container.unbuilt.iter().find(|unbuilt| unbuilt.asks) {
        return refuse(&unbuilt.member);
    }
    if container
        .port_mappings
        .iter()
        .any(|mapping| mapping.container_port_range.is_some())
    {
        return refuse("portMappings.containerPortRange");
    }
    let Some(log) = &container.log_configuration else {
        return Ok(());
    };
    match log.driver.as_str() {
        "none" => Ok(()),
        "awslogs" => {
            let unbuilt = log
                .options
                .iter()
                .find(|(option, _)| !BUILT_LOG_OPTIONS.contains(&option.as_str()));
            unbuilt.map_or(Ok(()), |(option, _)| {
                refuse(&format!("logConfiguration.options.{option}"))
            })
        }
        driver => refuse(&format!("logConfiguration.logDriver {driver}")),
    }
}

/// The options of the awslogs driver that are carried out.
const BUILT_LOG_OPTIONS: [&str; 6] = [
    "awslogs-group",
    "awslogs-region",
    "awslogs-stream-prefix",
    "awslogs-create-group",
    "mode",
    "max-buffer-size",
];

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
/// Why no machine can take it, machine by machine for the closest ones.
pub fn place_one(
    state: &State,
    networks: &network::State,
    connected: &BTreeSet<InstanceKey>,
    cx: &mut Cx,
    admission: &Admission,
) -> Result<Placed, Vec<Failure>> {
    let definition = state
        .definitions()
        .get(&admission.definition)
        .expect("an admitted definition exists");
    let zones: BTreeMap<&str, &Subnet> = admission
        .interface
        .iter()
        .flat_map(|(subnets, _)| subnets)
        .map(|s| (s.zone.as_str(), s))
        .collect();
    let want = Want {
        cluster: &admission.cluster,
        definition,
        launch_type: admission.launch_type,
        zones: admission.interface.is_some().then(|| zones.keys().copied().collect()),
        group: &admission.group,
        strategy: &admission.strategy,
    };
    let id = place::place(state, connected, cx, &want)?;
    let task = task(state, cx, admission, definition, id);
    let Some((_, groups)) = &admission.interface else {
        return Ok(Placed { task, interface: None });
    };
    let subnet = zones
        .get(task.zone.as_str())
        .expect("placement keeps to the zones of the subnets");
    match interface(networks, cx, &task, subnet, groups) {
        Some(interface) => {
            let task = Task {
                interface: Some((interface.key.id, interface.attachment)),
                ..task
            };
            Ok(Placed {
                task,
                interface: Some(interface),
            })
        }
        None => Err(vec![Failure::of(&task.instance_key(), "RESOURCE:ENI")]),
    }
}

fn task(state: &State, cx: &mut Cx, admission: &Admission, definition: &TaskDefinition, instance: InstanceId) -> Task {
    let ClusterKey { scope, name } = admission.cluster.clone();
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
        changed_at: None,
    };
    let containers = definition.containers.iter().map(container).collect();
    let provisions = admission.interface.is_some();
    Task {
        key,
        family: definition.key.family.clone(),
        revision: definition.key.revision,
        instance,
        zone: zone.unwrap_or_default(),
        launch_type: admission.launch_type,
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
        group: admission.group.clone(),
        started_by: admission.started_by.clone(),
        tags: admission.tags.clone(),
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
) -> Option<Interface> {
    let scope = task.key.scope.clone();
    let address = networks.free_address(cx, &scope, subnet)?;
    let attachment = Uuid::mint(cx, "attachment");
    let holder = Arn::new("ecs", &scope, format!("attachment/{attachment}"));
    Some(Interface {
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
    })
}

/// The change that remembers the request's client token with the tasks that it made.
#[must_use]
pub fn remember(admission: &Admission, cx: &Cx, tasks: &[TaskId]) -> Option<Change> {
    let (key, digest) = admission.token.clone()?;
    let token = ClientToken {
        key,
        digest,
        tasks: tasks.to_vec(),
        used_at: cx.now,
    };
    (!tasks.is_empty()).then_some(Change::ClientToken(Edit::Put(token)))
}

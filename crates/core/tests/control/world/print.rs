//! What happened, in lines: changes, messages, replies. Ids are replaced by the story's names.

use berth_core::control::{Change, Message};
use berth_core::ecs;
use berth_core::ecs::Refusal;
use berth_core::ecs::admit::settings::Held;
use berth_core::ecs::api::Read;
use berth_core::ecs::model::cluster::{Cluster, Insights};
use berth_core::ecs::model::task::Times;
use berth_core::ecs::model::{
    Container, ContainerInstance, ContainerStatus, HealthStatus, Protocol, Task, TaskDefinition, TaskKey,
};
use berth_core::ecs::place::Failure;
use berth_core::ecs::session::ToAgent;
use berth_core::ecs::view::assignment::{AssignedContainer, Assignment, Desired};
use berth_core::ecs::view::{ClusterView, InstanceView, Reply, TaskView};
use berth_core::kernel::{Edit, Tags, Timestamp};
use berth_core::network;

use super::steps::CAPABILITIES;
use super::{BEGIN, World};

impl World {
    /// Prints a line.
    pub(crate) fn say(&mut self, line: &str) {
        let line = self.with_names(line);
        self.printed.push_str(line.trim_end());
        self.printed.push('\n');
    }

    fn with_names(&self, text: &str) -> String {
        let mut text = text.replace("arn:aws:ecs:us-east-1:123456789012:", "arn:");
        for (name, machine) in &self.machines {
            text = text.replace(&machine.key.id.to_string(), name);
        }
        for (at, task) in self.tasks.iter().enumerate() {
            text = text.replace(&task.id.to_string(), &format!("t{}", at + 1));
        }
        text
    }

    fn name_of(&mut self, key: &TaskKey) -> String {
        if !self.tasks.contains(key) {
            self.tasks.push(key.clone());
        }
        self.with_names(&key.id.to_string())
    }

    pub(crate) fn print_change(&mut self, change: &Change) {
        let line = match change {
            Change::Epoch(epoch) => format!("epoch {epoch}"),
            Change::Iam(change) => format!("{change:?}"),
            Change::Ecs(ecs::Change::Cluster(Edit::Put(cluster))) => {
                format!("cluster {} {}", cluster.key.name, cluster.status)
            }
            Change::Ecs(ecs::Change::Family(Edit::Put(family))) => {
                format!("family {} newest {}", family.key.name, family.newest)
            }
            Change::Ecs(ecs::Change::TaskDefinition(Edit::Put(definition))) => {
                let key = &definition.key;
                format!("definition {}:{} {}", key.family, key.revision, definition.status)
            }
            Change::Ecs(ecs::Change::Instance(Edit::Put(instance))) => instance_line(instance),
            Change::Ecs(ecs::Change::Task(Edit::Put(task))) => self.task_line(task),
            Change::Ecs(ecs::Change::Task(Edit::Delete(key))) => format!("task {} forgotten", self.name_of(key)),
            Change::Ecs(ecs::Change::Setting(Edit::Put(setting))) => {
                format!(
                    "setting {} {} of {}",
                    setting.key.name, setting.value, setting.key.principal
                )
            }
            Change::Ecs(ecs::Change::Setting(Edit::Delete(key))) => {
                format!("setting {} of {} forgotten", key.name, key.principal)
            }
            Change::Ecs(ecs::Change::ClientToken(Edit::Put(token))) => {
                format!("token {} remembered", token.key.token)
            }
            Change::Ecs(ecs::Change::ClientToken(Edit::Delete(key))) => format!("token {} forgotten", key.token),
            Change::Network(network::Change::Interface(Edit::Put(interface))) => {
                let zones = network::DefaultNetwork::of(&World::scope());
                let subnet = zones.subnet(interface.subnet).expect("a subnet");
                format!("interface in {}", subnet.zone)
            }
            Change::Network(network::Change::Interface(Edit::Delete(_))) => "interface given back".to_owned(),
            Change::Ecs(ecs::Change::Cluster(Edit::Delete(key))) => format!("cluster {} forgotten", key.name),
            Change::Ecs(ecs::Change::Family(Edit::Delete(key))) => format!("family {} forgotten", key.name),
            Change::Ecs(ecs::Change::TaskDefinition(Edit::Delete(key))) => {
                format!("definition {}:{} forgotten", key.family, key.revision)
            }
            Change::Ecs(ecs::Change::Instance(Edit::Delete(key))) => format!("instance {} forgotten", key.id),
        };
        self.say(&format!("  {line}"));
    }

    /// A new task whole, an old one by what is different.
    fn task_line(&mut self, task: &Task) -> String {
        let name = self.name_of(&task.key);
        let known = self.log.iter().rev().find_map(|change| match change {
            Change::Ecs(ecs::Change::Task(Edit::Put(known))) if known.key == task.key => Some(known),
            Change::Iam(_) | Change::Ecs(_) | Change::Network(_) | Change::Epoch(_) => None,
        });
        match known {
            None => format!(
                "task {name} {} of {}:{} on {} in {} as {}{}, {} cpu, {} MiB, group {}{}",
                task.last_status,
                task.family,
                task.revision,
                task.instance,
                task.zone,
                task.launch_type,
                task.capacity_provider
                    .map_or(String::new(), |provider| format!(" of {provider}")),
                task.cpu.0,
                task.memory.0,
                task.group,
                extras(task)
            ),
            Some(known) => {
                assert!(task.last_status >= known.last_status, "statuses only move forward");
                assert!(
                    task.desired_status >= known.desired_status,
                    "desired statuses only move forward"
                );
                assert_eq!(task.version, known.version + 1, "versions count the changes");
                format!("task {name} v{}{}", task.version, difference(known, task))
            }
        }
    }

    pub(crate) fn print_message(&mut self, message: &Message) {
        let key = message.instance.clone();
        let machine = self.machines.values().find(|machine| machine.key == key);
        let quiet = machine.is_some_and(|machine| machine.answers && machine.connection == message.connection);
        let text = match &message.body {
            ToAgent::Heartbeat { .. } if quiet => return,
            ToAgent::Heartbeat { .. } => "heartbeat".to_owned(),
            ToAgent::Payload { sequence, tasks, .. } => {
                let tasks: Vec<String> = tasks.iter().map(assignment).collect();
                format!("payload {}: {}", number(*sequence), tasks.join(", "))
            }
            ToAgent::Manifest { sequence, tasks, .. } => {
                let tasks: Vec<String> = tasks.iter().map(|(key, desired)| wish(key, *desired)).collect();
                format!("manifest {}: {}", number(*sequence), tasks.join(", "))
            }
            ToAgent::StopVerified { tasks, .. } => {
                let tasks: Vec<String> = tasks.iter().map(|key| key.id.to_string()).collect();
                format!("may stop {}", tasks.join(", "))
            }
            ToAgent::Update { step, release, .. } => {
                format!("{step:?} {} of {}", release.version(), release.location())
            }
            ToAgent::Close => "close".to_owned(),
        };
        self.say(&format!("  {} #{} < {text}", key.id, message.connection));
    }

    pub(crate) fn print_reply(&mut self, reply: &Result<Reply, Refusal>) {
        let line = match reply {
            Err(refusal) => format!("! {refusal:?}"),
            Ok(Reply::Cluster(cluster)) => format!("= {}", cluster_line(cluster)),
            Ok(Reply::Clusters(clusters, failures)) => many(clusters.iter().map(cluster_line), failures),
            Ok(Reply::TaskDefinition(definition)) => format!("= {}", definition_line(definition)),
            Ok(Reply::TaskDefinitions(definitions, failures)) => {
                many(definitions.iter().map(definition_line), failures)
            }
            Ok(Reply::Instance(instance)) => format!("= {}", view_line(instance)),
            Ok(Reply::Instances(instances, failures)) => many(instances.iter().map(view_line), failures),
            Ok(Reply::Task(task)) => format!("= {}", short(task)),
            Ok(Reply::Tasks(tasks, failures)) => many(tasks.iter().map(short), failures),
            Ok(Reply::Page(page)) => {
                let next = page
                    .next
                    .as_ref()
                    .map_or(String::new(), |next| format!("\n  next {next}"));
                format!("= {}{next}", page.items.join(" "))
            }
            Ok(Reply::Providers(found, failures, next)) => {
                let names = found.iter().map(|(arn, provider)| format!("provider {provider} {arn}"));
                let next = next.as_ref().map_or(String::new(), |next| format!("\n  next {next}"));
                format!("{}{next}", many(names, failures))
            }
            Ok(Reply::Attributes(list, next)) => {
                let words = list.iter().map(|(key, one)| match &one.value {
                    Some(value) => format!("{}/{}:{value}", key.id, one.name),
                    None => format!("{}/{}", key.id, one.name),
                });
                let next = next.as_ref().map_or(String::new(), |next| format!("\n  next {next}"));
                format!("= {}{next}", words.collect::<Vec<_>>().join(" "))
            }
            Ok(Reply::Setting(held)) => format!("= {}", setting_line(held)),
            Ok(Reply::Settings(list, next)) => {
                let next = next.as_ref().map_or(String::new(), |next| format!("\n  next {next}"));
                format!("{}{next}", many(list.iter().map(setting_line), &[]))
            }
            Ok(Reply::Tags(tags)) => format!("= {}", tag_words(tags)),
            Ok(Reply::Past(past)) => panic!("the world completes what the history knows: {past:?}"),
            Ok(Reply::Acknowledged) => "= acknowledged".to_owned(),
            Ok(Reply::Join(joined)) => format!("= {joined:?}"),
            Ok(Reply::Remaining(left)) => format!("= {left} left"),
        };
        self.say(&format!("  {line}"));
    }

    /// The checks of a machine, with the moments of their last change and of their last run.
    pub(crate) fn print_health(&mut self, name: &str) {
        let arn = self.machines.get(name).map(|machine| machine.key.arn().to_string());
        let read = Read::DescribeInstances(None, arn.into_iter().collect());
        let Ok(Reply::Instances(views, _)) = self.control.read(&Self::principal(), &Self::scope(), &read) else {
            return;
        };
        for check in views.iter().flat_map(|view| &view.checks) {
            let seconds = |at: Timestamp| at.since_ms(BEGIN) / 1000;
            let why = check.reason.as_ref().map_or(String::new(), |why| format!(" \"{why}\""));
            let (changed, updated) = (seconds(check.changed_at), seconds(check.updated_at));
            self.say(&format!(
                "  = {} {}{why} since={changed} seen={updated}",
                check.kind, check.status
            ));
        }
    }

    /// Seconds since the story began.
    pub(crate) fn clock(&self) -> i64 {
        self.now.since_ms(BEGIN) / 1000
    }
}

fn setting_line(held: &Held) -> String {
    format!("setting {} {} of {}", held.name, held.value, held.principal)
}

fn tag_words(tags: &Tags) -> String {
    let words: Vec<String> = tags.iter().map(|(key, value)| format!("{key}:{value}")).collect();
    if words.is_empty() {
        "no tags".to_owned()
    } else {
        words.join(" ")
    }
}

/// What only some tasks have.
fn extras(task: &Task) -> String {
    let by = task.started_by.iter().map(|who| format!(", by {who}"));
    let tags = task.tags.iter().map(|(key, value)| format!(", {key}={value}"));
    let gpus = task.containers.iter().filter(|container| !container.gpu_ids.is_empty());
    let gpus = gpus.map(|container| format!(", {} has {}", container.name, container.gpu_ids.join(" ")));
    by.chain(tags).chain(gpus).collect()
}

fn many(lines: impl Iterator<Item = String>, failures: &[Failure]) -> String {
    let failures = failures.iter().map(|failure| {
        let arn = failure.arn.as_deref().unwrap_or("-");
        format!("! {arn} {}", failure.reason)
    });
    let lines: Vec<String> = lines.map(|line| format!("= {line}")).chain(failures).collect();
    if lines.is_empty() {
        "= nothing".to_owned()
    } else {
        lines.join("\n  ")
    }
}

fn cluster_line(view: &ClusterView) -> String {
    let (cluster, counts) = (&view.cluster, view.counts);
    format!(
        "cluster {} {} instances={} running={} pending={}{}",
        cluster.key.name,
        cluster.status,
        counts.instances,
        counts.running.total(),
        counts.pending.total(),
        said_of(cluster)
    )
}

/// What was said of a cluster, as far as anything was.
fn said_of(cluster: &Cluster) -> String {
    let mut text = String::new();
    if cluster.insights != Insights::Disabled {
        text += &format!(" insights={}", cluster.insights);
    }
    if let Some(command) = &cluster.command {
        let into = command.log.as_ref().and_then(|log| log.group.as_deref()).unwrap_or("-");
        text += &format!(" log={} into {into}", command.logging);
    }
    if let Some(namespace) = &cluster.namespace {
        text += &format!(" namespace={namespace}");
    }
    if !cluster.providers.is_empty() {
        text += &format!(" {:?}", cluster.providers);
    }
    for item in &cluster.default_strategy {
        text += &format!(" {}:{}:{}", item.provider, item.weight, item.base);
    }
    text
}

fn definition_line(definition: &TaskDefinition) -> String {
    let words = |list: &[ecs::model::LaunchType]| list.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(",");
    let needs = definition
        .requires_attributes
        .iter()
        .map(|one| one.name.rsplit("capability.").next());
    let needs: Vec<&str> = needs.flatten().collect();
    format!(
        "definition {}:{} {} requires [{}] fits [{}] needs [{}]",
        definition.key.family,
        definition.key.revision,
        definition.status,
        words(&definition.requires_compatibilities),
        words(&definition.compatibilities),
        needs.join(" ")
    )
}

fn instance_line(instance: &ContainerInstance) -> String {
    let has = |name: &&str| instance.attribute(name).is_some();
    let capable = CAPABILITIES.iter().all(has).then(|| "capable".to_owned());
    let others = instance
        .attributes
        .iter()
        .filter(|one| capable.is_none() || !CAPABILITIES.contains(&one.name.as_str()));
    let others = others.map(|one| match &one.value {
        Some(value) => format!("{}={value}", one.name),
        None => one.name.clone(),
    });
    let attributes: Vec<String> = capable.clone().into_iter().chain(others).collect();
    let versions = &instance.versions;
    let agent = versions
        .agent
        .as_ref()
        .map_or(String::new(), |agent| format!(" agent {agent}"));
    let update = instance
        .agent_update
        .as_ref()
        .map_or(String::new(), |update| format!(" update {}", update.status));
    format!(
        "instance {} v{} {} {} cpu, {} MiB [{}]{agent}{update}",
        instance.key.id,
        instance.version,
        instance.status,
        instance.registered.cpu.0,
        instance.registered.memory.0,
        attributes.join(" ")
    )
}

fn view_line(view: &InstanceView) -> String {
    let ports = |wanted| {
        let ports = view.remaining.ports.iter().filter(|(protocol, _)| *protocol == wanted);
        ports.map(|(_, port)| port.to_string()).collect::<Vec<_>>().join(",")
    };
    let gpus: Vec<&str> = view.remaining.gpus.iter().map(String::as_str).collect();
    let gpus = (!view.instance.registered.gpus.is_empty()).then(|| format!(" gpus [{}]", gpus.join(",")));
    format!(
        "instance {} {} connected={} running={} pending={} left {} cpu, {} MiB, taken tcp [{}] udp [{}]{}",
        view.instance.key.id,
        view.instance.status,
        view.agent_connected,
        view.running,
        view.pending,
        view.remaining.cpu.0,
        view.remaining.memory.0,
        ports(Protocol::Tcp),
        ports(Protocol::Udp),
        gpus.unwrap_or_default()
    )
}

fn short(view: &TaskView) -> String {
    let task = &view.task;
    let code = task.stop_code.map_or(String::new(), |code| format!(" {code}"));
    let reason = task
        .stopped_reason
        .as_ref()
        .map_or(String::new(), |text| format!(" \"{text}\""));
    let probed = view.parts.iter().any(|part| part.health != HealthStatus::Unknown);
    let parts = view.parts.iter().map(|part| part.health.as_str()).collect::<Vec<_>>();
    let health = format!(" {} [{}]", view.health, parts.join(" "));
    format!(
        "task {} {}/{}{code}{reason}{}",
        task.key.id,
        task.last_status,
        task.desired_status,
        if probed { &health } else { "" }
    )
}

fn assignment(assignment: &Assignment) -> String {
    let containers = assignment.containers.iter();
    let containers: Vec<String> = containers.map(assigned).collect();
    let interface = assignment.interface.as_ref().map_or("", |_| " with its interface");
    format!(
        "{} ({}){interface}",
        wish(&assignment.task, assignment.desired),
        containers.join(" ")
    )
}

/// A container's name, and what of it stories are about if it says so.
fn assigned(container: &AssignedContainer) -> String {
    let definition = &container.definition;
    let command = definition
        .command
        .as_ref()
        .map(|command| format!(" runs {}", command.join(" ")));
    let variables = definition
        .environment
        .iter()
        // It is the same everywhere, and would hide what differs.
        .filter(|(name, _)| name != "AWS_EXECUTION_ENV")
        .map(|(name, value)| format!(" {name}={value}"));
    let gpus = container.gpu_ids.iter().map(|gpu| format!(" with {gpu}"));
    format!(
        "{}{}{}{}",
        definition.name,
        command.unwrap_or_default(),
        variables.collect::<String>(),
        gpus.collect::<String>()
    )
}

fn wish(key: &TaskKey, desired: Desired) -> String {
    match desired {
        Desired::Running => format!("run {}", key.id),
        Desired::Stopped => format!("stop {}", key.id),
    }
}

/// A sequence number as `epoch.n`.
fn number(sequence: u64) -> String {
    format!("{}.{}", sequence >> 32, sequence & u64::from(u32::MAX))
}

fn difference(old: &Task, new: &Task) -> String {
    let mut text = String::new();
    if old.last_status != new.last_status {
        text += &format!(" {}", new.last_status);
    }
    if old.desired_status != new.desired_status {
        text += &format!(" desired {}", new.desired_status);
    }
    if let Some(code) = new.stop_code.filter(|_| old.stop_code != new.stop_code) {
        text += &format!(" {code}");
    }
    if let Some(reason) = new
        .stopped_reason
        .as_ref()
        .filter(|_| old.stopped_reason != new.stopped_reason)
    {
        text += &format!(" \"{reason}\"");
    }
    for ((name, before), (_, after)) in moments(&old.times).into_iter().zip(moments(&new.times)) {
        if let Some(at) = after.filter(|_| before != after) {
            text += &format!(" {name}={}", at.since_ms(BEGIN) / 1000);
        }
    }
    for (before, after) in old.containers.iter().zip(&new.containers) {
        text += &container_difference(before, after);
    }
    text
}

fn container_difference(old: &Container, new: &Container) -> String {
    assert!(new.status >= old.status, "statuses only move forward");
    if old == new {
        return String::new();
    }
    let exit = new.exit_code.map_or(String::new(), |code| format!(" exit {code}"));
    let reason = new.reason.as_ref().map_or(String::new(), |text| format!(" \"{text}\""));
    let ports: Vec<String> = new
        .bindings
        .iter()
        .map(|one| format!(" {}>{}", one.container_port, one.host_port))
        .collect();
    let status: ContainerStatus = new.status;
    format!(" [{} {status}{exit}{reason}{}]", new.name, ports.concat())
}

fn moments(times: &Times) -> [(&'static str, Option<Timestamp>); 7] {
    [
        ("connectivityAt", times.connectivity_at),
        ("pullStartedAt", times.pull_started_at),
        ("pullStoppedAt", times.pull_stopped_at),
        ("startedAt", times.started_at),
        ("stoppingAt", times.stopping_at),
        ("executionStoppedAt", times.execution_stopped_at),
        ("stoppedAt", times.stopped_at),
    ]
}

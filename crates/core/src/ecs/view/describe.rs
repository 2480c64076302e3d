//! The Describe operations: what is found is shown, what is not is named as a failure.

use std::collections::BTreeSet;

use super::past::{Named, Past};
use super::{Answer, ClusterView, InstanceView, PartView, Reply, TaskView};
use crate::ecs::admit::tag;
use crate::ecs::health::Health;
use crate::ecs::model::task::Counted;
use crate::ecs::model::{Cluster, ContainerDefinition, ContainerInstance, CpuMemory, InstanceKey};
use crate::ecs::model::{Resources, Task, TaskDefinition, TaskKey};
use crate::ecs::place::Failure;
use crate::ecs::place::index::Machine;
use crate::ecs::probes::Probes;
use crate::ecs::refer;
use crate::ecs::refusal::Refusal;
use crate::ecs::state::State;
use crate::kernel::{Arn, Scope};
use crate::network;

/// Everything that descriptions are derived from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The facts of ECS.
    pub ecs: &'a State,
    /// The facts of networks.
    pub network: &'a network::State,
    /// The instances whose agents are connected.
    pub connected: &'a BTreeSet<InstanceKey>,
    /// How well the instances are.
    pub health: &'a Health,
    /// How well containers are.
    pub probes: &'a Probes,
}

/// The most things that one call describes.
const MOST: usize = 100;

impl Facts<'_> {
    /// Turns the answer of a write into what is shown.
    ///
    /// # Panics
    /// If the answer names something that is not there: admitted changes are applied before they are shown.
    #[must_use]
    pub fn reply(&self, answer: Answer) -> Reply {
        const APPLIED: &str = "an answer names what was just put";
        match answer {
            Answer::Cluster(key) => {
                Reply::Cluster(Box::new(self.cluster(self.ecs.clusters().get(&key).expect(APPLIED))))
            }
            Answer::TaskDefinition(key) => {
                Reply::TaskDefinition(Box::new(self.ecs.definitions().get(&key).expect(APPLIED).clone()))
            }
            Answer::TaskDefinitions(keys, failures) => {
                let found = |key| self.ecs.definitions().get(key).expect(APPLIED).clone();
                Reply::TaskDefinitions(keys.iter().map(found).collect(), failures)
            }
            Answer::Instance(key) => {
                Reply::Instance(Box::new(self.instance(self.ecs.instances().get(&key).expect(APPLIED))))
            }
            Answer::Instances(keys, failures) => {
                let view = |key| self.instance(self.ecs.instances().get(key).expect(APPLIED));
                Reply::Instances(keys.iter().map(view).collect(), failures)
            }
            Answer::Task(key) => match self.ecs.tasks().get(&key) {
                Some(task) => Reply::Task(Box::new(self.task(task))),
                None => Reply::Past(Box::new(Past::Named(Named::task(key)))),
            },
            Answer::Tasks(keys, failures) => {
                let mut named = Named::tasks(failures);
                for key in keys {
                    // A client token is remembered for longer than a task that is over stays here.
                    let failure = missing(&key.scope, "", &key.arn().to_string());
                    self.name(&mut named, key, failure);
                }
                named.reply()
            }
            Answer::Setting(held) => Reply::Setting(held),
            Answer::Attributes(list) => Reply::Attributes(list, None),
            Answer::Retagged(key) => Reply::Past(Box::new(Past::Named(Named::retagged(key)))),
            Answer::Acknowledged => Reply::Acknowledged,
        }
    }

    /// ListTagsForResource. A task has its tags also when it is over.
    ///
    /// # Errors
    /// Nothing taggable by this ARN.
    pub fn list_tags(&self, scope: &Scope, arn: &str) -> Result<Reply, Refusal> {
        Ok(match tag::find(self.ecs, scope, arn)? {
            tag::Found::Here(target) => Reply::Tags(target.tags().clone()),
            tag::Found::Gone(key) => Reply::Past(Box::new(Past::Named(Named::tags(key)))),
        })
    }

    /// DescribeClusters: `default` if none is named.
    ///
    /// # Errors
    /// More than a hundred names.
    pub fn describe_clusters(&self, scope: &Scope, names: &[String]) -> Result<Reply, Refusal> {
        let wanted = if names.is_empty() {
            &["default".to_owned()][..]
        } else {
            names
        };
        limit(wanted, "clusters")?;
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for name in wanted {
            let key = refer::cluster(scope, Some(name)).ok();
            match key.and_then(|key| self.ecs.clusters().get(&key)) {
                Some(cluster) => found.push(self.cluster(cluster)),
                None => failures.push(missing(scope, "cluster/", name)),
            }
        }
        Ok(Reply::Clusters(found, failures))
    }

    /// DescribeTaskDefinition.
    ///
    /// # Errors
    /// No such definition.
    pub fn describe_definition(&self, scope: &Scope, text: &str) -> Result<Reply, Refusal> {
        let found = refer::definition(scope, text)?.find(self.ecs, scope);
        let definition = found.ok_or(Refusal::DefinitionUnknown)?;
        Ok(Reply::TaskDefinition(Box::new(definition.clone())))
    }

    /// DescribeContainerInstances.
    ///
    /// # Errors
    /// No such cluster, no names, or more than a hundred.
    pub fn describe_instances(&self, scope: &Scope, cluster: Option<&str>, names: &[String]) -> Result<Reply, Refusal> {
        let cluster = &refer::active_cluster(self.ecs, scope, cluster)?.key;
        if names.is_empty() {
            return Err(Refusal::Empty("Container instances"));
        }
        limit(names, "container instances")?;
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for name in names {
            match refer::instance(cluster, name)
                .ok()
                .and_then(|key| self.ecs.instances().get(&key))
            {
                Some(instance) => found.push(self.instance(instance)),
                None => failures.push(missing(scope, &format!("container-instance/{}/", cluster.name), name)),
            }
        }
        Ok(Reply::Instances(found, failures))
    }

    /// DescribeTasks.
    ///
    /// # Errors
    /// No such cluster, no names, more than a hundred, or one that cannot be the name of any task.
    pub fn describe_tasks(&self, scope: &Scope, cluster: Option<&str>, names: &[String]) -> Result<Reply, Refusal> {
        let cluster = &refer::active_cluster(self.ecs, scope, cluster)?.key;
        if names.is_empty() {
            return Err(Refusal::Empty("Tasks"));
        }
        limit(names, "tasks")?;
        let mut named = Named::tasks(Vec::new());
        for name in names {
            let failure = missing(scope, &format!("task/{}/", cluster.name), name);
            match refer::named_task(cluster, name)? {
                Some(key) => self.name(&mut named, key, failure),
                None => named.fail(failure),
            }
        }
        Ok(named.reply())
    }

    /// Puts the task `key` into an answer; `failure` says that there is none.
    fn name(&self, named: &mut Named, key: TaskKey, failure: Failure) {
        match self.ecs.tasks().get(&key) {
            Some(task) => named.here(self.task(task)),
            None => named.gone(key, failure),
        }
    }

    fn cluster(&self, cluster: &Cluster) -> ClusterView {
        ClusterView {
            cluster: cluster.clone(),
            counts: self.ecs.counts(&cluster.key),
        }
    }

    fn instance(&self, instance: &ContainerInstance) -> InstanceView {
        let load = self.ecs.index().load(&instance.key);
        let tasks = load.into_iter().flat_map(|load| load.tasks());
        let tasks: Vec<&Task> = tasks.filter_map(|id| self.ecs.task_on(&instance.key, *id)).collect();
        let count = |counted| tasks.iter().filter(|task| task.count() == Some(counted)).count();
        InstanceView {
            remaining: Resources {
                cpu: load.map(|load| load.free_cpu()).unwrap_or_default(),
                memory: load.map(|load| load.free_memory()).unwrap_or_default(),
                ports: load
                    .into_iter()
                    .flat_map(|load| load.ports())
                    .chain(instance.registered.ports.iter().copied())
                    .collect(),
                gpus: self.free_gpus(&instance.key),
            },
            checks: self.health.of(instance),
            agent_connected: instance.is_registered() && self.connected.contains(&instance.key),
            running: count(Counted::Running),
            pending: count(Counted::Pending),
            instance: instance.clone(),
        }
    }

    /// The GPUs of a machine that no task holds.
    fn free_gpus(&self, key: &InstanceKey) -> BTreeSet<String> {
        let machine = self.ecs.index().machine(key);
        let free = machine.into_iter().flat_map(Machine::free_gpus);
        free.map(str::to_owned).collect()
    }

    /// A task with what its definition says of it.
    pub(crate) fn task(&self, task: &Task) -> TaskView {
        let definition = self.ecs.definitions().get(&task.definition_key());
        let definition = definition.map(|definition| task.effective(definition));
        let definition = definition.as_deref();
        let part = |container: &ContainerDefinition| PartView {
            image: container.image.clone(),
            size: CpuMemory {
                cpu: Some(container.cpu),
                memory: container.memory,
            },
            memory_reservation: container.memory_reservation,
            health: self.probes.of(&task.key, &container.name),
        };
        let size = |definition: &TaskDefinition| CpuMemory {
            cpu: definition.cpu,
            memory: definition.memory,
        };
        TaskView {
            parts: definition
                .into_iter()
                .flat_map(|definition| &definition.containers)
                .map(part)
                .collect(),
            size: definition.map(size).unwrap_or_default(),
            architecture: self
                .ecs
                .instances()
                .get(&task.instance_key())
                .map(ContainerInstance::architecture),
            health: definition
                .map(|definition| self.probes.of_task(&task.key, &definition.containers))
                .unwrap_or_default(),
            task: task.clone(),
        }
    }
}

fn limit(names: &[String], what: &'static str) -> Result<(), Refusal> {
    if names.len() <= MOST {
        Ok(())
    } else {
        Err(Refusal::TooMany { what, most: MOST })
    }
}

/// What was named and is not there, by its ARN.
pub(crate) fn missing(scope: &Scope, kind: &str, name: &str) -> Failure {
    let arn = if name.starts_with("arn:") {
        name.to_owned()
    } else {
        Arn::new("ecs", scope, format!("{kind}{name}")).to_string()
    };
    Failure {
        arn: Some(arn),
        reason: "MISSING".to_owned(),
    }
}

//! Fills the durable store of a control plane that does not run with tasks that run, as the brain itself makes them: instances
//! join, RunTask places, agents report.
//!
//! `cargo xtask bench restart` runs it before it measures a start on such a store. It prints the ARN of one of the tasks.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use berth_core::control::{Change, Control, Event, LinkEvent, Output, State};
use berth_core::ecs::admit::register_instance::RegisterInstance;
use berth_core::ecs::admit::register_task_definition::{ContainerDraft, Draft, PortDraft};
use berth_core::ecs::admit::run_task::RunTask;
use berth_core::ecs::admit::run_task::launch::Launch;
use berth_core::ecs::api::{Submit, Write};
use berth_core::ecs::model::instance::Versions;
use berth_core::ecs::model::{Attribute, ContainerStatus, InstanceKey, NetworkBinding, Protocol, Resources, Task};
use berth_core::ecs::report::{ContainerReport, ReportedStatus, TaskReport};
use berth_core::ecs::view::Reply;
use berth_core::iam::{Identity, Principal};
use berth_core::kernel::{CpuUnits, Cx, MemoryMib, Scope, Timestamp};
use berth_server::store::Store;

/// Tasks of one instance.
const TASKS_OF_INSTANCE: usize = 50;
/// Task definitions.
const DEFINITIONS: usize = 20;
/// Changes of one transaction.
const BATCH: usize = 5_000;

/// `fill DIR TASKS`: DIR is the folder `server/state` of a data directory.
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, tasks] = &arguments[..] else {
        bail!("usage: fill DIR TASKS");
    };
    let mut filler = Filler {
        store: Store::open(Path::new(dir))?,
        control: Control::new(State::default()),
        waiting: Vec::new(),
        turns: 0,
    };
    let task = filler.fill(tasks.parse().context("TASKS is a number")?)?;
    filler.commit()?;
    println!("{task}");
    Ok(())
}

struct Filler {
    store: Store,
    control: Control,
    waiting: Vec<Change>,
    turns: u128,
}

impl Filler {
    fn fill(&mut self, tasks: usize) -> Result<String> {
        self.turn(Event::Started)?;
        for number in 0..DEFINITIONS {
            self.write(Write::RegisterTaskDefinition(definition(number)))?;
        }
        for _ in 0..tasks.div_ceil(TASKS_OF_INSTANCE) {
            self.join()?;
        }
        let (mut made, mut last) = (0, None);
        while made < tasks {
            let run = RunTask {
                launch: Launch {
                    definition: format!("service-{}", made / 10 % DEFINITIONS),
                    started_by: Some("ecs-svc/1234567890123456789".to_owned()),
                    ..Launch::default()
                },
                count: i64::try_from(10.min(tasks - made))?,
                ..RunTask::default()
            };
            let Some(Ok(Reply::Tasks(views, failures))) = self.write(Write::RunTask(run))? else {
                bail!("RunTask is refused");
            };
            ensure!(failures.is_empty(), "there is no room: {failures:?}");
            made += views.len();
            for view in views {
                self.write(Write::Submit(report(&view.task)))?;
                last = Some(view.task.key.arn().to_string());
            }
        }
        last.context("there are no tasks")
    }

    /// An instance joins, and its agent is there.
    fn join(&mut self) -> Result<()> {
        let joined = self.write(Write::RegisterInstance(instance()))?;
        let Some(Ok(Reply::Instance(view))) = joined else {
            bail!("an instance is refused");
        };
        let key: InstanceKey = view.instance.key.clone();
        let opened = LinkEvent::Opened {
            own: true,
            versions: Versions::default(),
        };
        self.turn(Event::Link {
            instance: key,
            connection: 1,
            event: opened,
        })?;
        Ok(())
    }

    fn write(&mut self, write: Write) -> Result<Option<Result<Reply, berth_core::ecs::Refusal>>> {
        let event = Event::Request {
            principal: Principal {
                account: scope().account,
                identity: Identity::Administrator,
            },
            scope: scope(),
            write,
        };
        let output = self.turn(event)?;
        if let Some(Err(refusal)) = &output.reply {
            bail!("refused: {refusal:?}");
        }
        Ok(output.reply)
    }

    fn turn(&mut self, event: Event) -> Result<Output> {
        self.turns += 1;
        let now = Timestamp(1_800_000_000_000);
        let mut output = self.control.handle(&mut Cx::new(now, self.turns), event);
        self.waiting.append(&mut output.changes);
        if self.waiting.len() >= BATCH {
            self.commit()?;
        }
        Ok(output)
    }

    fn commit(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        Ok(self.store.commit(&waiting)?)
    }
}

fn scope() -> Scope {
    Scope {
        account: "012345678910"
            .parse()
            .unwrap_or_else(|_| unreachable!("it has twelve digits")),
        region: "us-east-1"
            .parse()
            .unwrap_or_else(|_| unreachable!("it is well-formed")),
    }
}

/// A container that serves, and one beside it.
fn definition(number: usize) -> Draft {
    let container = |name: &str, port| ContainerDraft {
        name: name.to_owned(),
        image: format!("registry.example.com/team/{name}-{number}:2026-11-20"),
        cpu: 10,
        memory: Some(64),
        environment: (0..10)
            .map(|at| (format!("NAME_{at}"), format!("value {at}")))
            .collect(),
        port_mappings: vec![PortDraft {
            container_port: Some(port),
            ..PortDraft::default()
        }],
        ..ContainerDraft::default()
    };
    Draft {
        family: format!("service-{number}"),
        containers: vec![container("web", 80), container("proxy", 9901)],
        ..Draft::default()
    }
}

fn instance() -> RegisterInstance {
    let capabilities = [
        "com.amazonaws.ecs.capability.docker-remote-api.1.18",
        "ecs.capability.task-eni",
    ];
    let attribute = |name: &str| Attribute {
        name: name.to_owned(),
        value: None,
    };
    RegisterInstance {
        resources: Resources {
            cpu: CpuUnits(64 * 1024),
            memory: MemoryMib(256 * 1024),
            ..Resources::default()
        },
        attributes: capabilities.into_iter().map(attribute).collect(),
        ..RegisterInstance::default()
    }
}

/// What an agent says of a task that has come to run.
fn report(task: &Task) -> Submit {
    let container = |(at, name): (u16, &str)| ContainerReport {
        name: name.to_owned(),
        status: ContainerStatus::Running,
        exit_code: None,
        reason: None,
        runtime_id: Some(format!("{}-{at}", task.key.id)),
        image_digest: Some(format!("sha256:{:064x}", 77)),
        bindings: vec![NetworkBinding {
            bind_ip: "0.0.0.0".into(),
            container_port: 80 + at,
            host_port: 32_768 + at,
            protocol: Protocol::Tcp,
        }],
    };
    Submit {
        cluster: None,
        task: Some(task.key.arn().to_string()),
        report: TaskReport {
            status: Some(ReportedStatus::Running),
            containers: [(0, "web"), (1, "proxy")].into_iter().map(container).collect(),
            ..TaskReport::default()
        },
    }
}

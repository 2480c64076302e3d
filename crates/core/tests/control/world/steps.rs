//! What each line of a story does.

use berth_core::control::{Control, Event, LinkEvent};
use berth_core::ecs::admit::attributes::TargetAttribute;
use berth_core::ecs::admit::cluster::CreateCluster;
use berth_core::ecs::admit::deregister_instance::DeregisterInstance;
use berth_core::ecs::admit::register_instance::RegisterInstance;
use berth_core::ecs::admit::run_task::launch::Launch;
use berth_core::ecs::admit::run_task::{NetworkWish, RunTask};
use berth_core::ecs::admit::start_task::StartTask;
use berth_core::ecs::admit::stop_task::StopTask;
use berth_core::ecs::admit::strategy::PutProviders;
use berth_core::ecs::admit::update_agent::UpdateAgent;
use berth_core::ecs::admit::update_instances_state::UpdateInstancesState;
use berth_core::ecs::api::{Submit, SubmitAttachments, Write};
use berth_core::ecs::health::{CheckKind, CheckReport, CheckStatus};
use berth_core::ecs::model::HealthStatus;
use berth_core::ecs::model::instance::Versions;
use berth_core::ecs::model::{
    AgentRelease, Attribute, InstanceKey, InstanceStatus, LaunchType, Protocol, Resources, TaskKey,
};
use berth_core::ecs::probes::ProbeReport;
use berth_core::ecs::report::{ReportedStatus, TaskReport};
use berth_core::ecs::view::Reply;
use berth_core::kernel::ids::{InstanceId, TaskId};
use berth_core::kernel::{CpuUnits, MemoryMib, Timestamp};
use berth_core::network::DefaultNetwork;

use super::command::Command;
use super::drafts::{
    attribute, cluster_wish, constraints, container_report, draft, launch, pairs, strategy, strategy_drafts,
};
use super::{Machine, World};

/// What every capable agent announces.
pub(crate) const CAPABILITIES: [&str; 13] = [
    "com.amazonaws.ecs.capability.docker-remote-api.1.18",
    "com.amazonaws.ecs.capability.docker-remote-api.1.19",
    "com.amazonaws.ecs.capability.docker-remote-api.1.21",
    "com.amazonaws.ecs.capability.docker-remote-api.1.24",
    "com.amazonaws.ecs.capability.logging-driver.awslogs",
    "com.amazonaws.ecs.capability.logging-driver.json-file",
    "com.amazonaws.ecs.capability.logging-driver.none",
    "ecs.capability.container-health-check",
    "ecs.capability.container-ordering",
    "ecs.capability.container-restart-policy",
    "ecs.capability.execution-role-awslogs",
    "ecs.capability.task-cpu-mem-limit",
    "ecs.capability.task-eni",
];

impl World {
    #[expect(clippy::too_many_lines, reason = "one arm for each word of the language")]
    pub(crate) fn step(&mut self, line: &Command) {
        match line.word(0) {
            "create" => self.write(Write::CreateCluster(CreateCluster {
                name: line.words.get(1).cloned(),
                tags: pairs(&line.list("tags")),
                wish: cluster_wish(line),
                providers: line.get("providers").map(|_| line.list("providers")),
                strategy: line.get("share").map(|_| strategy_drafts(line)),
            })),
            "update" => self.write(Write::UpdateCluster(line.word(1).to_owned(), cluster_wish(line))),
            "providers" => self.write(Write::PutProviders(PutProviders {
                cluster: line.word(1).to_owned(),
                providers: line.words[2..].to_vec(),
                strategy: strategy_drafts(line),
            })),
            "delete" => self.write(Write::DeleteCluster(line.word(1).to_owned())),
            "define" => self.write(Write::RegisterTaskDefinition(draft(line))),
            "undefine" => self.write(Write::DeregisterTaskDefinition(line.word(1).to_owned())),
            "erase" => self.write(Write::DeleteTaskDefinitions(line.words[1..].to_vec())),
            "register" => self.register(line),
            "machine" => {
                self.register(line);
                self.connect(line.word(1), line, true);
            }
            "connect" => self.connect(line.word(1), line, line.has("answers")),
            "close" if line.has("old") => self.close_old(line.word(1)),
            "close" => self.link(line.word(1), LinkEvent::Closed),
            "mute" => self.mute(line.word(1)),
            "ack" => self.acknowledge(line.word(1)),
            "nack" => self.refuse(line.word(1)),
            "offer" => self.offer(line.words.get(1)),
            "hear" => self.link(line.word(1), LinkEvent::Heard),
            "candidates" => self.candidates(line),
            "leave" => self.write(Write::DeregisterInstance(DeregisterInstance {
                cluster: line.owned("cluster"),
                instance: self.instance_text(line.word(1)),
                force: line.has("force"),
            })),
            "renew" => self.write(Write::UpdateAgent(UpdateAgent {
                cluster: line.owned("cluster"),
                instance: self.instance_text(line.word(1)),
            })),
            "turn" => self.write(Write::UpdateInstancesState(UpdateInstancesState {
                cluster: line.owned("cluster"),
                instances: line.words[2..].iter().map(|name| self.instance_text(name)).collect(),
                status: InstanceStatus::from_word(line.word(1)),
            })),
            "run" => self.write(Write::RunTask(self.run_task(line))),
            "start" => self.start_task(line),
            "stop" => self.write(Write::StopTask(StopTask {
                cluster: line.owned("cluster"),
                task: self.task_text(line.word(1)),
                reason: line.owned("reason"),
            })),
            "report" => {
                let report = self.report(line);
                self.write(Write::Submit(report));
            }
            "put" => {
                let list = self.target_attributes(line);
                self.write(Write::PutAttributes(line.owned("cluster"), list));
            }
            "remove" => {
                let list = self.target_attributes(line);
                self.write(Write::DeleteAttributes(line.owned("cluster"), list));
            }
            "set" if line.has("default") => {
                self.write(Write::PutSettingDefault(
                    line.word(1).to_owned(),
                    line.word(2).to_owned(),
                ));
            }
            "set" => self.write(Write::PutSetting(
                line.word(1).to_owned(),
                line.word(2).to_owned(),
                line.owned("of"),
            )),
            "unset" => self.write(Write::DeleteSetting(line.word(1).to_owned(), line.owned("of"))),
            "tag" => self.write(Write::Tag(self.place(line.word(1)), pairs(&line.list("tags")))),
            "untag" => self.write(Write::Untag(self.place(line.word(1)), line.list("keys"))),
            "checked" => self.checked(line),
            "probed" => self.probed(line),
            "attached" => self.submit_attachments(line),
            "wait" => self.wait(line.word(1)),
            "restart" => self.restart(),
            "history" => self.confirms = line.word(1) == "confirms",
            "disk" => self.handle(Event::LowSpace(line.word(1) == "full")),
            "reset" => self.handle(Event::Reset),
            "list" | "describe" => self.read(line),
            other => panic!("the language has no word {other:?}"),
        }
    }

    pub(crate) fn write(&mut self, write: Write) {
        self.handle(Event::Request {
            principal: Self::principal(),
            scope: Self::scope(),
            write,
        });
    }

    fn mute(&mut self, name: &str) {
        if let Some(machine) = self.machines.get_mut(name) {
            (machine.answers, machine.faithful) = (false, false);
        }
    }

    fn register(&mut self, line: &Command) {
        let name = line.word(1);
        let known = self.machines.get(name).map(|machine| machine.key.arn().to_string());
        let bare = line.has("bare");
        let capabilities = CAPABILITIES.iter().filter(|_| !bare).map(|name| attribute(name));
        let described = [
            ("zone", "ecs.availability-zone"),
            ("serves", "berth.launch-types"),
            ("arch", "ecs.cpu-architecture"),
        ];
        let described = described.iter().filter_map(|(member, name)| {
            let value = line.get(member)?;
            let value = if *member == "zone" && value.len() == 1 {
                format!("us-east-1{value}")
            } else {
                value.to_owned()
            };
            Some(Attribute {
                name: (*name).to_owned(),
                value: Some(value),
            })
        });
        let external = line.has("external").then(|| attribute("ecs.capability.external"));
        let custom = line.all("attribute").map(attribute);
        let size = |name, usual| u32::try_from(line.number(name).unwrap_or(usual)).expect("fixtures are well-formed");
        let request = RegisterInstance {
            cluster: line.owned("cluster"),
            instance: line.owned("arn").or(known.filter(|_| line.has("again"))),
            client_token: line.owned("token"),
            resources: Resources {
                cpu: CpuUnits(size("cpu", 1024)),
                memory: MemoryMib(size("memory", 2048)),
                ports: line
                    .list("taken")
                    .iter()
                    .map(|port| (Protocol::Tcp, port.parse().expect("fixtures are well-formed")))
                    .collect(),
                gpus: line.list("gpus").into_iter().collect(),
            },
            attributes: capabilities.chain(described).chain(external).chain(custom).collect(),
            ec2_instance_id: None,
            versions: Versions {
                agent: line.owned("agent"),
                ..Versions::default()
            },
            tags: pairs(&line.list("tags")),
        };
        self.write(Write::RegisterInstance(request));
        if let Some(Ok(Reply::Instance(view))) = &self.reply {
            let key = view.instance.key.clone();
            let machine = Machine::new(key.clone());
            self.machines.entry(name.to_owned()).or_insert(machine).key = key;
            self.name_machine();
        }
    }

    /// The reply was printed before the machine had its name.
    fn name_machine(&mut self) {
        for (name, machine) in &self.machines {
            self.printed = self.printed.replace(&machine.key.id.to_string(), name);
        }
    }

    fn connect(&mut self, name: &str, line: &Command, answers: bool) {
        let Some(machine) = self.machines.get_mut(name) else {
            return;
        };
        self.connections += 1;
        let own = !line.has("stock");
        *machine = Machine {
            connection: self.connections,
            answers,
            faithful: answers,
            ..Machine::new(machine.key.clone())
        };
        let versions = Versions {
            agent: line.owned("agent"),
            ..Versions::default()
        };
        self.link(name, LinkEvent::Opened { own, versions });
    }

    pub(crate) fn link(&mut self, name: &str, event: LinkEvent) {
        let Some(machine) = self.machines.get(name) else { return };
        let (instance, connection) = (machine.key.clone(), machine.connection);
        self.handle(Event::Link {
            instance,
            connection,
            event,
        });
    }

    /// `put m1 name:value | m2 name`: attributes of machines.
    fn target_attributes(&self, line: &Command) -> Vec<TargetAttribute> {
        let first = Command {
            words: line.words[1..].to_vec(),
            ..Command::default()
        };
        let parts = std::iter::once(&first).chain(&line.parts);
        let of_part = |part: &Command| {
            let target = self.instance_text(part.word(0));
            let named = move |text: &String| {
                let Attribute { name, value } = attribute(text);
                TargetAttribute {
                    name,
                    value,
                    target_type: None,
                    target_id: Some(target.clone()),
                }
            };
            part.words[1..].iter().map(named).collect::<Vec<_>>()
        };
        parts.filter(|part| !part.words.is_empty()).flat_map(of_part).collect()
    }

    /// What the connection before the present one says at last.
    fn close_old(&mut self, name: &str) {
        let Some(machine) = self.machines.get(name) else { return };
        let (instance, connection) = (machine.key.clone(), machine.connection - 1);
        self.handle(Event::Link {
            instance,
            connection,
            event: LinkEvent::Closed,
        });
    }

    fn acknowledge(&mut self, name: &str) {
        let Some(machine) = self.machines.get_mut(name) else {
            return;
        };
        for message in std::mem::take(&mut machine.waiting) {
            self.link(name, LinkEvent::Acknowledged(message));
        }
    }

    fn refuse(&mut self, name: &str) {
        let Some(machine) = self.machines.get_mut(name) else {
            return;
        };
        for message in std::mem::take(&mut machine.waiting) {
            self.link(name, LinkEvent::Refused(message));
        }
    }

    /// The operator offers a release of the agent from now on, or none.
    fn offer(&mut self, version: Option<&String>) {
        let release = |version: &String| AgentRelease::new(version, "https://there/agent.tar", &"0".repeat(64));
        let release = version.map(|version| release(version).expect("a release"));
        self.control = self.control.clone().offering(release);
    }

    fn candidates(&mut self, line: &Command) {
        let tasks = line.words[2..].iter().map(|name| self.task_text(name)).collect();
        self.link(line.word(1), LinkEvent::StopCandidates("manifest".to_owned(), tasks));
    }

    /// The ARN of a task; one that nobody knows for a name that the story does not have.
    pub(super) fn task_text(&self, name: &str) -> String {
        let at = name.strip_prefix('t').and_then(|digits| digits.parse::<usize>().ok());
        let Some(at) = at else { return name.to_owned() };
        let known = at.checked_sub(1).and_then(|at| self.tasks.get(at));
        let unknown = || TaskKey {
            scope: Self::scope(),
            cluster: "default".parse().expect("fixtures are well-formed"),
            id: TaskId(at as u128),
        };
        known.cloned().unwrap_or_else(unknown).arn().to_string()
    }

    pub(super) fn instance_text(&self, name: &str) -> String {
        let unknown = || InstanceKey {
            scope: Self::scope(),
            cluster: "default".parse().expect("fixtures are well-formed"),
            id: InstanceId(7),
        };
        let known = self.machines.get(name).map(|machine| machine.key.clone());
        known.unwrap_or_else(unknown).arn().to_string()
    }

    fn network_wish(&self, line: &Command) -> Option<NetworkWish> {
        let network = DefaultNetwork::of(&Self::scope());
        let subnet = |letter: &String| {
            let zone = format!("us-east-1{letter}");
            let found = network.subnets.iter().find(|subnet| subnet.zone == zone);
            found.map_or_else(|| format!("subnet-{letter}"), |subnet| subnet.id.to_string())
        };
        let subnets: Vec<String> = line.list("subnets").iter().map(subnet).collect();
        line.get("subnets").map(|_| NetworkWish {
            subnets,
            security_groups: line.list("groups"),
        })
    }

    /// How a story names machines to StartTask: by their ids, or by whatever it says if it does not have them.
    fn instance_name(&self, name: &str) -> String {
        let known = self.machines.get(name);
        known.map_or_else(|| name.to_owned(), |machine| machine.key.id.to_string())
    }

    fn start_task(&mut self, line: &Command) {
        let start = StartTask {
            launch: Launch {
                network: self.network_wish(line),
                ..launch(line)
            },
            instances: line.list("on").iter().map(|name| self.instance_name(name)).collect(),
        };
        self.write(Write::StartTask(start));
    }

    fn run_task(&self, line: &Command) -> RunTask {
        let digest = line
            .members
            .iter()
            .flat_map(|(name, value)| name.bytes().chain(value.bytes()));
        RunTask {
            launch: Launch {
                network: self.network_wish(line),
                ..launch(line)
            },
            count: line.number("count").unwrap_or(1),
            launch_type: line
                .get("type")
                .map(|word| LaunchType::from_word(word).expect("a launch type")),
            capacity: strategy_drafts(line),
            platform_version: line.owned("platform"),
            client_token: line.owned("token"),
            digest: digest.fold(7, |digest, byte| digest * 31 % 1_000_003 + u128::from(byte)),
            strategy: line.list("strategy").iter().map(|word| strategy(word)).collect(),
            constraints: constraints(line),
        }
    }

    fn report(&self, line: &Command) -> Submit {
        let key = self
            .tasks
            .iter()
            .find(|key| key.arn().to_string() == self.task_text(line.word(1)));
        let task = key.and_then(|key| self.control.state().ecs().tasks().get(key));
        let attachment = task
            .and_then(|task| task.interface)
            .map(|interface| interface.attachment.to_string());
        let at = |name: &str| {
            line.number(name)
                .map(|seconds| Timestamp(super::BEGIN.0 + seconds * 1000))
        };
        let known = ["reason", "pullStarted", "pullStopped", "executionStopped", "cluster"];
        let containers = line.members.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        Submit {
            cluster: line.owned("cluster"),
            task: (!line.has("nothing")).then(|| self.task_text(line.word(1))),
            report: TaskReport {
                status: match line.word(2) {
                    "PENDING" => Some(ReportedStatus::Pending),
                    "RUNNING" => Some(ReportedStatus::Running),
                    "STOPPED" => Some(ReportedStatus::Stopped),
                    _ => None,
                },
                reason: line.owned("reason"),
                containers: containers.map(|(name, value)| container_report(name, value)).collect(),
                attached: attachment.filter(|_| line.has("attached")).into_iter().collect(),
                pull_started_at: at("pullStarted"),
                pull_stopped_at: at("pullStopped"),
                execution_stopped_at: at("executionStopped"),
            },
        }
    }

    /// What an agent says of its checks, as `CONTAINER_RUNTIME=IMPAIRED/why`.
    fn checked(&mut self, line: &Command) {
        let Some(machine) = self.machines.get(line.word(1)) else {
            return;
        };
        let instance = machine.key.clone();
        let report = |(name, value): &(String, String)| {
            let (status, reason) = value
                .split_once('/')
                .map_or((&**value, None), |(word, why)| (word, Some(why)));
            CheckReport {
                kind: CheckKind::from_word(name).expect("a kind of check"),
                status: CheckStatus::from_word(status).expect("a check's status"),
                reason: reason.map(str::to_owned),
            }
        };
        let reports = line.members.iter().map(report).collect();
        self.handle(Event::Checked { instance, reports });
    }

    /// `probed m1 t1 app=HEALTHY`: what an agent says of its tasks' containers.
    fn probed(&mut self, line: &Command) {
        let Some(machine) = self.machines.get(line.word(1)) else {
            return;
        };
        let instance = machine.key.clone();
        let named = self.task_text(line.word(2));
        let Some(task) = self.tasks.iter().find(|key| key.arn().to_string() == named).cloned() else {
            return;
        };
        let status = |(name, word): &(String, String)| {
            let status = HealthStatus::from_word(word).expect("a status of health");
            (name.clone(), status)
        };
        let containers = line.members.iter().map(status).collect();
        let reports = vec![ProbeReport { task, containers }];
        self.handle(Event::Probed { instance, reports });
    }

    /// Says that the interfaces of tasks are in place, without naming the tasks. What is no task is taken for an ARN.
    fn submit_attachments(&mut self, line: &Command) {
        let tasks = self.control.state().ecs().tasks();
        let arn = |name: &String| {
            let task = tasks
                .iter()
                .find(|task| task.key.arn().to_string() == self.task_text(name));
            let attachment = task
                .and_then(|task| task.interface)
                .map(|interface| interface.attachment);
            attachment.map_or(name.clone(), |id| {
                format!("arn:aws:ecs:us-east-1:123456789012:attachment/{id}")
            })
        };
        let attached = line.words[1..].iter().map(arn).collect();
        self.write(Write::SubmitAttachments(SubmitAttachments {
            cluster: line.owned("cluster"),
            attached,
        }));
    }

    /// Lets time pass, and does on the way what is due.
    fn wait(&mut self, span: &str) {
        let (number, unit) = span.split_at(span.len() - 1);
        let unit_ms = match unit {
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            other => panic!("no unit {other:?}"),
        };
        let until = self.now.plus_ms(number.parse::<i64>().expect("a number") * unit_ms);
        while let Some(at) = self.control.next_wakeup().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            let mark = self.printed.len();
            let works = self.tick();
            self.say_time(mark);
            let next = self.control.next_wakeup();
            assert!(
                works || next.is_none_or(|next| next > self.now),
                "a tick does what is due"
            );
        }
        self.now = until;
    }

    /// Puts the time in front of what was printed since `mark`.
    fn say_time(&mut self, mark: usize) {
        if self.printed.len() > mark {
            let time = format!("  {}s\n", self.clock());
            self.printed.insert_str(mark, &time);
        }
    }

    /// The control plane ends without notice and starts from its store.
    fn restart(&mut self) {
        self.control = Control::new(self.reloaded());
        self.handle(Event::Started);
    }
}

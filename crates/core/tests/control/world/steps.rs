//! What each line of a story does.

use berth_core::control::{Control, Event, LinkEvent};
use berth_core::ecs::admit::attributes::TargetAttribute;
use berth_core::ecs::admit::cluster::{ClusterWish, CommandDraft, CreateCluster};
use berth_core::ecs::admit::deregister_instance::DeregisterInstance;
use berth_core::ecs::admit::placement::ConstraintDraft;
use berth_core::ecs::admit::register_instance::RegisterInstance;
use berth_core::ecs::admit::register_task_definition::{ContainerDraft, Draft, PlatformDraft, PortDraft};
use berth_core::ecs::admit::run_task::launch::Launch;
use berth_core::ecs::admit::run_task::overrides::{ContainerOverrideDraft, OverridesDraft};
use berth_core::ecs::admit::run_task::{NetworkWish, RunTask};
use berth_core::ecs::admit::start_task::StartTask;
use berth_core::ecs::admit::stop_task::StopTask;
use berth_core::ecs::admit::strategy::{PutProviders, StrategyDraft};
use berth_core::ecs::admit::update_agent::UpdateAgent;
use berth_core::ecs::admit::update_instances_state::UpdateInstancesState;
use berth_core::ecs::api::{Read, Submit, SubmitAttachments, Write};
use berth_core::ecs::health::{CheckKind, CheckReport, CheckStatus};
use berth_core::ecs::model::cluster::CommandLog;
use berth_core::ecs::model::instance::Versions;
use berth_core::ecs::model::{
    Attribute, ContainerStatus, DefinitionStatus, InstanceKey, InstanceStatus, LaunchType, LogConfiguration,
    NetworkBinding, Protocol, Resources, TaskKey, TaskStatus, Unbuilt,
};
use berth_core::ecs::place::Strategy;
use berth_core::ecs::place::expression::Query;
use berth_core::ecs::report::{ContainerReport, ReportedStatus, TaskReport};
use berth_core::ecs::view::Reply;
use berth_core::ecs::view::attributes::AttributeFilter;
use berth_core::ecs::view::capacity::ProviderFilter;
use berth_core::ecs::view::list::{DefinitionFilter, FamilyFilter, InstanceFilter, PageWish, StatusWish, TaskFilter};
use berth_core::ecs::view::settings::SettingFilter;
use berth_core::kernel::ids::{InstanceId, TaskId};
use berth_core::kernel::{CpuUnits, MemoryMib, Opaque, Timestamp};
use berth_core::network::DefaultNetwork;

use super::command::Command;
use super::{Machine, World};

/// What every capable agent announces.
pub(crate) const CAPABILITIES: [&str; 9] = [
    "com.amazonaws.ecs.capability.docker-remote-api.1.18",
    "com.amazonaws.ecs.capability.docker-remote-api.1.19",
    "com.amazonaws.ecs.capability.docker-remote-api.1.21",
    "com.amazonaws.ecs.capability.logging-driver.awslogs",
    "com.amazonaws.ecs.capability.logging-driver.json-file",
    "com.amazonaws.ecs.capability.logging-driver.none",
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

    fn candidates(&mut self, line: &Command) {
        let tasks = line.words[2..].iter().map(|name| self.task_text(name)).collect();
        self.link(line.word(1), LinkEvent::StopCandidates("manifest".to_owned(), tasks));
    }

    /// The ARN of a task; one that nobody knows for a name that the story does not have.
    fn task_text(&self, name: &str) -> String {
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

    fn instance_text(&self, name: &str) -> String {
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

    #[expect(clippy::too_many_lines, reason = "one arm for each thing that can be read")]
    fn read(&mut self, line: &Command) {
        let named = || line.words[2..].to_vec();
        let page = PageWish {
            limit: line.number("limit"),
            after: line.owned("after").map(|after| self.place(&after)),
        };
        let cluster = line.owned("cluster");
        let read = match (line.word(0), line.word(1)) {
            ("describe", "providers") => Read::DescribeProviders(
                ProviderFilter {
                    names: named(),
                    cluster,
                },
                page,
            ),
            ("list", "attributes") => Read::ListAttributes(
                AttributeFilter {
                    cluster,
                    name: line.owned("name"),
                    value: line.owned("value"),
                },
                page,
            ),
            ("list", "settings") => Read::ListSettings(
                SettingFilter {
                    name: line.owned("name"),
                    value: line.owned("value"),
                    principal: line.owned("of"),
                    effective: line.has("effective"),
                },
                page,
            ),
            ("list", "tags") => Read::ListTags(self.place(line.word(2))),
            ("list", "clusters") => Read::ListClusters(page),
            ("list", "definitions") => Read::ListTaskDefinitions(
                DefinitionFilter {
                    family: line.owned("family"),
                    status: line.get("status").and_then(DefinitionStatus::from_word),
                    descending: line.has("descending"),
                },
                page,
            ),
            ("list", "families") => Read::ListFamilies(
                FamilyFilter {
                    prefix: line.owned("prefix"),
                    active: line.get("status").map(|word| word == "ACTIVE"),
                },
                page,
            ),
            ("list", "instances") => {
                let filter = InstanceFilter {
                    status: line.get("status").and_then(StatusWish::from_word),
                    query: line
                        .get("filter")
                        .map(|text| Query::new(text).expect("fixtures are well-formed")),
                };
                Read::ListInstances(cluster, filter, page)
            }
            ("list", "tasks") => Read::ListTasks(
                cluster,
                TaskFilter {
                    family: line.owned("family"),
                    instance: line.get("on").map(|name| self.instance_text(name)),
                    launch_type: line.get("type").and_then(LaunchType::from_word),
                    desired_status: line.get("desired").and_then(TaskStatus::from_word),
                    started_by: line.owned("by"),
                    service: line.owned("service"),
                    daemon: line.owned("daemon"),
                },
                page,
            ),
            ("describe", "clusters") => Read::DescribeClusters(named()),
            ("describe", "definition") => Read::DescribeTaskDefinition(line.word(2).to_owned()),
            ("describe", "instances") => {
                Read::DescribeInstances(cluster, named().iter().map(|name| self.instance_text(name)).collect())
            }
            ("describe", "health") => return self.print_health(line.word(2)),
            ("describe", "tasks") => {
                Read::DescribeTasks(cluster, named().iter().map(|name| self.task_text(name)).collect())
            }
            other => panic!("nothing reads {other:?}"),
        };
        let reply = self.control.read(&Self::principal(), &Self::scope(), &read);
        let reply = self.complete(reply);
        self.print_reply(&reply);
    }

    /// The place after which a page goes on: an ARN in the story's names.
    fn place(&self, text: &str) -> String {
        let mut text = if text.starts_with("arn:aws:") {
            text.to_owned()
        } else {
            text.replace("arn:", "arn:aws:ecs:us-east-1:123456789012:")
        };
        for (name, machine) in &self.machines {
            text = text.replace(&format!("/{name}"), &format!("/{}", machine.key.id));
        }
        for (at, task) in self.tasks.iter().enumerate().rev() {
            text = text.replace(&format!("/t{}", at + 1), &format!("/{}", task.id));
        }
        text
    }
}

/// What `run` and `start` share: `run web group=g cpu=512 : app command=x env=A:1,B:2 memory=64 | side cpu=10`.
fn launch(line: &Command) -> Launch {
    Launch {
        cluster: line.owned("cluster"),
        definition: line.word(1).to_owned(),
        network: None,
        group: line.owned("group"),
        started_by: line.owned("by"),
        reference_id: line.owned("reference"),
        overrides: OverridesDraft {
            containers: line.parts.iter().map(container_override).collect(),
            cpu: line.owned("cpu"),
            memory: line.owned("memory"),
            execution_role_arn: line.owned("exec"),
            characters: usize::try_from(line.number("characters").unwrap_or(2)).expect("fixtures are well-formed"),
        },
        propagate_tags: line.owned("propagate"),
        managed_tags: line.has("managed"),
        tags: pairs(&line.list("tags")),
        unbuilt: line.list("unbuilt"),
    }
}

fn container_override(part: &Command) -> ContainerOverrideDraft {
    ContainerOverrideDraft {
        name: part.words.first().cloned(),
        command: part.list("command"),
        environment: pairs(&part.list("env")),
        cpu: part.number("cpu"),
        memory: part.number("memory"),
        memory_reservation: part.number("soft"),
        resource_requirements: pairs(&part.list("needs")),
    }
}

fn attribute(text: &str) -> Attribute {
    match text.split_once(':') {
        Some((name, value)) => Attribute {
            name: name.to_owned(),
            value: Some(value.to_owned()),
        },
        None => Attribute {
            name: text.to_owned(),
            value: None,
        },
    }
}

/// What a line says of a cluster: settings as `set=name:value`, `log=LOGGING`, `into=GROUP`, `namespace=NAME`.
fn cluster_wish(line: &Command) -> ClusterWish {
    ClusterWish {
        settings: line.get("set").map(|_| pairs(&line.list("set"))),
        command: line.get("log").map(|logging| CommandDraft {
            kms_key_id: line.owned("kms"),
            logging: Some(logging.to_owned()),
            log: line.get("into").map(|group| CommandLog {
                group: Some(group.to_owned()).filter(|group| !group.is_empty()),
                ..CommandLog::default()
            }),
        }),
        namespace: line.owned("namespace"),
    }
}

/// `share=PROVIDER:WEIGHT:BASE,...`
fn strategy_drafts(line: &Command) -> Vec<StrategyDraft> {
    let draft = |text: String| {
        let mut parts = text.split(':');
        let provider = parts.next().unwrap_or_default().to_owned();
        let mut number = || parts.next().map(|text| text.parse().expect("a number"));
        StrategyDraft {
            provider,
            weight: number(),
            base: number(),
        }
    };
    line.list("share").into_iter().map(draft).collect()
}

fn pairs(list: &[String]) -> Vec<(String, String)> {
    let pair = |text: &String| match text.rsplit_once(':') {
        Some((key, value)) => (key.to_owned(), value.to_owned()),
        None => (text.clone(), String::new()),
    };
    list.iter().map(pair).collect()
}

fn strategy(word: &str) -> Strategy {
    match word {
        "binpack-memory" => Strategy::BinpackMemory,
        "binpack-cpu" => Strategy::BinpackCpu,
        "spread-instance" => Strategy::SpreadInstance,
        "spread-zone" => Strategy::SpreadAttribute("ecs.availability-zone".to_owned()),
        "random" => Strategy::Random,
        other => match other.strip_prefix("spread:") {
            Some(name) => Strategy::SpreadAttribute(name.to_owned()),
            None => panic!("no strategy {other:?}"),
        },
    }
}

/// `distinct`, and each `where="EXPRESSION"`.
fn constraints(line: &Command) -> Vec<ConstraintDraft> {
    let draft = |kind: &str, expression: Option<&str>| ConstraintDraft {
        kind: Some(kind.to_owned()),
        expression: expression.map(str::to_owned),
    };
    let distinct = line
        .has("distinct")
        .then(|| draft("distinctInstance", line.get("distinct")));
    let members = line.all("where").map(|expression| draft("memberOf", Some(expression)));
    distinct.into_iter().chain(members).collect()
}

/// `STATUS`, `STATUS/exit` or `STATUS/exit/reason`, or `STATUS/80>32768` for a port.
fn container_report(name: &str, value: &str) -> ContainerReport {
    let mut parts = value.splitn(3, '/');
    let status = parts
        .next()
        .and_then(ContainerStatus::from_word)
        .expect("a container's status");
    let second = parts.next().unwrap_or_default();
    let binding = second.split_once('>').map(|(inside, host)| NetworkBinding {
        bind_ip: "0.0.0.0".to_owned(),
        container_port: inside.parse().expect("a port"),
        host_port: host.parse().expect("a port"),
        protocol: Protocol::Tcp,
    });
    ContainerReport {
        name: name.to_owned(),
        status,
        exit_code: second.parse().ok(),
        reason: parts.next().map(str::to_owned),
        runtime_id: None,
        image_digest: None,
        bindings: binding.into_iter().collect(),
    }
}

/// A draft from a line such as `define web cpu=256 memory=512 net=awsvpc for=FARGATE : app port=80 | side optional`.
pub(crate) fn draft(line: &Command) -> Draft {
    let plain = Command::parse("define x : app");
    let parts = if line.parts.is_empty() {
        &plain.parts
    } else {
        &line.parts
    };
    let roomy = line.get("memory").is_some();
    Draft {
        family: line.word(1).to_owned(),
        containers: parts
            .iter()
            .filter(|part| !part.has("no-container"))
            .map(|part| container(part, roomy))
            .collect(),
        network_mode: line.owned("net"),
        requires_compatibilities: line.list("for"),
        cpu: line.owned("cpu"),
        memory: line.owned("memory"),
        execution_role_arn: line.owned("exec"),
        task_role_arn: line.owned("role"),
        platform: (line.get("arch").is_some() || line.get("os").is_some()).then(|| PlatformDraft {
            architecture: line.owned("arch"),
            system: line.owned("os"),
        }),
        pid_mode: line.owned("pid"),
        has_host_volumes: line.has("host-volumes"),
        placement_constraints: constraints(line),
        unbuilt: line.all("unbuilt").map(unbuilt).collect(),
        tags: pairs(&line.list("tags")),
        size_bytes: usize::try_from(line.number("bytes").unwrap_or(500)).expect("fixtures are well-formed"),
    }
}

/// A container has 128 MiB unless it or its task says otherwise.
fn container(part: &Command, roomy: bool) -> ContainerDraft {
    let unlimited = part.has("unlimited") || roomy || part.get("soft").is_some();
    ContainerDraft {
        name: part.word(0).to_owned(),
        image: part.get("image").unwrap_or("busybox").to_owned(),
        cpu: part.number("cpu").unwrap_or(0),
        memory: part.number("memory").or((!unlimited).then_some(128)),
        memory_reservation: part.number("soft"),
        essential: part.has("optional").then_some(false),
        entry_point: part.get("entry").map(|_| part.list("entry")),
        command: part.owned("command").map(|command| vec![command]),
        environment: pairs(&part.list("env")),
        port_mappings: part.all("port").map(port).collect(),
        user: None,
        working_directory: None,
        log_configuration: part.get("log").map(|driver| LogConfiguration {
            driver: driver.to_owned(),
            options: pairs(&part.list("options")),
        }),
        stop_timeout_s: part.number("stop"),
        unbuilt: part.all("unbuilt").map(unbuilt).collect(),
    }
}

/// A member that is not carried out; with a `?` behind it, one that asks for nothing.
fn unbuilt(text: &str) -> Unbuilt {
    Unbuilt {
        member: text.trim_end_matches('?').to_owned(),
        value: Opaque("[]".to_owned()),
        asks: !text.ends_with('?'),
    }
}

/// `80`, `8080:80`, `53/udp`, or a range `8000-8010`.
fn port(text: &str) -> PortDraft {
    let (ports, protocol) = text
        .split_once('/')
        .map_or((text, None), |(ports, protocol)| (ports, Some(protocol)));
    let (host, inside) = ports
        .split_once(':')
        .map_or((None, ports), |(host, inside)| (Some(host), inside));
    let number = inside.parse().ok();
    PortDraft {
        container_port: number,
        container_port_range: number.is_none().then(|| inside.to_owned()),
        host_port: host.map(|host| host.parse().expect("a port")),
        protocol: protocol.map(str::to_owned),
        ..PortDraft::default()
    }
}

//! Tells a story by words and prints what the brain makes of it.
//!
//! Commands, one per line; `N` is a task's number, 1 where it is left out:
//! `run [N]`, `stop [N]`, `payload N.. stop N..` · `ok STEP [CONTAINER]`, `fail STEP [CONTAINER] KIND [TEXT]`, `all` (every
//! operation succeeds, every end is told, every report is accepted, until nothing is under way; no time passes) ·
//! `exit NAME CODE`, `oom NAME`, `dies NAME CODE` (its end is not told), `early NAME CODE` (the end comes before the answer of the start) · `accept`, `reject`, `lose` (the report on
//! its way) · `wait SECONDS` · `stubborn NAME` · `sick NAME`, `well NAME` (its probes fail, or not) · `vanish NAME` · `crash`, `reboot` · `manifest SEQ [N]..`, `verify SEQ [N]..`, `registered NAME` ·
//! `stray` (the record of task 1 is lost while the agent is dead) · `shutdown`.

use std::fmt::Write;

use super::draft::{assignment, stop, task_key};
use super::world::World;
use crate::ecs::model::{ContainerStatus, HealthStatus, NetworkBinding, TaskKey};
use crate::ecs::report::{ContainerReport, ReportedStatus, TaskReport};
use crate::ecs::view::assignment::{Assignment, Desired};
use crate::kernel::Timestamp;
use crate::kernel::names::Name;
use crate::node::{
    Answer, Event, Exit, LogMode, ManifestFailure, MessageId, Netns, Op, Output, Save, Step, StepFailure, ToControl,
};
use crate::node::{MountSource, VolumeMount};

/// Runs `story` for tasks of the definition `task` and compares what it prints.
pub(super) fn check(task: &str, story: &str, expected: &expect_test::Expect) {
    expected.assert_eq(&tell(task, story).1);
}

/// Runs `story` and answers the world after it and what was printed.
pub(super) fn tell(task: &str, story: &str) -> (World, String) {
    let mut teller = Teller {
        world: World::new(),
        task: task.to_owned(),
        seq: 0,
        text: String::new(),
    };
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(teller.text, "> {line}").unwrap();
        teller.command(&line.split_whitespace().collect::<Vec<_>>());
    }
    (teller.world, teller.text)
}

struct Teller {
    world: World,
    task: String,
    seq: i64,
    text: String,
}

impl Teller {
    fn command(&mut self, words: &[&str]) {
        let output = match words {
            ["run" | "payload", numbers @ ..] => self.payload(numbers, false),
            ["stop", numbers @ ..] => self.payload(numbers, true),
            ["ok", step @ ..] => {
                let position = self.position(step);
                self.world.answer_op(position, None).1
            }
            ["fail", rest @ ..] => self.fail(rest),
            ["exit", name, code] => self.exit(name, code.parse().unwrap(), false),
            ["oom", name] => self.exit(name, 137, true),
            ["dies", name, code] => {
                let name = Name::new(name);
                return self.world.end(&task_key(1), &name, code.parse().unwrap(), false);
            }
            ["early", name, code] => self.early(name, code.parse().unwrap()),
            ["accept"] => self.world.answer_report(0, Answer::Accepted),
            ["reject"] => self.world.answer_report(0, Answer::Rejected),
            ["lose"] => self.world.answer_report(0, Answer::Failed),
            ["crash"] => self.world.crash(false),
            ["reboot"] => self.world.crash(true),
            ["manifest", seq, numbers @ ..] => self.manifest(seq, numbers),
            ["verify", seq, numbers @ ..] => self.world.handle(Event::StopVerified {
                message: MessageId(format!("manifest-{seq}")),
                tasks: numbers_of(numbers).map(task_key).collect(),
            }),
            ["registered", name] => self.world.handle(Event::Registered {
                instance: (*name).to_owned(),
            }),
            ["stray"] => {
                self.world.disk.remove(&task_key(1)).unwrap();
                self.world.crash(false)
            }
            ["shutdown"] => self.world.handle(Event::Shutdown),
            ["all"] => return self.all(),
            ["wait", seconds] => return self.wait(seconds.parse().unwrap()),
            ["sick", name] => return self.world.sick.push((*name).to_owned()),
            ["well", name] => return self.world.sick.retain(|sick| sick != name),
            ["stubborn", name] => return self.world.stubborn.push((*name).to_owned()),
            ["vanish", name] => {
                let key = (task_key(1), Name::new(name));
                self.world.machine.remove(&key).unwrap();
                return;
            }
            other => panic!("no such command: {other:?}"),
        };
        self.print(&output);
    }

    fn payload(&mut self, numbers: &[&str], stops: bool) -> Output {
        let mut tasks: Vec<Assignment> = Vec::new();
        let mut stopping = stops;
        let numbers = if numbers.is_empty() { &["1"] } else { numbers };
        for word in numbers {
            match *word {
                "stop" => stopping = true,
                number if stopping => tasks.push(stop(number.parse().unwrap())),
                number => tasks.push(assignment(number.parse().unwrap(), &self.task)),
            }
        }
        self.seq += 1;
        self.world.handle(Event::Payload {
            seq: Some(self.seq),
            message: MessageId(format!("payload-{}", self.seq)),
            tasks,
        })
    }

    fn manifest(&mut self, seq: &str, numbers: &[&str]) -> Output {
        let tasks = numbers_of(numbers).map(|number| (task_key(number), Desired::Running));
        self.world.handle(Event::Manifest {
            seq: seq.parse().unwrap(),
            message: MessageId(format!("manifest-{seq}")),
            tasks: tasks.collect(),
        })
    }

    fn position(&self, words: &[&str]) -> usize {
        let wanted = words.join(" ");
        let position = self.world.ops.iter().position(|op| step_text(&op.step()) == wanted);
        position.unwrap_or_else(|| panic!("'{wanted}' is not under way: {:?}", self.world.ops))
    }

    fn fail(&mut self, words: &[&str]) -> Output {
        let kind = words.iter().position(|word| kind(word, "").is_some()).unwrap();
        let position = self.position(&words[..kind]);
        let failure = kind_of(words[kind], &words[kind + 1..].join(" "));
        self.world.answer_op(position, Some(failure)).1
    }

    fn exit(&mut self, name: &str, code: i32, oom: bool) -> Output {
        self.world.end(&task_key(1), &Name::new(name), code, oom);
        self.world.tell_exit(0)
    }

    fn early(&mut self, name: &str, code: i32) -> Output {
        let exit = Exit {
            code: Some(code),
            at: self.world.now,
            oom: false,
        };
        self.world.handle(Event::Exited {
            task: task_key(1),
            container: Name::new(name),
            exit,
        })
    }

    fn all(&mut self) {
        loop {
            let output = if !self.world.ops.is_empty() {
                self.world.answer_op(0, None).1
            } else if !self.world.exits.is_empty() {
                let (_, name, exit) = self.world.exits[0].clone();
                writeln!(self.text, "  ({name} exits {})", exit.code.unwrap()).unwrap();
                self.world.tell_exit(0)
            } else if !self.world.reports.is_empty() {
                self.world.answer_report(0, Answer::Accepted)
            } else {
                return;
            };
            self.print(&output);
        }
    }

    fn wait(&mut self, seconds: i64) {
        let end = self.world.now.plus_ms(seconds * 1000);
        while let Some(at) = self.world.node.next_wakeup().filter(|at| *at <= end) {
            self.world.now = at.max(self.world.now);
            let output = self.world.tick();
            if output != Output::default() {
                writeln!(self.text, "  ({})", moment(self.world.now)).unwrap();
            }
            self.print(&output);
        }
        self.world.now = end;
    }

    fn print(&mut self, output: &Output) {
        for save in &output.save {
            if let Save::Delete(key) = save {
                writeln!(self.text, "  forget {}", number(key)).unwrap();
            }
        }
        if output.health {
            for task in self.world.node.health() {
                let one =
                    |(name, status, ..): &(Name, HealthStatus, Timestamp, Option<String>)| format!(" {name} {status}");
                let containers: String = task.containers.iter().map(one).collect();
                writeln!(self.text, "  {}health:{containers}", prefix(&task.task)).unwrap();
            }
        }
        for op in &output.ops {
            writeln!(self.text, "  {}{}", prefix(op.task()), op_text(op)).unwrap();
        }
        for send in &output.send {
            writeln!(self.text, "  {}", send_text(send)).unwrap();
        }
    }
}

fn numbers_of<'a>(words: &'a [&str]) -> impl Iterator<Item = u32> + 'a {
    words.iter().map(|word| word.parse().unwrap())
}

fn kind_of(word: &str, text: &str) -> StepFailure {
    kind(word, text).unwrap()
}

fn kind(word: &str, text: &str) -> Option<StepFailure> {
    let text = text.to_owned();
    Some(match word {
        "Cancelled" => StepFailure::Cancelled,
        "CannotPull" => StepFailure::CannotPull(text),
        "CannotCreate" => StepFailure::CannotCreate(text),
        "CannotStart" => StepFailure::CannotStart(text),
        "Network" => StepFailure::Network(text),
        "LogGroupMissing" => StepFailure::LogGroupMissing,
        "Resource" => StepFailure::Resource(text),
        "Timeout" => StepFailure::Timeout {
            waited_s: text.parse().unwrap_or(0),
        },
        // What both say is told apart by their names in front.
        "Manifest" | "PinnedManifest" => StepFailure::CannotPullManifest(ManifestFailure {
            by_tag: word == "Manifest",
            docker: text.clone(),
            containerd: format!("failed to resolve: {text}"),
        }),
        "Other" => StepFailure::Other(text),
        _ => return None,
    })
}

fn number(task: &TaskKey) -> u128 {
    task.id.0
}

fn prefix(task: &TaskKey) -> String {
    match number(task) {
        1 => String::new(),
        other => format!("task {other}: "),
    }
}

fn moment(at: Timestamp) -> String {
    format!("at {}.{:03} s", at.0 / 1000, at.0 % 1000)
}

fn step_text(step: &Step) -> String {
    match step {
        Step::SetUpNetwork => "set-up-network".to_owned(),
        Step::CreateCgroup => "create-cgroup".to_owned(),
        Step::CreateVolumes => "create-volumes".to_owned(),
        Step::RemoveVolumes => "remove-volumes".to_owned(),
        Step::Pull(name) => format!("pull {name}"),
        Step::CancelPull(name) => format!("cancel-pull {name}"),
        Step::Connect(name) => format!("connect {name}"),
        Step::PrepareLogs(name) => format!("prepare-logs {name}"),
        Step::Start(name) => format!("start {name}"),
        Step::Probe(name) => format!("probe {name}"),
        Step::Stop(name) => format!("stop {name}"),
        Step::Kill(name) => format!("kill {name}"),
        Step::DrainLogs(name) => format!("drain-logs {name}"),
        Step::Remove(name) => format!("remove {name}"),
        Step::Disconnect(name) => format!("disconnect {name}"),
        Step::TearDownNetwork => "tear-down-network".to_owned(),
        Step::RemoveCgroup => "remove-cgroup".to_owned(),
    }
}

fn op_text(op: &Op) -> String {
    let step = step_text(&op.step());
    match op {
        Op::SetUpNetwork { interface, .. } | Op::TearDownNetwork { interface, .. } => {
            format!("{step} {}", interface.address)
        }
        Op::CreateCgroup { cpu, .. } => format!("{step} cpu={}", cpu.map_or(0, |cpu| cpu.0)),
        Op::Pull { image, .. } => format!("{step} {image}"),
        Op::CreateVolumes { volumes, .. } => {
            step + &volumes
                .iter()
                .map(|volume| format!(" {}", volume.name))
                .collect::<String>()
        }
        Op::Connect { ports, .. } => {
            let ports = ports
                .iter()
                .map(|port| format!(" {}:{}", port.host_port.unwrap_or(0), port.container_port));
            step + &ports.collect::<String>()
        }
        Op::PrepareLogs { logs, .. } => {
            let mode = match logs.mode {
                LogMode::Blocking => "blocking",
                LogMode::NonBlocking { .. } => "non-blocking",
            };
            format!(
                "{step} {} {} {mode}",
                logs.group,
                logs.stream.replace(&"0".repeat(24), "..")
            )
        }
        Op::Start(start) => {
            let netns = match start.netns {
                Netns::Isolated => "isolated",
                Netns::Host => "host",
                Netns::Task => "task",
                Netns::Bridge => "bridge",
            };
            let logs = if start.logs.is_some() { " with logs" } else { "" };
            let again = match start.restarts {
                0 => String::new(),
                times => format!(" again ({times})"),
            };
            let mounts: String = start.mounts.iter().map(mount_text).collect();
            format!("{step}{again} {} on {netns}{logs}{mounts}", start.image_digest)
        }
        Op::Probe { command, .. } => format!("{step}: {}", command.join(" ")),
        Op::CancelPull { .. }
        | Op::Stop { .. }
        | Op::Kill { .. }
        | Op::DrainLogs { .. }
        | Op::Remove { .. }
        | Op::Disconnect { .. }
        | Op::RemoveCgroup { .. }
        | Op::RemoveVolumes { .. } => step,
    }
}

fn mount_text(mount: &VolumeMount) -> String {
    let source = match &mount.source {
        MountSource::Host(path) => path.clone(),
        MountSource::Task(task, name) => format!("task {}'s {name}", number(task)),
        MountSource::Shared(name) => format!("shared {name}"),
    };
    let access = if mount.read_only { " read-only" } else { "" };
    let takes = if mount.takes_over { " taking over" } else { "" };
    format!("\n    {source} at {}{access}{takes}", mount.path)
}

fn send_text(send: &ToControl) -> String {
    match send {
        ToControl::Ack { message } => format!("ack {}", message.0),
        ToControl::StopCandidates { message, tasks } => {
            let tasks: String = tasks.iter().map(|task| format!(" {}", number(task))).collect();
            format!("candidates of {}:{tasks}", message.0)
        }
        ToControl::Report { task, report, number } => {
            format!("{}report {number}: {}", prefix(task), report_text(report))
        }
    }
}

fn report_text(report: &TaskReport) -> String {
    let mut words = Vec::new();
    words.extend(report.status.map(|status| status_text(status).to_owned()));
    words.extend(report.attached.iter().map(|_| "ATTACHED".to_owned()));
    words.extend(report.reason.as_ref().map(|reason| format!("({reason})")));
    words.extend(report.containers.iter().map(container_text));
    if report.status == Some(ReportedStatus::Stopped) {
        let times = [
            ("pulling", report.pull_started_at),
            ("pulled", report.pull_stopped_at),
            ("ended", report.execution_stopped_at),
        ];
        words.extend(
            times
                .iter()
                .filter_map(|(word, at)| at.map(|at| format!("{word} {}", moment(at)))),
        );
    }
    words.join(", ")
}

fn status_text(status: ReportedStatus) -> &'static str {
    match status {
        ReportedStatus::Pending => "PENDING",
        ReportedStatus::Running => "RUNNING",
        ReportedStatus::Stopped => "STOPPED",
    }
}

fn container_text(container: &ContainerReport) -> String {
    let mut text = format!("{} {}", container.name, container.status);
    if let Some(code) = container.exit_code {
        write!(text, " {code}").unwrap();
    }
    if let Some(reason) = &container.reason {
        write!(text, " ({reason})").unwrap();
    }
    if container.status == ContainerStatus::Running {
        let binding = |b: &NetworkBinding| format!(" {}:{}->{}", b.bind_ip, b.host_port, b.container_port);
        text.extend(container.bindings.iter().map(binding));
        assert!(container.runtime_id.as_ref().is_some_and(|id| id.len() == 64) && container.image_digest.is_some());
    }
    text
}

//! Words of the story language as what requests are made of: definitions, overrides, strategies, constraints, reports.

use berth_core::ecs::admit::cluster::{ClusterWish, CommandDraft};
use berth_core::ecs::admit::lifecycle::{HealthCheckDraft, LifecycleDraft, RestartPolicyDraft};
use berth_core::ecs::admit::placement::ConstraintDraft;
use berth_core::ecs::admit::register_task_definition::{ContainerDraft, Draft, PlatformDraft, PortDraft};
use berth_core::ecs::admit::requirements::RequirementDraft;
use berth_core::ecs::admit::run_task::launch::Launch;
use berth_core::ecs::admit::run_task::overrides::{ContainerOverrideDraft, OverridesDraft};
use berth_core::ecs::admit::strategy::StrategyDraft;
use berth_core::ecs::admit::volumes::VolumeDraft;
use berth_core::ecs::model::cluster::CommandLog;
use berth_core::ecs::model::{
    Attribute, ContainerStatus, KernelCapabilities, LinuxParameters, LogConfiguration, NetworkBinding, Protocol,
    Surroundings, Unbuilt,
};
use berth_core::ecs::model::{DockerVolume, MountPoint, Mounts, Volume, VolumeSource, VolumesFrom};
use berth_core::ecs::place::Strategy;
use berth_core::ecs::report::ContainerReport;
use berth_core::kernel::Opaque;

use super::command::Command;

/// What `run` and `start` share: `run web group=g cpu=512 : app command=x env=A:1,B:2 memory=64 | side cpu=10`.
pub(super) fn launch(line: &Command) -> Launch {
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

pub(super) fn container_override(part: &Command) -> ContainerOverrideDraft {
    ContainerOverrideDraft {
        name: part.words.first().cloned(),
        command: part.list("command"),
        environment: pairs(&part.list("env")),
        cpu: part.number("cpu"),
        memory: part.number("memory"),
        memory_reservation: part.number("soft"),
        resource_requirements: needs(part),
    }
}

/// Devices as `TYPE:VALUE`; a value that begins with `~` is a sharing strategy.
fn needs(part: &Command) -> Vec<RequirementDraft> {
    let draft = |(kind, value): (String, String)| match value.strip_prefix('~') {
        Some(sharing) => RequirementDraft {
            kind,
            value: None,
            sharing: Some(Opaque(sharing.to_owned())),
        },
        None => RequirementDraft {
            kind,
            value: Some(value).filter(|value| !value.is_empty()),
            sharing: None,
        },
    };
    pairs(&part.list("needs")).into_iter().map(draft).collect()
}

pub(super) fn attribute(text: &str) -> Attribute {
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
pub(super) fn cluster_wish(line: &Command) -> ClusterWish {
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
pub(super) fn strategy_drafts(line: &Command) -> Vec<StrategyDraft> {
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

pub(super) fn pairs(list: &[String]) -> Vec<(String, String)> {
    let pair = |text: &String| match text.rsplit_once(':') {
        Some((key, value)) => (key.to_owned(), value.to_owned()),
        None => (text.clone(), String::new()),
    };
    list.iter().map(pair).collect()
}

pub(super) fn strategy(word: &str) -> Strategy {
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
pub(super) fn constraints(line: &Command) -> Vec<ConstraintDraft> {
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
pub(super) fn container_report(name: &str, value: &str) -> ContainerReport {
    let mut parts = value.splitn(3, '/');
    let status = parts
        .next()
        .and_then(ContainerStatus::from_word)
        .expect("a container's status");
    let second = parts.next().unwrap_or_default();
    let binding = second.split_once('>').map(|(inside, host)| NetworkBinding {
        bind_ip: "0.0.0.0".into(),
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
        volumes: line.all("volume").map(volume).collect(),
        placement_constraints: constraints(line),
        unbuilt: line.all("unbuilt").map(unbuilt).collect(),
        tags: pairs(&line.list("tags")),
        size_bytes: usize::try_from(line.number("bytes").unwrap_or(500)).expect("fixtures are well-formed"),
    }
}

/// A container has 128 MiB unless it or its task says otherwise.
pub(super) fn container(part: &Command, roomy: bool) -> ContainerDraft {
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
        lifecycle: lifecycle(part),
        resource_requirements: needs(part),
        surroundings: surroundings(part),
        mounts: mounts(part),
        unbuilt: part.all("unbuilt").map(unbuilt).collect(),
    }
}

/// `on=db:HEALTHY`, `begin=9` (startTimeout), `again=60` (restartPolicy), `ignore=1,2`, `health=CMD,true`, `every=30`.
fn lifecycle(part: &Command) -> LifecycleDraft {
    let dependency = |text: &str| {
        let (name, condition) = text.split_once(':').unwrap_or((text, "START"));
        (name.to_owned(), condition.to_owned())
    };
    let code = |text: String| text.parse().expect("a number");
    LifecycleDraft {
        depends_on: part.all("on").map(dependency).collect(),
        start_timeout_s: part.number("begin"),
        restart_policy: part.number("again").map(|period| RestartPolicyDraft {
            enabled: true,
            ignored_exit_codes: part.list("ignore").into_iter().map(code).collect(),
            attempt_period_s: Some(period),
        }),
        health_check: part.get("health").map(|_| HealthCheckDraft {
            command: part.list("health"),
            interval_s: part.number("every"),
            timeout_s: part.number("within"),
            retries: part.number("retries"),
            start_period_s: part.number("grace"),
        }),
    }
}

/// `name`, `name=/path`, `name=docker:SCOPE` (with `:auto`, or `:DRIVER`), `name=efs`, and `name=two` for one in two places.
fn volume(text: &str) -> VolumeDraft {
    let (name, place) = text.split_once('=').unwrap_or((text, ""));
    let mut words = place.split(':');
    let kind = words.next().unwrap_or_default();
    let (scope, extra) = (words.next(), words.next());
    let source = match kind {
        "" | "two" => VolumeSource::Anonymous,
        "docker" => VolumeSource::Docker(DockerVolume {
            autoprovision: (extra == Some("auto")).then_some(true),
            driver: extra
                .filter(|extra| !["auto", "opts"].contains(extra))
                .map(str::to_owned),
            driver_opts: (extra == Some("opts")).then(|| [("o".to_owned(), "uid=1".to_owned())].into()),
            ..DockerVolume::default()
        }),
        "efs" => VolumeSource::Unbuilt {
            member: "efsVolumeConfiguration".to_owned(),
            value: Opaque("{}".to_owned()),
        },
        path => VolumeSource::Host(path.to_owned()),
    };
    VolumeDraft {
        volume: Volume {
            name: name.to_owned(),
            source,
        },
        places: if kind == "two" { 2 } else { 1 },
        scope: scope.map(str::to_owned),
    }
}

/// `mount=VOLUME:/path` and `from=CONTAINER`.
fn mounts(part: &Command) -> Mounts {
    let point = |text: &str| {
        let (volume, path) = text.split_once(':').unwrap_or((text, ""));
        MountPoint {
            volume: volume.to_owned(),
            path: path.to_owned(),
            read_only: None,
        }
    };
    let from = |name: &str| VolumesFrom {
        container: name.to_owned(),
        read_only: None,
    };
    Mounts {
        points: part.all("mount").map(point).collect(),
        from: part.all("from").map(from).collect(),
    }
}

/// `privileged`, `hostname=`, `security=`, `caps=`.
fn surroundings(part: &Command) -> Surroundings {
    let add = part.get("caps").map(|_| part.list("caps"));
    Surroundings {
        privileged: part.has("privileged").then_some(true),
        hostname: part.owned("hostname"),
        docker_security_options: part.get("security").map(|_| part.list("security")),
        linux_parameters: add.map(|add| LinuxParameters {
            capabilities: Some(KernelCapabilities {
                add: Some(add),
                drop: None,
            }),
            ..LinuxParameters::default()
        }),
        ..Surroundings::default()
    }
}

/// A member that is not carried out; with a `?` behind it, one that asks for nothing.
pub(super) fn unbuilt(text: &str) -> Unbuilt {
    Unbuilt {
        member: text.trim_end_matches('?').to_owned(),
        value: Opaque("[]".to_owned()),
        asks: !text.ends_with('?'),
    }
}

/// `80`, `8080:80`, `53/udp`, or a range `8000-8010`.
pub(super) fn port(text: &str) -> PortDraft {
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

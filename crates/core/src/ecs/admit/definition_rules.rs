//! The rules of task definitions: what holds for all, and what FARGATE adds.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::lifecycle;
use super::{surroundings, volumes};
use crate::ecs::model::{ContainerDefinition, LogConfiguration, NetworkMode, PortMapping, TaskDefinition, Unbuilt};
use crate::ecs::refusal::{Fault, LifecycleFault};
use crate::kernel::names::is_ecs_name;
use crate::kernel::{CpuUnits, MemoryMib};

/// The most containers of a definition.
pub const MOST_CONTAINERS: usize = 10;
/// The most bytes of a definition.
pub const MOST_BYTES: usize = 64 * 1024;
/// The least memory of a container, which the kernel needs to start a process.
const LEAST_CONTAINER_MIB: u32 = 6;
/// The start and stop timeouts that FARGATE takes.
const FARGATE_TIMEOUTS_S: RangeInclusive<u32> = 2..=120;

/// The CPU of a task: units (`256`) or processors (`.25 vCPU`).
///
/// # Errors
/// [`Fault::TaskCpu`] for everything else.
pub fn task_cpu(text: &str) -> Result<CpuUnits, Fault> {
    scaled(text, "vcpu", 1024)
        .filter(|units| (128..=196_608).contains(units))
        .map(CpuUnits)
        .ok_or(Fault::TaskCpu)
}

/// The memory of a task: MiB (`512`) or GB (`0.5 GB`).
///
/// # Errors
/// [`Fault::TaskMemory`] for everything else.
pub fn task_memory(text: &str) -> Result<MemoryMib, Fault> {
    scaled(text, "gb", 1024)
        .filter(|mib| *mib > 0)
        .map(MemoryMib)
        .ok_or(Fault::TaskMemory)
}

/// A whole number, or a decimal number of `unit`s of which each is worth `worth`. Exact: no floating point.
fn scaled(text: &str, unit: &str, worth: u128) -> Option<u32> {
    let lower = text.trim().to_ascii_lowercase();
    let Some(number) = lower.strip_suffix(unit) else {
        return lower
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| lower.parse().ok())
            .flatten();
    };
    let (whole, fraction) = number.trim().split_once('.').unwrap_or((number.trim(), ""));
    let digits = |part: &str| part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let number = |part: &str| {
        if part.is_empty() {
            Some(0u128)
        } else {
            part.parse().ok()
        }
    };
    let places = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    let scaled = (number(whole)? * places + number(fraction)?) * worth;
    scaled
        .is_multiple_of(places)
        .then(|| u32::try_from(scaled / places).ok())
        .flatten()
}

/// What holds for every definition.
///
/// # Errors
/// The first rule that is broken.
pub fn check(definition: &TaskDefinition) -> Result<(), Fault> {
    let mut names = BTreeSet::new();
    for container in &definition.containers {
        if !is_ecs_name(&container.name, 255) {
            return Err(Fault::Name(container.name.clone()));
        }
        if !names.insert(container.name.as_str()) {
            return Err(Fault::NameTwice(container.name.clone()));
        }
        memory(container, definition)?;
        ports(container, definition.effective_network_mode())?;
        container.log_configuration.as_ref().map_or(Ok(()), log)?;
    }
    if !definition.containers.iter().any(|container| container.essential) {
        return Err(Fault::NothingEssential);
    }
    volumes::check(definition)?;
    lifecycle::check(definition)?;
    host_ports(definition)?;
    sums(definition)
}

fn memory(container: &ContainerDefinition, definition: &TaskDefinition) -> Result<(), Fault> {
    let name = || container.name.clone();
    match (container.memory, container.memory_reservation) {
        (None, None) if definition.memory.is_none() => Err(Fault::MemoryMissing(name())),
        (Some(limit), Some(reservation)) if reservation > limit => Err(Fault::ReservationAboveLimit(name())),
        (limit, reservation) => {
            let small = |mib: Option<MemoryMib>| mib.is_some_and(|mib| mib.0 < LEAST_CONTAINER_MIB);
            if small(limit) || small(reservation) {
                Err(Fault::MemoryTooSmall(name()))
            } else {
                Ok(())
            }
        }
    }
}

fn ports(container: &ContainerDefinition, mode: NetworkMode) -> Result<(), Fault> {
    let differs = |mapping: &PortMapping| {
        mapping.container_port != 0 && mapping.host_port.is_some_and(|port| port != mapping.container_port)
    };
    match mode {
        NetworkMode::None if !container.port_mappings.is_empty() => Err(Fault::PortsWithoutNetwork),
        NetworkMode::Awsvpc | NetworkMode::Host if container.port_mappings.iter().any(differs) => {
            Err(Fault::PortsDiffer(mode))
        }
        NetworkMode::None | NetworkMode::Awsvpc | NetworkMode::Host | NetworkMode::Bridge => Ok(()),
    }
}

fn host_ports(definition: &TaskDefinition) -> Result<(), Fault> {
    let mut taken = BTreeSet::new();
    match definition.reserved_ports().find(|port| !taken.insert(*port)) {
        Some((_, port)) => Err(Fault::PortTwice(port)),
        None => Ok(()),
    }
}

/// The containers of a task cannot have more than the task.
fn sums(definition: &TaskDefinition) -> Result<(), Fault> {
    let containers = &definition.containers;
    let cpu: u64 = containers.iter().map(|container| u64::from(container.cpu.0)).sum();
    if definition.cpu.is_some_and(|units| cpu > u64::from(units.0)) {
        return Err(Fault::ContainersAboveTask("cpu"));
    }
    let reserved = |container: &ContainerDefinition| container.memory_reservation.map_or(0, |mib| u64::from(mib.0));
    let reserved: u64 = containers.iter().map(reserved).sum();
    let above = |limit: MemoryMib| {
        reserved > u64::from(limit.0)
            || containers
                .iter()
                .any(|container| container.memory.is_some_and(|mib| mib > limit))
    };
    if definition.memory.is_some_and(above) {
        Err(Fault::ContainersAboveTask("memory"))
    } else {
        Ok(())
    }
}

/// The log drivers that ECS knows.
const LOG_DRIVERS: [&str; 9] = [
    "awslogs",
    "awsfirelens",
    "fluentd",
    "gelf",
    "journald",
    "json-file",
    "none",
    "splunk",
    "syslog",
];

/// The options of the awslogs driver.
const AWSLOGS_OPTIONS: [&str; 9] = [
    "awslogs-create-group",
    "awslogs-datetime-format",
    "awslogs-endpoint",
    "awslogs-group",
    "awslogs-multiline-pattern",
    "awslogs-region",
    "awslogs-stream-prefix",
    "max-buffer-size",
    "mode",
];

fn log(log: &LogConfiguration) -> Result<(), Fault> {
    if !LOG_DRIVERS.contains(&log.driver.as_str()) {
        return Err(Fault::Word {
            member: "logDriver",
            word: log.driver.clone(),
        });
    }
    if log.driver != "awslogs" {
        return Ok(());
    }
    let value = |name: &str| {
        log.options
            .iter()
            .find(|(option, _)| option == name)
            .map(|(_, value)| value.as_str())
    };
    for option in ["awslogs-group", "awslogs-region"] {
        if value(option).is_none_or(str::is_empty) {
            return Err(Fault::LogOptionMissing {
                driver: log.driver.clone(),
                option,
            });
        }
    }
    if let Some((option, _)) = log
        .options
        .iter()
        .find(|(option, _)| !AWSLOGS_OPTIONS.contains(&option.as_str()))
    {
        return Err(Fault::LogOptionUnknown {
            driver: log.driver.clone(),
            option: option.clone(),
        });
    }
    let one_of = |option: &str, words: &[&str]| match value(option) {
        Some(word) if !words.contains(&word) => Err(Fault::LogOptionValue {
            option: option.to_owned(),
            value: word.to_owned(),
        }),
        Some(_) | None => Ok(()),
    };
    one_of("awslogs-create-group", &["true", "false"])?;
    one_of("mode", &["blocking", "non-blocking"])
}

/// The sizes of FARGATE tasks: CPU, the least and the most memory, and the step between.
const FARGATE_SIZES: [(u32, u32, u32, u32); 6] = [
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16_384, 1024),
    (4096, 8192, 30_720, 1024),
    (8192, 16_384, 61_440, 4096),
    (16_384, 32_768, 122_880, 8192),
];

fn is_fargate_size(cpu: CpuUnits, memory: MemoryMib) -> Option<bool> {
    if cpu.0 == 256 {
        return Some([512, 1024, 2048].contains(&memory.0));
    }
    let (_, least, most, step) = FARGATE_SIZES.into_iter().find(|(units, ..)| *units == cpu.0)?;
    Some((least..=most).contains(&memory.0) && (memory.0 - least).is_multiple_of(step))
}

/// What FARGATE adds to the rules.
///
/// # Errors
/// The first rule that is broken.
pub fn fargate(definition: &TaskDefinition, pid_mode: Option<&str>) -> Result<(), Fault> {
    if definition.network_mode != Some(NetworkMode::Awsvpc) {
        return Err(Fault::FargateNetworkMode);
    }
    fargate_size(definition)?;
    if let Some(mode) = pid_mode.filter(|mode| *mode != "task") {
        return Err(Fault::FargatePidMode(mode.to_owned()));
    }
    volumes::fargate(&definition.volumes)?;
    if !definition.placement_constraints.is_empty() {
        return Err(Fault::FargateMember("placementConstraints"));
    }
    refuse_members(&definition.unbuilt, &["ipcMode", "inferenceAccelerators"])?;
    fargate_devices(definition)?;
    definition
        .containers
        .iter()
        .try_for_each(|container| fargate_container(container, definition))
}

/// FARGATE shares out no devices.
///
/// # Errors
/// A container asks for one.
pub fn fargate_devices(definition: &TaskDefinition) -> Result<(), Fault> {
    let asks = |container: &ContainerDefinition| !container.resource_requirements.is_empty();
    if definition.containers.iter().any(asks) {
        return Err(Fault::FargateMember("resourceRequirements"));
    }
    Ok(())
}

/// FARGATE has tasks of certain sizes only.
///
/// # Errors
/// The task has no size, or another one.
pub fn fargate_size(definition: &TaskDefinition) -> Result<(), Fault> {
    let cpu = definition.cpu.ok_or(Fault::FargateCpu)?;
    let memory = definition.memory.ok_or(Fault::FargateMemory)?;
    match is_fargate_size(cpu, memory) {
        None => Err(Fault::FargateCpu),
        Some(false) => Err(Fault::FargateSize),
        Some(true) => Ok(()),
    }
}

/// Refuses members that FARGATE does not take, if they ask for something.
fn refuse_members(given: &[Unbuilt], members: &[&'static str]) -> Result<(), Fault> {
    let asked = |member: &&&str| given.iter().any(|one| one.asks && one.member == **member);
    members
        .iter()
        .find(asked)
        .map_or(Ok(()), |member| Err(Fault::FargateMember(member)))
}

fn fargate_container(container: &ContainerDefinition, definition: &TaskDefinition) -> Result<(), Fault> {
    refuse_members(&container.unbuilt, &["links"])?;
    surroundings::fargate(&container.surroundings)?;
    let unfit = |seconds: &u32| !FARGATE_TIMEOUTS_S.contains(seconds);
    if let Some(seconds) = container.stop_timeout_s.filter(unfit) {
        return Err(Fault::StopTimeout(seconds));
    }
    if let Some(seconds) = container.lifecycle.start_timeout_s.filter(unfit) {
        return Err(LifecycleFault::StartTimeout(seconds).into());
    }
    if definition.execution_role_arn.is_none() && is_of_ecr(&container.image) {
        return Err(Fault::FargateImageRole);
    }
    let Some(log) = &container.log_configuration else {
        return Ok(());
    };
    match log.driver.as_str() {
        "awslogs" if definition.execution_role_arn.is_none() => Err(Fault::FargateLogRole),
        "awslogs" | "splunk" | "awsfirelens" => Ok(()),
        driver => Err(Fault::FargateLogDriver(driver.to_owned())),
    }
}

/// Whether an image lies in a private registry of ECR: `ACCOUNT.dkr.ecr.REGION.amazonaws.com/...`, or of another partition.
fn is_of_ecr(image: &str) -> bool {
    let host = image.split_once('/').map_or("", |(host, _)| host);
    let mut parts = host.splitn(5, '.');
    let account = parts.next().unwrap_or_default();
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let service = (parts.next(), parts.next());
    let is_service = matches!(service, (Some("dkr"), Some("ecr" | "ecr-fips")));
    let domain = parts.nth(1).unwrap_or_default();
    is_account && is_service && matches!(domain, "amazonaws.com" | "amazonaws.com.cn")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_tasks_are_exact() {
        assert_eq!(task_cpu("256"), Ok(CpuUnits(256)));
        assert_eq!(task_cpu(".25 vCPU"), Ok(CpuUnits(256)));
        assert_eq!(task_cpu("1 vcpu"), Ok(CpuUnits(1024)));
        for bad in [
            "",
            "vcpu",
            "-1",
            "127",
            "1.0001 vcpu",
            "1,5 vcpu",
            "99999999999 vcpu",
            "0x10",
        ] {
            assert_eq!(task_cpu(bad), Err(Fault::TaskCpu), "{bad}");
        }
        assert_eq!(task_memory("0.5GB"), Ok(MemoryMib(512)));
        assert_eq!(task_memory("2 GB"), Ok(MemoryMib(2048)));
        for bad in ["0", "0 GB", "999999999.999999999 GB", "99999999999", ".GB"] {
            assert_eq!(task_memory(bad), Err(Fault::TaskMemory), "{bad}");
        }
    }

    #[test]
    fn images_of_ecr_are_known_by_their_registry() {
        for (image, wanted) in [
            ("012345678910.dkr.ecr.us-east-1.amazonaws.com/web:1", true),
            ("012345678910.dkr.ecr-fips.us-gov-west-1.amazonaws.com/web", true),
            ("012345678910.dkr.ecr.cn-north-1.amazonaws.com.cn/a/b@sha256:0", true),
            ("012345678910.dkr.ecr.us-east-1.amazonaws.com", false),
            ("01234567891.dkr.ecr.us-east-1.amazonaws.com/web", false),
            ("012345678910.dkr.ecr.us-east-1.example.com/web", false),
            ("public.ecr.aws/docker/library/httpd:2.4", false),
            ("busybox", false),
        ] {
            assert_eq!(is_of_ecr(image), wanted, "{image}");
        }
    }

    #[test]
    fn fargate_has_its_sizes() {
        let fits = |cpu, memory| is_fargate_size(CpuUnits(cpu), MemoryMib(memory));
        assert_eq!(
            (fits(256, 512), fits(256, 3072), fits(300, 512)),
            (Some(true), Some(false), None)
        );
        assert_eq!((fits(4096, 30_720), fits(4096, 31_744)), (Some(true), Some(false)));
        assert_eq!((fits(16_384, 40_960), fits(16_384, 33_792)), (Some(true), Some(false)));
    }
}

//! Decides the options of the `awslogs` log driver into a type.
//!
//! The control plane has refused what is not built; here it is refused again rather than ignored. Nothing here makes
//! a log stream.

use serde::{Deserialize, Serialize};

use super::model::RuntimeId;
use crate::ecs::model::{LogConfiguration, TaskKey};
use crate::kernel::Region;

/// Where a container's output goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsLogs {
    /// The log group.
    pub group: String,
    /// The log stream: `prefix/container/task id`, or the container's runtime id when no prefix is given.
    pub stream: String,
    /// The region of the group; by default the task's.
    pub region: Region,
    /// Whether to make the group if it is not there.
    pub create_group: bool,
    /// What happens to a container that writes faster than its lines can be delivered.
    pub mode: LogMode,
}

/// What happens to a container that writes faster than its lines can be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogMode {
    /// It waits.
    Blocking,
    /// It goes on; lines that do not fit into the buffer are lost.
    NonBlocking {
        /// The size of the buffer.
        max_buffer_bytes: u64,
    },
}

/// The buffer of ECS when none is given: 10 MiB.
const DEFAULT_BUFFER_BYTES: u64 = 10 << 20;

/// Decides `configuration` of the container called `container`.
///
/// # Errors
/// What is wrong, in words for people, when the driver or an option is not carried out.
pub(super) fn decide(
    configuration: &LogConfiguration,
    task: &TaskKey,
    container: &str,
    runtime_id: &RuntimeId,
) -> Result<AwsLogs, String> {
    if configuration.driver != "awslogs" {
        return Err(format!("log driver '{}' is not supported", configuration.driver));
    }
    let mut options = Options::default();
    for (name, value) in &configuration.options {
        options.take(name, value)?;
    }
    let stream = match options.prefix {
        Some(prefix) => format!("{prefix}/{container}/{}", task.id),
        None => runtime_id.to_string(),
    };
    Ok(AwsLogs {
        group: options.group.ok_or("option awslogs-group is required")?,
        stream,
        region: options.region.unwrap_or_else(|| task.scope.region.clone()),
        create_group: options.create_group,
        mode: mode(options.blocking, options.max_buffer_bytes)?,
    })
}

#[derive(Default)]
struct Options {
    group: Option<String>,
    region: Option<Region>,
    prefix: Option<String>,
    create_group: bool,
    blocking: Option<bool>,
    max_buffer_bytes: Option<u64>,
}

impl Options {
    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = || format!("option {name} has the invalid value '{value}'");
        match name {
            "awslogs-group" if !value.is_empty() => self.group = Some(value.to_owned()),
            "awslogs-region" => self.region = Some(value.parse().map_err(|_| wrong())?),
            "awslogs-stream-prefix" if !value.is_empty() => self.prefix = Some(value.to_owned()),
            "awslogs-create-group" => self.create_group = value.parse().map_err(|_| wrong())?,
            "mode" if value == "blocking" => self.blocking = Some(true),
            "mode" if value == "non-blocking" => self.blocking = Some(false),
            "max-buffer-size" => self.max_buffer_bytes = Some(bytes(value).ok_or_else(wrong)?),
            "awslogs-group" | "awslogs-stream-prefix" | "mode" => return Err(wrong()),
            _ => return Err(format!("option {name} is not supported")),
        }
        Ok(())
    }
}

fn mode(blocking: Option<bool>, max_buffer_bytes: Option<u64>) -> Result<LogMode, String> {
    match (blocking, max_buffer_bytes) {
        (Some(true), Some(_)) => Err("option max-buffer-size needs mode non-blocking".to_owned()),
        (Some(true), None) => Ok(LogMode::Blocking),
        (Some(false) | None, size) => Ok(LogMode::NonBlocking {
            max_buffer_bytes: size.unwrap_or(DEFAULT_BUFFER_BYTES),
        }),
    }
}

/// A size in the words of Docker: `512`, `64k`, `4m`, `1g`, with an optional `b`.
fn bytes(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let text = text.strip_suffix('b').unwrap_or(&text);
    let units = [('k', 10), ('m', 20), ('g', 30)];
    let unit = units
        .iter()
        .find_map(|(unit, shift)| text.strip_suffix(*unit).map(|digits| (digits, *shift)));
    let (digits, shift) = unit.unwrap_or((text, 0));
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let count: u64 = if plain { digits.parse().ok()? } else { return None };
    count.checked_mul(1 << shift).filter(|size| *size > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Cx;
    use crate::kernel::Timestamp;
    use crate::kernel::ids::TaskId;
    use crate::kernel::names::Name;

    fn decided(options: &[(&str, &str)]) -> Result<AwsLogs, String> {
        let configuration = LogConfiguration {
            driver: "awslogs".to_owned(),
            options: options
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        };
        let task = TaskKey {
            scope: crate::kernel::Scope {
                account: "123456789012".parse().unwrap(),
                region: "us-east-1".parse().unwrap(),
            },
            cluster: "default".parse().unwrap(),
            id: TaskId::mint(&mut Cx::new(Timestamp(0), 1)),
        };
        let logs = decide(&configuration, &task, "web", &RuntimeId(Name::new("abcd")))?;
        assert!(logs.stream == "abcd" || logs.stream == format!("p/web/{}", task.id));
        Ok(logs)
    }

    #[test]
    fn options_become_a_type() {
        let logs = decided(&[
            ("awslogs-group", "/g"),
            ("awslogs-region", "eu-west-1"),
            ("awslogs-stream-prefix", "p"),
            ("awslogs-create-group", "true"),
            ("max-buffer-size", "25m"),
            ("mode", "non-blocking"),
        ])
        .unwrap();
        assert_eq!(logs.group, "/g");
        assert!(logs.stream.starts_with("p/web/"));
        assert_eq!(logs.region.as_str(), "eu-west-1");
        assert!(logs.create_group);
        let max_buffer_bytes = 25 << 20;
        assert_eq!(logs.mode, LogMode::NonBlocking { max_buffer_bytes });
        assert_eq!(decided(&[("awslogs-group", "/g")]).unwrap().stream, "abcd");
    }

    #[test]
    fn what_is_not_carried_out_is_refused() {
        let refusal = |name, value| decided(&[("awslogs-group", "/g"), (name, value)]).unwrap_err();
        assert_eq!(
            refusal("awslogs-multiline-pattern", "x"),
            "option awslogs-multiline-pattern is not supported"
        );
        assert_eq!(refusal("mode", "fast"), "option mode has the invalid value 'fast'");
        for size in ["", "0", "m", "-1", "1x", "99999999999999g"] {
            assert!(refusal("max-buffer-size", size).contains("max-buffer-size"), "{size}");
        }
        assert_eq!(decided(&[]).unwrap_err(), "option awslogs-group is required");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(
            ["7", "2k", "3kb", "4M", "1g"].map(bytes),
            [Some(7), Some(2 << 10), Some(3 << 10), Some(4 << 20), Some(1 << 30)]
        );
    }
}

//! The options of one container's log, as the logger and a restarted agent find them in its spool.
//!
//! The agent's brain has read them from the task definition; here is no parsing of what people write. What only the
//! API's client needs (region, create-group) is not kept here.

use serde::{Deserialize, Serialize};

use super::event::Destination;

/// How much may wait for shipment in mode `blocking` before the container is made to wait.
const BLOCKING_BUFFER_BYTES: u64 = 64 * 1024 * 1024;

/// What happens when lines come faster than they can be shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "mode")]
pub enum Mode {
    /// The container waits; no line is lost.
    Blocking {
        /// How much may wait for shipment, in bytes on disk.
        buffer_bytes: u64,
    },
    /// The oldest lines are dropped, and counted.
    NonBlocking {
        /// `max-buffer-size`, in bytes on disk.
        max_buffer_bytes: u64,
    },
}

impl Default for Mode {
    fn default() -> Self {
        Self::Blocking {
            buffer_bytes: BLOCKING_BUFFER_BYTES,
        }
    }
}

impl Mode {
    /// How many bytes may wait for shipment.
    #[must_use]
    pub fn buffer_bytes(self) -> u64 {
        match self {
            Self::Blocking { buffer_bytes } => buffer_bytes,
            Self::NonBlocking { max_buffer_bytes } => max_buffer_bytes,
        }
    }
}

/// All that logger and shipper must know of one container's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogOptions {
    /// Where the events go.
    pub destination: Destination,
    /// What happens when they cannot go there quickly enough.
    pub mode: Mode,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_their_file() {
        let options = LogOptions {
            destination: Destination {
                group: "/ecs/web".to_owned(),
                stream: "ecs/web/1".to_owned(),
            },
            mode: Mode::NonBlocking { max_buffer_bytes: 7 },
        };
        let text = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<LogOptions>(&text).unwrap(), options);
    }
}

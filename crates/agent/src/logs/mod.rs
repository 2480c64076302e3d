//! Container logs for the `awslogs` driver, robust against the death of any process.
//!
//! ```text
//! container ──pipes──► logger ──files──► shipper ──PutLogEvents──► CloudWatch Logs
//!                      (a process of     (a task of
//!                      the container's)  the agent's)
//! ```
//!
//! * [`logger`] is a tiny process beside each container, started by containerd's shim, so it outlives containerd and
//!   the agent. It turns bytes into events and appends them to the container's spool.
//! * [`spool`] is a directory per container: segment files of self-checking records, and how far they were shipped.
//! * [`shipper`] sends what the spool holds and remembers how far it came. An agent that starts again goes on where
//!   the last one stopped; it repeats at most the batch that was under way.
//!
//! What it promises: with mode `blocking` no line is lost by the death of the agent, the control plane or containerd;
//! with mode `non-blocking` only what the buffer could not hold, and that is counted. It does not promise anything
//! about a machine that loses power: nothing here waits for the disk.
//!
//! It does not create log groups or streams, and does not know the CloudWatch API: see [`LogSink`].

mod event;
pub mod lines;
pub mod logger;
mod options;
pub mod shipper;
pub mod spool;

pub use event::{Destination, LogEvent, MAX_MESSAGE_BYTES, Source};
pub use logger::{LOGGER_ARGUMENT, logger_main, logger_uri};
pub use options::{LogOptions, Mode};
pub use shipper::{Drained, LogSink, Pace, Shipper, SinkError};

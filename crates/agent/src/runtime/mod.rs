//! The container runtime: a thin driver for containerd ≥ 1.6.
//!
//! Reading order: `daemon` (which containerd: the host's or a private one), `connection` (one
//! channel, reconnecting), `spec` (the plain description of a container), `process` and `users`
//! (Docker's rules for arguments, environment and users), `oci` (the specification that runc
//! reads), `edits` (what devices change of it), `snapshots`, `image_root` and `takeover` (what an image has), `container` (create, kill, delete), `start` and `executed` (once,
//! however often it is tried), `exit` (wait, list), `exec` (a program beside), `cleanup`.
//!
//! Nothing here decides anything about ECS: no statuses, no retries of containers, no reasons.

mod accounts;
mod cleanup;
mod confinement;
mod connection;
mod container;
mod daemon;
mod edits;
mod error;
mod exec;
mod executed;
mod exit;
mod image_root;
mod keyed;
mod oci;
mod oci_confinement;
mod process;
mod seccomp;
mod snapshots;
mod spec;
mod start;
mod takeover;
mod traits;
mod users;

pub use cleanup::{clean_up, stop_private};
pub use confinement::{Confinement, Device, Tmpfs};
pub use connection::Containerd;
pub use container::Created;
pub use daemon::{ContainerdConfig, SocketChoice, namespace_of};
pub use edits::{ContainerEdits, DeviceKind, DeviceNode, EditHook, EditMount, HookName};
pub use error::RuntimeError;
pub(crate) use error::connection_lost;
pub use exec::Executed;
pub use exit::{ContainerInfo, ContainerStatus, Exit};
pub(crate) use keyed::KeyedLocks;
pub use oci::runtime_spec;
pub use process::{ProcessError, ProcessOverrides, parse_signal, resolve_process};
pub use spec::{BindMount, ContainerSpec, NetworkNamespace, Process, Resources, Rlimit, RootImage, Stdio};
pub(crate) use takeover::DATA;
pub use traits::{CgroupVersion, HostTraits};
pub use users::{Accounts, ResolvedUser, UserError};

/// The snapshotter that every image is unpacked with and every container's root file system uses.
pub(crate) const SNAPSHOTTER: &str = "overlayfs";

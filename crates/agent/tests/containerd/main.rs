//! The container runtime and the image pulls against a real containerd: each test starts a private
//! one in a directory of its own, runs containers of a tiny image from a registry of its own, and
//! leaves nothing behind. Needs root, containerd, runc and Debian's busybox-static package.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod beside;
mod image;
mod pulls;
mod recovery;
mod registry;
mod runs;
mod sandbox;
mod starts;

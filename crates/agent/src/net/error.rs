//! What can go wrong with networks, in words that an operator can act on.

use std::fmt::Display;
use std::io;
use std::net::Ipv4Addr;

use super::{Cidr, Protocol};

/// Why a change of the network failed.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The program `nft` was not found.
    #[error(
        "nft is not installed: install the package nftables \
         (Debian, Ubuntu: apt-get install nftables; Fedora, RHEL: dnf install nftables)"
    )]
    NftMissing,
    /// nft ran and refused.
    #[error("nft refused the change: {0}")]
    Nft(String),
    /// A host port is in use, by a task or by any other process. The words are Docker's.
    #[error("Bind for 0.0.0.0:{host_port} failed: port is already allocated")]
    PortAllocated {
        /// The port that was asked for.
        host_port: u16,
        /// Its protocol.
        protocol: Protocol,
    },
    /// Every port of the dynamic range is in use.
    #[error("no host port is free between 49153 and 65535 ({0})")]
    NoFreePort(Protocol),
    /// The bridge's range is used up.
    #[error("no address is free in the bridge's range {0}")]
    NoFreeAddress(Cidr),
    /// Every range that the bridge could take collides with a route of this host.
    #[error("every default range of the bridge collides with a route of this host: choose one that is free")]
    NoFreeRange,
    /// The range asked for cannot be used.
    #[error("the bridge cannot use {wanted}: {reason}")]
    BridgeRange {
        /// The range from the configuration.
        wanted: Cidr,
        /// What stands in its way.
        reason: String,
    },
    /// There is no namespace of this id.
    #[error("there is no network namespace {0:?}")]
    NoNamespace(String),
    /// The namespace has no address on the bridge, so nothing can be published.
    #[error("the network namespace {0:?} is not attached to the bridge")]
    NotOnBridge(String),
    /// A name or number from the caller is not usable.
    #[error("invalid {what}: {value:?}")]
    Invalid {
        /// What was to be named.
        what: &'static str,
        /// What was given.
        value: String,
    },
    /// The kernel refused a step.
    #[error("cannot {step}: {source}")]
    Kernel {
        /// What was tried, as a verb with its object.
        step: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// [`super::Network::remove_all`] was called, maybe on another clone.
    #[error("the network was removed; open it anew")]
    Closed,
    /// The worker thread ended, which happens only after a panic.
    #[error("the network worker has ended")]
    WorkerEnded,
}

impl NetError {
    /// For `map_err`: names the step that failed.
    pub(super) fn at<E: Into<io::Error>>(step: impl Display) -> impl FnOnce(E) -> Self {
        move |source| Self::Kernel {
            step: step.to_string(),
            source: source.into(),
        }
    }

    /// For `map_err` of netlink requests: names the step that failed.
    pub(super) fn netlink(step: impl Display) -> impl FnOnce(rtnetlink::Error) -> Self {
        move |error| Self::Kernel {
            step: step.to_string(),
            source: netlink_io(error),
        }
    }

    /// The error number of the kernel, if it was the kernel that refused.
    pub(super) fn errno(&self) -> Option<i32> {
        if let Self::Kernel { source, .. } = self {
            source.raw_os_error()
        } else {
            None
        }
    }

    pub(super) fn address(what: &'static str, value: Ipv4Addr) -> Self {
        Self::Invalid {
            what,
            value: value.to_string(),
        }
    }
}

fn netlink_io(error: rtnetlink::Error) -> io::Error {
    if let rtnetlink::Error::NetlinkError(message) = error {
        message.to_io()
    } else {
        io::Error::other(error)
    }
}

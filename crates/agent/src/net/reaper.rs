//! Removes links beside the worker: the kernel takes about 30 ms for each, mostly waiting without its lock, and nobody who
//! starts a task should wait for the end of another.

use std::sync::mpsc;
use std::thread;

use super::NetError;
use super::netlink::{self, Netlink};

/// A handle on the thread, which ends when it is dropped and all links are removed.
pub(super) struct Reaper {
    links: mpsc::Sender<u32>,
}

impl Reaper {
    pub(super) fn start() -> Result<Self, NetError> {
        let (links, queue) = mpsc::channel();
        let netlink = Netlink::new()?;
        let body = move || queue.iter().for_each(|index| remove(&netlink, index));
        thread::Builder::new()
            .name("network-reaper".to_owned())
            .spawn(body)
            .map_err(NetError::at("start a thread"))?;
        Ok(Self { links })
    }

    /// Removes the link soon. Its index is not given again before the kernel has counted through all of them.
    pub(super) fn take(&self, index: u32) {
        self.links.send(index).expect("the reaper ends after its handle");
    }
}

/// What fails here is found again when the network is opened the next time.
fn remove(netlink: &Netlink, index: u32) {
    if let Err(error) = netlink.on_host(async |host| netlink::delete_link(host, index).await) {
        tracing::warn!(%error, index, "a link of a removed namespace stays");
    }
}

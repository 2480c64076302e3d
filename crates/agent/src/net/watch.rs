//! Notices when somebody else changes our table of the packet filter: `nft flush ruleset`, as reloading Debian's
//! nftables.service does, takes it away with every published port. What to do then is the engine's business.
//!
//! The kernel tells every transaction to whoever listens: what it changed, then the process that made it. Its number is not
//! ours to understand in a process namespace, so that a transaction of our own may look like somebody else's.

use std::io::{self, ErrorKind, PipeReader, PipeWriter, pipe};
use std::os::fd::AsFd as _;
use std::thread;

use nix::libc::{ENOBUFS, NETLINK_NETFILTER};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rtnetlink::sys::Socket;

use super::NetError;
use super::nfnetlink::{FAMILY, find, messages};
use super::worker::WeakWorker;

// Of <linux/netfilter/nfnetlink.h> and nf_tables.h.
const GROUP_NFTABLES: u32 = 7;
const SUBSYSTEM_NFTABLES: u16 = 10;
const NEW_GENERATION: u16 = 15;
const GENERATION_PROCESS: u16 = 2;
/// Every object names its table in its first attribute.
const TABLE: u16 = 1;
/// Whoever changes much at once is looked at once.
const PAUSE_MS: u16 = 200;

/// A socket on which the kernel tells of changes in the network namespace of the calling thread.
pub(super) fn listen() -> Result<Socket, NetError> {
    let open = || -> io::Result<Socket> {
        let mut socket = Socket::new(isize::try_from(NETLINK_NETFILTER).expect("a small constant"))?;
        socket.bind_auto()?;
        socket.add_membership(GROUP_NFTABLES)?;
        socket.set_non_blocking(true)?;
        Ok(socket)
    };
    open().map_err(NetError::at("listen for changes of the packet filter"))
}

/// The thread that listens. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    _over: PipeWriter,
}

impl Watch {
    /// Has the engine look at `table` after each change of it, unless the engine made that itself.
    pub(super) fn start(socket: Socket, table: String, worker: WeakWorker) -> Result<Self, NetError> {
        let failed = || NetError::at("watch the packet filter");
        let (over, _over) = pipe().map_err(failed())?;
        let watching = move || {
            if let Err(error) = watch(&socket, &over, &table, &worker) {
                tracing::warn!(%error, "changes of the packet filter are noticed no more");
            }
        };
        let thread = thread::Builder::new().name("packet-filter".to_owned());
        thread.spawn(watching).map_err(failed())?;
        Ok(Self { _over })
    }
}

fn watch(socket: &Socket, over: &PipeReader, table: &str, worker: &WeakWorker) -> io::Result<()> {
    loop {
        let mut ready = [socket.as_fd(), over.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        poll(&mut ready, PollTimeout::NONE)?;
        if ready[1].any() == Some(true) {
            return Ok(());
        }
        let changers = changers(socket, table)?;
        if changers.is_empty() {
            continue;
        }
        worker.post(move |engine| engine.look_after(&changers));
        poll(&mut [PollFd::new(over.as_fd(), PollFlags::POLLIN)], PAUSE_MS)?;
    }
}

/// Who has changed the table: reads all that there is to read. An unknown process is 0.
fn changers(socket: &Socket, table: &str) -> io::Result<Vec<u32>> {
    let mut changers = Vec::new();
    let mut touched = false;
    loop {
        match socket.recv_from_full() {
            Ok((datagram, _)) => read(&datagram, table, &mut touched, &mut changers),
            // A transaction may come in pieces; its end, which names the process, is told in the same moment.
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            // More was told than we could keep.
            Err(error) if error.raw_os_error() == Some(ENOBUFS) => touched = true,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if touched {
        changers.push(0);
    }
    Ok(changers)
}

fn read(datagram: &[u8], table: &str, touched: &mut bool, changers: &mut Vec<u32>) {
    let of_nftables = |kind: u16| (kind >> 8 == SUBSYSTEM_NFTABLES).then_some(kind & 0xff);
    for (kind, body) in messages(datagram) {
        let (Some(kind), Some(attributes)) = (of_nftables(kind), body.get(FAMILY..)) else {
            continue;
        };
        if kind != NEW_GENERATION {
            let named = find(attributes, TABLE).and_then(|name| name.strip_suffix(&[0]));
            *touched |= named == Some(table.as_bytes());
        } else if std::mem::take(touched) {
            let process = find(attributes, GENERATION_PROCESS).and_then(|number| number.first_chunk());
            changers.push(process.map_or(0, |number| u32::from_be_bytes(*number)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + payload.len()).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn message(kind: u16, attributes: &[u8]) -> Vec<u8> {
        let length = u32::try_from(20 + attributes.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend((SUBSYSTEM_NFTABLES << 8 | kind).to_ne_bytes());
        bytes.extend([0; 14]);
        bytes.extend(attributes);
        bytes
    }

    #[test]
    fn who_changes_our_table_is_named_and_others_are_not() {
        let end = |process: u32| {
            let attributes = [
                attribute(1, &[0; 4]),
                attribute(GENERATION_PROCESS, &process.to_be_bytes()),
            ];
            message(NEW_GENERATION, &attributes.concat())
        };
        let (ours, theirs) = (
            message(2, &attribute(TABLE, b"berth-x\0")),
            message(2, &attribute(TABLE, b"other\0")),
        );
        let datagrams = [theirs, end(1), ours.clone(), end(2), end(3), ours];
        let (mut touched, mut changers) = (false, Vec::new());
        for datagram in &datagrams {
            read(datagram, "berth-x", &mut touched, &mut changers);
        }
        assert_eq!(
            (touched, changers),
            (true, vec![2]),
            "the last one has not been told whole"
        );
        read(&[1, 2, 3], "berth-x", &mut touched, &mut Vec::new());
    }
}

//! Makes the kernel forget UDP connections to host ports whose meaning changes.
//!
//! A "connection" of UDP lives as long as its client keeps sending, and its translation is chosen once, by the first
//! packet. A client that sends to a port all the time (syslog, statsd) would for ever reach the container that had the
//! port before, or none at all if it began before the port was published. TCP needs none of this: a dead peer ends it.

use std::io;

use nix::libc::{AF_INET, IPPROTO_UDP, NETLINK_NETFILTER};
use rtnetlink::sys::{Socket, SocketAddr};

use super::Protocol;
use super::firewall::HostPort;
use super::nfnetlink::{FAMILY, HEADER, attributes, find, messages};

const GET: u16 = 1 << 8 | 1;
const DELETE: u16 = 1 << 8 | 2;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const REQUEST_DUMP: u16 = 0x301;
const REQUEST_ACK: u16 = 0x005;
/// Bytes of a netlink header and of the netfilter header behind it.
const PREFIX: usize = HEADER + FAMILY;

// Attribute types of <linux/netfilter/nfnetlink_conntrack.h>.
const TUPLE_ORIGINAL: u16 = 1;
const ZONE: u16 = 18;
const TUPLE_PROTOCOL: u16 = 2;
const PROTOCOL_NUMBER: u16 = 1;
const DESTINATION_PORT: u16 = 3;

/// Forgets the connections to published ports. Not a reason to fail: without it old clients of a UDP port are late,
/// nothing else.
pub(super) fn forget<'a>(ports: impl Iterator<Item = &'a HostPort>) {
    let udp: Vec<u16> = ports
        .filter(|port| port.0 == Protocol::Udp)
        .map(|port| port.1)
        .collect();
    if let Err(error) = forget_udp(&udp) {
        tracing::warn!(%error, "the kernel keeps old UDP connections of a published port");
    }
}

/// Forgets all IPv4 UDP connections to the destination ports `ports`, however they are translated. An answer that is on
/// its way through one of them may be lost, as UDP allows.
fn forget_udp(ports: &[u16]) -> io::Result<()> {
    if ports.is_empty() {
        return Ok(());
    }
    let mut socket = Socket::new(isize::try_from(NETLINK_NETFILTER).expect("a small constant"))?;
    socket.bind_auto()?;
    for connection in dump(&socket)? {
        if udp_port(&connection).is_some_and(|port| ports.contains(&port)) {
            delete(&socket, &connection)?;
        }
    }
    Ok(())
}

/// The attributes of every connection.
fn dump(socket: &Socket) -> io::Result<Vec<Vec<u8>>> {
    send(socket, &request(GET, REQUEST_DUMP, &[]))?;
    let mut connections = Vec::new();
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        for (kind, body) in messages(&datagram) {
            match kind {
                DONE => return Ok(connections),
                ERROR => return Err(refusal(body).unwrap_or_else(|| io::Error::other("unexpected acknowledgement"))),
                _ => connections.push(body.get(FAMILY..).unwrap_or_default().to_vec()),
            }
        }
    }
}

/// A connection is named by its original tuple and its zone; the kernel takes them back as it gave them.
fn delete(socket: &Socket, connection: &[u8]) -> io::Result<()> {
    let name: Vec<u8> = attributes(connection)
        .filter(|attribute| [TUPLE_ORIGINAL, ZONE].contains(&attribute.kind))
        .flat_map(|attribute| attribute.padded.iter().copied())
        .collect();
    send(socket, &request(DELETE, REQUEST_ACK, &name))?;
    let (datagram, _) = socket.recv_from_full()?;
    let refused = messages(&datagram).find_map(|(_, body)| refusal(body));
    // One that ended by itself meanwhile is forgotten just as well.
    refused
        .filter(|error| error.kind() != io::ErrorKind::NotFound)
        .map_or(Ok(()), Err)
}

fn send(socket: &Socket, message: &[u8]) -> io::Result<()> {
    socket.send_to(message, &SocketAddr::new(0, 0), 0).map(drop)
}

fn request(kind: u16, flags: u16, attributes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(PREFIX + attributes.len()).expect("a request of a few bytes");
    let mut message = Vec::with_capacity(PREFIX + attributes.len());
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend([0; 8]); // sequence number and port: one request at a time
    message.extend([u8::try_from(AF_INET).expect("a small constant"), 0, 0, 0]);
    message.extend(attributes);
    message
}

fn refusal(body: &[u8]) -> Option<io::Error> {
    let code = i32::from_ne_bytes(*body.first_chunk()?);
    (code != 0).then(|| io::Error::from_raw_os_error(-code))
}

/// The original destination port of a UDP connection.
fn udp_port(connection: &[u8]) -> Option<u16> {
    let protocol = find(find(connection, TUPLE_ORIGINAL)?, TUPLE_PROTOCOL)?;
    let is_udp = find(protocol, PROTOCOL_NUMBER)?.first().copied().map(i32::from) == Some(IPPROTO_UDP);
    let port = find(protocol, DESTINATION_PORT)?
        .first_chunk()
        .map(|bytes| u16::from_be_bytes(*bytes));
    port.filter(|_| is_udp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(u16::try_from(4 + payload.len()).unwrap().to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn connection(protocol: u8) -> Vec<u8> {
        let number = attribute(PROTOCOL_NUMBER, &[protocol]);
        let port = attribute(DESTINATION_PORT, &514u16.to_be_bytes());
        let nested = attribute(TUPLE_PROTOCOL | 0x8000, &[number, port].concat());
        [attribute(TUPLE_ORIGINAL | 0x8000, &nested), attribute(3, &[1])].concat()
    }

    #[test]
    fn the_port_of_a_udp_connection_is_read() {
        assert_eq!(udp_port(&connection(17)), Some(514));
        assert_eq!(udp_port(&connection(6)), None);
        assert_eq!(udp_port(&[]), None);
        assert_eq!(udp_port(&[9, 0, 1]), None);
    }

    #[test]
    fn messages_are_cut_from_a_datagram_and_rubbish_ends_it() {
        let datagram = [request(GET, 0, &connection(17)), request(DONE, 0, &[])].concat();
        let found: Vec<_> = messages(&datagram).collect();
        assert_eq!(found.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [GET, DONE]);
        assert_eq!(udp_port(&found[0].1[4..]), Some(514));
        assert_eq!(messages(&datagram[..30]).count(), 0);
        assert_eq!(messages(&[0; 40]).count(), 0);
    }
}

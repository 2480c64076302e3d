//! Kernel parameters, written through /proc in the network namespace of the calling thread.

use std::fs;
use std::io::{self, ErrorKind};

use super::NetError;

/// Sets a parameter, given as its path below /proc/sys. One that this kernel does not have (IPv6 switched off) is left
/// out; everything that Berth cannot do without is read back with [`get`] or fails elsewhere.
pub(super) fn set(name: &str, value: &str) -> io::Result<()> {
    match fs::write(format!("/proc/sys/{name}"), value) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        written => written,
    }
}

/// Sets a parameter of one interface of the host.
pub(super) fn set_interface(family: &str, interface: &str, name: &str, value: &str) -> Result<(), NetError> {
    let name = format!("net/{family}/conf/{interface}/{name}");
    set(&name, value).map_err(NetError::at(format!("set {name} to {value}")))
}

/// The value of a parameter without the line's end; `None` if this kernel does not have it.
pub(super) fn get(name: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/sys/{name}"))
        .ok()
        .map(|value| value.trim_end().to_owned())
}

/// Lets the host forward IPv4 packets, without which no container is reachable. The switch stays on when Berth leaves:
/// others (Docker, VPNs) may have come to rely on it meanwhile, and nobody can tell.
pub(super) fn enable_forwarding() -> Result<(), NetError> {
    if get("net/ipv4/ip_forward").as_deref() == Some("1") {
        return Ok(());
    }
    tracing::info!("switching net.ipv4.ip_forward on; it stays on when Berth leaves");
    fs::write("/proc/sys/net/ipv4/ip_forward", "1").map_err(NetError::at("set net.ipv4.ip_forward to 1"))
}

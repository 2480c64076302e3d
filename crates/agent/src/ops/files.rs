//! The files that a container gets from its host: /etc/hosts, /etc/hostname and /etc/resolv.conf, one set of its own each.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use crate::net::{ResolvSources, hostname, hosts, resolv_conf, with_hosts, with_resolvers};
use crate::runtime::BindMount;

const HOSTS: &str = "/etc/hosts";
const HOSTNAME: &str = "/etc/hostname";
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Where systemd-resolved keeps the name servers behind its own.
const BEHIND_RESOLVED: &str = "/run/systemd/resolve/resolv.conf";
/// Every user of the container reads them, whatever mask the agent was started with.
const READABLE_BY_ALL: u32 = 0o644;

/// How a container is known to itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// As its host, or by a name of its own on the host's network.
    Host {
        /// The host name.
        hostname: Option<String>,
    },
    /// By its own name, at its own address if it has one.
    Own {
        /// The host name.
        hostname: String,
        /// The address.
        address: Option<Ipv4Addr>,
    },
}

/// What a container looks up where its host would look elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lookup {
    /// Addresses with names.
    pub(super) hosts: Vec<(String, String)>,
    /// Name servers, instead of the host's.
    pub(super) servers: Vec<String>,
    /// Domains to look in, instead of the host's.
    pub(super) search: Vec<String>,
}

/// Writes the files into `directory`, and says how they are mounted. A container of the host's network gets copies of the
/// host's files, since it may change them.
pub(super) fn write(directory: &Path, names: &Names, lookup: &Lookup) -> io::Result<Vec<BindMount>> {
    DirBuilder::new().recursive(true).mode(0o711).create(directory)?;
    let resolved = |text: String| with_resolvers(&text, &lookup.servers, &lookup.search);
    let files = match names {
        Names::Host { hostname: given } => [
            (
                HOSTS,
                fs::read_to_string(HOSTS).map(|text| with_hosts(text, &lookup.hosts)),
            ),
            (
                HOSTNAME,
                given
                    .as_deref()
                    .map_or_else(|| fs::read_to_string(HOSTNAME), |name| Ok(hostname(name))),
            ),
            (
                RESOLV_CONF,
                Ok(resolved(fs::read_to_string(RESOLV_CONF).unwrap_or_default())),
            ),
        ],
        Names::Own {
            hostname: name,
            address,
        } => [
            (HOSTS, Ok(hosts(name, address.map(IpAddr::V4), &lookup.hosts))),
            (HOSTNAME, Ok(hostname(name))),
            (RESOLV_CONF, Ok(resolved(resolver()))),
        ],
    };
    files
        .into_iter()
        .filter_map(|(path, text)| Some(place(directory, path, &text.ok()?)))
        .collect()
}

fn place(directory: &Path, path: &str, text: &str) -> io::Result<BindMount> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let source = directory.join(name);
    fs::write(&source, text)?;
    fs::set_permissions(&source, Permissions::from_mode(READABLE_BY_ALL))?;
    Ok(BindMount {
        source,
        destination: path.to_owned(),
        read_only: false,
    })
}

/// A host without a resolv.conf resolves nothing, and neither do its containers.
fn resolver() -> String {
    let host = fs::read_to_string(RESOLV_CONF).unwrap_or_default();
    let behind = fs::read_to_string(BEHIND_RESOLVED).ok();
    resolv_conf(&ResolvSources {
        host: &host,
        behind_resolved: behind.as_deref(),
        fallback: &[],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_has_files_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let own = Names::Own {
            hostname: "web".to_owned(),
            address: Some(Ipv4Addr::new(10, 0, 0, 9)),
        };
        let mounts = write(&dir.path().join("a"), &own, &Lookup::default()).unwrap();
        let destinations: Vec<&str> = mounts.iter().map(|mount| mount.destination.as_str()).collect();
        assert_eq!(destinations, [HOSTS, HOSTNAME, RESOLV_CONF]);
        assert!(
            fs::read_to_string(&mounts[0].source)
                .unwrap()
                .ends_with("10.0.0.9\tweb\n")
        );
        let host = write(
            &dir.path().join("b"),
            &Names::Host { hostname: None },
            &Lookup::default(),
        )
        .unwrap();
        let copy = host.iter().find(|mount| mount.destination == HOSTS).unwrap();
        assert_eq!(fs::read(&copy.source).unwrap(), fs::read(HOSTS).unwrap());
    }
}

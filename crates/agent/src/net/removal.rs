//! Taking things away: one namespace, what crashes left behind, or everything of this Berth.

use super::engine::{ContainerLink, Engine};
use super::netlink::{self, Link};
use super::{NetError, Removed, firewall};

impl Engine {
    pub(super) fn remove_namespace(&mut self, id: &str) -> Result<bool, NetError> {
        if let Some(address) = self.known()?.address_of(id) {
            self.unpublish(address)?;
        }
        let (existed, veth) = self.take_down(id)?;
        if let Some(index) = veth {
            self.reaper.take(index);
        }
        self.known()?.on_bridge.retain(|_, holder| holder != id);
        Ok(existed)
    }

    /// Takes the namespace's name away. Says whether there was one, and the host's end of its veth, which must go too: the
    /// kernel removes it with the namespace, but a process that is still inside keeps that alive.
    fn take_down(&self, id: &str) -> Result<(bool, Option<u32>), NetError> {
        let link = match self.namespaces.open(id)? {
            Some(namespace) => self.container_link(&namespace)?,
            None => None,
        };
        Ok((self.namespaces.remove(id)?, link.and_then(|link| link.link.peer)))
    }

    /// Veths whose namespace lost its name while nobody could remove them.
    pub(super) fn reap_orphans(&self, links: &[(String, Option<ContainerLink>)]) -> Result<(), NetError> {
        let owned = |link: &Link| {
            let mut peers = links.iter().filter_map(|(_, link)| link.as_ref()?.link.peer);
            peers.any(|peer| peer == link.index)
        };
        for link in self
            .own_links()?
            .iter()
            .filter(|link| link.name != self.names.bridge && !owned(link))
        {
            self.reaper.take(link.index);
        }
        Ok(())
    }

    fn own_links(&self) -> Result<Vec<Link>, NetError> {
        let mut links = self.netlink.on_host(async |host| netlink::links(host).await)?;
        links.retain(|link| link.name == self.names.bridge || link.name.starts_with(&self.names.veth_prefix));
        Ok(links)
    }

    pub(super) fn remove_all(&mut self) -> Removed {
        let mut removed = Removed::default();
        let ids = removed.note(self.namespaces.list()).unwrap_or_default();
        let mut veths = Vec::new();
        for id in ids {
            if let Some((_, veth)) = removed.note(self.take_down(&id)) {
                removed.namespaces.push(id);
                veths.extend(veth);
            }
        }
        if removed.note(firewall::delete_table(&self.names.table)) == Some(true) {
            removed.table = Some(self.names.table.clone());
        }
        let links = removed.note(self.remove_links()).unwrap_or_default();
        let others = links.into_iter().filter(|link| !veths.contains(&link.index));
        removed.links = others.map(|link| link.name).collect();
        self.namespaces.remove_directory();
        self.known = None;
        removed
    }

    /// All in one request, because the kernel takes about 30 ms for one, however many links it removes.
    fn remove_links(&self) -> Result<Vec<Link>, NetError> {
        let links = self.own_links()?;
        if !links.is_empty() {
            self.netlink
                .on_host(async |host| netlink::delete_group(host, self.names.group).await)?;
        }
        for rest in self.own_links()? {
            self.netlink
                .on_host(async |host| netlink::delete_link(host, rest.index).await)?;
        }
        Ok(links)
    }
}

impl Removed {
    /// The result, or `None` with the failure noted.
    fn note<T>(&mut self, result: Result<T, NetError>) -> Option<T> {
        result.map_err(|error| self.failures.push(error.to_string())).ok()
    }
}

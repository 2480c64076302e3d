//! Makes and removes the networks of tasks (an interface of their own) and of containers (a place on the bridge, with
//! published ports).

use berth_core::ecs::model::{self, NetworkBinding, PortMapping, TaskKey};
use berth_core::ecs::view::assignment::AssignedInterface;
use berth_core::kernel::names::Name;
use berth_core::node::{StepFacts, StepFailure};

use super::{Machine, Outcome};
use crate::net::{self, NetError};
use crate::places::{container_netns, task_netns};

fn failed(error: NetError) -> StepFailure {
    StepFailure::Network(error.to_string())
}

impl Machine {
    pub(super) async fn set_up_network(&self, task: &TaskKey, interface: &AssignedInterface) -> Outcome {
        let id = task_netns(task);
        let interface = net::Interface {
            id: interface.id.to_string(),
            mac: net::Mac(interface.mac.0),
            address: interface.address,
            prefix_len: interface.prefix_len,
            gateway: interface.gateway,
        };
        self.network.create_namespace(&id).await.map_err(failed)?;
        self.network.attach_interface(&id, interface).await.map_err(failed)?;
        Ok(StepFacts::Done)
    }

    pub(super) async fn tear_down_network(&self, task: &TaskKey) -> Outcome {
        self.remove_namespace(&task_netns(task)).await
    }

    pub(super) async fn connect(&self, task: &TaskKey, container: &Name, ports: &[PortMapping]) -> Outcome {
        let id = container_netns(task, container);
        self.network.create_namespace(&id).await.map_err(failed)?;
        let address = self.network.attach_bridge(&id).await.map_err(failed)?;
        self.metadata.place(id.clone(), address);
        let mappings = ports.iter().map(mapping).collect();
        let bindings = self.network.publish(&id, mappings).await.map_err(failed)?;
        Ok(StepFacts::Connected {
            bindings: bindings.iter().map(binding).collect(),
        })
    }

    pub(super) async fn disconnect(&self, task: &TaskKey, container: &Name) -> Outcome {
        self.remove_namespace(&container_netns(task, container)).await
    }

    async fn remove_namespace(&self, id: &str) -> Outcome {
        self.network.remove_namespace(id).await.map_err(failed)?;
        self.metadata.displace(id);
        Ok(StepFacts::Done)
    }
}

fn mapping(mapping: &PortMapping) -> net::PortMapping {
    net::PortMapping {
        container_port: mapping.container_port,
        host_port: mapping.host_port.unwrap_or(0),
        protocol: match mapping.protocol {
            model::Protocol::Tcp => net::Protocol::Tcp,
            model::Protocol::Udp => net::Protocol::Udp,
        },
    }
}

fn binding(binding: &net::NetworkBinding) -> NetworkBinding {
    NetworkBinding {
        bind_ip: binding.bind_ip.to_string().into(),
        container_port: binding.container_port,
        host_port: binding.host_port,
        protocol: match binding.protocol {
            net::Protocol::Tcp => model::Protocol::Tcp,
            net::Protocol::Udp => model::Protocol::Udp,
        },
    }
}

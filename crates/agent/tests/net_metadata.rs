//! The way to the task metadata endpoint for real, on a host that each test has for itself.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[expect(dead_code, reason = "the tests of networks use more of it")]
mod net_support;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use berth_agent::net::{METADATA_ADDRESS, Network};
use net_support::{HOST, Place, Server, ask, at, awsvpc_task, bridge_task, on_own_host, run, tcp};

/// Answers at the endpoint of `network`; says where it really listens, and whether the host has it.
async fn serve(network: &Network) -> (Server, SocketAddr, bool) {
    let metadata = network.metadata().await.unwrap();
    let address = metadata.listener.local_addr().unwrap();
    (Server::of(metadata.listener), address, metadata.on_host)
}

fn endpoint(place: Place<'_>) -> Option<String> {
    ask(place, METADATA_ADDRESS, 80)
        .ok()
        .filter(|answer| !answer.is_empty())
}

/// Whether anybody at `place` gets through to `address` without the endpoint's own address.
fn reaches(place: Place<'_>, address: SocketAddr) -> bool {
    at(place, || {
        let patience = std::time::Duration::from_millis(300);
        std::net::TcpStream::connect_timeout(&address, patience).is_ok()
    })
}

#[test]
fn every_mode_reaches_the_endpoint_and_shows_who_it_is() {
    on_own_host(async |host| {
        let network = host.open().await;
        let task = awsvpc_task(&network, "task", 10).await;
        let (web, address) = bridge_task(&network, "web").await;
        let (_server, listens_on, on_host) = serve(&network).await;
        assert!(on_host);
        assert_eq!(endpoint(Some(&task)).as_deref(), Some("172.31.0.10"));
        assert_eq!(endpoint(Some(&web)), Some(address.to_string()));
        assert_eq!(endpoint(HOST), Some(METADATA_ADDRESS.to_string()));
        for place in [Some(task.as_path()), Some(web.as_path()), HOST] {
            assert!(!reaches(place, listens_on), "{place:?}");
        }
    });
}

#[test]
fn servers_on_port_80_are_not_in_the_endpoints_way() {
    on_own_host(async |host| {
        let network = host.open().await;
        let (web, address) = bridge_task(&network, "web").await;
        let task = awsvpc_task(&network, "task", 10).await;
        let _of_container = Server::tcp(Some(&web), 80);
        network.publish("web", vec![tcp(80, 80)]).await.unwrap();
        let (_server, ..) = serve(&network).await;
        let (client, other) = bridge_task(&network, "client").await;
        assert_eq!(endpoint(Some(&client)), Some(other.to_string()));
        assert_eq!(endpoint(Some(&web)), Some(address.to_string()));
        assert_eq!(endpoint(Some(&task)).as_deref(), Some("172.31.0.10"));
        assert_eq!(endpoint(HOST), Some(METADATA_ADDRESS.to_string()));
    });
}

/// A container that takes the address of another, or the endpoint's own, for the source of what it sends.
fn with_address(place: &Path, address: Ipv4Addr) -> Option<String> {
    at(Some(place), || {
        run(&["ip", "address", "add", &format!("{address}/32"), "dev", "lo"]);
        let to = SocketAddr::from((METADATA_ADDRESS, 80)).to_string();
        let route = [
            "ip",
            "route",
            "replace",
            &format!("{METADATA_ADDRESS}"),
            "dev",
            "eth0",
            "src",
            &address.to_string(),
        ];
        run(&route);
        let patience = std::time::Duration::from_millis(300);
        let stream = std::net::TcpStream::connect_timeout(&to.parse().unwrap(), patience).ok()?;
        Some(stream.local_addr().unwrap().ip().to_string())
    })
}

#[test]
fn nobody_can_be_another_task() {
    on_own_host(async |host| {
        let network = host.open().await;
        awsvpc_task(&network, "victim", 10).await;
        let thief = awsvpc_task(&network, "thief", 11).await;
        let (other, _) = bridge_task(&network, "other").await;
        let (_server, ..) = serve(&network).await;
        assert_eq!(with_address(&thief, Ipv4Addr::new(172, 31, 0, 10)), None);
        assert_eq!(with_address(&other, Ipv4Addr::new(172, 31, 0, 10)), None);
    });
}

#[test]
fn the_endpoint_comes_back_with_the_agent() {
    on_own_host(async |host| {
        let first = host.open().await;
        let task = awsvpc_task(&first, "task", 10).await;
        let (server, ..) = serve(&first).await;
        assert!(endpoint(Some(&task)).is_some());
        drop((server, first));
        let again = host.open().await;
        let (_server, _, on_host) = serve(&again).await;
        assert!(on_host);
        assert_eq!(endpoint(Some(&task)).as_deref(), Some("172.31.0.10"));
        assert_eq!(endpoint(HOST), Some(METADATA_ADDRESS.to_string()));
        again.remove_all().await.unwrap();
        assert!(!run(&["ip", "address"]).contains(&METADATA_ADDRESS.to_string()));
        assert_eq!(run(&["nft", "list", "ruleset"]), "");
    });
}

#[test]
fn two_berths_have_an_endpoint_each_and_the_host_has_the_first_ones() {
    on_own_host(async |host| {
        let one = host.open().await;
        let mut config = host.config();
        config.instance = "two".to_owned();
        config.netns_dir = host.netns_dir().with_file_name("two");
        let two = Network::open(config).await.unwrap();
        let (of_one, first) = bridge_task(&one, "web").await;
        let (of_two, second) = bridge_task(&two, "web").await;
        let (_one, _, one_has_host) = serve(&one).await;
        let (server, _, two_has_host) = serve(&two).await;
        assert!(one_has_host && !two_has_host);
        assert_eq!(endpoint(Some(&of_one)), Some(first.to_string()));
        assert_eq!(endpoint(Some(&of_two)), Some(second.to_string()));
        drop(server);
        assert_eq!(
            endpoint(HOST),
            Some(METADATA_ADDRESS.to_string()),
            "it is the first one's"
        );
        assert_eq!(endpoint(Some(&of_two)), None);
    });
}

//! Networks for real: namespaces, addresses and published ports, on a host that each test has for itself.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod net_support;

use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};

use berth_agent::net::{NetError, Network, NetworkBinding, Protocol, Removed};
use net_support::{
    HOST, Server, ask, ask_udp, at, awsvpc_task, bridge_task, eventually, interface, on_own_host, run, tcp, udp,
    udp_client,
};

const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;
const GATEWAY: Ipv4Addr = Ipv4Addr::new(172, 31, 0, 1);

#[test]
fn awsvpc_tasks_reach_each_other_and_the_host() {
    on_own_host(async |host| {
        let network = host.open().await;
        let (web, db) = (
            awsvpc_task(&network, "web", 10).await,
            awsvpc_task(&network, "db", 11).await,
        );
        let (_web, _db) = (Server::tcp(Some(&web), 80), Server::tcp(Some(&db), 5432));
        let _host = Server::tcp(HOST, 9000);

        let address = |last| interface(last).address;
        assert_eq!(ask(Some(&web), address(11), 5432).unwrap(), "172.31.0.10");
        assert_eq!(ask(Some(&db), address(10), 80).unwrap(), "172.31.0.11");
        assert_eq!(ask(HOST, address(10), 80).unwrap(), "172.31.0.1");
        assert_eq!(ask(Some(&web), GATEWAY, 9000).unwrap(), "172.31.0.10");
        assert_eq!(ask(Some(&web), LOOPBACK, 80).unwrap(), "127.0.0.1");
    });
}

#[test]
fn an_awsvpc_interface_looks_like_a_network_interface_of_its_subnet() {
    on_own_host(async |host| {
        let network = host.open().await;
        let web = awsvpc_task(&network, "web", 10).await;
        let inside = |command: &[&str]| at(Some(&web), || run(command));
        let link = inside(&["ip", "-o", "link", "show", "eth0"]);
        assert!(
            link.contains("link/ether 0e:00:00:00:00:0a") && link.contains("state UP"),
            "{link}"
        );
        assert!(inside(&["ip", "-o", "-4", "address", "show", "eth0"]).contains("inet 172.31.0.10/20 "));
        assert_eq!(
            inside(&["ip", "route"]).lines().map(str::trim_end).collect::<Vec<_>>(),
            [
                "default via 172.31.0.1 dev eth0 proto static",
                "172.31.0.1 dev eth0 proto static scope link src 172.31.0.10",
            ]
        );
        let neighbour = inside(&["ip", "neighbour"]);
        let host_mac = neighbour.split(' ').nth(4).unwrap();
        assert!(
            neighbour.starts_with("172.31.0.1 dev eth0 lladdr ") && neighbour.contains("PERMANENT"),
            "{neighbour}"
        );
        assert!(run(&["ip", "-o", "link"]).contains(&format!("link/ether {host_mac} ")));
        assert!(run(&["ip", "neighbour"]).contains("172.31.0.10 "));
    });
}

#[test]
fn a_namespace_without_interface_has_loopback_only() {
    on_own_host(async |host| {
        let network = host.open().await;
        let alone = network.create_namespace("alone").await.unwrap();
        let _server = Server::tcp(Some(&alone), 80);
        assert_eq!(ask(Some(&alone), LOOPBACK, 80).unwrap(), "127.0.0.1");
        assert_eq!(at(Some(&alone), || run(&["ip", "-o", "link"])).lines().count(), 1);
        assert!(ask(Some(&alone), GATEWAY, 80).is_err());
        assert_eq!(network.create_namespace("alone").await.unwrap(), alone);
        assert!(matches!(
            network.create_namespace("../x").await,
            Err(NetError::Invalid { .. })
        ));
        assert!(matches!(
            network.attach_bridge("nobody").await,
            Err(NetError::NoNamespace(_))
        ));
        assert!(matches!(
            network.publish("alone", vec![tcp(80, 0)]).await,
            Err(NetError::NotOnBridge(_))
        ));
    });
}

/// A namespace beside the host, 198.51.100.2, behind the host's 198.51.100.1: the world outside.
async fn outside(network: &Network) -> std::path::PathBuf {
    let path = network.create_namespace("outside").await.unwrap();
    let name = path.to_str().unwrap();
    run(&[
        "ip", "link", "add", "uplink", "type", "veth", "peer", "name", "uplink", "netns", name,
    ]);
    run(&["ip", "address", "add", "198.51.100.1/24", "dev", "uplink"]);
    run(&["ip", "link", "set", "uplink", "up"]);
    at(Some(&path), || {
        run(&["ip", "address", "add", "198.51.100.2/24", "dev", "uplink"]);
        run(&["ip", "link", "set", "uplink", "up"]);
    });
    path
}

#[test]
fn the_world_outside_sees_the_host_and_reaches_published_ports() {
    on_own_host(async |host| {
        let network = host.open().await;
        let outside = outside(&network).await;
        let _world = Server::tcp(Some(&outside), 443);
        let world = Ipv4Addr::new(198, 51, 100, 2);

        let task = awsvpc_task(&network, "task", 10).await;
        let (container, _) = bridge_task(&network, "container").await;
        assert_eq!(ask(Some(&task), world, 443).unwrap(), "198.51.100.1");
        assert_eq!(ask(Some(&container), world, 443).unwrap(), "198.51.100.1");

        let _server = Server::tcp(Some(&container), 80);
        network.publish("container", vec![tcp(80, 8080)]).await.unwrap();
        let host_address = Ipv4Addr::new(198, 51, 100, 1);
        assert_eq!(
            ask(Some(&outside), host_address, 8080).unwrap(),
            "198.51.100.2",
            "the client's address is kept"
        );
    });
}

#[test]
fn tcp_learns_how_narrow_the_way_out_is() {
    on_own_host(async |host| {
        let network = host.open().await;
        let outside = outside(&network).await;
        run(&["ip", "link", "set", "uplink", "mtu", "1400"]);
        let task = awsvpc_task(&network, "task", 10).await;
        let (container, _) = bridge_task(&network, "container").await;
        let listener = at(Some(&outside), || {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, 443)).unwrap()
        });
        for place in [&task, &container] {
            let _client = at(Some(place), || {
                TcpStream::connect((Ipv4Addr::new(198, 51, 100, 2), 443)).unwrap()
            });
            let (stream, _) = listener.accept().unwrap();
            let segment = nix::sys::socket::getsockopt(&stream, nix::sys::socket::sockopt::TcpMaxSeg).unwrap();
            assert!(segment <= 1360, "{segment}");
        }
    });
}

#[test]
fn a_bridge_that_somebody_removed_is_made_again() {
    on_own_host(async |host| {
        let network = host.open().await;
        let (web, address) = bridge_task(&network, "web").await;
        let _server = Server::tcp(Some(&web), 80);
        network.publish("web", vec![tcp(80, 8080)]).await.unwrap();
        run(&["ip", "link", "del", &network.bridge().await.unwrap().name]);
        drop(network);
        let network = host.open().await;
        assert_eq!(bridge_task(&network, "web").await.1, address);
        assert!(ask(HOST, LOOPBACK, 8080).is_ok());
    });
}

#[test]
fn a_table_that_somebody_removed_is_made_again() {
    on_own_host(async |host| {
        let network = host.open().await;
        let (web, _) = bridge_task(&network, "web").await;
        bridge_task(&network, "other").await;
        let _server = Server::tcp(Some(&web), 80);
        network.publish("web", vec![tcp(80, 8080)]).await.unwrap();
        run(&["nft", "delete", "table", "inet", "berth-test"]);
        network.publish("other", vec![tcp(80, 8081)]).await.unwrap();
        assert!(ask(HOST, LOOPBACK, 8080).is_ok());
        run(&["nft", "delete", "table", "inet", "berth-test"]);
        assert!(network.remove_namespace("other").await.unwrap());
        assert!(ask(HOST, LOOPBACK, 8080).is_ok());
    });
}

#[test]
fn published_ports_come_back_after_somebody_changed_the_packet_filter() {
    on_own_host(async |host| {
        let network = host.open().await;
        let (web, _) = bridge_task(&network, "web").await;
        let _server = Server::tcp(Some(&web), 80);
        network.publish("web", vec![tcp(80, 8080)]).await.unwrap();
        for change in [
            ["nft", "flush", "ruleset", ""].as_slice(),
            &["nft", "flush", "map", "inet", "berth-test", "published"],
            &["nft", "flush", "chain", "inet", "berth-test", "output"],
            &["nft", "delete", "table", "inet", "berth-test"],
        ] {
            let words: Vec<&str> = change.iter().copied().filter(|word| !word.is_empty()).collect();
            run(&words);
            // Nobody calls the network: it notices by itself.
            eventually(&words.join(" "), || ask(HOST, LOOPBACK, 8080).is_ok());
        }
        // What is ours and nobody's else is left alone, and a network that was removed does not come back.
        run(&["nft", "add", "table", "inet", "other"]);
        assert_eq!(network.remove_all().await.unwrap().failures, [""; 0]);
        assert_eq!(run(&["nft", "list", "tables"]), "table inet other\n");
    });
}

#[test]
fn a_published_port_is_reached_from_everywhere() {
    on_own_host(async |host| {
        let network = host.open().await;
        let bridge = network.bridge().await.unwrap();
        let (web, web_address) = bridge_task(&network, "web").await;
        let (other, other_address) = bridge_task(&network, "other").await;
        let task = awsvpc_task(&network, "task", 10).await;
        let _server = Server::tcp(Some(&web), 80);
        let bindings = network.publish("web", vec![tcp(80, 0)]).await.unwrap();
        let port = bindings[0].host_port;
        assert!((49153..=65535).contains(&port));
        assert_eq!(
            bindings,
            [NetworkBinding {
                bind_ip: Ipv4Addr::UNSPECIFIED,
                container_port: 80,
                host_port: port,
                protocol: Protocol::Tcp
            }]
        );

        let gateway = bridge.gateway.to_string();
        assert_eq!(
            ask(HOST, LOOPBACK, port).unwrap(),
            gateway,
            "from the host by 127.0.0.1"
        );
        assert_eq!(
            ask(HOST, bridge.gateway, port).unwrap(),
            gateway,
            "from the host by its address"
        );
        assert_eq!(
            ask(HOST, web_address, 80).unwrap(),
            gateway,
            "from the host to the container"
        );
        assert_eq!(ask(Some(&web), bridge.gateway, port).unwrap(), gateway, "from itself");
        assert_eq!(
            ask(Some(&other), bridge.gateway, port).unwrap(),
            gateway,
            "from a neighbour by the host"
        );
        assert_eq!(
            ask(Some(&other), web_address, 80).unwrap(),
            other_address.to_string(),
            "from a neighbour"
        );
        assert_eq!(
            ask(Some(&task), GATEWAY, port).unwrap(),
            "172.31.0.10",
            "from an awsvpc task"
        );
        assert!(ask(HOST, LOOPBACK, 80).is_err(), "only the published port is open");
    });
}

#[test]
fn nobody_on_the_bridge_reaches_the_hosts_loopback() {
    on_own_host(async |host| {
        let network = host.open().await;
        let gateway = network.bridge().await.unwrap().gateway.to_string();
        let (evil, _) = bridge_task(&network, "evil").await;
        let _secret = Server::tcp(HOST, 9000);
        at(Some(&evil), || {
            std::fs::write("/proc/sys/net/ipv4/conf/eth0/route_localnet", "1").unwrap();
            run(&["ip", "address", "del", "127.0.0.1/8", "dev", "lo"]);
            run(&["ip", "route", "add", "127.0.0.1/32", "via", &gateway, "dev", "eth0"]);
            let stream =
                std::net::TcpStream::connect_timeout(&(LOOPBACK, 9000).into(), std::time::Duration::from_millis(300));
            assert!(stream.is_err(), "{stream:?}");
        });
        assert!(run(&["nft", "list", "chain", "inet", "berth-test", "guard"]).contains("drop"));
    });
}

#[test]
fn udp_clients_follow_a_port_to_its_next_container() {
    on_own_host(async |host| {
        let network = host.open().await;
        let client = udp_client(HOST);
        assert_eq!(
            ask_udp(&client, LOOPBACK, 514),
            None,
            "a connection that began before the port was published"
        );

        let (first, _) = bridge_task(&network, "first").await;
        let _first = Server::udp(Some(&first), 5140, "first");
        network.publish("first", vec![udp(5140, 514)]).await.unwrap();
        let gateway = network.bridge().await.unwrap().gateway;
        assert_eq!(ask_udp(&client, LOOPBACK, 514), Some(format!("first {gateway}")));

        network.remove_namespace("first").await.unwrap();
        let (second, _) = bridge_task(&network, "second").await;
        let _second = Server::udp(Some(&second), 5140, "second");
        network.publish("second", vec![udp(5140, 514)]).await.unwrap();
        assert_eq!(ask_udp(&client, LOOPBACK, 514), Some(format!("second {gateway}")));
    });
}

#[test]
fn a_port_that_is_taken_is_refused_in_dockers_words() {
    on_own_host(async |host| {
        let network = host.open().await;
        for id in ["one", "two"] {
            bridge_task(&network, id).await;
        }
        network.publish("one", vec![tcp(80, 80)]).await.unwrap();
        let refused = network
            .publish("two", vec![tcp(80, 8080), tcp(80, 80)])
            .await
            .unwrap_err();
        assert_eq!(
            refused.to_string(),
            "Bind for 0.0.0.0:80 failed: port is already allocated"
        );

        let _tcp = TcpListener::bind((LOOPBACK, 9090)).unwrap();
        let _udp = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 53)).unwrap();
        for mapping in [tcp(80, 9090), udp(53, 53)] {
            let refused = network.publish("two", vec![mapping]).await;
            assert!(matches!(refused, Err(NetError::PortAllocated { .. })), "{refused:?}");
        }
        let free = network
            .publish("two", vec![tcp(80, 8080), udp(80, 80), tcp(53, 53)])
            .await
            .unwrap();
        assert_eq!(
            free.len(),
            3,
            "a refused publication leaves nothing, and protocols are apart"
        );
    });
}

#[test]
fn a_published_port_is_held_against_the_rest_of_the_host() {
    on_own_host(async |host| {
        let network = host.open().await;
        bridge_task(&network, "web").await;
        network
            .publish("web", vec![tcp(80, 8080), udp(80, 8080)])
            .await
            .unwrap();
        assert!(TcpListener::bind((LOOPBACK, 8080)).is_err());
        assert!(UdpSocket::bind((LOOPBACK, 8080)).is_err());
        network.remove_namespace("web").await.unwrap();
        TcpListener::bind((LOOPBACK, 8080)).unwrap();
        UdpSocket::bind((LOOPBACK, 8080)).unwrap();
    });
}

#[test]
fn dynamic_ports_are_never_given_twice_and_never_taken_from_others() {
    on_own_host(async |host| {
        std::fs::write("/proc/sys/net/ipv4/ip_local_reserved_ports", "49155-49160").unwrap();
        let network = host.open().await;
        let _foreign = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 49154)).unwrap();
        let publish = async |id: String| {
            bridge_task(&network, &id).await;
            network.publish(&id, vec![tcp(80, 0), tcp(80, 0)]).await.unwrap()
        };
        let (a, b, c) = tokio::join!(publish("a".into()), publish("b".into()), publish("c".into()));
        let mut ports: Vec<u16> = [a, b, c].concat().iter().map(|binding| binding.host_port).collect();
        ports.sort_unstable();
        assert_eq!(ports, [49153, 49161, 49162, 49163, 49164, 49165]);
    });
}

#[test]
fn a_restarted_agent_finds_everything_as_it_was() {
    on_own_host(async |host| {
        let before = host.open().await;
        let (web, address) = bridge_task(&before, "web").await;
        let task = awsvpc_task(&before, "task", 10).await;
        let bindings = before.publish("web", vec![tcp(80, 0), tcp(80, 8080)]).await.unwrap();
        let known = before.namespaces().await.unwrap();
        let _servers = (Server::tcp(Some(&web), 80), Server::tcp(Some(&task), 80));
        let indices = at(Some(&task), || run(&["ip", "-o", "link"]));
        drop(before);
        assert!(
            ask(HOST, LOOPBACK, 8080).is_ok(),
            "published ports work without an agent"
        );

        let after = host.open().await;
        assert_eq!(after.namespaces().await.unwrap(), known);
        assert_eq!(bridge_task(&after, "web").await, (web.clone(), address));
        assert_eq!(
            after.publish("web", vec![tcp(80, 0), tcp(80, 8080)]).await.unwrap(),
            bindings
        );
        awsvpc_task(&after, "task", 10).await;
        assert_eq!(
            at(Some(&task), || run(&["ip", "-o", "link"])),
            indices,
            "the interface is the same one"
        );
        assert!(ask(HOST, LOOPBACK, 8080).is_ok() && ask(HOST, interface(10).address, 80).is_ok());

        let (_, other) = bridge_task(&after, "other").await;
        assert_ne!(other, address);
        let fresh = after.publish("other", vec![tcp(80, 0)]).await.unwrap();
        assert!(!bindings.contains(&fresh[0]));
        let taken = after.publish("other", vec![tcp(80, 8080)]).await;
        assert!(
            matches!(taken, Err(NetError::PortAllocated { host_port: 8080, .. })),
            "{taken:?}"
        );
    });
}

#[test]
fn what_a_crash_left_half_made_is_completed_or_dropped() {
    on_own_host(async |host| {
        let before = host.open().await;
        let (web, _) = bridge_task(&before, "web").await;
        before.publish("web", vec![tcp(80, 8080)]).await.unwrap();
        let task = awsvpc_task(&before, "task", 10).await;
        drop(before);
        run(&["umount", web.to_str().unwrap()]);
        at(Some(&task), || run(&["ip", "route", "del", "default"]));

        let after = host.open().await;
        let ids: Vec<String> = after
            .namespaces()
            .await
            .unwrap()
            .into_iter()
            .map(|namespace| namespace.id)
            .collect();
        assert_eq!(ids, ["task"]);
        assert!(!web.exists());
        assert!(!run(&["nft", "list", "map", "inet", "berth-test", "published"]).contains("8080"));
        awsvpc_task(&after, "task", 10).await;
        assert!(at(Some(&task), || run(&["ip", "route"])).contains("default via 172.31.0.1"));

        let (web, _) = bridge_task(&after, "web").await;
        let _server = Server::tcp(Some(&web), 80);
        after.publish("web", vec![tcp(80, 8080)]).await.unwrap();
        assert!(ask(HOST, LOOPBACK, 8080).is_ok());
    });
}

#[test]
fn an_interface_that_changed_is_made_anew() {
    on_own_host(async |host| {
        let network = host.open().await;
        let task = awsvpc_task(&network, "task", 10).await;
        network.attach_interface("task", interface(12)).await.unwrap();
        let _server = Server::tcp(Some(&task), 80);
        assert!(ask(HOST, interface(12).address, 80).is_ok());
        assert!(!run(&["ip", "route"]).contains("172.31.0.10"));
    });
}

#[test]
fn the_bridge_keeps_away_from_the_hosts_routes_and_then_stays() {
    on_own_host(async |host| {
        run(&["ip", "route", "add", "unreachable", "172.30.0.0/16"]);
        let network = host.open().await;
        let bridge = network.bridge().await.unwrap();
        assert_eq!(bridge.range.to_string(), "172.29.240.0/20");
        drop(network);
        run(&["ip", "route", "del", "unreachable", "172.30.0.0/16"]);

        let network = host.open().await;
        assert_eq!(network.bridge().await.unwrap(), bridge);
        bridge_task(&network, "web").await;
        drop(network);

        let config = berth_agent::net::Config {
            bridge_range: "10.9.0.0/24".parse().ok(),
            ..host.config()
        };
        let refused = Network::open(config.clone()).await.unwrap_err();
        assert!(matches!(refused, NetError::BridgeRange { .. }), "{refused}");
        host.open().await.remove_namespace("web").await.unwrap();
        let moved = Network::open(config).await.unwrap();
        assert_eq!(moved.bridge().await.unwrap().range.to_string(), "10.9.0.0/24");
        assert_eq!(bridge_task(&moved, "web").await.1, Ipv4Addr::new(10, 9, 0, 2));
    });
}

#[test]
fn removing_a_namespace_frees_what_it_had() {
    on_own_host(async |host| {
        let network = host.open().await;
        let (path, address) = bridge_task(&network, "web").await;
        network.publish("web", vec![tcp(80, 8080)]).await.unwrap();
        assert!(network.remove_namespace("web").await.unwrap());
        assert!(!network.remove_namespace("web").await.unwrap());
        assert!(!path.exists());
        eventually("the link is gone", || !run(&["ip", "-o", "link"]).contains("bth"));
        let (_, next) = bridge_task(&network, "next").await;
        assert_ne!(next, address, "addresses rest before they are given again");
        network.publish("next", vec![tcp(80, 8080)]).await.unwrap();
    });
}

#[test]
fn a_process_that_stays_inside_keeps_no_network() {
    on_own_host(async |host| {
        let network = host.open().await;
        let (web, address) = bridge_task(&network, "web").await;
        let _inside = Server::tcp(Some(&web), 80);
        assert!(ask(HOST, address, 80).is_ok());
        let veths = || run(&["ip", "-o", "link"]).matches("bth").count();
        run(&["umount", web.to_str().unwrap()]);
        drop(network);
        assert_ne!(veths(), 0, "the process keeps the interface");

        let network = host.open().await;
        eventually("what was left by a crash is gone", || veths() == 0);
        let (web, _) = bridge_task(&network, "web").await;
        let _inside = Server::tcp(Some(&web), 80);
        network.remove_namespace("web").await.unwrap();
        eventually("what was removed is gone", || veths() == 0);
    });
}

#[test]
fn removing_all_leaves_nothing() {
    on_own_host(async |host| {
        let network = host.open().await;
        bridge_task(&network, "web").await;
        network.publish("web", vec![tcp(80, 8080)]).await.unwrap();
        awsvpc_task(&network, "task", 10).await;
        let bridge = network.bridge().await.unwrap().name;
        let clone = network.clone();
        let removed = network.remove_all().await.unwrap();
        let expected = Removed {
            namespaces: vec!["task".into(), "web".into()],
            links: vec![bridge],
            table: Some("berth-test".into()),
            failures: vec![],
        };
        assert_eq!(removed, expected);
        assert!(matches!(clone.bridge().await, Err(NetError::Closed)));
        drop(clone);

        assert_eq!(run(&["ip", "-o", "link"]).lines().count(), 1, "only loopback is left");
        assert_eq!(run(&["ip", "route"]), "");
        assert_eq!(run(&["nft", "list", "ruleset"]), "");
        assert!(!host.netns_dir().exists());
        assert_eq!(Network::sweep(host.config()).await.unwrap(), Removed::default());
        TcpListener::bind((LOOPBACK, 8080)).unwrap();
    });
}

#[test]
fn two_berths_on_one_host_do_not_disturb_each_other() {
    on_own_host(async |host| {
        let one = host.open().await;
        let mut config = host.config();
        config.instance = "two".to_owned();
        config.netns_dir = host.netns_dir().with_file_name("two");
        let two = Network::open(config).await.unwrap();
        let ranges = (one.bridge().await.unwrap().range, two.bridge().await.unwrap().range);
        assert!(!ranges.0.overlaps(ranges.1), "{ranges:?}");
        let (web, _) = bridge_task(&one, "web").await;
        let _server = Server::tcp(Some(&web), 80);
        one.publish("web", vec![tcp(80, 8080)]).await.unwrap();
        bridge_task(&two, "web").await;
        let taken = two.publish("web", vec![tcp(80, 8080)]).await;
        assert!(matches!(taken, Err(NetError::PortAllocated { .. })), "{taken:?}");
        assert!(two.remove_all().await.unwrap().failures.is_empty());
        assert!(ask(HOST, LOOPBACK, 8080).is_ok());
    });
}

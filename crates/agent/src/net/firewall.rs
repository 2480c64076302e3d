//! The packet filter: what our one nftables table holds, as text, and running `nft` on it.
//!
//! Rules are static; what changes is the map of published ports, one element per port. Each change is one transaction.
//! Scripts are nft's own language and not its JSON, because nft 1.0.6 (Debian 12) crashes on JSON maps that lead to an
//! address and a port; listings are read as JSON.
//!
//! A host whose other tables drop forwarded packets (Docker sets that policy) must let ours pass: no table can overrule
//! another one's drop. Such chains are found and named, nothing more.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::Command;
use std::time::Duration;

use super::child::{self, Finished};
use super::{Cidr, METADATA_ADDRESS, NetError, Protocol};

/// The longest that nft may take: everything else that networks need waits for it.
const LONGEST_RUN: Duration = Duration::from_secs(30);

/// A published port: the key of the map.
pub(super) type HostPort = (Protocol, u16);
/// Where a published port leads: the container's address and port.
pub(super) type Target = (Ipv4Addr, u16);

/// How many chains and rules the table has.
const CHAINS: usize = 6;
const RULES: usize = 14;

/// Leads packets to the host's published ports on to their containers.
const PUBLISH: &str = "fib daddr type local dnat ip to meta l4proto . th dport map @published";

/// Everything that the static rules mention.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) table: String,
    pub(super) veth_prefix: String,
    pub(super) bridge: String,
    pub(super) bridge_range: Cidr,
    pub(super) vpc: Vec<Cidr>,
    /// Where the task metadata endpoint listens.
    pub(super) metadata: SocketAddrV4,
    /// Whether the host's own connections to it are ours too.
    pub(super) metadata_of_host: bool,
}

impl Rules {
    /// Replaces the whole table in one transaction: connections that are known keep their translation.
    pub(super) fn script(&self, published: &BTreeMap<HostPort, Target>) -> String {
        let Self {
            table,
            veth_prefix,
            bridge,
            bridge_range,
            metadata,
            ..
        } = self;
        let listener = format!("ip daddr {} tcp dport {}", metadata.ip(), metadata.port());
        let (endpoint, of_host) = self.endpoint();
        let internal = self.internal();
        let others = format!("ip daddr != {METADATA_ADDRESS}");
        format!(
            r#"table inet {table}
delete table inet {table}
table inet {table} {{
	# Ports of the host, and the container's address and port that each leads to.
	map published {{
		type inet_proto . inet_service : ipv4_addr . inet_service{}
	}}
	# Where containers are known by their own addresses.
	set internal {{
		type ipv4_addr
		flags interval
		auto-merge
		elements = {{ {internal} }}
	}}
	# The bridge accepts loopback addresses (route_localnet) for the sake of answers; nobody on it may send to them.
	chain guard {{
		type filter hook prerouting priority -300; policy accept;
		iifname "{bridge}" ip daddr 127.0.0.0/8 drop
	}}
	# The task metadata endpoint is reached by its own address only.
	chain input {{
		type filter hook input priority -150; policy accept;
		{listener} ct status dnat accept
		{listener} drop
	}}
	# Links of containers do not know how narrow the way out is (tunnels, clouds): TCP learns it here.
	chain forward {{
		type filter hook forward priority -150; policy accept;
		iifname "{bridge}" tcp flags syn tcp option maxseg size set rt mtu
		iifname "{veth_prefix}*" tcp flags syn tcp option maxseg size set rt mtu
	}}
	chain prerouting {{
		type nat hook prerouting priority -100; policy accept;
		iifname "{bridge}" {endpoint}
		iifname "{veth_prefix}*" {endpoint}
		{others} {PUBLISH}
	}}
	# Clients on the host itself.
	chain output {{
		type nat hook output priority -100; policy accept;
		{of_host}
		{others} {PUBLISH}
	}}
	chain postrouting {{
		type nat hook postrouting priority 100; policy accept;
		# Clients on 127.0.0.1, and containers that reach a published port of the same bridge: answers must come back
		# through the host.
		ct status dnat oifname "{bridge}" ip saddr 127.0.0.0/8 masquerade
		ct status dnat oifname "{bridge}" ip saddr {bridge_range} masquerade
		# Nobody outside knows the way to a container.
		iifname "{bridge}" ip daddr != @internal masquerade
		iifname "{veth_prefix}*" ip daddr != @internal masquerade
	}}
}}
"#,
            elements_line(published)
        )
    }

    /// What leads to the task metadata endpoint, for our interfaces and for the host.
    fn endpoint(&self) -> (String, String) {
        let endpoint = format!("ip daddr {METADATA_ADDRESS} tcp dport 80 dnat ip to {}", self.metadata);
        let of_host = match self.metadata_of_host {
            true => endpoint.clone(),
            false => format!("ip daddr {METADATA_ADDRESS} accept"),
        };
        (endpoint, of_host)
    }

    fn internal(&self) -> String {
        let ranges = self.vpc.iter().chain([&self.bridge_range]);
        ranges.map(Cidr::to_string).collect::<Vec<_>>().join(", ")
    }
}

fn elements_line(published: &BTreeMap<HostPort, Target>) -> String {
    if published.is_empty() {
        String::new()
    } else {
        format!("\n\t\telements = {{ {} }}", elements(published))
    }
}

fn elements(published: &BTreeMap<HostPort, Target>) -> String {
    let element =
        |((protocol, port), (address, to)): (&HostPort, &Target)| format!("{protocol} . {port} : {address} . {to}");
    published.iter().map(element).collect::<Vec<_>>().join(", ")
}

/// Adds published ports.
pub(super) fn add_script(table: &str, published: &BTreeMap<HostPort, Target>) -> String {
    format!("add element inet {table} published {{ {} }}\n", elements(published))
}

/// Takes published ports away.
pub(super) fn delete_script(table: &str, ports: &[HostPort]) -> String {
    ports.iter().fold(String::new(), |mut script, (protocol, port)| {
        writeln!(
            script,
            "delete element inet {table} published {{ {protocol} . {port} }}"
        )
        .expect("writing to a String cannot fail");
        script
    })
}

/// Carries out a script, all of it or nothing. Answers the process that did so.
pub(super) fn apply(script: &str) -> Result<u32, NetError> {
    let output = run(&["-f", "-"], script)?;
    if output.status.success() {
        Ok(output.pid)
    } else {
        Err(NetError::Nft(complaint(&output)))
    }
}

/// The published ports that the kernel holds; none without a table.
pub(super) fn list(table: &str) -> Result<BTreeMap<HostPort, Target>, NetError> {
    let output = run(&["-j", "list", "map", "inet", table, "published"], "")?;
    if output.status.success() {
        return parse(&output.stdout);
    }
    let complaint = complaint(&output);
    if complaint.contains("No such file") {
        Ok(BTreeMap::new())
    } else {
        Err(NetError::Nft(complaint))
    }
}

/// Whether the table is as we make it: all its chains and rules, and the ports that are `wanted`.
pub(super) fn is_whole(table: &str, wanted: &BTreeMap<HostPort, Target>) -> Result<bool, NetError> {
    let output = run(&["-j", "list", "table", "inet", table], "")?;
    let complaint = complaint(&output);
    match output.status.success() {
        true => Ok(count(&output.stdout)? == (CHAINS, RULES) && parse(&output.stdout)? == *wanted),
        false if complaint.contains("No such file") => Ok(false),
        false => Err(NetError::Nft(complaint)),
    }
}

/// How many chains and rules a listing has.
fn count(listing: &[u8]) -> Result<(usize, usize), NetError> {
    let listing = parse_listing(listing)?;
    let items = || listing["nftables"].as_array().into_iter().flatten();
    let of = |kind: &str| items().filter(|item| item[kind].is_object()).count();
    Ok((of("chain"), of("rule")))
}

/// Chains of others that drop forwarded packets unless a rule of theirs lets them pass, as `family table chain`. Tables of
/// the old iptables are not seen.
pub(super) fn forward_drops() -> Result<Vec<String>, NetError> {
    let output = run(&["-j", "list", "chains"], "")?;
    if output.status.success() {
        parse_drops(&output.stdout)
    } else {
        Err(NetError::Nft(complaint(&output)))
    }
}

fn parse_drops(listing: &[u8]) -> Result<Vec<String>, NetError> {
    let listing = parse_listing(listing)?;
    let chains = listing["nftables"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| &item["chain"]);
    let drops = chains.filter(|chain| {
        chain["hook"] == "forward"
            && chain["policy"] == "drop"
            && (chain["family"] == "ip" || chain["family"] == "inet")
    });
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    Ok(drops
        .map(|chain| [&chain["family"], &chain["table"], &chain["name"]].map(word).join(" "))
        .collect())
}

/// Whether the stock agent's companion has translated the task metadata endpoint for the host, as it does where it runs.
pub(super) fn stock_agents_rule() -> Result<bool, NetError> {
    let output = run(&["list", "table", "ip", "nat"], "")?;
    let listing = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && listing.contains(&METADATA_ADDRESS.to_string()))
}

/// Removes the table. Says whether there was one; without nft there cannot be one of ours.
pub(super) fn delete_table(table: &str) -> Result<bool, NetError> {
    let output = match run(&["delete", "table", "inet", table], "") {
        Err(NetError::NftMissing) => return Ok(false),
        output => output?,
    };
    let complaint = complaint(&output);
    match output.status.success() {
        true => Ok(true),
        false if complaint.contains("No such file") => Ok(false),
        false => Err(NetError::Nft(complaint)),
    }
}

fn complaint(output: &Finished) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

/// Runs nft in the network namespace of the calling thread, as the worker's must.
fn run(arguments: &[&str], input: &str) -> Result<Finished, NetError> {
    let missing = |error: &io::Error| error.kind() == ErrorKind::NotFound;
    let run = |program: &str| {
        // Complaints are recognised by their English words.
        let mut command = Command::new(program);
        command.args(arguments).env("LC_ALL", "C");
        child::finish(&mut command, input.as_bytes(), LONGEST_RUN)
    };
    let done = match run("nft") {
        Err(error) if missing(&error) => run("/usr/sbin/nft"),
        done => done,
    };
    done.map_err(|error| {
        if missing(&error) {
            NetError::NftMissing
        } else if error.kind() == ErrorKind::TimedOut {
            NetError::Nft(format!("it has not ended within {} s", LONGEST_RUN.as_secs()))
        } else {
            NetError::at("run nft")(error)
        }
    })
}

fn parse(listing: &[u8]) -> Result<BTreeMap<HostPort, Target>, NetError> {
    let listing = parse_listing(listing)?;
    let elements = listing["nftables"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["map"]["elem"].as_array());
    Ok(elements.flatten().filter_map(parse_element).collect())
}

fn parse_listing(listing: &[u8]) -> Result<serde_json::Value, NetError> {
    serde_json::from_slice(listing).map_err(|error| NetError::Nft(format!("unreadable listing: {error}")))
}

fn parse_element(element: &serde_json::Value) -> Option<(HostPort, Target)> {
    let (key, target) = (&element[0]["concat"], &element[1]["concat"]);
    let port = |value: &serde_json::Value| value.as_u64().and_then(|port| u16::try_from(port).ok());
    let host = (key[0].as_str()?.parse().ok()?, port(&key[1])?);
    Some((host, (target[0].as_str()?.parse().ok()?, port(&target[1])?)))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn published() -> BTreeMap<HostPort, Target> {
        let web = ((Protocol::Tcp, 8080), ("172.30.240.2".parse().unwrap(), 80));
        let dns = ((Protocol::Udp, 53), ("172.30.240.3".parse().unwrap(), 5353));
        BTreeMap::from([web, dns])
    }

    fn rules() -> Rules {
        Rules {
            table: "berth-default".into(),
            veth_prefix: "bthabcd".into(),
            bridge: "berth-abcd".into(),
            bridge_range: "172.30.240.0/20".parse().unwrap(),
            vpc: vec!["172.31.0.0/16".parse().unwrap()],
            metadata: "172.30.240.1:40123".parse().unwrap(),
            metadata_of_host: true,
        }
    }

    #[test]
    fn the_table_is_written_whole() {
        let without = rules().script(&BTreeMap::new());
        let with = rules().script(&published());
        let added: Vec<&str> = with.lines().filter(|line| !without.contains(line)).collect();
        assert_eq!(
            added,
            ["\t\telements = { tcp . 8080 : 172.30.240.2 . 80, udp . 53 : 172.30.240.3 . 5353 }"]
        );
        expect![[r#"
            table inet berth-default
            delete table inet berth-default
            table inet berth-default {
            	# Ports of the host, and the container's address and port that each leads to.
            	map published {
            		type inet_proto . inet_service : ipv4_addr . inet_service
            	}
            	# Where containers are known by their own addresses.
            	set internal {
            		type ipv4_addr
            		flags interval
            		auto-merge
            		elements = { 172.31.0.0/16, 172.30.240.0/20 }
            	}
            	# The bridge accepts loopback addresses (route_localnet) for the sake of answers; nobody on it may send to them.
            	chain guard {
            		type filter hook prerouting priority -300; policy accept;
            		iifname "berth-abcd" ip daddr 127.0.0.0/8 drop
            	}
            	# The task metadata endpoint is reached by its own address only.
            	chain input {
            		type filter hook input priority -150; policy accept;
            		ip daddr 172.30.240.1 tcp dport 40123 ct status dnat accept
            		ip daddr 172.30.240.1 tcp dport 40123 drop
            	}
            	# Links of containers do not know how narrow the way out is (tunnels, clouds): TCP learns it here.
            	chain forward {
            		type filter hook forward priority -150; policy accept;
            		iifname "berth-abcd" tcp flags syn tcp option maxseg size set rt mtu
            		iifname "bthabcd*" tcp flags syn tcp option maxseg size set rt mtu
            	}
            	chain prerouting {
            		type nat hook prerouting priority -100; policy accept;
            		iifname "berth-abcd" ip daddr 169.254.170.2 tcp dport 80 dnat ip to 172.30.240.1:40123
            		iifname "bthabcd*" ip daddr 169.254.170.2 tcp dport 80 dnat ip to 172.30.240.1:40123
            		ip daddr != 169.254.170.2 fib daddr type local dnat ip to meta l4proto . th dport map @published
            	}
            	# Clients on the host itself.
            	chain output {
            		type nat hook output priority -100; policy accept;
            		ip daddr 169.254.170.2 tcp dport 80 dnat ip to 172.30.240.1:40123
            		ip daddr != 169.254.170.2 fib daddr type local dnat ip to meta l4proto . th dport map @published
            	}
            	chain postrouting {
            		type nat hook postrouting priority 100; policy accept;
            		# Clients on 127.0.0.1, and containers that reach a published port of the same bridge: answers must come back
            		# through the host.
            		ct status dnat oifname "berth-abcd" ip saddr 127.0.0.0/8 masquerade
            		ct status dnat oifname "berth-abcd" ip saddr 172.30.240.0/20 masquerade
            		# Nobody outside knows the way to a container.
            		iifname "berth-abcd" ip daddr != @internal masquerade
            		iifname "bthabcd*" ip daddr != @internal masquerade
            	}
            }
        "#]]
        .assert_eq(&without);
    }

    #[test]
    fn chains_and_rules_are_counted() {
        let text = rules().script(&BTreeMap::new());
        let chains = text.lines().filter(|line| line.trim().starts_with("chain "));
        assert_eq!(chains.count(), CHAINS);
        let ends = ["drop", "masquerade", "rt mtu", "@published", ":40123", "accept"];
        let is_rule = |line: &str| !line.starts_with('#') && ends.iter().any(|end| line.ends_with(end));
        let count = |text: &str| text.lines().filter(|line| is_rule(line)).count();
        assert_eq!(count(&text), RULES);
        let beside_another = Rules {
            metadata_of_host: false,
            ..rules()
        };
        assert_eq!(count(&beside_another.script(&BTreeMap::new())), RULES);
    }

    #[test]
    fn elements_are_added_in_one_command_and_deleted_one_by_one() {
        expect![[r#"
            add element inet berth-x published { tcp . 8080 : 172.30.240.2 . 80, udp . 53 : 172.30.240.3 . 5353 }
        "#]]
        .assert_eq(&add_script("berth-x", &published()));
        expect![[r#"
            delete element inet berth-x published { tcp . 8080 }
            delete element inet berth-x published { udp . 53 }
        "#]]
        .assert_eq(&delete_script("berth-x", &published().into_keys().collect::<Vec<_>>()));
    }

    #[test]
    fn a_listing_of_nft_is_read_back() {
        // Printed by nft 1.0.6.
        let listing = br#"{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}, {"map": {"family": "inet", "name": "published", "table": "berth-t1", "type": ["inet_proto", "inet_service"], "handle": 5, "map": "ipv4_addr . inet_service", "elem": [[{"concat": ["udp", 53]}, {"concat": ["172.30.240.3", 5353]}], [{"concat": ["tcp", 8080]}, {"concat": ["172.30.240.2", 80]}]]}}]}"#;
        assert_eq!(parse(listing).unwrap(), published());
        assert_eq!(parse(br#"{"nftables": []}"#).unwrap(), BTreeMap::new());
        assert!(parse(b"").is_err());
    }
    #[test]
    fn chains_that_drop_forwarded_packets_are_named() {
        // As iptables-nft makes it for Docker, beside one of ours and one of ufw's for IPv6.
        let listing = br#"{"nftables": [{"metainfo": {"json_schema_version": 1}},
            {"chain": {"family": "ip", "table": "filter", "name": "FORWARD", "handle": 1, "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
            {"chain": {"family": "ip", "table": "filter", "name": "DOCKER-USER", "handle": 2}},
            {"chain": {"family": "ip6", "table": "filter", "name": "FORWARD", "handle": 1, "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
            {"chain": {"family": "inet", "table": "berth-x", "name": "forward", "handle": 3, "type": "filter", "hook": "forward", "prio": -150, "policy": "accept"}}]}"#;
        assert_eq!(parse_drops(listing).unwrap(), ["ip filter FORWARD"]);
    }
}

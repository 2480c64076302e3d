//! What the files /etc/hosts, /etc/hostname and /etc/resolv.conf of a task say. Pure; nothing is read or written here.

use std::fmt::Write as _;
use std::net::IpAddr;

/// The start of every container's /etc/hosts, as Docker writes it.
const LOCAL_NAMES: &str = "127.0.0.1\tlocalhost\n\
    ::1\tlocalhost ip6-localhost ip6-loopback\n\
    fe00::0\tip6-localnet\n\
    ff00::0\tip6-mcastprefix\n\
    ff02::1\tip6-allnodes\n\
    ff02::2\tip6-allrouters\n";

/// /etc/hosts: the usual local names, the task's own name for its address (if it has one), then `extra` (address and
/// name, as extraHosts gives them).
#[must_use]
pub fn hosts(hostname: &str, address: Option<IpAddr>, extra: &[(String, String)]) -> String {
    let mut text = LOCAL_NAMES.to_owned();
    // A task without any network still finds itself.
    let own = address.unwrap_or(IpAddr::from([127, 0, 0, 1]));
    writeln!(text, "{own}\t{hostname}").expect("writing to a String cannot fail");
    with_hosts(text, extra)
}

/// An /etc/hosts with further lines, address and name each.
#[must_use]
pub fn with_hosts(mut text: String, extra: &[(String, String)]) -> String {
    if !extra.is_empty() && !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for (address, name) in extra {
        writeln!(text, "{address}\t{name}").expect("writing to a String cannot fail");
    }
    text
}

/// A resolv.conf with these name servers and search domains instead of its own, where there are any. The domain `.` stands
/// for none.
#[must_use]
pub fn with_resolvers(text: &str, servers: &[String], search: &[String]) -> String {
    let replaced = |word: &str| match word {
        "nameserver" => !servers.is_empty(),
        "search" | "domain" => !search.is_empty(),
        _ => false,
    };
    let kept = text
        .lines()
        .filter(|line| !replaced(line.split_whitespace().next().unwrap_or_default()));
    let mut new: String = kept.map(|line| format!("{line}\n")).collect();
    let domains: Vec<&str> = search
        .iter()
        .map(String::as_str)
        .filter(|domain| *domain != ".")
        .collect();
    if !domains.is_empty() {
        writeln!(new, "search {}", domains.join(" ")).expect("writing to a String cannot fail");
    }
    for server in servers {
        writeln!(new, "nameserver {server}").expect("writing to a String cannot fail");
    }
    new
}

/// /etc/hostname.
#[must_use]
pub fn hostname(hostname: &str) -> String {
    format!("{hostname}\n")
}

/// Where a resolv.conf for tasks can come from.
#[derive(Clone, Copy, Debug)]
pub struct ResolvSources<'a> {
    /// The host's /etc/resolv.conf.
    pub host: &'a str,
    /// /run/systemd/resolve/resolv.conf, if there is one: the servers behind systemd-resolved's loopback address.
    pub behind_resolved: Option<&'a str>,
    /// Name servers for hosts that know only loopback ones.
    pub fallback: &'a [IpAddr],
}

/// /etc/resolv.conf for a task with a network of its own: the host's, without name servers that cannot be reached from
/// there (loopback is another machine's affair inside a namespace, and tasks have no IPv6). If none remains, those behind
/// systemd-resolved; if there are none either, the fallback. Search domains and options are the host's.
#[must_use]
pub fn resolv_conf(sources: &ResolvSources<'_>) -> String {
    let reachable = |text: &str| {
        servers(text)
            .filter(|address| is_reachable(*address))
            .collect::<Vec<_>>()
    };
    let own = reachable(sources.host);
    let behind = || sources.behind_resolved.map(reachable).unwrap_or_default();
    let found = [own, behind(), sources.fallback.to_vec()]
        .into_iter()
        .find(|servers| !servers.is_empty());

    let mut text: String = sources
        .host
        .lines()
        .filter(|line| is_kept(line))
        .map(|line| format!("{line}\n"))
        .collect();
    for server in found.unwrap_or_default() {
        writeln!(text, "nameserver {server}").expect("writing to a String cannot fail");
    }
    text
}

fn servers(text: &str) -> impl Iterator<Item = IpAddr> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let is_server = words.next() == Some("nameserver");
        words.next().filter(|_| is_server)?.parse().ok()
    })
}

fn is_reachable(address: IpAddr) -> bool {
    address.is_ipv4() && !address.is_loopback() && !address.is_unspecified()
}

fn is_kept(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    matches!(first, "search" | "domain" | "options" | "sortlist")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(host: &str, behind_resolved: Option<&str>, fallback: &[&str], expected: &Expect) {
        let fallback: Vec<IpAddr> = fallback.iter().map(|address| address.parse().unwrap()).collect();
        expected.assert_eq(&resolv_conf(&ResolvSources {
            host,
            behind_resolved,
            fallback: &fallback,
        }));
    }

    #[test]
    fn a_plain_host_is_copied() {
        let host = "# by hand\nsearch example.org\nnameserver 10.0.0.2\nnameserver 10.0.0.3\noptions ndots:2\n";
        check(
            host,
            None,
            &["9.9.9.9"],
            &expect![[r#"
            search example.org
            options ndots:2
            nameserver 10.0.0.2
            nameserver 10.0.0.3
        "#]],
        );
    }

    #[test]
    fn unreachable_servers_are_left_out() {
        let host = "nameserver 127.0.0.1\nnameserver ::1\nnameserver fd00::1\nnameserver 10.0.0.2\n";
        check(
            host,
            None,
            &[],
            &expect![[r#"
            nameserver 10.0.0.2
        "#]],
        );
    }

    #[test]
    fn servers_behind_systemd_resolved_take_its_place() {
        let host = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan\n";
        check(
            host,
            Some("nameserver 192.168.1.1\nsearch other\n"),
            &["9.9.9.9"],
            &expect![[r#"
            options edns0 trust-ad
            search lan
            nameserver 192.168.1.1
        "#]],
        );
    }

    #[test]
    fn the_fallback_comes_last() {
        check(
            "nameserver 127.0.0.1\n",
            Some("nameserver 127.0.0.53\n"),
            &["9.9.9.9"],
            &expect![[r#"
            nameserver 9.9.9.9
        "#]],
        );
        check("", None, &[], &expect![""]);
    }

    #[test]
    fn servers_and_domains_of_a_container_take_the_place_of_the_host_s() {
        let host = "search lan\nnameserver 10.0.0.2\noptions ndots:2\n";
        let changed = |servers: &[&str], search: &[&str]| {
            let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
            with_resolvers(host, &owned(servers), &owned(search))
        };
        assert_eq!(changed(&[], &[]), host);
        assert_eq!(
            changed(&["1.1.1.1", "fd00::1"], &[]),
            "search lan\noptions ndots:2\nnameserver 1.1.1.1\nnameserver fd00::1\n"
        );
        assert_eq!(
            changed(&[], &["a", "b"]),
            "nameserver 10.0.0.2\noptions ndots:2\nsearch a b\n"
        );
        assert_eq!(changed(&[], &["."]), "nameserver 10.0.0.2\noptions ndots:2\n");
        let extra = [("10.0.0.9".to_owned(), "db".to_owned())];
        assert_eq!(with_hosts("1.2.3.4 a".to_owned(), &extra), "1.2.3.4 a\n10.0.0.9\tdb\n");
    }

    #[test]
    fn a_task_finds_its_own_name() {
        let extra = [("10.0.0.9".to_owned(), "db".to_owned())];
        expect![[r#"
            127.0.0.1	localhost
            ::1	localhost ip6-localhost ip6-loopback
            fe00::0	ip6-localnet
            ff00::0	ip6-mcastprefix
            ff02::1	ip6-allnodes
            ff02::2	ip6-allrouters
            172.31.0.9	ip-172-31-0-9.ec2.internal
            10.0.0.9	db
        "#]]
        .assert_eq(&hosts("ip-172-31-0-9.ec2.internal", "172.31.0.9".parse().ok(), &extra));
        assert!(hosts("lonely", None, &[]).ends_with("127.0.0.1\tlonely\n"));
        assert_eq!(hostname("web"), "web\n");
    }
}

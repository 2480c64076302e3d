//! A host of its own for every test: a thread in fresh network and mount namespaces, so that the machine's network is
//! never touched and nothing outlives a test; and clients and servers inside namespaces.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use berth_agent::net::{Config, Interface, Network, PortMapping, Protocol};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket;

/// Only so that a test that fails ends.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a test waits for what must not come.
const SILENCE: Duration = Duration::from_millis(300);

pub(crate) struct Host {
    directory: tempfile::TempDir,
}

/// Runs a test on a host of its own.
pub(crate) fn on_own_host(test: impl AsyncFnOnce(Host) + Send) {
    assert!(
        nix::unistd::geteuid().is_root(),
        "run the agent's tests as root: they make network namespaces"
    );
    thread::scope(|scope| {
        scope
            .spawn(|| run_alone(test))
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
}

fn run_alone(test: impl AsyncFnOnce(Host)) {
    let directory = tempfile::tempdir().unwrap();
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).unwrap();
    mount(
        None::<&str>,
        "/",
        None::<&str>,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        None::<&str>,
    )
    .unwrap();
    run(&["ip", "link", "set", "lo", "up"]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test(Host { directory }));
}

impl Host {
    pub(crate) fn config(&self) -> Config {
        Config {
            instance: "test".to_owned(),
            netns_dir: self.netns_dir(),
            vpc: vec!["172.31.0.0/16".parse().unwrap()],
            bridge_name: None,
            bridge_range: None,
        }
    }

    pub(crate) fn netns_dir(&self) -> PathBuf {
        self.directory.path().join("netns")
    }

    pub(crate) async fn open(&self) -> Network {
        Network::open(self.config()).await.unwrap()
    }
}

/// An awsvpc interface 172.31.0.`last`.
pub(crate) fn interface(last: u8) -> Interface {
    Interface {
        id: format!("eni-{last:017x}"),
        mac: format!("0e:00:00:00:00:{last:02x}").parse().unwrap(),
        address: Ipv4Addr::new(172, 31, 0, last),
        prefix_len: 20,
        gateway: Ipv4Addr::new(172, 31, 0, 1),
    }
}

pub(crate) async fn awsvpc_task(network: &Network, id: &str, last: u8) -> PathBuf {
    let path = network.create_namespace(id).await.unwrap();
    network.attach_interface(id, interface(last)).await.unwrap();
    path
}

pub(crate) async fn bridge_task(network: &Network, id: &str) -> (PathBuf, Ipv4Addr) {
    let path = network.create_namespace(id).await.unwrap();
    (path, network.attach_bridge(id).await.unwrap())
}

pub(crate) fn tcp(container_port: u16, host_port: u16) -> PortMapping {
    PortMapping {
        container_port,
        host_port,
        protocol: Protocol::Tcp,
    }
}

pub(crate) fn udp(container_port: u16, host_port: u16) -> PortMapping {
    PortMapping {
        container_port,
        host_port,
        protocol: Protocol::Udp,
    }
}

/// A place with a network: the test's host, or a namespace.
pub(crate) type Place<'a> = Option<&'a Path>;
pub(crate) const HOST: Place<'static> = None;

/// Runs `op` at a place, on a thread of its own.
pub(crate) fn at<T: Send>(place: Place<'_>, op: impl FnOnce() -> T + Send) -> T {
    let moved = || {
        if let Some(path) = place {
            setns(std::fs::File::open(path).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
        }
        op()
    };
    thread::scope(|scope| {
        scope
            .spawn(moved)
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Runs a command at the place of the calling thread and returns what it prints.
pub(crate) fn run(command: &[&str]) -> String {
    let output = Command::new(command[0]).args(&command[1..]).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Waits for what happens beside the calls.
pub(crate) fn eventually(what: &str, is_true: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < PATIENCE, "still waiting: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Tells every client its address as seen here. Ends when dropped.
pub(crate) enum Server {
    Tcp(Arc<TcpListener>),
    Udp(Arc<AtomicBool>),
}

impl Server {
    pub(crate) fn tcp(place: Place<'_>, port: u16) -> Self {
        Self::of(at(place, || TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap()))
    }

    /// Of a listener that is there already.
    pub(crate) fn of(listener: TcpListener) -> Self {
        listener.set_nonblocking(false).unwrap();
        let listener = Arc::new(listener);
        let accepting = Arc::clone(&listener);
        thread::spawn(move || {
            while let Ok((mut stream, client)) = accepting.accept() {
                // A client that is gone already has its answer or does not want it.
                drop(write!(stream, "{}", client.ip()));
            }
        });
        Self::Tcp(listener)
    }

    /// Answers with `name` and the client's address.
    pub(crate) fn udp(place: Place<'_>, port: u16, name: &'static str) -> Self {
        let socket = at(place, || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap());
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                if let Ok((_, client)) = socket.recv_from(&mut [0; 16]) {
                    drop(socket.send_to(format!("{name} {}", client.ip()).as_bytes(), client));
                }
            }
        });
        Self::Udp(ended)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match self {
            Self::Tcp(listener) => socket::shutdown(listener.as_raw_fd(), socket::Shutdown::Both).unwrap(),
            Self::Udp(ended) => ended.store(true, Ordering::Relaxed),
        }
    }
}

/// Connects from a place and returns the client's address as the server saw it.
pub(crate) fn ask(place: Place<'_>, address: impl Into<Ipv4Addr>, port: u16) -> io::Result<String> {
    let address = SocketAddr::from((address.into(), port));
    at(place, || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    })
}

/// A UDP client that keeps its port.
pub(crate) fn udp_client(place: Place<'_>) -> UdpSocket {
    let socket = at(place, || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap());
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    socket
}

/// Sends until an answer comes; `None` if none does.
pub(crate) fn ask_udp(client: &UdpSocket, address: Ipv4Addr, port: u16) -> Option<String> {
    let mut answer = [0; 64];
    (0..5).find_map(|_| {
        // "Connection refused" from an earlier try is no answer either.
        drop(client.send_to(b"?", (address, port)));
        let length = client.recv(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer[..length]).into_owned())
    })
}

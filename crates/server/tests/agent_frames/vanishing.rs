//! Agents that are gone without a word: no FIN, no answer. Their connections end all the same, and they count as gone.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use berth_core::control::RECONNECT_GRACE_MS;
use berth_core::ecs::session::{HEARTBEAT_MS, SILENCE_MS};
use serde_json::json;

use crate::agent::{Agent, acs_target, stock};
use crate::plane::{PATIENCE, Plane};
use crate::recording::{INSTANCE, line};
use crate::world::World;

/// How long a telemetry connection may be silent.
const TELEMETRY_SILENCE_MS: i64 = 120_000;

/// A connection between an agent and the control plane that can be cut: neither end hears of that.
struct Cable {
    address: SocketAddr,
    is_cut: Arc<AtomicBool>,
    down: JoinHandle<()>,
}

impl Cable {
    fn lay(plane: &Plane) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let is_cut = Arc::new(AtomicBool::new(false));
        let (cut, plane) = (Arc::clone(&is_cut), plane.address());
        let down = thread::spawn(move || {
            let (agent, _) = listener.accept().unwrap();
            let plane = TcpStream::connect(plane).unwrap();
            let up = (agent.try_clone().unwrap(), plane.try_clone().unwrap(), Arc::clone(&cut));
            thread::spawn(move || carry(up.0, up.1, &up.2));
            carry(plane, agent, &cut);
        });
        Self { address, is_cut, down }
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }

    /// Waits until the control plane has ended its connection.
    #[track_caller]
    fn await_end(self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.down.is_finished() {
            assert!(Instant::now() < deadline, "the control plane keeps the connection");
            thread::sleep(Duration::from_millis(5));
        }
        self.down.join().unwrap();
    }
}

/// Carries bytes until their source ends; what comes after the cut is lost.
fn carry(mut from: TcpStream, mut to: TcpStream, is_cut: &AtomicBool) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !is_cut.load(Ordering::Relaxed) && to.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

#[test]
fn an_agent_that_vanishes_is_not_connected() {
    let world = World::joined_at(&line(3));
    let cable = Cable::lay(&world.plane);
    let socket = world.plane.upgrade_through(cable.address, &acs_target(&stock()));
    let mut agent = Agent::begin(&world.plane, socket);
    agent.answer_heartbeat();
    agent.assert_quiet();
    cable.cut();
    for _ in 0..SILENCE_MS / HEARTBEAT_MS {
        world.plane.advance(HEARTBEAT_MS);
        assert_eq!(world.instance()["agentConnected"], true);
    }
    world.plane.advance(HEARTBEAT_MS);
    cable.await_end();
    world.plane.await_no_agents();
    world.plane.advance(RECONNECT_GRACE_MS);
    assert_eq!(world.instance()["agentConnected"], false);
}

#[test]
fn a_telemetry_connection_ends_when_its_agent_vanishes() {
    let world = World::joined_at(&line(4));
    let cable = Cable::lay(&world.plane);
    let target = format!("/tcs/ws?{}", stock().to_tcs_query());
    let mut socket = world.plane.upgrade_through(cable.address, &target);
    socket.next();
    cable.cut();
    world.plane.advance(TELEMETRY_SILENCE_MS);
    cable.await_end();
}

#[test]
fn a_telemetry_connection_ends_with_its_instance() {
    let world = World::joined_at(&line(4));
    let mut socket = world
        .plane
        .upgrade_now(&format!("/tcs/ws?{}", stock().to_tcs_query()))
        .unwrap();
    socket.next();
    let leaving = json!({ "containerInstance": INSTANCE });
    world.plane.call("DeregisterContainerInstance", &leaving).ok();
    assert_eq!(socket.hear(), None);
}

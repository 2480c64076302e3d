//! Whole calls of ECS, one in a line (`Operation`, a blank, the body): decoded, decided by the brain, and answered.
//!
//! The brain is real and knows one machine, so that tasks find a place.

use berth_core::control::{Control, Event};
use berth_core::ecs::Refusal;
use berth_core::ecs::api::Write;
use berth_core::ecs::view::Reply;
use berth_core::ecs::view::past::{Found, Past};
use berth_core::iam::{Identity, Principal};
use berth_core::kernel::{Cx, Scope, Timestamp};
use berth_wire::ecs::{Request, Unasked, refusals, replies, requests};
use berth_wire::protocol::{self, Protocol, Route};
use berth_wire::shapes::{Operation, ecs};
use berth_wire::sigv4::RequestHead;

/// As a history completes it that has nothing.
fn without_history(reply: Reply) -> Result<Reply, Refusal> {
    let Reply::Past(past) = reply else {
        return Ok(reply);
    };
    match *past {
        Past::Named(named) => named.complete(Vec::new()),
        Past::Listed(listed) => Ok(listed.complete(Found::default())),
    }
}

/// More calls find nothing that fewer do not.
const MOST_CALLS: usize = 16;
const MACHINE: &str = r#"{"cluster":"default","totalResources":[{"name":"CPU","type":"INTEGER","integerValue":4096},
    {"name":"MEMORY","type":"INTEGER","integerValue":8192}],"attributes":[{"name":"ecs.capability.task-eni"},
    {"name":"ecs.os-type","value":"linux"},{"name":"ecs.cpu-architecture","value":"x86_64"}]}"#;

pub(super) fn calls(data: &[u8]) {
    let mut world = World::new();
    for line in data.split(|byte| *byte == b'\n').take(MOST_CALLS) {
        let blank = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
        let (name, body) = line.split_at(blank);
        let operation = std::str::from_utf8(name).ok().and_then(ecs::Operation::from_name);
        if let Some(operation) = operation {
            world.call(operation, body);
        }
    }
}

struct World {
    control: Control,
    principal: Principal,
    scope: Scope,
    turns: i64,
}

impl World {
    fn new() -> Self {
        let account = "000000000001".parse().expect("an account");
        let mut world = Self {
            control: Control::default(),
            principal: Principal {
                account,
                identity: Identity::Administrator,
            },
            scope: Scope {
                account,
                region: "us-east-1".parse().expect("a region"),
            },
            turns: 0,
        };
        world.call(ecs::Operation::CreateCluster, b"{}");
        world.call(ecs::Operation::RegisterContainerInstance, MACHINE.as_bytes());
        let mut cx = world.cx();
        world.control.handle(&mut cx, Event::Started);
        world
    }

    fn cx(&mut self) -> Cx {
        self.turns += 1;
        Cx::new(
            Timestamp(1_795_178_549_000 + self.turns * 1000),
            u128::from(self.turns.unsigned_abs()),
        )
    }

    fn call(&mut self, operation: ecs::Operation, body: &[u8]) {
        let route = Route::new(Operation::Ecs(operation), Protocol::AwsJson11);
        let head = RequestHead {
            method: "POST",
            target: "/",
            headers: &[],
        };
        let asked = requests::request(operation, &route, &protocol::Request { head, body });
        let (reply, included) = match asked {
            Ok(Request::Write(write)) => (self.write(write), Vec::new()),
            Ok(Request::Read(read, included)) => (self.control.read(&self.principal, &self.scope, &read), included),
            Ok(Request::DiscoverPollEndpoint) => return,
            Err(unasked @ (Unasked::Refused(_) | Unasked::Error(_))) => {
                let _ = route.refuse(&unasked.into_error(), "id");
                return;
            }
        };
        let _ = match reply.and_then(without_history) {
            Ok(reply) => route.encode(replies::document(operation, reply, &included), "id"),
            Err(refusal) => route.refuse(&refusals::error(&refusal), "id"),
        };
    }

    /// A refused call changes nothing, and every call is answered.
    fn write(&mut self, write: Write) -> Result<Reply, Refusal> {
        let (principal, scope) = (self.principal.clone(), self.scope.clone());
        let mut cx = self.cx();
        let event = Event::Request {
            principal,
            scope,
            write,
        };
        let output = self.control.handle(&mut cx, event);
        let reply = output.reply.expect("every request is answered");
        assert!(output.changes.len() <= 100, "one event makes at most 100 changes");
        assert!(
            reply.is_ok() || output.changes.is_empty(),
            "{reply:?} changed something"
        );
        reply
    }
}

//! A machine trades a join token for a key of its own, once; with that key it acts for itself alone, until it leaves.

use berth_core::control::{Change, Control, Event, Output, State};
use berth_core::ecs::Refusal;
use berth_core::ecs::admit::deregister_instance::DeregisterInstance;
use berth_core::ecs::admit::register_instance::RegisterInstance;
use berth_core::ecs::admit::run_task::RunTask;
use berth_core::ecs::api::{Read, Submit, Write};
use berth_core::ecs::model::InstanceKey;
use berth_core::ecs::report::{ReportedStatus, TaskReport};
use berth_core::ecs::view::Reply;
use berth_core::iam::admit::{self, EXPIRED_TOKEN_MS, Join, JoinRefusal, JoinReply, Make};
use berth_core::iam::agent_key::AgentKey;
use berth_core::iam::join_token::{Digest, JoinToken};
use berth_core::iam::{Identity, Principal};
use berth_core::kernel::{Cx, Scope, Timestamp};

use crate::world::World;

const HOUR_MS: i64 = 3_600_000;
const SECRET: Digest = Digest([1; 32]);

/// A control plane, the time, and all that it has changed.
struct Plane {
    control: Control,
    now: Timestamp,
    log: Vec<Change>,
}

impl Plane {
    fn new() -> Self {
        let mut plane = Self {
            control: Control::new(State::default()),
            now: Timestamp(1_000_000_000),
            log: Vec::new(),
        };
        plane.handle(Event::Started);
        plane
    }

    fn handle(&mut self, event: Event) -> Output {
        let mut cx = Cx::new(self.now, u128::from(self.log.len() as u64) + 7);
        let output = self.control.handle(&mut cx, event);
        self.log.extend(output.changes.iter().cloned());
        output
    }

    fn ask(&mut self, event: Event) -> Result<Reply, Refusal> {
        self.handle(event).reply.expect("requests are answered")
    }

    /// Lets time pass, and does what is due then.
    fn pass(&mut self, ms: i64) {
        self.now = self.now.plus_ms(ms);
        let mut cx = Cx::new(self.now, 3);
        self.log.extend(self.control.tick(&mut cx).changes);
    }

    /// Everything again from what was stored.
    fn restart(&mut self) {
        let mut state = State::default();
        self.log.iter().cloned().for_each(|change| state.apply(change));
        assert_eq!(&state, self.control.state(), "state is the fold of its changes");
        self.control = Control::new(state);
        self.handle(Event::Started);
    }

    fn tokens(&mut self, principal: Principal, write: admit::Write) -> Result<JoinToken, Refusal> {
        let reply = self.ask(Event::Tokens { principal, write })?;
        let Reply::Join(JoinReply::Token(token)) = reply else {
            panic!("{reply:?}");
        };
        Ok(token)
    }

    fn token(&mut self, cluster: Option<&str>) -> JoinToken {
        let make = Make {
            secret: SECRET,
            cluster: cluster.map(str::to_owned),
            life_ms: HOUR_MS,
        };
        self.tokens(World::principal(), admit::Write::Make(make))
            .expect("it fits")
    }

    fn join(&mut self, token: &JoinToken, claim: u8) -> Result<AgentKey, Refusal> {
        self.join_with(Join {
            token: token.id,
            secret: SECRET,
            claim: Digest([claim; 32]),
            region: World::scope().region,
            cluster: "default".to_owned(),
        })
    }

    fn join_with(&mut self, join: Join) -> Result<AgentKey, Refusal> {
        let reply = self.ask(Event::Join(join))?;
        let Reply::Join(JoinReply::Key(key)) = reply else {
            panic!("{reply:?}");
        };
        Ok(key)
    }

    /// A machine with a key of its own.
    fn joined(&mut self) -> AgentKey {
        let token = self.token(None);
        self.join(&token, 1).expect("it is new")
    }

    fn write_in(&mut self, scope: Scope, principal: &Principal, write: Write) -> Result<Reply, Refusal> {
        self.ask(Event::Request {
            principal: principal.clone(),
            scope,
            write,
        })
    }

    fn write(&mut self, principal: &Principal, write: Write) -> Result<Reply, Refusal> {
        self.write_in(World::scope(), principal, write)
    }

    fn register(&mut self, key: &AgentKey, request: RegisterInstance) -> Result<InstanceKey, Refusal> {
        let reply = self.write(&key.principal(), Write::RegisterInstance(request))?;
        let Reply::Instance(view) = reply else {
            panic!("{reply:?}");
        };
        Ok(view.instance.key)
    }

    /// A machine with a key of its own that has registered. What is presented is the key as it was before.
    fn machine(&mut self) -> (AgentKey, InstanceKey) {
        let key = self.joined();
        let instance = self.register(&key, RegisterInstance::default()).expect("it may");
        (key, instance)
    }

    fn deregister(&mut self, principal: &Principal, instance: &InstanceKey, force: bool) -> Result<Reply, Refusal> {
        let request = DeregisterInstance {
            instance: instance.id.to_string(),
            force,
            ..DeregisterInstance::default()
        };
        self.write(principal, Write::DeregisterInstance(request))
    }
}

fn again(instance: &InstanceKey) -> RegisterInstance {
    RegisterInstance {
        instance: Some(instance.arn().to_string()),
        ..RegisterInstance::default()
    }
}

fn is_denied<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> bool {
    matches!(answer, Err(Refusal::Denied(_)))
}

#[test]
fn a_token_is_good_for_one_machine() {
    let mut plane = Plane::new();
    let token = plane.token(None);
    let key = plane.join(&token, 1).unwrap();
    plane.restart();
    assert_eq!(
        plane.join(&token, 1),
        Ok(key.clone()),
        "the machine that asks again gets the same"
    );
    assert_eq!(plane.join(&token, 2), Err(Refusal::Join(JoinRefusal::Used)));
    plane.pass(2 * HOUR_MS);
    assert_eq!(plane.join(&token, 1), Ok(key), "its answer was lost for long");
}

#[test]
fn a_token_that_is_not_right_is_worth_nothing() {
    let mut plane = Plane::new();
    let (token, bound) = (plane.token(None), plane.token(Some("blue")));
    let join = |token: &JoinToken, secret: Digest| Join {
        token: token.id,
        secret,
        claim: Digest([1; 32]),
        region: World::scope().region,
        cluster: "default".to_owned(),
    };
    let refused = |plane: &mut Plane, join: Join| plane.join_with(join).unwrap_err();
    assert_eq!(
        refused(&mut plane, join(&token, Digest([9; 32]))),
        Refusal::Join(JoinRefusal::Unknown)
    );
    let other = Refusal::Join(JoinRefusal::OtherCluster("blue".to_owned()));
    assert_eq!(refused(&mut plane, join(&bound, SECRET)), other);
    let blue = Join {
        cluster: "blue".to_owned(),
        ..join(&bound, SECRET)
    };
    assert!(plane.join_with(blue).is_ok());
    plane.pass(HOUR_MS - 1);
    assert!(plane.join(&token, 1).is_ok());
}

#[test]
fn a_token_expires_and_is_forgotten_later() {
    let mut plane = Plane::new();
    let token = plane.token(None);
    plane.pass(HOUR_MS);
    assert_eq!(plane.join(&token, 1), Err(Refusal::Join(JoinRefusal::Expired)));
    assert!(plane.control.next_wakeup().is_some());
    plane.pass(EXPIRED_TOKEN_MS);
    assert_eq!(plane.join(&token, 1), Err(Refusal::Join(JoinRefusal::Unknown)));
    assert_eq!(plane.control.join_tokens(&World::principal()), Ok(Vec::new()));
    assert_eq!(plane.control.next_wakeup(), None, "nothing is left to do");
    plane.restart();
}

#[test]
fn a_token_can_be_taken_back_and_keys_stay() {
    let mut plane = Plane::new();
    let (token, used) = (plane.token(None), plane.token(None));
    let key = plane.join(&used, 1).unwrap();
    let listed = plane.control.join_tokens(&World::principal()).unwrap();
    assert_eq!(listed.iter().filter(|token| token.used.is_some()).count(), 1);
    for token in [&token, &used] {
        plane
            .tokens(World::principal(), admit::Write::Revoke(token.id))
            .unwrap();
        assert_eq!(plane.join(token, 1), Err(Refusal::Join(JoinRefusal::Unknown)));
    }
    let gone = plane.tokens(World::principal(), admit::Write::Revoke(token.id));
    assert_eq!(gone, Err(Refusal::Join(JoinRefusal::Unknown)));
    assert!(plane.register(&key, RegisterInstance::default()).is_ok());
}

#[test]
fn tokens_have_limits_and_are_the_administrators() {
    let mut plane = Plane::new();
    let make = |life_ms| {
        admit::Write::Make(Make {
            secret: SECRET,
            cluster: None,
            life_ms,
        })
    };
    for life_ms in [0, -1, admit::MOST_LIFE_MS + 1] {
        let refused = plane.tokens(World::principal(), make(life_ms));
        assert_eq!(refused, Err(Refusal::Join(JoinRefusal::Life)));
    }
    let (key, _) = plane.machine();
    assert!(is_denied(plane.tokens(key.principal(), make(HOUR_MS))));
    let token = plane.token(None);
    assert!(is_denied(plane.tokens(key.principal(), admit::Write::Revoke(token.id))));
    assert!(is_denied(plane.control.join_tokens(&key.principal())));
    let foreign = Principal {
        account: "210987654321".parse().unwrap(),
        identity: Identity::Administrator,
    };
    assert_eq!(plane.control.join_tokens(&foreign), Ok(Vec::new()));
    let refused = plane.tokens(foreign, admit::Write::Revoke(token.id));
    assert_eq!(refused, Err(Refusal::Join(JoinRefusal::Unknown)));
    let full = (0..=admit::MOST_TOKENS).find_map(|_| plane.tokens(World::principal(), make(HOUR_MS)).err());
    assert_eq!(full, Some(Refusal::Join(JoinRefusal::TooMany)));
}

#[test]
fn a_key_registers_one_machine() {
    let mut plane = Plane::new();
    let (key, instance) = plane.machine();
    plane.restart();
    assert_eq!(plane.register(&key, again(&instance)), Ok(instance.clone()));
    let lost = plane.register(&key, RegisterInstance::default());
    assert_eq!(
        lost,
        Ok(instance.clone()),
        "the answer to the first registration was lost"
    );
    let (other_key, other) = plane.machine();
    assert_ne!(instance, other);
    assert!(is_denied(plane.register(&key, again(&other))), "another machine");
    let third = plane.joined();
    assert!(
        is_denied(plane.register(&third, again(&other))),
        "a machine that is there already"
    );
    let elsewhere = RegisterInstance {
        cluster: Some("green".to_owned()),
        ..RegisterInstance::default()
    };
    assert!(is_denied(plane.register(&third, elsewhere)));
    let region = Scope {
        region: "us-west-2".parse().unwrap(),
        ..World::scope()
    };
    let far = Write::RegisterInstance(RegisterInstance::default());
    assert!(is_denied(plane.write_in(region, &third.principal(), far)));
    assert!(plane.register(&other_key, again(&other)).is_ok());
}

#[test]
fn an_agent_does_nothing_for_others() {
    let mut plane = Plane::new();
    let (key, instance) = plane.machine();
    let (_, other) = plane.machine();
    let agent = key.principal();
    assert!(is_denied(plane.deregister(&agent, &other, false)));
    assert!(is_denied(plane.write(&agent, Write::RunTask(RunTask::default()))));
    assert!(is_denied(
        plane.write(&agent, Write::DeleteCluster("default".to_owned()))
    ));
    let read = Read::DescribeInstances(None, vec![instance.id.to_string()]);
    assert!(is_denied(plane.control.read(&agent, &World::scope(), &read)));
    let bound = plane.control.agent_key(key.id.as_str()).unwrap().principal();
    for action in ["ecs:Poll", "ecs:StartTelemetrySession"] {
        assert_eq!(plane.control.may_connect(&bound, action, &instance), Ok(()));
        assert!(is_denied(plane.control.may_connect(&bound, action, &other)));
    }
}

#[test]
fn an_agent_reports_on_its_own_tasks_alone() {
    let mut world = World::new();
    world.tell("machine m1\ndefine app : app\nrun app\n");
    let task = world.tasks[0].clone();
    let log = world.log.clone();
    let mut plane = Plane::new();
    plane.log = log;
    plane.control = {
        let mut state = State::default();
        plane.log.iter().cloned().for_each(|change| state.apply(change));
        Control::new(state)
    };
    plane.now = world.now;
    let (key, _) = plane.machine();
    let report = |task: String| {
        Write::Submit(Submit {
            cluster: None,
            task: Some(task),
            report: TaskReport {
                status: Some(ReportedStatus::Stopped),
                ..TaskReport::default()
            },
        })
    };
    assert!(is_denied(plane.write(&key.principal(), report(task.arn().to_string()))));
    assert!(!plane.control.state().ecs().tasks().get(&task).unwrap().is_stopped());
    let unknown = task.arn().to_string().replace(&task.id.to_string(), &"0".repeat(32));
    assert!(
        plane.write(&key.principal(), report(unknown)).is_ok(),
        "it need not repeat itself"
    );
}

#[test]
fn a_machine_that_leaves_takes_its_key_along() {
    let mut plane = Plane::new();
    let (key, instance) = plane.machine();
    let (other, _) = plane.machine();
    plane.deregister(&key.principal(), &instance, false).unwrap();
    assert_eq!(plane.control.agent_key(key.id.as_str()), None);
    assert!(
        is_denied(plane.register(&key, again(&instance))),
        "a request that was on its way"
    );
    assert!(plane.control.agent_key(other.id.as_str()).is_some());
    // With a new key it comes back as a machine that is new.
    let new = plane.joined();
    assert_eq!(
        plane.register(&new, again(&instance)),
        Err(Refusal::InstanceGone(instance.id))
    );
    let renewed = plane.register(&new, RegisterInstance::default()).unwrap();
    assert_ne!(renewed, instance);
    plane.deregister(&World::principal(), &renewed, true).unwrap();
    assert_eq!(plane.control.agent_key(new.id.as_str()), None);
    plane.restart();
}

//! The store gives back what was committed, in the order in which things refer to each other, and refuses what it cannot read.

use berth_core::control::{Change, Control, Event, State};
use berth_core::ecs::admit::cluster::CreateCluster;
use berth_core::ecs::admit::register_task_definition::{ContainerDraft, Draft};
use berth_core::ecs::api::Write;
use berth_core::ecs::view::Reply;
use berth_core::iam::join_token::Digest;
use berth_core::iam::{Identity, Principal, admit};
use berth_core::kernel::{Cx, Scope, Timestamp};

use fjall::{Database, KeyspaceCreateOptions};

use super::{FORMAT_KEY, Store, StoreError, record};

fn scope() -> Scope {
    Scope {
        account: "012345678910".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
    }
}

/// What the brain changes when a cluster and a task definition are made, and a machine joins.
fn changes() -> Vec<Change> {
    let mut control = Control::new(State::default());
    let principal = Principal {
        account: scope().account,
        identity: Identity::Administrator,
    };
    let container = ContainerDraft {
        name: "web".into(),
        image: "httpd".into(),
        memory: Some(64),
        ..ContainerDraft::default()
    };
    let draft = Draft {
        family: "web".into(),
        containers: vec![container],
        ..Draft::default()
    };
    let writes = [
        Write::CreateCluster(CreateCluster {
            name: Some("web".into()),
            tags: vec![("a".into(), "b".into())],
            ..CreateCluster::default()
        }),
        Write::RegisterTaskDefinition(draft),
    ];
    let start = control.handle(&mut Cx::new(Timestamp(1), 1), Event::Started).changes;
    let rest = writes.into_iter().zip(2..).flat_map(|(write, at)| {
        let event = Event::Request {
            principal: principal.clone(),
            scope: scope(),
            write,
        };
        control.handle(&mut Cx::new(Timestamp(at), 7), event).changes
    });
    let mut all: Vec<Change> = start.into_iter().chain(rest.collect::<Vec<_>>()).collect();
    all.extend(joined(&mut control, principal));
    all
}

/// What the brain changes when a machine gets a key with a token.
fn joined(control: &mut Control, principal: Principal) -> Vec<Change> {
    let digest = Digest([7; 32]);
    let make = admit::Make {
        secret: digest,
        cluster: None,
        life_ms: 60_000,
    };
    let write = admit::Write::Make(make);
    let made = control.handle(&mut Cx::new(Timestamp(8), 8), Event::Tokens { principal, write });
    let Some(Ok(Reply::Join(admit::JoinReply::Token(token)))) = made.reply else {
        panic!("{made:?}");
    };
    let join = admit::Join {
        token: token.id,
        secret: digest,
        claim: digest,
        region: scope().region,
        cluster: "default".into(),
    };
    let joined = control.handle(&mut Cx::new(Timestamp(9), 9), Event::Join(join));
    made.changes.into_iter().chain(joined.changes).collect()
}

#[test]
fn what_was_committed_is_loaded_again() {
    let dir = tempfile::tempdir().unwrap();
    let changes = changes();
    assert!(changes.len() >= 7, "{changes:?}");
    let mut wanted = State::default();
    changes.iter().cloned().for_each(|change| wanted.apply(change));
    Store::open(dir.path()).unwrap().commit(&changes).unwrap();
    let loaded = Store::open(dir.path()).unwrap().load().unwrap();
    assert_eq!(format!("{loaded:?}"), format!("{wanted:?}"));
}

#[test]
fn a_second_berth_is_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Store::open(dir.path()).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::InUse { .. })));
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let tables = || {
        let database = Database::builder(dir.path()).open().unwrap();
        let mut names: Vec<String> = database
            .list_keyspace_names()
            .iter()
            .map(|name| name.to_string())
            .collect();
        names.sort();
        names
    };
    {
        // A newer version with other tables than ours.
        let database = Database::builder(dir.path()).open().unwrap();
        let open = |name| database.keyspace(name, KeyspaceCreateOptions::default).unwrap();
        open("control").insert(FORMAT_KEY, 99u32.to_be_bytes()).unwrap();
        open("ecs-services").insert("a", "b").unwrap();
    }
    let error = Store::open(dir.path()).err().unwrap();
    assert!(matches!(error, StoreError::NewerFormat { found: 99, .. }), "{error}");
    assert_eq!(tables(), ["control", "ecs-services"]);
}

#[test]
fn a_value_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store
        .keyspace(record::Table::Tasks)
        .insert("012345678910/x", [1, 0xc1])
        .unwrap();
    let error = store.load().err().unwrap().to_string();
    assert!(
        error.contains("012345678910/x") && error.contains("ecs-tasks"),
        "{error}"
    );
}

#[test]
fn every_change_has_a_row_that_reads_back() {
    for change in changes() {
        let row = record::encode(&change);
        let value = row.value.expect("these changes put");
        assert_eq!(record::decode(row.table, &value), Ok(change));
        assert!(record::decode(row.table, &value[..value.len() - 1]).is_err());
    }
}

#[test]
fn an_encoding_of_a_newer_version_is_named() {
    let row = record::encode(&changes()[0]);
    let mut value = row.value.unwrap();
    value[0] = 2;
    assert_eq!(
        record::decode(row.table, &value),
        Err("its encoding is 2, this version reads 1".to_owned())
    );
    assert_eq!(record::decode(row.table, &[]), Err("it is empty".to_owned()));
}

#[test]
fn rows_go_out_and_in_as_they_lie() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (from, to) = (Store::open(from.path()).unwrap(), Store::open(to.path()).unwrap());
    from.commit(&changes()).unwrap();
    let mut printed = Vec::new();
    from.export(|table, key, value| {
        printed.push(format!(
            "{table} {} {}",
            String::from_utf8_lossy(key),
            super::readable(key, value).unwrap()
        ));
        let row = (key.to_vec(), value.to_vec());
        to.import(record::Table::named(table).unwrap(), std::iter::once(row))
    })
    .unwrap();
    assert_eq!(to.load().unwrap(), from.load().unwrap());
    assert!(printed.contains(&"control format 1".to_owned()), "{printed:?}");
    assert!(printed.contains(&"control epoch 1".to_owned()), "{printed:?}");
    let cluster = printed.iter().find(|line| line.starts_with("ecs-clusters")).unwrap();
    assert!(
        cluster.starts_with("ecs-clusters 012345678910/eu-west-1/web {"),
        "{cluster}"
    );
}

//! What devices change of a specification.

use expect_test::expect;

use super::*;

/// The parts of a specification that devices change.
fn document() -> Value {
    json!({
        "process": { "user": { "uid": 1000, "gid": 50, "additionalGids": [50] }, "env": ["A=1"] },
        "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc", "options": [] },
            { "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"] },
            { "destination": "/etc/hosts", "type": "bind", "source": "/data/hosts", "options": ["rbind"] },
        ],
        "linux": { "resources": { "devices": [{ "allow": false, "access": "rwm" }] } },
    })
}

fn node(path: &str, kind: DeviceKind) -> DeviceNode {
    DeviceNode {
        path: path.to_owned(),
        kind,
        major: 195,
        minor: 7,
        file_mode: None,
        access: "rw".to_owned(),
        uid: None,
        gid: None,
    }
}

fn mount(destination: &str) -> EditMount {
    EditMount {
        source: format!("/host{destination}"),
        destination: destination.to_owned(),
        kind: "bind".to_owned(),
        options: vec!["ro".to_owned(), "rbind".to_owned()],
    }
}

fn changed(edits: &ContainerEdits) -> Value {
    let mut document = document();
    edits.apply(&mut document);
    document
}

#[test]
fn nothing_changes_nothing() {
    assert_eq!(changed(&ContainerEdits::default()), document());
}

/// A node belongs to the container's user, and its control group lets the container use it; of two with one path the later
/// counts. A pipe has no numbers, and no rule.
#[test]
fn nodes() {
    let owned = DeviceNode {
        file_mode: Some(0o660),
        uid: Some(0),
        gid: Some(44),
        ..node("/dev/b", DeviceKind::Block)
    };
    let edits = ContainerEdits {
        devices: vec![
            node("/dev/b", DeviceKind::Character),
            node("/dev/p", DeviceKind::Fifo),
            node("/dev/c", DeviceKind::Character),
            owned,
        ],
        ..ContainerEdits::default()
    };
    let lines = |list: &Value| {
        list.as_array()
            .unwrap()
            .iter()
            .map(|one| format!("{one}\n"))
            .collect::<String>()
    };
    let linux = &changed(&edits)["linux"];
    expect![[r#"
        {"gid":50,"path":"/dev/p","type":"p","uid":1000}
        {"gid":50,"major":195,"minor":7,"path":"/dev/c","type":"c","uid":1000}
        {"fileMode":432,"gid":44,"major":195,"minor":7,"path":"/dev/b","type":"b","uid":0}
    "#]]
    .assert_eq(&lines(&linux["devices"]));
    expect![[r#"
        {"access":"rwm","allow":false}
        {"access":"rw","allow":true,"major":195,"minor":7,"type":"c"}
        {"access":"rw","allow":true,"major":195,"minor":7,"type":"c"}
        {"access":"rw","allow":true,"major":195,"minor":7,"type":"b"}
    "#]]
    .assert_eq(&lines(&linux["resources"]["devices"]));
}

/// Mounts take the places of those that are there, and none hides one that lies within it.
#[test]
fn mounts() {
    let edits = ContainerEdits {
        mounts: vec![mount("/usr/lib/libcuda.so.1"), mount("/etc"), mount("/etc/hosts")],
        ..ContainerEdits::default()
    };
    let document = changed(&edits);
    let all = document["mounts"].as_array().unwrap();
    let all: Vec<String> = all
        .iter()
        .map(|one| format!("{} from {}", one["destination"], one["source"]))
        .collect();
    let wanted = [
        r#""/proc" from "proc""#,
        r#""/etc" from "/host/etc""#,
        r#""/etc/hosts" from "/host/etc/hosts""#,
        r#""/sys/fs/cgroup" from "cgroup""#,
        r#""/usr/lib/libcuda.so.1" from "/host/usr/lib/libcuda.so.1""#,
    ];
    assert_eq!(all, wanted);
}

#[test]
fn hooks_groups_and_variables() {
    let hook = |name, timeout_s| EditHook {
        name,
        path: "/usr/bin/nvidia-cdi-hook".to_owned(),
        args: vec!["nvidia-cdi-hook".to_owned()],
        env: Vec::new(),
        timeout_s,
    };
    let edits = ContainerEdits {
        hooks: vec![
            hook(HookName::CreateContainer, None),
            hook(HookName::CreateContainer, Some(3)),
            hook(HookName::Poststop, None),
        ],
        additional_gids: vec![44, 0, 50, 44],
        env: vec!["A=2".to_owned(), "B=1".to_owned(), "B=2".to_owned()],
        ..ContainerEdits::default()
    };
    let document = changed(&edits);
    expect![[r#"{"createContainer":[{"args":["nvidia-cdi-hook"],"env":[],"path":"/usr/bin/nvidia-cdi-hook"},{"args":["nvidia-cdi-hook"],"env":[],"path":"/usr/bin/nvidia-cdi-hook","timeout":3}],"poststop":[{"args":["nvidia-cdi-hook"],"env":[],"path":"/usr/bin/nvidia-cdi-hook"}]}"#]]
        .assert_eq(&document["hooks"].to_string());
    assert_eq!(document["process"]["user"]["additionalGids"], json!([50, 44]));
    let mut env = vec!["A=1".to_owned(), "C=3".to_owned()];
    edits.apply_env(&mut env);
    assert_eq!(env, ["A=2", "C=3", "B=2"]);
}

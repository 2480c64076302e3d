//! CDI files as vendors write them, and what is wrong with them.

use std::fs;

use tempfile::TempDir;

use super::*;

const ONE: &str = "GPU-00000000-0000-4000-8000-000000000001";
const TWO: &str = "GPU-00000000-0000-4000-8000-000000000002";

/// As `nvidia-ctk cdi generate` writes it, with devices that every machine has.
const NVIDIA: &str = r#"---
cdiVersion: 0.5.0
kind: nvidia.com/gpu
devices:
    - name: "0"
      containerEdits: &first
        deviceNodes:
            - path: /dev/nvidia0
              hostPath: /dev/zero
    - name: GPU-00000000-0000-4000-8000-000000000001
      containerEdits: *first
    - name: GPU-00000000-0000-4000-8000-000000000002
      annotations:
        a: b
      containerEdits:
        deviceNodes:
            - path: /dev/nvidia1
              hostPath: /dev/null
              permissions: rw
              fileMode: 438
    - name: all
      containerEdits:
        deviceNodes:
            - path: /dev/zero
containerEdits:
    env:
        - NVIDIA_VISIBLE_DEVICES=void
        - NVIDIA_CTK=1
    deviceNodes:
        - path: /dev/nvidiactl
          type: c
          major: 195
          minor: 255
    hooks:
        - hookName: createContainer
          path: /usr/bin/nvidia-cdi-hook
          args:
            - nvidia-cdi-hook
            - update-ldcache
    mounts:
        - hostPath: /usr/lib/libcuda.so.1
          containerPath: /usr/lib/libcuda.so.1
          options:
            - ro
            - rbind
    additionalGids: [44]
"#;

/// The directories `first` and `second`, with these files.
fn place(files: &[(&str, &str)]) -> (TempDir, Vec<PathBuf>) {
    let place = tempfile::tempdir().unwrap();
    let directories = ["first", "second"].map(|name| place.path().join(name));
    directories.iter().for_each(|one| fs::create_dir(one).unwrap());
    for (path, text) in files {
        fs::write(place.path().join(path), text).unwrap();
    }
    (place, directories.to_vec())
}

fn read(files: &[(&str, &str)]) -> Gpus {
    let (_place, directories) = place(files);
    Gpus::read(&directories)
}

fn ids(gpus: &Gpus) -> Vec<&str> {
    gpus.ids().collect()
}

/// A file with one device.
fn json(kind: &str, name: &str, edits: &str) -> String {
    format!(r#"{{"cdiVersion":"0.6.0","kind":"{kind}","devices":[{{"name":"{name}","containerEdits":{edits}}}]}}"#)
}

#[test]
fn a_file_of_nvidia_s_is_understood() {
    let gpus = read(&[("first/nvidia.yaml", NVIDIA)]);
    assert_eq!((ids(&gpus), gpus.problems()), (vec![ONE, TWO], &[][..]));
    let edits = gpus.edits(&[TWO.to_owned(), ONE.to_owned()]).unwrap();
    let nodes: Vec<_> = edits
        .devices
        .iter()
        .map(|one| (one.path.as_str(), one.major, one.minor, &*one.access))
        .collect();
    let wanted = [
        ("/dev/nvidiactl", 195, 255, "rwm"),
        ("/dev/nvidia1", 1, 3, "rw"),
        ("/dev/nvidia0", 1, 5, "rwm"),
    ];
    assert_eq!(
        nodes, wanted,
        "numbers that the file leaves out are those of the host's node"
    );
    assert_eq!(edits.devices[1].file_mode, Some(0o666));
    let visible = format!("NVIDIA_VISIBLE_DEVICES={TWO},{ONE}");
    assert_eq!(edits.env, ["NVIDIA_VISIBLE_DEVICES=void", "NVIDIA_CTK=1", &visible]);
    assert_eq!(
        (edits.mounts.len(), edits.hooks.len(), edits.additional_gids),
        (1, 1, vec![44])
    );
    assert_eq!(gpus.edits(&[]).unwrap(), ContainerEdits::default());
}

/// Only what is named by a UUID is a GPU that can be shared out: other names mean the same ones again.
#[test]
fn ids_are_uuids() {
    let uuid = "00000000-0000-4000-8000-00000000000a";
    for name in [uuid, &format!("MIG-{uuid}"), "GPU-ABCDEF01-0000-4000-8000-00000000000A"] {
        assert!(is_id(name), "{name}");
    }
    for name in [
        "all",
        "0",
        "1:0",
        "gpu0",
        "",
        "-",
        &format!("-{uuid}"),
        &format!("A-B-{uuid}"),
        &format!("{uuid}0"),
        &format!("G1-{uuid}"),
    ] {
        assert!(!is_id(name), "{name}");
    }
    let other = json("vendor.com/net", ONE, "{}");
    assert_eq!(ids(&read(&[("first/a.json", &other)])), Vec::<&str>::new());
    let amd = json("amd.com/gpu", uuid, "{}");
    assert_eq!(ids(&read(&[("first/a.json", &amd), ("first/b.txt", NVIDIA)])), [uuid]);
}

/// Of two directories the later counts; within one, a name that is there twice is nobody's.
#[test]
fn names_that_are_there_twice() {
    let said = |value: &str| json("nvidia.com/gpu", ONE, &format!(r#"{{"env":["FROM={value}"]}}"#));
    let gpus = read(&[("first/a.json", &said("first")), ("second/a.json", &said("second"))]);
    assert_eq!(gpus.edits(&[ONE.to_owned()]).unwrap().env[0], "FROM=second");
    let gpus = read(&[("first/a.json", &said("a")), ("first/b.json", &said("b"))]);
    assert_eq!(ids(&gpus), Vec::<&str>::new());
    assert_eq!(gpus.problems(), [format!("two CDI devices are called {ONE}")]);
    let three = [
        ("first/a.json", said("a")),
        ("first/b.json", said("b")),
        ("first/c.json", said("c")),
    ];
    assert_eq!(
        ids(&read(&three.each_ref().map(|(path, text)| (*path, text.as_str())))),
        Vec::<&str>::new()
    );
}

/// What cannot be understood as a whole is not offered, and says why. The other files count.
#[test]
fn files_that_make_no_sense() {
    let good = json("nvidia.com/gpu", TWO, "{}");
    let bad = [
        "",
        "nonsense",
        "[1]",
        r#"{"cdiVersion":"0.6.0","kind":"nvidia.com/gpu"}"#,
        &json("nvidia.com/gpu", ONE, r#"{"netDevices":[]}"#),
        &json(
            "nvidia.com/gpu",
            ONE,
            r#"{"hooks":[{"hookName":"someday","path":"/x"}]}"#,
        ),
        &json("nvidia.com/gpu", ONE, r#"{"additionalGids":[-1]}"#),
    ];
    for text in bad {
        for name in ["first/bad.json", "first/bad.yaml"] {
            let gpus = read(&[(name, text), ("first/good.json", &good)]);
            assert_eq!((ids(&gpus), gpus.problems().len()), (vec![TWO], 1), "{name}: {text}");
        }
    }
    let nowhere = Gpus::read(&[PathBuf::from("/nowhere")]);
    assert_eq!(nowhere, Gpus::default());
}

/// What is wrong with one device is found out by the container that gets it.
#[test]
fn devices_that_make_no_sense() {
    let error = |edits: &str| {
        let gpus = read(&[("first/a.json", &json("nvidia.com/gpu", ONE, edits))]);
        gpus.edits(&[ONE.to_owned()]).unwrap_err().to_string()
    };
    let node = |members: &str| error(&format!(r#"{{"deviceNodes":[{{"path":"/dev/zero"{members}}}]}}"#));
    assert_eq!(
        error(r#"{"env":["A"]}"#),
        "the CDI file says what cannot be: the variable 'A' has no value"
    );
    assert_eq!(
        node(r#","permissions":"rx""#),
        "the CDI file says what cannot be: /dev/zero has the permissions 'rx'"
    );
    assert_eq!(
        node(r#","type":"x""#),
        "the CDI file says what cannot be: /dev/zero has the type 'x'"
    );
    assert_eq!(
        node(r#","type":"b""#),
        "the CDI file says what cannot be: /dev/zero is of another type on the host"
    );
    assert!(node(r#","hostPath":"/dev/nowhere""#).starts_with("cannot read the device /dev/nowhere: No such file"));
    assert_eq!(node(r#","hostPath":"/""#), "cannot read the device /: it is no device");
    let gone = read(&[]).edits(&[ONE.to_owned()]).unwrap_err();
    assert_eq!(
        gone.to_string(),
        format!("no CDI file of this machine describes the GPU {ONE}")
    );
}

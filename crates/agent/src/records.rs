//! What an agent keeps on disk: the brain's records, and who this machine is to the control plane.
//!
//! Every file is replaced as a whole and made durable before anything is done because of it. The files hold what task
//! definitions hold, secrets among it, so only their owner can read them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use berth_core::ecs::model::TaskKey;
use berth_core::node::{NodeRecord, Save, TaskRecord};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::places::Places;

const OWNER_ONLY_DIR: u32 = 0o700;
const OWNER_ONLY_FILE: u32 = 0o600;
const RECORD: &str = "json";

/// Who this machine is to the control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The cluster that it joined.
    pub(crate) cluster: String,
    /// The ARN of the container instance; none before the first registration.
    pub(crate) arn: Option<String>,
    /// The machine's start in which the records were last made good; none when nothing of them is left on the machine.
    pub(crate) boot_id: Option<String>,
}

/// A file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{what} {}: {source}", path.display())]
pub(crate) struct RecordError {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> RecordError + 'a {
    move |source| RecordError {
        what,
        path: path.to_owned(),
        source,
    }
}

/// The files of one agent.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    tasks_dir: PathBuf,
    node_file: PathBuf,
    identity_file: PathBuf,
}

impl Records {
    /// Makes the directories, unless they are there.
    pub(crate) fn open(places: &Places) -> Result<Self, RecordError> {
        let tasks_dir = places.agent_dir.join("tasks");
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(OWNER_ONLY_DIR).create(&tasks_dir);
        made.map_err(failed("cannot make", &tasks_dir))?;
        Ok(Self {
            node_file: places.agent_dir.join("node.json"),
            identity_file: places.instance_file(),
            tasks_dir,
        })
    }

    /// Who this machine was so far, if it was anybody.
    pub(crate) fn identity(&self) -> Result<Option<Identity>, RecordError> {
        read(&self.identity_file)
    }

    pub(crate) fn save_identity(&self, identity: &Identity) -> Result<(), RecordError> {
        let bytes = serde_json::to_vec(identity).expect("an identity is plain JSON");
        self.replace(&self.identity_file, &bytes)?;
        sync_dir(parent(&self.identity_file))
    }

    /// What the brain saved last.
    pub(crate) fn load(&self) -> Result<(NodeRecord, Vec<TaskRecord>), RecordError> {
        let node = read(&self.node_file)?.unwrap_or_default();
        let mut tasks = Vec::new();
        for path in self.task_files()? {
            tasks.extend(read(&path)?);
        }
        Ok((node, tasks))
    }

    fn task_files(&self) -> Result<Vec<PathBuf>, RecordError> {
        let unreadable = || failed("cannot list", &self.tasks_dir);
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.tasks_dir).map_err(unreadable())? {
            let path = entry.map_err(unreadable())?.path();
            if path.extension().is_some_and(|extension| extension == RECORD) {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// Makes changes durable. Of several changes of one record only the last is written.
    pub(crate) fn save(&self, saves: Vec<Save>) -> Result<(), RecordError> {
        let mut changes: BTreeMap<PathBuf, Option<Vec<u8>>> = BTreeMap::new();
        for save in saves {
            let (path, content) = self.change(save);
            changes.insert(path, content);
        }
        for (path, content) in &changes {
            match content {
                Some(bytes) => self.replace(path, bytes)?,
                None => remove(path)?,
            }
        }
        let directories: BTreeSet<&Path> = changes.keys().map(|path| parent(path)).collect();
        directories.into_iter().try_for_each(sync_dir)
    }

    fn change(&self, save: Save) -> (PathBuf, Option<Vec<u8>>) {
        let json = "records are plain JSON";
        match save {
            Save::Node(node) => (self.node_file.clone(), Some(serde_json::to_vec(&node).expect(json))),
            Save::Put(task) => (
                self.task_file(task.key()),
                Some(serde_json::to_vec(&*task).expect(json)),
            ),
            Save::Delete(key) => (self.task_file(&key), None),
        }
    }

    fn task_file(&self, task: &TaskKey) -> PathBuf {
        self.tasks_dir.join(format!("{}.{RECORD}", task.id))
    }

    /// Whoever reads the file sees the old content or the new one, also after a loss of power.
    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
        let new = path.with_extension("new");
        let write = || {
            let mut options = OpenOptions::new();
            let mut file = options
                .create(true)
                .truncate(true)
                .write(true)
                .mode(OWNER_ONLY_FILE)
                .open(&new)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&new, path)
        };
        write().map_err(failed("cannot write", path))
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().expect("records lie in directories")
}

fn sync_dir(directory: &Path) -> Result<(), RecordError> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(failed("cannot write", directory))
}

fn remove(path: &Path) -> Result<(), RecordError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(failed("cannot remove", path)),
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, RecordError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(failed("cannot read", path))?,
    };
    let parsed = serde_json::from_slice(&bytes).map_err(io::Error::from);
    parsed.map(Some).map_err(failed("cannot understand", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use berth_core::node::{Config, Event, MessageId, Node, Restored};
    use berth_wire::link::acs::BackendMessage;
    use berth_wire::link::assign;

    use super::*;
    use crate::clock;

    const TASK: &str = r#"{"arn":"arn:aws:ecs:us-east-1:123456789012:task/default/11111111111111111111111111111111",
        "desiredStatus":"RUNNING","family":"f","version":"7","networkMode":"awsvpc","cpu":0.25,"memory":512,
        "elasticNetworkInterfaces":[{"ec2Id":"eni-0123456789abcdef0","macAddress":"0a:58:ac:1f:8f:4d",
            "attachmentArn":"arn:aws:ecs:us-east-1:123456789012:attachment/11111111-2222-4333-8444-555555555555",
            "ipv4Addresses":[{"privateAddress":"172.31.1.2","primary":true}],"subnetGatewayIpv4Address":"172.31.0.1/20"}],
        "containers":[{"name":"web","image":"httpd","essential":true,"environment":{"KEY":"secret"},
            "containerArn":"arn:aws:ecs:us-east-1:123456789012:container/default/1/99999999-2222-4333-8444-555555555555"}]}"#;

    /// What a brain saves when it is given a task.
    fn saves() -> Vec<Save> {
        let frame = format!(
            r#"{{"type":"PayloadMessage","message":{{"messageId":"m","clusterArn":"c","containerInstanceArn":"i","tasks":[{TASK}]}}}}"#
        );
        let BackendMessage::Payload(payload) = BackendMessage::parse(&frame).unwrap() else {
            panic!("it is a payload");
        };
        let mut node = Node::new(Config::default());
        node.handle(&mut clock::turn(), Event::Restored(Restored::default()));
        let payload = Event::Payload {
            seq: Some(5),
            message: MessageId("m".to_owned()),
            tasks: vec![assign::from_payload(&payload.tasks[0]).unwrap()],
        };
        node.handle(&mut clock::turn(), payload).save
    }

    fn opened() -> (tempfile::TempDir, Records) {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::open(&Places::new(dir.path()).unwrap()).unwrap();
        (dir, records)
    }

    #[test]
    fn what_the_brain_saves_is_there_after_a_restart() {
        let (dir, records) = opened();
        assert_eq!(records.load().unwrap(), (NodeRecord::default(), Vec::new()));
        let saves = saves();
        let last = saves.iter().rev().find_map(|save| match save {
            Save::Put(task) => Some(task.clone()),
            Save::Node(_) | Save::Delete(_) => None,
        });
        let mut last = last.unwrap();
        records.save(saves).unwrap();
        let (node, tasks) = Records::open(&Places::new(dir.path()).unwrap())
            .unwrap()
            .load()
            .unwrap();
        last.reports.in_flight = None;
        assert_eq!((node.highest_seq, &tasks), (5, &vec![*last.clone()]));

        let file = records.task_file(last.key());
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            OWNER_ONLY_FILE
        );
        records
            .save(vec![Save::Put(last.clone()), Save::Delete(last.key().clone())])
            .unwrap();
        assert!(!file.exists());
        records.save(vec![Save::Delete(last.key().clone())]).unwrap();
    }

    #[test]
    fn a_damaged_record_is_named() {
        let (_dir, records) = opened();
        fs::write(records.tasks_dir.join("x.json"), "{").unwrap();
        let error = records.load().unwrap_err().to_string();
        assert!(
            error.contains("cannot understand") && error.contains("tasks/x.json"),
            "{error}"
        );
        fs::remove_file(records.tasks_dir.join("x.json")).unwrap();
        fs::write(records.tasks_dir.join("x.new"), "{").unwrap();
        records.load().unwrap();
    }

    #[test]
    fn a_machine_remembers_who_it_is() {
        let (_dir, records) = opened();
        assert_eq!(records.identity().unwrap(), None);
        let identity = Identity {
            cluster: "default".to_owned(),
            arn: Some("arn".to_owned()),
            boot_id: None,
        };
        records.save_identity(&identity).unwrap();
        assert_eq!(records.identity().unwrap(), Some(identity));
    }
}

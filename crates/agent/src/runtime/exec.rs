//! Runs a program beside the process of a container, in its namespaces, as its user and in its environment: for health
//! checks. The program gets no input; the beginning of what it writes is kept, whoever it writes it to.
//!
//! It decides nothing about what the program's exit code means.

use std::path::{Path, PathBuf};
use std::time::Duration;

use containerd_client::services::v1::{
    DeleteProcessRequest, ExecProcessRequest, KillRequest, StartRequest, WaitRequest,
};
use containerd_client::tonic::{Code, Status};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use prost_types::Any;
use serde_json::{Value, json};
use tokio::net::unix::pipe::{OpenOptions, Receiver};
use tokio::time::timeout;

use super::connection::Containerd;
use super::container::stored_spec;
use super::error::RuntimeError;
use crate::clock;

const PROCESS_TYPE: &str = "types.containerd.io/opencontainers/runtime-spec/1/Process";
const SIGKILL: u32 = 9;
/// What is kept of the output.
const MOST_OUTPUT: usize = 4096;
/// How long the end of a program that was killed may take, and the end of its output: something that it has left running
/// may hold on to that.
const END_TIME: Duration = Duration::from_secs(2);

/// What a program came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executed {
    /// It ended by itself.
    Ended {
        /// With this exit code.
        code: u32,
        /// The beginning of its output.
        output: String,
    },
    /// It took too long and was killed.
    TooLong,
}

/// A program of a container, by its id there.
struct Program<'a> {
    containerd: &'a Containerd,
    container: &'a str,
    id: String,
}

impl Containerd {
    /// Runs `args` in a running container, with `directory` as the place for a pipe.
    pub async fn execute(
        &self,
        container: &str,
        args: &[String],
        limit: Duration,
        directory: &Path,
    ) -> Result<Executed, RuntimeError> {
        let program = Program {
            containerd: self,
            container,
            id: format!("probe-{}", hex::encode(clock::random::<8>())),
        };
        let pipe = Pipe::make(directory.join(&program.id))?;
        let failed = |status: Status| RuntimeError::from_status("execute in container", &status);
        program.create(args, &pipe).await.map_err(failed)?;
        let executed = program.run(pipe, limit).await;
        program.delete().await;
        executed.map_err(failed)
    }
}

impl Program<'_> {
    async fn create(&self, args: &[String], pipe: &Pipe) -> Result<(), Status> {
        let container = self.containerd.get_container(self.container).await?;
        let process = process(&stored_spec(&container), args);
        let output = pipe.path.display().to_string();
        let request = self.containerd.request(ExecProcessRequest {
            container_id: self.container.to_owned(),
            stdout: output.clone(),
            stderr: output,
            spec: Some(Any {
                type_url: PROCESS_TYPE.to_owned(),
                value: process.to_string().into_bytes(),
            }),
            exec_id: self.id.clone(),
            ..ExecProcessRequest::default()
        });
        self.containerd.tasks().exec(request).await.map(drop)
    }

    async fn run(&self, mut pipe: Pipe, limit: Duration) -> Result<Executed, Status> {
        let start = self.containerd.request(StartRequest {
            container_id: self.container.to_owned(),
            exec_id: self.id.clone(),
        });
        self.containerd.tasks().start(start).await?;
        let mut output = Vec::new();
        let ended = timeout(limit, async {
            tokio::select! {
                ended = self.ended() => ended,
                never = pipe.read(&mut output) => match never {},
            }
        });
        let Ok(ended) = ended.await else {
            self.kill().await;
            return Ok(Executed::TooLong);
        };
        let code = ended?;
        // Deleting it waits for the rest of its output.
        self.delete().await;
        pipe.drain(&mut output);
        let output = String::from_utf8_lossy(&output).into_owned();
        Ok(Executed::Ended { code, output })
    }

    async fn ended(&self) -> Result<u32, Status> {
        let request = self.containerd.request(WaitRequest {
            container_id: self.container.to_owned(),
            exec_id: self.id.clone(),
        });
        let answer = self.containerd.tasks().wait(request).await?;
        Ok(answer.into_inner().exit_status)
    }

    async fn kill(&self) {
        let request = self.containerd.request(KillRequest {
            container_id: self.container.to_owned(),
            exec_id: self.id.clone(),
            signal: SIGKILL,
            all: false,
        });
        let killed = self.containerd.tasks().kill(request).await;
        if let Err(status) = killed.map(drop).or_else(unless_gone) {
            tracing::warn!(container = self.container, %status, "cannot kill a program that took too long");
        }
        let _ = timeout(END_TIME, self.ended()).await;
    }

    /// Makes containerd forget it. What is left of it goes with its container at the latest.
    async fn delete(&self) {
        let request = self.containerd.request(DeleteProcessRequest {
            container_id: self.container.to_owned(),
            exec_id: self.id.clone(),
        });
        match timeout(END_TIME, self.containerd.tasks().delete_process(request)).await {
            Ok(Ok(_)) | Err(_) => {}
            Ok(Err(status)) if status.code() == Code::NotFound => {}
            Ok(Err(status)) => tracing::debug!(container = self.container, %status, "cannot forget a program"),
        }
    }
}

fn unless_gone(status: Status) -> Result<(), Status> {
    if status.code() == Code::NotFound {
        Ok(())
    } else {
        Err(status)
    }
}

/// The container's process with other arguments.
fn process(spec: &Value, args: &[String]) -> Value {
    let mut process = spec["process"].clone();
    process["args"] = json!(args);
    process["terminal"] = json!(false);
    process
}

/// A named pipe, removed in the end. It is open for writing here too, so that it never seems to end.
struct Pipe {
    path: PathBuf,
    receiver: Receiver,
}

impl Pipe {
    fn make(path: PathBuf) -> Result<Self, RuntimeError> {
        let failed = |error| RuntimeError::io(format!("cannot make the pipe {}", path.display()), error);
        mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).map_err(|errno| failed(errno.into()))?;
        let receiver = OpenOptions::new().read_write(true).open_receiver(&path);
        let receiver = receiver
            .inspect_err(|_| drop(std::fs::remove_file(&path)))
            .map_err(failed)?;
        Ok(Self { path, receiver })
    }

    /// Reads for ever, so that whoever writes never waits, and keeps the beginning.
    async fn read(&mut self, output: &mut Vec<u8>) -> std::convert::Infallible {
        loop {
            match self.receiver.readable().await {
                Ok(()) => self.drain(output),
                Err(_) => std::future::pending().await,
            }
        }
    }

    fn drain(&mut self, output: &mut Vec<u8>) {
        let mut part = [0; MOST_OUTPUT];
        while let Ok(count @ 1..) = self.receiver.try_read(&mut part) {
            let kept = count.min(MOST_OUTPUT.saturating_sub(output.len()));
            output.extend_from_slice(&part[..kept]);
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove a pipe");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_the_surroundings_of_the_container() {
        let spec = json!({"process": {"args": ["sleep"], "env": ["A=1"], "user": {"uid": 7}, "terminal": true}});
        let wanted = json!({"args": ["ls", "-l"], "env": ["A=1"], "user": {"uid": 7}, "terminal": false});
        assert_eq!(process(&spec, &["ls".to_owned(), "-l".to_owned()]), wanted);
    }

    #[tokio::test]
    async fn the_beginning_of_the_output_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pipe");
        let mut pipe = Pipe::make(path.clone()).unwrap();
        let writer = tokio::task::spawn_blocking({
            let path = path.clone();
            move || std::fs::write(path, vec![b'x'; 200_000])
        });
        let mut output = Vec::new();
        tokio::select! {
            never = pipe.read(&mut output) => match never {},
            written = writer => written.unwrap().unwrap(),
        }
        assert_eq!(output.len(), MOST_OUTPUT);
        drop(pipe);
        assert!(!path.exists());
    }
}

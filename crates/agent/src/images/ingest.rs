//! Writes one piece of content into containerd's store, chunk by chunk, resumable. containerd
//! computes the digest and refuses to commit anything else than what was promised.

use bytes::Bytes;
use containerd_client::services::v1::{AbortRequest, WriteAction, WriteContentRequest, WriteContentResponse};
use containerd_client::tonic::{Code, Status, Streaming};
use futures_util::stream;
use tokio::sync::mpsc;

use super::digest::Digest;
use super::store::{Labels, Lease};
use crate::runtime::Containerd;

/// An open write. Requests and answers alternate, so that memory holds one chunk.
pub(crate) struct Writer {
    requests: mpsc::Sender<WriteContentRequest>,
    answers: Streaming<WriteContentResponse>,
    reference: String,
    expected: Digest,
    size: u64,
    offset: u64,
}

impl Writer {
    /// Opens a write, which may continue an interrupted one; none if the content is there already.
    pub(crate) async fn open(
        containerd: &Containerd,
        lease: &Lease,
        expected: &Digest,
        size: u64,
    ) -> Result<Option<Self>, Status> {
        // The first request must be under way before containerd answers anything.
        let (requests, mut queue) = mpsc::channel(1);
        let reference = ingest_reference(expected);
        let first = WriteContentRequest {
            action: WriteAction::Stat.into(),
            r#ref: reference.clone(),
            total: signed(size),
            expected: expected.to_string(),
            ..WriteContentRequest::default()
        };
        let _ = requests.send(first).await;
        let outgoing = lease.request(stream::poll_fn(move |cx| queue.poll_recv(cx)));
        let answers = match containerd.content().write(outgoing).await {
            Ok(answers) => answers.into_inner(),
            Err(status) if status.code() == Code::AlreadyExists => return Ok(None),
            Err(status) => return Err(status),
        };
        let mut writer = Self {
            requests,
            answers,
            reference,
            expected: expected.clone(),
            size,
            offset: 0,
        };
        match writer.answer().await {
            Ok(answer) => {
                writer.offset = u64::try_from(answer.offset).unwrap_or(0);
                Ok(Some(writer))
            }
            Err(status) if status.code() == Code::AlreadyExists => Ok(None),
            Err(status) => Err(status),
        }
    }

    /// How much is written.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Starts over: a write at 0 truncates what was there.
    pub(crate) fn rewind(&mut self) {
        self.offset = 0;
    }

    pub(crate) async fn write(&mut self, data: Bytes) -> Result<(), Status> {
        let length = data.len() as u64;
        let mut request = self.message(WriteAction::Write);
        request.data = data.into();
        self.send(request).await?;
        self.offset += length;
        Ok(())
    }

    /// Makes the content available under its digest.
    pub(crate) async fn commit(mut self, labels: Labels) -> Result<(), Status> {
        let mut request = self.message(WriteAction::Commit);
        request.labels = labels;
        match self.send(request).await {
            Err(status) if status.code() == Code::AlreadyExists => Ok(()),
            result => result,
        }
    }

    /// Every message names the current offset: 0 would truncate.
    fn message(&self, action: WriteAction) -> WriteContentRequest {
        WriteContentRequest {
            action: action.into(),
            r#ref: self.reference.clone(),
            total: signed(self.size),
            expected: self.expected.to_string(),
            offset: signed(self.offset),
            ..WriteContentRequest::default()
        }
    }

    async fn send(&mut self, request: WriteContentRequest) -> Result<(), Status> {
        // A closed queue means that the stream has ended; its status says why.
        let _ = self.requests.send(request).await;
        self.answer().await.map(drop)
    }

    async fn answer(&mut self) -> Result<WriteContentResponse, Status> {
        let answer = self.answers.message().await?;
        answer.ok_or_else(|| Status::unavailable("containerd closed the write"))
    }
}

/// Throws away what an interrupted or corrupt transfer has left.
pub(crate) async fn abort(containerd: &Containerd, digest: &Digest) {
    let abort = || {
        let request = containerd.request(AbortRequest {
            r#ref: ingest_reference(digest),
        });
        async { containerd.content().abort(request).await }
    };
    if let Err(status) = containerd.call(abort).await {
        tracing::debug!(%digest, %status, "nothing to abort");
    }
}

fn ingest_reference(digest: &Digest) -> String {
    format!("berth-{digest}")
}

/// containerd counts with sign; nothing is that large.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

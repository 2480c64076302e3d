//! Why an image could not be pulled: a kind for programs, and a text in containerd's manner, which
//! ECS hands through on Fargate behind `CannotPullContainerError: `. Container instances resolve tags
//! through Docker first, so a failure of that is told in Docker's manner, too. Under which name a
//! text is told is not decided here.

use containerd_client::tonic::Status;

use super::reference::Reference;

/// A failed pull.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PullError {
    /// What went wrong, for programs.
    pub kind: PullErrorKind,
    /// What went wrong, for people; without `CannotPullContainerError: `.
    pub message: String,
    /// If it is the manifest that could not be had.
    pub manifest: Option<NoManifest>,
}

/// A manifest that could not be had or read, as Docker tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoManifest {
    /// Whether a tag was to be resolved, not a digest.
    pub by_tag: bool,
    /// Docker's words; without `Error response from daemon: `.
    pub docker: String,
}

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullErrorKind {
    /// The text is no image name.
    InvalidReference,
    /// The registry has no such repository, tag or content.
    NotFound,
    /// The registry does not let us in.
    Unauthorized,
    /// The registry asks to come back later.
    RateLimited,
    /// Nobody answers, or the registry is broken.
    Unreachable,
    /// The content is not what its digest promises.
    DigestMismatch,
    /// The image has no variant for this machine's processor.
    NoMatchingPlatform,
    /// No space is left on the disk.
    DiskFull,
    /// Anything else: documents that cannot be understood, refusals of containerd.
    Other,
}

/// A failure of one step, before it is known which part of which pull it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) kind: PullErrorKind,
    pub(crate) message: String,
    /// What Docker says instead, where it is known: mostly, the registry's own words.
    pub(crate) docker: Option<String>,
}

/// Which part of a pull failed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stage {
    Manifest,
    Content,
}

impl Failure {
    pub(crate) fn new(kind: PullErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            docker: None,
        }
    }

    /// The same in Docker's words.
    pub(crate) fn in_docker(mut self, words: impl Into<String>) -> Self {
        self.docker = Some(words.into());
        self
    }

    /// The same with what it happened in.
    pub(crate) fn within(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// A refusal of containerd.
    pub(crate) fn from_status(what: &str, status: &Status) -> Self {
        let text = status.message();
        let kind = if text.contains("no space left on device") {
            PullErrorKind::DiskFull
        } else if text.contains("unexpected commit digest") || text.contains("unexpected commit size") {
            PullErrorKind::DigestMismatch
        } else {
            PullErrorKind::Other
        };
        Self::new(kind, format!("{what}: {text}"))
    }

    /// Whether trying again may help.
    pub(crate) fn is_transient(&self) -> bool {
        self.kind == PullErrorKind::Unreachable
    }

    /// The error of a pull that tried `attempts` times.
    pub(crate) fn into_error(self, stage: Stage, reference: &Reference, attempts: u32) -> PullError {
        let manifest = self.manifest(stage, reference);
        let times = attempts.max(1);
        let cause = self.message;
        let message = match stage {
            Stage::Manifest if self.kind == PullErrorKind::NoMatchingPlatform => {
                format!("pull image manifest has been retried {times} time(s): {cause}")
            }
            Stage::Manifest => format!(
                "pull image manifest has been retried {times} time(s): \
                 failed to resolve ref {reference}: {cause}"
            ),
            Stage::Content => format!("ref pull has been retried {times} time(s): {cause}"),
        };
        PullError {
            kind: self.kind,
            message,
            manifest,
        }
    }

    /// Docker looks for the variant of the processor when the manifest is had, so that it is none of its failures.
    fn manifest(&self, stage: Stage, reference: &Reference) -> Option<NoManifest> {
        let of_manifest = match stage {
            Stage::Manifest => self.kind != PullErrorKind::NoMatchingPlatform,
            Stage::Content => false,
        };
        let by_tag = reference.digest().is_none();
        let said = self.docker.as_ref().unwrap_or(&self.message);
        let docker = match self.kind {
            PullErrorKind::NotFound if !by_tag => format!("manifest for {reference} not found: {said}"),
            PullErrorKind::Unauthorized if !by_tag => format!(
                "pull access denied for {}/{}, repository does not exist or may require 'docker login': {said}",
                reference.registry(),
                reference.repository()
            ),
            PullErrorKind::InvalidReference
            | PullErrorKind::NotFound
            | PullErrorKind::Unauthorized
            | PullErrorKind::RateLimited
            | PullErrorKind::Unreachable
            | PullErrorKind::DigestMismatch
            | PullErrorKind::NoMatchingPlatform
            | PullErrorKind::DiskFull
            | PullErrorKind::Other => said.clone(),
        };
        of_manifest.then_some(NoManifest { by_tag, docker })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containerd_s_refusals_are_told_apart_by_their_texts() {
        let kind = |text: &str| Failure::from_status("x", &Status::unknown(text)).kind;
        assert_eq!(
            kind("failed to write: write /x/ingest/1/data: no space left on device: unknown"),
            PullErrorKind::DiskFull
        );
        assert_eq!(
            kind("unexpected commit digest sha256:a, expected sha256:b: failed precondition"),
            PullErrorKind::DigestMismatch
        );
        assert_eq!(kind("whatever"), PullErrorKind::Other);
    }

    #[test]
    fn texts_are_those_that_people_search_for() {
        let reference: Reference = "nope".parse().unwrap();
        let missing = Failure::new(PullErrorKind::NotFound, format!("{reference}: not found"));
        assert_eq!(
            missing.into_error(Stage::Manifest, &reference, 1).to_string(),
            "pull image manifest has been retried 1 time(s): failed to resolve ref \
             docker.io/library/nope:latest: docker.io/library/nope:latest: not found"
        );
    }
}

//! Pulls the images of containers. Pulls of one image at a time are one pull, which is the adapter's business; calling one
//! off is the caller's.

use std::time::Instant;

use berth_core::ecs::model::TaskKey;
use berth_core::kernel::names::Name;
use berth_core::node::{ManifestFailure, StepFacts, StepFailure};

use super::{Machine, Outcome};
use crate::images::PullError;

impl Machine {
    pub(super) async fn pull(&self, task: &TaskKey, container: &Name, image: &str) -> Outcome {
        let began = Instant::now();
        let pulled = self.images.pull(image).await;
        let pulled = pulled.map_err(failure)?;
        tracing::info!(
            task = %task.id, %container, image = pulled.name, digest = %pulled.digest, bytes = pulled.bytes_fetched,
            ms = began.elapsed().as_millis(), "pulled"
        );
        Ok(StepFacts::Pulled {
            digest: pulled.digest.to_string(),
        })
    }
}

fn failure(error: PullError) -> StepFailure {
    match error.manifest {
        Some(manifest) => StepFailure::CannotPullManifest(ManifestFailure {
            by_tag: manifest.by_tag,
            docker: manifest.docker,
            containerd: error.message,
        }),
        None => StepFailure::CannotPull(error.message),
    }
}

//! The tags of tasks and machines, asked of the control plane for `taskWithTags`. An answer serves everybody who asks within
//! some seconds, so that a container cannot have the control plane asked at will.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use berth_wire::shapes::ecs::ListTagsForResourceRequest;
use tokio::sync::Mutex;

use super::shapes::Problem;
use crate::client::{Client, ClientError};

/// How long an answer is good.
const GOOD_FOR: Duration = Duration::from_secs(10);

type Told = Result<Option<BTreeMap<String, String>>, Problem>;

/// Asks for tags.
pub(super) struct Tags {
    client: Client,
    told: Mutex<BTreeMap<String, (Instant, Told)>>,
}

impl Tags {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            told: Mutex::default(),
        }
    }

    /// The tags of what `arn` names, or why they are missing from the document's member `field`. Only one asks at a time.
    pub(super) async fn of(&self, arn: &str, field: &'static str) -> Told {
        let mut told = self.told.lock().await;
        told.retain(|_, (at, _)| at.elapsed() < GOOD_FOR);
        if let Some((_, told)) = told.get(arn) {
            return told.clone();
        }
        let request = ListTagsForResourceRequest {
            resource_arn: arn.to_owned(),
        };
        let answer = match self.client.call(request).await {
            Ok(answer) => Ok(Some(
                answer
                    .tags
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
                    .collect(),
            )),
            Err(error) => Err(problem(&error, field, arn)),
        };
        told.insert(arn.to_owned(), (Instant::now(), answer.clone()));
        answer
    }
}

fn problem(error: &ClientError, field: &'static str, arn: &str) -> Problem {
    Problem {
        error_field: field,
        error_code: error.code().map(str::to_owned),
        error_message: match error {
            ClientError::Refused(error) => error.message.clone(),
            ClientError::Unreachable { .. } => error.to_string(),
        },
        resource_arn: arn.to_owned(),
    }
}

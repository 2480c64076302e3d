//! Reports to the control plane: one signed call each, answered to the brain.
//!
//! The brain has at most one report of a task on its way, so those of one task arrive in order; reports of different tasks
//! travel side by side.

use std::sync::Arc;

use berth_core::ecs::model::TaskKey;
use berth_core::ecs::report::TaskReport;
use berth_core::kernel::Arn;
use berth_core::node::{Answer, Event};
use berth_wire::ecs::reports::submission;
use tokio::sync::{Semaphore, mpsc};

use crate::client::{Client, ClientError};

/// As many as the stock agent's.
const SIDE_BY_SIDE: usize = 10;

/// Sends reports.
#[derive(Clone, Debug)]
pub(crate) struct Reporter {
    client: Client,
    events: mpsc::Sender<Event>,
    turns: Arc<Semaphore>,
}

impl Reporter {
    pub(crate) fn new(client: Client, events: mpsc::Sender<Event>) -> Self {
        Self {
            client,
            events,
            turns: Arc::new(Semaphore::new(SIDE_BY_SIDE)),
        }
    }

    /// Sends the report; the answer comes as [`Event::Submitted`].
    pub(crate) fn send(&self, task: TaskKey, number: u64, report: TaskReport) {
        let reporter = self.clone();
        tokio::spawn(async move {
            let turn = reporter.turns.acquire().await;
            let answer = reporter.submit(&task, report).await;
            drop(turn);
            // Nobody listens any more when the agent ends.
            let _ = reporter.events.send(Event::Submitted { task, number, answer }).await;
        });
    }

    async fn submit(&self, task: &TaskKey, report: TaskReport) -> Answer {
        let status = report.status;
        let account = Arn::new("ecs", &task.scope, String::new()).to_string();
        let account = account.trim_end_matches(':');
        let request = submission(task.cluster.to_string(), task.arn().to_string(), report, account);
        match self.client.call_in(task.scope.region.as_str(), request).await {
            Ok(_) => {
                tracing::debug!(task = %task.id, ?status, "reported");
                Answer::Accepted
            }
            Err(error) => answer_of(task, &error),
        }
    }
}

fn answer_of(task: &TaskKey, error: &ClientError) -> Answer {
    if error.code() == Some("InvalidParameterException") {
        tracing::warn!(task = %task.id, %error, "the control plane refused a report for good");
        Answer::Rejected
    } else {
        tracing::debug!(task = %task.id, %error, "a report did not arrive: it is sent again");
        Answer::Failed
    }
}

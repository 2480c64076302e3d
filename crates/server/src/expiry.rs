//! Deletes what is kept for a while only: log events past their retention, tasks past the history's limits.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use crate::App;

/// The time between two rounds.
const PAUSE: Duration = Duration::from_secs(60);
/// The most log events, and the most tasks, of one slice.
const SLICE: usize = 10_000;

/// Works for as long as the server runs, a slice at a time.
pub(crate) async fn expire(app: Arc<App>) {
    loop {
        let logs = expire_logs(&app).await;
        let tasks = app.history.expire(SLICE).await.map(|swept| swept.more);
        let more = [went("log events", logs), went("ended tasks", tasks)];
        if !more.contains(&true) {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Deletes a slice of log events. Answers whether there are more.
async fn expire_logs(app: &App) -> Result<bool, String> {
    let (logs, now_ms) = (Arc::clone(&app.logs), app.config.clock.now().0);
    let slice = tokio::task::spawn_blocking(move || logs.expire(now_ms, SLICE)).await;
    let expired = slice.map_err(|error| error.to_string())?;
    expired.map(|expired| expired.more).map_err(|error| error.to_string())
}

/// Whether there is more to delete. What failed is tried again in the next round: without it the disk would fill, and nobody
/// would be told why.
fn went(what: &str, slice: Result<bool, impl Display>) -> bool {
    slice.unwrap_or_else(|error| {
        tracing::warn!(%error, "expired {what} could not be deleted");
        false
    })
}

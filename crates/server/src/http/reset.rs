//! `POST /_berth/reset`: stops everything and wipes all state, for people's test suites. Off unless the operator allows it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use berth_core::control::Event;
use berth_core::ecs::view::Reply;

use crate::App;

/// The pause between two looks at what is still running.
const PAUSE: Duration = Duration::from_millis(100);
/// The most looks: two minutes, which is longer than any task may take to stop.
const LOOKS: usize = 1200;

/// Stops all tasks, waits for them, and forgets everything but the machines.
pub(crate) async fn reset(State(app): State<Arc<App>>) -> (StatusCode, String) {
    if !app.config.allow_reset {
        let text = "Resetting is off. Start Berth with --allow-reset to let test suites wipe its state.\n";
        return (StatusCode::FORBIDDEN, text.to_owned());
    }
    for _ in 0..LOOKS {
        match app.engine.write(Event::Reset).await {
            Ok(Ok(Reply::Remaining(0))) => return wipe_logs(app).await,
            Ok(_) => tokio::time::sleep(PAUSE).await,
            Err(stopping) => return (StatusCode::SERVICE_UNAVAILABLE, format!("{stopping}\n")),
        }
    }
    (
        StatusCode::GATEWAY_TIMEOUT,
        "Tasks did not stop in time; are all agents connected?\n".to_owned(),
    )
}

async fn wipe_logs(app: Arc<App>) -> (StatusCode, String) {
    let wiped = tokio::task::spawn_blocking(move || app.logs.delete_all_log_groups()).await;
    match wiped {
        Ok(Ok(())) => (StatusCode::OK, "Everything is stopped and wiped.\n".to_owned()),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

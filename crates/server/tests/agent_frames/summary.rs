//! A task as a line of text, without what differs from run to run.

use serde_json::Value;

/// What DescribeTasks shows of a task's course.
pub(crate) fn summary(task: &Value) -> String {
    let text = |member: &str| task[member].as_str().unwrap_or_default();
    let wants = match (text("lastStatus"), text("desiredStatus")) {
        (last, desired) if last == desired => String::new(),
        (_, desired) => format!(", wants {desired}"),
    };
    let attachment = task["attachments"][0]["status"].as_str();
    let attachment = attachment
        .map(|status| format!(", interface {status}"))
        .unwrap_or_default();
    let why = match (text("stopCode"), text("stoppedReason")) {
        ("", _) => String::new(),
        (code, reason) => format!(" ({code}: {})", reason.escape_debug()),
    };
    let times = [
        ("connectivityAt", "connected"),
        ("pullStartedAt", "pulling"),
        ("pullStoppedAt", "pulled"),
        ("startedAt", "started"),
        ("stoppingAt", "stopping"),
        ("executionStoppedAt", "execution stopped"),
        ("stoppedAt", "stopped"),
    ];
    let times: Vec<&str> = times
        .iter()
        .filter(|(member, _)| !task[member].is_null())
        .map(|(_, word)| *word)
        .collect();
    let times = if times.is_empty() {
        String::new()
    } else {
        format!(" [{}]", times.join(", "))
    };
    let containers: Vec<String> = task["containers"].as_array().unwrap().iter().map(container).collect();
    format!(
        "{}{wants}{attachment}{why}{times}; {}",
        text("lastStatus"),
        containers.join("; ")
    )
}

fn container(container: &Value) -> String {
    let mut text = format!(
        "{} {}",
        container["name"].as_str().unwrap(),
        container["lastStatus"].as_str().unwrap()
    );
    if let Some(code) = container["exitCode"].as_i64() {
        text += &format!(" with {code}");
    }
    if let Some(reason) = container["reason"].as_str() {
        text += &format!(" ({})", reason.escape_debug());
    }
    for binding in container["networkBindings"].as_array().unwrap() {
        let protocol = binding["protocol"].as_str().unwrap();
        text += &format!(" {}->{}/{protocol}", binding["hostPort"], binding["containerPort"]);
    }
    text
}

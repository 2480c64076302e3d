//! Tasks that are over leave the state, and are answered for from the history.

use berth_core::control::ENDED_TASK_MS;
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::recording::line;
use crate::world::{World, sleeper};

const HOUR_MS: i64 = 3_600_000;

/// A control plane on which `count` tasks have run and ended, and their ARNs in the order of lists.
fn ended(count: usize) -> (World, Vec<String>) {
    let world = World::joined_at(&line(3));
    let agent = Agent::connect(&world.plane);
    let mut tasks: Vec<String> = (0..count)
        .map(|_| world.run(&sleeper("bridge"), "EXTERNAL", None))
        .collect();
    for task in &tasks {
        world.submit(&line(16), task);
        world.submit(&line(28), task);
    }
    drop(agent);
    tasks.sort();
    (world, tasks)
}

/// Lets the tasks that have ended leave the state; there are `count` of them.
fn leave(world: &World, count: usize) {
    world.plane.advance(ENDED_TASK_MS);
    world.plane.await_metric(&format!("berth_archived_tasks_total {count}"));
}

fn list(world: &World, request: &Value) -> (Vec<String>, Value) {
    let page = world.plane.call("ListTasks", request).ok();
    let arns = page["taskArns"].as_array().unwrap().iter();
    let arns = arns.map(|arn| arn.as_str().unwrap().to_owned()).collect();
    (arns, page["nextToken"].clone())
}

#[test]
fn a_task_is_described_as_before_once_it_has_left_the_state() {
    let (world, tasks) = ended(1);
    let before = world.describe(&tasks[0]);
    assert_eq!(before["lastStatus"], "STOPPED");
    leave(&world, 1);
    assert_eq!(world.describe(&tasks[0]), before);
    let world = world.stored(|state| assert!(state.ecs().tasks().is_empty(), "it has left"));
    assert_eq!(world.describe(&tasks[0]), before);
    // Nothing that it was made from is needed.
    let id = tasks[0].rsplit('/').next().unwrap();
    assert_eq!(world.describe(id), before);
    let stopped = world.plane.call("StopTask", &json!({ "task": tasks[0] })).ok();
    assert_eq!(stopped["task"]["stoppedReason"], before["stoppedReason"]);
    let listed = list(&world, &json!({ "desiredStatus": "STOPPED", "family": "sleeper" }));
    assert_eq!(listed, (tasks, Value::Null));
    assert_eq!(
        list(&world, &json!({ "desiredStatus": "STOPPED", "family": "other" })).0,
        [""; 0]
    );
    assert_eq!(list(&world, &json!({})).0, [""; 0]);
}

#[test]
fn a_task_that_is_nowhere_is_missing() {
    let (world, tasks) = ended(1);
    leave(&world, 1);
    let nowhere = format!("{}{:032x}", &tasks[0][..tasks[0].len() - 32], 7);
    let request = json!({ "tasks": [nowhere, tasks[0]] });
    let described = world.plane.call("DescribeTasks", &request).ok();
    assert_eq!(described["tasks"].as_array().unwrap().len(), 1);
    let reasons: Vec<&Value> = described["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["reason"])
        .collect();
    assert_eq!(reasons, ["MISSING"]);
    let refused = world.plane.call("StopTask", &json!({ "task": nowhere })).refusal();
    assert_eq!(refused.0, "InvalidParameterException");
    assert_eq!(refused.1, "The referenced task was not found.");
}

#[test]
fn pages_run_through_the_state_and_the_history() {
    let (world, mut tasks) = ended(3);
    leave(&world, 3);
    let agent = Agent::connect(&world.plane);
    for _ in 0..3 {
        let task = world.run(&sleeper("bridge"), "EXTERNAL", None);
        world.submit(&line(28), &task);
        tasks.push(task);
    }
    drop(agent);
    tasks.sort();
    let (mut all, mut request) = (Vec::new(), json!({ "desiredStatus": "STOPPED", "maxResults": 2 }));
    let mut world = world;
    loop {
        let (page, next) = list(&world, &request);
        assert!(page.len() <= 2);
        all.extend(page);
        if next.is_null() {
            break;
        }
        request["nextToken"] = next;
        // Between two pages the process may die, and tasks may move.
        world = world.restart();
        world.plane.advance(ENDED_TASK_MS);
    }
    assert_eq!(all, tasks);
}

#[test]
fn a_repeated_run_task_answers_with_tasks_of_the_history() {
    let world = World::joined_at(&line(3));
    let agent = Agent::connect(&world.plane);
    world.plane.call("RegisterTaskDefinition", &sleeper("bridge")).ok();
    let request = json!({ "taskDefinition": "sleeper", "launchType": "EXTERNAL", "clientToken": "once" });
    let first = world.plane.call("RunTask", &request).ok();
    let task = first["tasks"][0]["taskArn"].as_str().unwrap().to_owned();
    world.submit(&line(28), &task);
    drop(agent);
    leave(&world, 1);
    let world = world.restart();
    let again = world.plane.call("RunTask", &request).ok();
    assert_eq!(again["tasks"][0]["taskArn"], task);
    assert_eq!(again["tasks"][0]["lastStatus"], "STOPPED");
    assert_eq!(again["failures"], json!([]));
}

#[test]
fn after_a_day_a_task_is_forgotten() {
    let (world, tasks) = ended(1);
    leave(&world, 1);
    world.plane.advance(24 * HOUR_MS - ENDED_TASK_MS);
    world.describe(&tasks[0]);
    world.plane.advance(1);
    let described = world.plane.call("DescribeTasks", &json!({ "tasks": tasks })).ok();
    assert_eq!(described["failures"][0]["reason"], "MISSING");
    assert_eq!(list(&world, &json!({ "desiredStatus": "STOPPED" })).0, [""; 0]);
}

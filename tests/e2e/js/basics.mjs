// The basics of a cluster, a task definition and a task by the JavaScript SDK. Prints what it saw as one line of JSON.
//
// The endpoint and the key come from the environment, as `berth env` sets it; the only argument is the name to work under.

import {
  CreateClusterCommand,
  DeleteClusterCommand,
  DeregisterTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  paginateListTaskDefinitions,
  waitUntilTasksRunning,
  waitUntilTasksStopped,
} from "@aws-sdk/client-ecs";

const name = process.argv[2];
const ecs = new ECSClient({ maxAttempts: 1 });
const seen = {};

const made = await ecs.send(new CreateClusterCommand({ clusterName: name, tags: [{ key: "made-by", value: "js" }] }));
seen.cluster = made.cluster.status;
seen.deleted = (await ecs.send(new DeleteClusterCommand({ cluster: name }))).cluster.status;

const revisions = [];
for (const word of ["one", "two", "three"]) {
  const registered = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: name,
      networkMode: "host",
      containerDefinitions: [
        { name: "main", image: "busybox", command: ["sleep", "600"], memory: 16, stopTimeout: 2, environment: [{ name: "WORD", value: word }] },
      ],
    }),
  );
  revisions.push(registered.taskDefinition.taskDefinitionArn);
}
const listed = [];
for await (const page of paginateListTaskDefinitions({ client: ecs, pageSize: 1 }, { familyPrefix: name })) {
  listed.push(...page.taskDefinitionArns);
}
seen.listedAll = JSON.stringify(listed) === JSON.stringify(revisions);

const run = await ecs.send(new RunTaskCommand({ taskDefinition: name, startedBy: "js" }));
seen.failures = run.failures;
const tasks = run.tasks.map((task) => task.taskArn);
const patience = { client: ecs, maxWaitTime: 120, minDelay: 1, maxDelay: 1 };
await waitUntilTasksRunning(patience, { tasks });
const running = (await ecs.send(new DescribeTasksCommand({ tasks }))).tasks[0];
seen.running = [running.lastStatus, running.startedAt instanceof Date, running.taskDefinitionArn === revisions[2]];

await ecs.send(new StopTaskCommand({ task: tasks[0], reason: "seen enough" }));
await waitUntilTasksStopped(patience, { tasks });
const stopped = (await ecs.send(new DescribeTasksCommand({ tasks }))).tasks[0];
seen.stopped = [stopped.lastStatus, stopped.stopCode, stopped.stoppedReason];

try {
  await ecs.send(new RunTaskCommand({ cluster: `${name}-unknown`, taskDefinition: name }));
} catch (error) {
  seen.refused = [error.name, error.message, error.$metadata.httpStatusCode];
}
for (const taskDefinition of revisions) {
  await ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition }));
}
console.log(JSON.stringify(seen));

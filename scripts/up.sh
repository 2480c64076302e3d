#!/usr/bin/env bash
# Starts Berth, runs the sample application on it, and says where it is. `make up` calls this; down.sh undoes it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/sample.sh

((EUID == 0)) || { echo "run this as root: containers need namespaces, mounts and control groups" >&2; exit 1; }

echo "building the image httpd:2.4 from Debian's packages"
tests/images/build.sh httpd
tests/images/registry.sh start "$registry_port" "$registry_dir"
tests/images/push.sh "http://127.0.0.1:$registry_port" library/httpd:2.4

# The lock is held while a Berth runs on this data directory.
if [[ ! -e $data_dir/berth.lock ]] || flock --nonblock "$data_dir/berth.lock" true; then
	echo "starting Berth"
	mkdir -p "$data_dir"
	chmod 700 "$data_dir"
	# shellcheck disable=SC2024
	setsid "$berth" up --data-dir "$data_dir" --account-id 012345678910 \
		--registry-mirror "docker.io=http://127.0.0.1:$registry_port" \
		</dev/null >>"$data_dir/berth.log" 2>&1 &
	for _ in $(seq 100); do
		kill -0 $! 2>/dev/null || { tail -n 20 "$data_dir/berth.log" >&2; exit 1; }
		[[ -e $data_dir/contact.json ]] && break
		sleep 0.2
	done
fi

eval "$("$berth" env --data-dir "$data_dir")"
echo "waiting for this machine to join the cluster"
for _ in $(seq 150); do
	connected=$($aws ecs list-container-instances --query 'length(containerInstanceArns)' --output text 2>/dev/null || echo 0)
	[[ $connected != 0 ]] && break
	sleep 0.2
done
[[ $connected != 0 ]] || { tail -n 20 "$data_dir/berth.log" >&2; exit 1; }

task=$($aws ecs list-tasks --family fargate-task-definition --query 'taskArns[0]' --output text)
if [[ $task == None ]]; then
	echo "running the sample application"
	$aws logs create-log-group --log-group-name /ecs/fargate-task-definition 2>/dev/null || true
	$aws ecs register-task-definition --cli-input-json file://examples/sample-fargate-app/task-definition.json >/dev/null
	subnet=$($aws ec2 describe-subnets --filters "Name=availability-zone,Values=${AWS_REGION}a" \
		--query 'Subnets[0].SubnetId' --output text)
	task=$($aws ecs run-task --task-definition fargate-task-definition --launch-type FARGATE \
		--network-configuration "awsvpcConfiguration={subnets=[$subnet]}" --query 'tasks[0].taskArn' --output text)
fi
if ! $aws ecs wait tasks-running --tasks "$task"; then
	$aws ecs describe-tasks --tasks "$task" --query 'tasks[0].[stopCode,stoppedReason,containers[].reason]' >&2
	exit 1
fi
address=$($aws ecs describe-tasks --tasks "$task" \
	--query 'tasks[0].containers[0].networkInterfaces[0].privateIpv4Address' --output text)
for _ in $(seq 50); do
	page=$(curl --silent --fail --max-time 5 "http://$address/" || true)
	[[ $page == *"Amazon ECS Sample App"* ]] && break
	sleep 0.2
done
[[ $page == *"Amazon ECS Sample App"* ]] || { echo "the sample does not answer; see $data_dir/berth.log" >&2; exit 1; }

cat <<EOF

The sample application runs on Berth:

    http://$address/

Point aws-cli, or any AWS SDK, at Berth:

    eval "\$($berth env --data-dir $data_dir)"
    $aws ecs list-tasks
    $aws ecs describe-tasks --tasks $task
    $aws logs filter-log-events --log-group-name /ecs/fargate-task-definition

Berth's log is $data_dir/berth.log. \`make down\` stops everything and cleans the host.
EOF

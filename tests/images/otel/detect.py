"""Prints what OpenTelemetry's detector of ECS makes of the container that it runs in."""

import json

from opentelemetry.sdk.extension.aws.resource.ecs import AwsEcsResourceDetector

found = AwsEcsResourceDetector(raise_on_error=True).detect()
print(json.dumps(dict(found.attributes), default=list))

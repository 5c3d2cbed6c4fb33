"""The compute layer: the cluster, and a log group for each service."""

import pulumi
import pulumi_aws as aws

SERVICES = ("backend-api", "data-collection", "strategy-service", "mlflow")

config = pulumi.Config()
stack = pulumi.get_stack()

cluster = aws.ecs.Cluster("tradai", name=f"tradai-{stack}")
for service in SERVICES:
    aws.cloudwatch.LogGroup(
        service,
        name=f"/tradai/{stack}/{service}",
        retention_in_days=config.require_int("logDays"),
    )

pulumi.export("cluster", cluster.name)
pulumi.export("desiredCount", config.require_int("desiredCount"))

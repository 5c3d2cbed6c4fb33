"""The base layer: a repository for each image that the releases push."""

import json

import pulumi
import pulumi_aws as aws

SERVICES = ("backend", "data-collection", "strategy-service", "mlflow")
LAMBDAS = ("lambda-base", "candle-gaps", "heartbeat", "order-alerts")

config = pulumi.Config()
immutable = config.require_bool("immutableTags")
kept = config.require_int("imagesKept")

# Untagged images are what a moved tag leaves behind: nothing runs them.
lifecycle = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "description": "keep the newest images",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "imageCountMoreThan",
                    "countNumber": kept,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)

for name in (*SERVICES, *LAMBDAS):
    repository = aws.ecr.Repository(
        name,
        name=f"tradai/{name}",
        image_tag_mutability="IMMUTABLE" if immutable else "MUTABLE",
        image_scanning_configuration={"scan_on_push": True},
    )
    aws.ecr.LifecyclePolicy(name, repository=repository.name, policy=lifecycle)
    pulumi.export(f"repository:{name}", repository.repository_url)

"""Deploy the images of a release to ECS services and Lambda functions."""

"""The release engine: plan, gates, steps and the evidence that they leave."""

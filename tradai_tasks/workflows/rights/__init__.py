"""What the jobs of workflows may do: credentials, secrets, rulesets and trust policies."""

"""The one door to servers: limits of answers, addresses that may be used, and trying again."""

"""A plan of steps and how it is carried out: gates, evidence, records."""

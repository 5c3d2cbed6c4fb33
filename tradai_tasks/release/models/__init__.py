"""The MLflow model version of a strategy's release."""

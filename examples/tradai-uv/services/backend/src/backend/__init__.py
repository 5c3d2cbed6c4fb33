"""The HTTP interface of tradai."""

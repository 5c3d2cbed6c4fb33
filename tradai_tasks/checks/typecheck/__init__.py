"""Types: which checkers a repository has, what is asked of them, and what is ignored."""

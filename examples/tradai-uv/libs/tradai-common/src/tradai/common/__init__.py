"""Shared parts of tradai.

Nothing is re-exported: whoever imports one module shall not depend on all of them.
"""

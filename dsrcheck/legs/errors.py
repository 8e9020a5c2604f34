"""What can go wrong where others read; by itself, so that who only names it loads none of what reads."""


class WorkerError(Exception):
    """Whoever was to fold is gone. `str()` of it is one line that says what may help."""


class ClusterError(WorkerError):
    """There is no such cluster, or no library to talk to it."""

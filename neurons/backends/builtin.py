"""The backend `builtin`: each task's own reference miner."""

from neurons.backends.backend import Model, Setup
from neurons.backends.python import load_class
from neurons.catalog import open_task


def make_backend(setup: Setup) -> Model:
    """Build the reference miner of the setup's task; raises what its import or making raises."""
    task = open_task(setup.task, setup.task_params)
    return load_class(task.reference)(setup)

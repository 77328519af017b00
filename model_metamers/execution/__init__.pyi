from .local import cores, run
from .marks import left, seconds
from .programs import Repeated, Value, command
from .tasks import Task, causes, in_order

__all__ = [
    "Repeated",
    "Task",
    "Value",
    "causes",
    "command",
    "cores",
    "in_order",
    "left",
    "run",
    "seconds",
]

"""One absl binary per experiment; installed as `model_metamers_experiments`."""

from model_metamers_experiments import stops

if stops.starts_here():
    stops.end_while_loading()

"""One absl binary per experiment; installed as `model_metamers_experiments`."""

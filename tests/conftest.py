"""Make the module beside this folder importable, and the properties try the same examples every time."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

settings.register_profile(
    "same-every-time",
    derandomize=True,
    database=None,
    deadline=None,  # a busy machine is no defect
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("same-every-time")

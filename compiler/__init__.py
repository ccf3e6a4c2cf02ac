"""The engine: graphs, formulas, gradients, schedules, plans and programs; it knows nothing of networks."""

from __future__ import annotations

import time
from typing import Final

STARTED: Final = time.time()
"""When this process began to load sources, in seconds of the system's clock."""

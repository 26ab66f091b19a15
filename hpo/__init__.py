"""Which fine-tuning strategy wins, by how much, and how sure are we?"""

import os
from pathlib import Path

# Read when a library loads, so set before any does. Spinning OpenMP threads made a step eight times slower on a shared CPU;
# tokenizers' threads must not fork; telemetry of dependencies stays off.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# Large tensors on pages of 2 MB: 4 % less time (MiniLM). Where the system has none torch would warn.
if Path("/sys/kernel/mm/transparent_hugepage").exists():
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

__version__ = "0.1.0"

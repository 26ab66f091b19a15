"""P: the fastest float32 matrix product of this machine with all its threads, in operations a second."""

from __future__ import annotations

import time

SIZES = (384, 512, 768, 1024, 1536, 2048)
SECONDS = 0.4  # a size


def matmul_peak() -> float:
    """Operations a second of the best size."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = torch.bfloat16 if device == "cuda" else torch.float32  # the format that trainings use there
    best = 0.0
    for size in SIZES if device == "cpu" else (4096, 8192):
        a = torch.randn(size, size, device=device, dtype=kind)
        out = torch.empty_like(a)
        until = time.perf_counter() + SECONDS
        while time.perf_counter() < until:
            began = time.perf_counter()
            torch.mm(a, a, out=out)
            if device == "cuda":
                torch.cuda.synchronize()
            best = max(best, 2 * size**3 / (time.perf_counter() - began))
    return best


if __name__ == "__main__":
    print(matmul_peak())

"""How much memory this process took."""

from pathlib import Path

from ffa_keras.errors import InputError


def peak_mb() -> float:
    """Return the most memory the process ever held, MiB.

    Raises:
        InputError: the system is not Linux.
    """
    # Not getrusage: its peak is inherited from the parent.
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise InputError("/proc/self/status: no VmHWM; run this on Linux")

"""The embedded server's configuration, written anew at every start."""

import os
from pathlib import Path

MEGABYTE = 1 << 20
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only its size is read
# Below this, parallel queries would fail for want of it (Docker gives 64 MB).
LEAST_SHARED_MEMORY = 256 * MEGABYTE


def options_text(socket_folder: Path) -> str:
    """postgresql.conf lines: safe against power loss, sized for bulk sending on two cores."""
    memory = memory_bytes()
    options = {
        # Reached by nobody but the account that may enter the socket's folder.
        "listen_addresses": "",
        "unix_socket_directories": os.fspath(socket_folder),
        "port": "5432",
        "max_connections": "100",
        # Never off: acknowledged results would be lost with the power.
        "fsync": "on",
        "synchronous_commit": "on",
        "shared_buffers": f"{_between(memory // 8, 32, 256)}MB",
        "effective_cache_size": f"{_between(memory // 2, 128, 8192)}MB",
        "maintenance_work_mem": f"{_between(memory // 32, 16, 128)}MB",
        "work_mem": "8MB",
        "dynamic_shared_memory_type": "posix" if has_shared_memory() else "mmap",
        # A mailing rewrites the same pages over and over: checkpoints far apart
        # spare most of the full-page images.
        "max_wal_size": "2GB",
        "min_wal_size": "128MB",
        "checkpoint_timeout": "15min",
        "wal_compression": "on",
        "random_page_cost": "1.1",
        # Every message is updated twice: clear up after it early and often.
        "autovacuum_naptime": "15s",
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.02",
        "autovacuum_vacuum_cost_limit": "1000",
        # Costs more than it gains on queries this short.
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # A week of logs. Terse and without statements: those would put phone
        # numbers and texts into the file.
        "logging_collector": "on",
        "log_directory": "log",
        "log_filename": "postgresql-%a.log",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_truncate_on_rotation": "on",
        "log_checkpoints": "off",
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
    }
    return "".join(f"{name} = {_quoted(value)}\n" for name, value in options.items())


def memory_bytes() -> int:
    """The machine's memory, or the container's share of it."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(CGROUP_LIMIT.read_text()))
    except (OSError, ValueError):  # no such limit; "max"
        return machine


def has_shared_memory() -> bool:
    if not SHARED_MEMORY.is_dir():  # macOS has it elsewhere
        return True
    sizes = os.statvfs(SHARED_MEMORY)
    return sizes.f_frsize * sizes.f_blocks >= LEAST_SHARED_MEMORY


def _between(size: int, least_megabytes: int, most_megabytes: int) -> int:
    return max(least_megabytes, min(size // MEGABYTE, most_megabytes))


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"

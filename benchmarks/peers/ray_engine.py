"""Ray on this machine alone: a slot a core, no dashboard, no log lines, nothing sent anywhere."""

from __future__ import annotations

import os
import tempfile

import peer


def start() -> None:
    """Start it; its files go to the folder for temporary files."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    peer.share_modules()
    import ray

    ray.init(
        num_cpus=peer.CORES,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=300 << 20,
        _temp_dir=os.path.join(tempfile.gettempdir(), "ray"),
    )

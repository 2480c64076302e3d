"""Amazon's JavaScript SDK, pointed at Berth by the environment alone."""

from __future__ import annotations

import json
import shutil
import subprocess

from support.berth import REGION, Berth, key_environment
from support.images import ROOT


def test_the_javascript_sdk_does_the_basics(machine: Berth):
    settings = {**key_environment(), "AWS_ENDPOINT_URL": machine.endpoint, "AWS_REGION": REGION}
    # Modules are looked for beside the script, so it runs as a copy: packages do not belong into the source tree.
    script = shutil.copy(ROOT / "tests/e2e/js/basics.mjs", ROOT / "target/js")
    done = subprocess.run(
        [ROOT / "target/venv/bin/node", script, "from-javascript"],
        env=settings,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "cluster": "ACTIVE",
        "deleted": "INACTIVE",
        "listedAll": True,
        "failures": [],
        "running": ["RUNNING", True, True],
        "stopped": ["STOPPED", "UserInitiated", "seen enough"],
        "refused": ["ClusterNotFoundException", "Cluster not found.", 400],
    }

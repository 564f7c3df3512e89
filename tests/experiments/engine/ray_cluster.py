"""A Ray cluster of a head without cores and nodes of one core each, all on this machine.

Prints its address; then kills a node for each line of its input, and ends with it.
"""

import contextlib
import shutil
import sys
import tempfile

from ray.cluster_utils import Cluster

NODES, ATTEMPTS = 2, 5


def add(**arguments):
    """Starts a node; Ray gives up on one whose agent is not up within 15 seconds, which happens on a busy machine."""
    for _ in range(ATTEMPTS - 1):
        with contextlib.suppress(Exception):
            return cluster.add_node(**arguments)
    return cluster.add_node(**arguments)


# Short: the paths of sockets have at most 107 bytes.
folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")
cluster = Cluster()
try:
    add(num_cpus=0, include_dashboard=False, temp_dir=folder)
    nodes = [add(num_cpus=1) for _ in range(NODES)]
    print(cluster.address, flush=True)
    for _ in sys.stdin:
        cluster.remove_node(nodes.pop(), allow_graceful=False)
        print("removed", flush=True)
finally:
    cluster.shutdown()
    shutil.rmtree(folder, ignore_errors=True)

"""Measuring networks and making them smaller."""

from kdsuite.prune.channels import delete_channels
from kdsuite.prune.cost import macs
from kdsuite.prune.errors import PruneError
from kdsuite.prune.groups import ChannelGroup, channel_groups
from kdsuite.prune.ranking import Criterion, channel_scores, rank_channels
from kdsuite.prune.removal import RemovalReport, removal_report, remove
from kdsuite.prune.shrinking import shrink
from kdsuite.prune.units import Unit, select, units, zero_density

__all__ = [
    "ChannelGroup",
    "Criterion",
    "PruneError",
    "RemovalReport",
    "Unit",
    "channel_groups",
    "channel_scores",
    "delete_channels",
    "macs",
    "rank_channels",
    "removal_report",
    "remove",
    "select",
    "shrink",
    "units",
    "zero_density",
]

"""Measuring networks and making them smaller."""

from prune.channels import delete_channels
from prune.cost import macs
from prune.errors import PruneError
from prune.groups import ChannelGroup, channel_groups
from prune.ranking import Criterion, channel_scores, rank_channels
from prune.removal import RemovalReport, removal_report, remove
from prune.shrinking import shrink
from prune.units import Unit, select, units, zero_density

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

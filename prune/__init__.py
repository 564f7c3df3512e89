"""Measuring networks and making them smaller."""

from kdsuite.prune.channels import Channels
from kdsuite.prune.cost import macs
from kdsuite.prune.criteria import CRITERIA, Criterion, Filters, GroupView
from kdsuite.prune.deletion import DeletionReport, delete_channels, deletion_report
from kdsuite.prune.errors import PruneError
from kdsuite.prune.flatten import flatten
from kdsuite.prune.groups import ChannelGroup, channel_groups
from kdsuite.prune.latency import latency
from kdsuite.prune.ranking import channel_scores, rank_channels
from kdsuite.prune.removal import RemovalReport, removal_report, remove
from kdsuite.prune.shrinking import shrink
from kdsuite.prune.units import Unit, select, units, zero_density

__all__ = [
    "CRITERIA",
    "ChannelGroup",
    "Channels",
    "Criterion",
    "DeletionReport",
    "Filters",
    "GroupView",
    "PruneError",
    "RemovalReport",
    "Unit",
    "channel_groups",
    "channel_scores",
    "delete_channels",
    "deletion_report",
    "flatten",
    "latency",
    "macs",
    "rank_channels",
    "removal_report",
    "remove",
    "select",
    "shrink",
    "units",
    "zero_density",
]

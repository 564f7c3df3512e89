"""Measuring networks and making them smaller."""

from kdsuite.prune.channels import Channels
from kdsuite.prune.cost import macs, uncounted
from kdsuite.prune.criteria import CRITERIA, Criterion, Filters, GroupView
from kdsuite.prune.deletion import DeletionReport, delete_channels, deletion_report
from kdsuite.prune.editing import insert_layer, replace_layer
from kdsuite.prune.errors import PruneError
from kdsuite.prune.flattening import flatten
from kdsuite.prune.groups import ChannelGroup, channel_groups
from kdsuite.prune.importance import block_influence, sensitivity, zero_density
from kdsuite.prune.ranking import channel_scores, rank_channels
from kdsuite.prune.reconstruction import reconstruct
from kdsuite.prune.removal import remove
from kdsuite.prune.removed import RemovalReport, removal_report
from kdsuite.prune.selection import select
from kdsuite.prune.shrinking import channels_to_delete, shrink
from kdsuite.prune.timing import latency
from kdsuite.prune.units import Unit, units

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
    "block_influence",
    "channel_groups",
    "channel_scores",
    "channels_to_delete",
    "delete_channels",
    "deletion_report",
    "flatten",
    "insert_layer",
    "latency",
    "macs",
    "rank_channels",
    "reconstruct",
    "removal_report",
    "remove",
    "replace_layer",
    "select",
    "sensitivity",
    "shrink",
    "uncounted",
    "units",
    "zero_density",
]

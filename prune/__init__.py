"""Measuring networks and making them smaller."""

from prune.cost import macs
from prune.errors import PruneError
from prune.removal import RemovalReport, removal_report, remove
from prune.units import Unit, select, units, zero_density

__all__ = ["PruneError", "RemovalReport", "Unit", "macs", "removal_report", "remove", "select", "units", "zero_density"]

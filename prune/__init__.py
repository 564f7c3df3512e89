"""Measuring networks and making them smaller."""

from prune.cost import macs

__all__ = ["macs"]

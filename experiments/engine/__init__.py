"""Runs experiments: configurations, trials, networks by key, rows by setting. It knows no study."""

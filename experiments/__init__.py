"""One file per study, and the runner they share."""

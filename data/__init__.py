"""What goes in: data sets as aligned arrays, batches drawn by index."""

from data.errors import DataError
from data.loading import Dataset, load
from data.split import Split
from data.views import Jitter

__all__ = ["DataError", "Dataset", "Jitter", "Split", "load"]

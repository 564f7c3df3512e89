"""What goes in: data sets as aligned arrays, batches drawn by index."""

from kdsuite.data.errors import DataError
from kdsuite.data.loading import Dataset, load
from kdsuite.data.split import Split
from kdsuite.data.views import Jitter

__all__ = ["DataError", "Dataset", "Jitter", "Split", "load"]

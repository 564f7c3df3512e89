"""The files that a run left."""

from pathlib import Path

import pandas as pd


def folder_of(experiment, root="results"):
    (folder,) = (path.parent for path in Path(root, experiment).glob("*/setting.json"))
    return folder


def rows_of(experiment, root="results", name="rows"):
    return pd.read_csv(folder_of(experiment, root) / f"{name}.csv")

"""Study 5, first half: teachers on CIFAR-10, and their responses as files.

    make offline-responses        (python -m experiments offline-responses)

Trains each teacher on labels and writes its logits on the transfer set, with class names, the fingerprint of the data
and the teacher's card, to `responses/` in the setting's folder: all that offline-cifar10 needs, on a machine that never
had the teacher. Students see each image under a few views (shifts of up to 2 pixels, mirrored or not) that are drawn
once; the teacher answers for each of them, so that what is stored is what a live teacher would say.

`full`: the fast network of 2 million parameters (16 epochs) and MobileNet 0.75 from ImageNet at 96 × 96 (4 epochs), on
45,000 images, with 8 views each; an hour on 2 cores, 27 MB of responses. `quick`: a network of half a million
parameters on 10,000 images; 2 minutes. `paper`: ResNet50 and InceptionV3 at 96 × 96, from their ImageNet weights, which
Keras downloads.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from experiments.engine.networks import Networks
from experiments.engine.settings import commit
from experiments.engine.study import Details
from experiments.engine.training import outputs
from experiments.engine.trial import Trial
from experiments.offline.calibration import calibration_columns
from experiments.offline.networks import OfflineStudy, TeacherTrial, responses_folder
from kdsuite import distill

COLUMNS = ("calibration_error", "scaling_temperature", "calibration_error_scaled")


class OfflineResponses(OfflineStudy):
    """One network a teacher, and all of them together; responses are written when all are trained."""

    COLUMNS = COLUMNS

    def trials(self) -> list[Trial]:
        teachers = tuple(self.teacher(network) for network in self.config.teachers)
        return [*teachers, *([self.together(teachers)] if len(teachers) > 1 else [])]

    def details(self, trial: Trial, distiller: keras.Model, history: list[dict], networks: Networks) -> Details:
        """Measures calibration."""
        splits = (self.teacher_data.validation, self.teacher_data.test)
        return Details(calibration_columns(*((outputs(distiller.student, split), split.labels) for split in splits)))

    def finish(self, networks: Networks, folder: Path) -> None:
        """Writes each teacher's responses on the transfer set, a file each."""
        for network in self.config.teachers:
            card = self.card(self.teacher(network), networks)
            path = responses_folder(folder) / self.responses_name(network)
            given = networks.outputs(self.teacher(network), self.transfer_set(self.config.views))
            distill.Responses(given, tuple(self.dataset.class_names), card | {"views": self.config.views}).save(path)
            print(f"responses: {path} ({path.stat().st_size / 2**20:.1f} MiB)")

    def card(self, trial: TeacherTrial, networks: Networks) -> dict[str, Any]:
        """What is known of a teacher."""
        test = self.teacher_data.test
        logits = networks.outputs(trial, test).arrays["logits"]
        return {name: value for name, value in trial.columns().items() if value is not None} | {
            "trial": self.key(trial),
            "parameters": networks.get(trial).count_params(),
            "test_accuracy": float(np.mean(logits.argmax(-1) == test.labels)),
            "initialisation": trial.weights or f"Keras' own, seed {trial.seed}",
            "input_size": trial.upscaled_to or self.dataset.train.images.shape[1],
            "train_size": len(self.teacher_data.train),
            "transfer_size": len(self.dataset.train),
            "dataset": self.dataset.name,
            "source": self.dataset.source,
            "commit": commit(),
        }

"""Study 5, first half: teachers on CIFAR-10, and their responses as files.

    make offline-responses        (python -m experiments offline-responses)

Trains each teacher on labels and writes its logits on the transfer set, with class names, the fingerprint of the data
and the teacher's card, to `responses/` in the setting's folder: all that offline-cifar10 needs, on a machine that
never had the teacher. `full` has a VGG of 2.4 million parameters and a ResNet-20, trained on 20,000 images for 8
epochs; 2,000 of these are the transfer set; 21 minutes on 2 cores. `paper` has ResNet50 and InceptionV3 of
keras.applications at 96 × 96, on all images; their ImageNet weights are used where `--weights` names them, otherwise
they start from Keras' initialisation, as the card says.
"""

from pathlib import Path

import numpy as np

from experiments.engine.networks import Networks
from experiments.engine.settings import commit
from experiments.engine.trial import Trial
from experiments.offline.networks import OfflineStudy, responses_folder
from kdsuite import distill


class OfflineResponses(OfflineStudy):
    """One network a teacher; their responses are written when all are trained."""

    def trials(self) -> list[Trial]:
        return [self.teacher(network) for network in self.config.teachers]

    def finish(self, networks: Networks, folder: Path) -> None:
        """Writes each teacher's responses on the transfer set."""
        for network in self.config.teachers:
            trial = self.teacher(network)
            outputs = networks.outputs(trial, self.dataset.train)
            on_test = networks.outputs(trial, self.dataset.test).arrays["logits"]
            card = {name: value for name, value in trial.columns().items() if value is not None} | {
                "trial": self.key(trial),
                "parameters": networks.get(trial).count_params(),
                "test_accuracy": float(np.mean(on_test.argmax(-1) == self.dataset.test.labels)),
                "initialisation": trial.weights or f"Keras' own, seed {trial.seed}",
                "input_size": trial.upscaled_to or self.dataset.train.images.shape[1],
                "train_size": len(self.teacher_data.train),
                "transfer_size": len(self.dataset.train),
                "dataset": self.dataset.name,
                "source": self.dataset.source,
                "commit": commit(),
            }
            path = responses_folder(folder) / self.responses_name(network)
            distill.Responses(outputs, tuple(self.dataset.class_names), card).save(path)
            print(f"responses: {path} ({path.stat().st_size / 2**20:.1f} MiB)")

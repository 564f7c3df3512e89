"""Study 5, first half: teachers on CIFAR-10, and their responses as files.

    make offline-responses        (python -m experiments offline-responses [--profile quick])

Trains each teacher on labels and writes its logits on the transfer set, with class names, the fingerprint of the data
and the teacher's card, to results/responses: all that offline-cifar10 needs, on a machine that never had the teacher.
`paper` has ResNet50 and InceptionV3 of keras.applications at 96 × 96; their ImageNet weights are used where `--weights`
names them, otherwise they start from Keras' initialisation, as the card says. `quick` has a VGG of 2.4 million
parameters and a ResNet-20, trained on 20,000 images for 8 epochs; 2,000 of these are the transfer set.

Measured with `--profile quick`: VGG 76.02%, ResNet-20 70.25% on test, one seed each; 73 KiB of responses a teacher.
"""

from dataclasses import dataclass

from experiments import offline
from experiments.offline import RESPONSES_STUDY, OfflineConfig
from experiments.runner import Runner
from kdsuite import distill

PROFILES = {
    "smoke": offline.SMOKE,
    "quick": offline.QUICK,
    "paper": {},
}


@dataclass(frozen=True)
class Config(OfflineConfig):
    pass


def run(config: Config) -> None:
    """Trains the teachers that are missing and writes their responses."""
    config.check()
    whole, transfer_set = offline.load_data(config)
    shape, classes = whole.train.images.shape[1:], len(whole.class_names)

    def build(trial, parent):
        return offline.build_teacher(trial, classes, shape)

    runner = Runner(RESPONSES_STUDY, config, whole, build)
    trials = [offline.teacher_trial(config, network) for network in config.teachers]
    runner.run_and_publish(trials)
    if config.dry_run:
        return
    for trial in trials:
        teacher = runner.network(trial)
        outputs = distill.teacher_outputs(teacher, transfer_set.train, cache=config.cache, batch_size=100)
        card = trial.columns() | {
            "trial": runner.key(trial),
            "parameters": teacher.count_params(),
            "initialisation": trial.weights or "Keras' own, seed 0",
            "input_size": trial.upscaled_to or shape[0],
            "train_size": len(whole.train),
            "transfer_size": len(transfer_set.train),
            "dataset": whole.name,
            "source": whole.source,
            "commit": runner.commit,
        }
        path = offline.responses_path(config, trial.network, transfer_set)
        distill.Responses(outputs, tuple(transfer_set.class_names), card).save(path)
        print(f"responses: {path} ({path.stat().st_size / 2**20:.1f} MiB)")

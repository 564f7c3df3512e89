"""Study 5: Daru, Pamidi, Medisetti, Gonuguntla and Kumar, "Offline Response-based Knowledge Distillation in CNNs".

A course proposal (UCSD) without results. A large network that was pretrained on ImageNet (ResNet50 or Inception v3) is
to teach a small convolutional network on CIFAR-10 by its responses alone: the outputs of its last layer, computed once
(offline), by the Kullback-Leibler divergence beside the cross entropy of the labels (§3–4). Students are combinations
of convolutional and fully connected layers. It asks whether such a network can be shortened to a smaller one of
comparable performance, and expects a student of a pretrained teacher to learn faster. We ask besides whether it is
knowledge that helps: responses against labels, against label smoothing of the same entropy, against several
teachers, and what stored responses cost and give against a live teacher.

The copy of CIFAR-10 at hand was re-encoded as JPEG (quality 75, chroma at half the resolution), so that figures
published on the original images are not its yardstick. Strong JPEG compression is known to cost networks accuracy
(Ehrlich et al. 2021, "Analyzing and Mitigating JPEG Compression Defects in Deep Learning"); we know of no published
figure for networks that are trained and tested at this quality on 32 × 32 images.
"""

from experiments.registry import Experiment, Study

STUDY = Study(
    number=5,
    title="offline, response-based distillation",
    notebooks=("7-offline",),
    experiments=(
        Experiment(
            name="offline-responses",
            summary="teachers, and their responses as files, CIFAR-10",
            module="responses",
            trains="OfflineResponses",
            config="ResponsesConfig",
            report="RESPONSES",
        ),
        Experiment(
            name="offline-cifar10",
            summary="small networks that learn from stored responses, CIFAR-10",
            module="cifar10",
            trains="OfflineCifar10",
            config="Cifar10Config",
            report="CIFAR10",
        ),
        Experiment(
            name="offline-views",
            summary="stored views of each image against a live teacher, CIFAR-10",
            module="views",
            trains="OfflineViews",
            config="ViewsConfig",
            report="VIEWS",
        ),
    ),
)

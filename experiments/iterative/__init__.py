"""Study 3: Yalburgi 2019, "Iterative Knowledge Distillation".

VGG-16 and VGG-19 are shrunk for MNIST and CIFAR-10, generation by generation (§3.2): a child has a block less than its
parent or blocks of half the width (§4.2) and learns by the divergence from its parent, the labels and a hint
(abstract, §4.3). Four shapes of families are proposed: a parent has one child or several, and a child learns from its
parent alone or from all its ancestors. The search ends with a significant drop in performance. The report is
unfinished: its abstract promises "x% reduction in memory footprint with y% drop in performance", leaves both blank, and
there is no table. So our experiments measure x and y, and ask what the paper takes for granted: whether recursion is
worth anything over one teacher for all sizes, and distillation over labels alone.
"""

from experiments.registry import Experiment, Study

STUDY = Study(
    number=3,
    title="iterative distillation",
    notebooks=("5-iterative",),
    experiments=(
        Experiment(
            name="iterative-mnist",
            summary="families of VGG networks, each generation smaller, MNIST",
            module="mnist",
            trains="Mnist",
            config="MnistConfig",
            report="MNIST",
        ),
        Experiment(
            name="iterative-cifar10",
            summary="families of VGG networks, each generation smaller, CIFAR-10",
            module="cifar10",
            trains="Cifar10",
            config="Cifar10Config",
            report="CIFAR10",
        ),
    ),
)

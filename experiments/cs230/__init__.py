"""Study 1: Tan, Sheehan and Yap 2018, "Exploring Effects of Knowledge Distillation in Model Compression and Accuracy".

A Stanford CS230 project. A student learns from labels and from its teacher's outputs, weighted 1 − λ and λ (§4). On
MNIST the accuracy of a 10-unit student of a 10–10 teacher rises "from 92 to 93 percent", and the best λ lies between
0.4 and 0.7, the best batch size between 75 and 100 (§5). MobileNet, transferred to Dogs vs. Cats, loses layers by zero
density or at random; what is left is trained on 1,000 images for 3 epochs, with and without the teacher: distillation
helps when few layers go and hurts when many do, and converges faster (Figures 5 to 8). A transfer to CIFAR-10 learns
its training images and fails the test. Removing channels with kerassurgeon was begun and not finished (§7).
"""

from experiments.registry import Experiment, Study

STUDY = Study(
    number=1,
    title="CS230: distillation of pruned networks",
    notebooks=("1-mnist", "2-catdog-mobilenet", "3-channels"),
    experiments=(
        Experiment(
            name="mnist-dense",
            summary="a dense student of 10 units against its 10–10 teacher, MNIST",
            module="mnist_dense",
            trains="Dense",
            config="DenseConfig",
            report="DENSE",
            profile="full",
        ),
        Experiment(
            name="mnist-lambda-sweep",
            summary="accuracy against the weight λ of the soft targets, MNIST",
            module="mnist_lambda_sweep",
            trains="LambdaSweep",
            config="LambdaConfig",
            report="LAMBDA_SWEEP",
            profile="full",
        ),
        Experiment(
            name="mnist-batch-sweep",
            summary="accuracy against batch size, at the λ that validation chooses, MNIST",
            module="mnist_batch_sweep",
            trains="BatchSweep",
            config="BatchConfig",
            report="BATCH_SWEEP",
            profile="full",
        ),
        Experiment(
            name="catdog-mobilenet",
            summary="MobileNet students with layers removed, Dogs vs. Cats, Figures 5 to 8",
            module="catdog_mobilenet",
            trains="Layers",
            config="LayersConfig",
            report="LAYERS",
        ),
        Experiment(
            name="catdog-narrow",
            summary="the same with a MobileNet a third as wide, at 224 × 224: do findings hold beyond one network?",
            module="catdog_narrow",
            trains="NarrowLayers",
            config="NarrowConfig",
            report="NARROW",
        ),
        Experiment(
            name="catdog-channels",
            summary="MobileNet students with channels removed, Dogs vs. Cats",
            module="catdog_channels",
            trains="Channels",
            config="ChannelsConfig",
            report="CHANNELS",
        ),
        Experiment(
            name="catdog-orders",
            summary="layers removed by zero density against better orders, at equal multiply-adds",
            module="catdog_orders",
            trains="Orders",
            config="OrdersConfig",
            report="ORDERS",
        ),
        Experiment(
            name="catdog-hints",
            summary="where a hint helps most: a layer of the teacher to match, at several depths",
            module="catdog_hints",
            trains="Hints",
            config="HintsConfig",
            report="HINTS",
        ),
        Experiment(
            name="catdog-images",
            summary="what distillation adds with 1,000 training images and with all",
            module="catdog_images",
            trains="Images",
            config="ImagesConfig",
            report="IMAGES",
        ),
        Experiment(
            name="cifar-transfer",
            summary="the failed transfer of MobileNet to CIFAR-10, and its cause",
            module="cifar_transfer",
            trains="Transfer",
            config="TransferConfig",
            report="TRANSFER",
            profile="full",
        ),
        Experiment(
            name="cifar-criteria",
            summary="which channels should go: criteria at equal multiply-adds and at equal widths, CIFAR-10",
            module="cifar_criteria",
            trains="Criteria",
            config="CriteriaConfig",
            report="CRITERIA",
        ),
    ),
)

"""Study 2 (Hinton 2015 §3, Table 1 of the reproduction), MNIST: what is distillation worth?

    make hinton-mnist        (python -m experiments hinton-mnist [--protocol reproduction])

Claims (test errors of 10,000): Hinton: teacher 67, student alone 146, student distilled at T = 20 74. The
reproduction: 119, 132, 125. Teacher 1200–1200, student 800–800, rectified linear; each seed trains a teacher of its
own. Protocol `original` has dropout, max-norm and jitter of two pixels in the teacher, none of it in the student
alone; the distilled student sees the soft targets of all 25 views. `--ablation` adds, for some seeds, distilled
students without views, with plain SGD, with a third of the epochs, one change at a time. Profile `full` takes 2.5
hours on 2 cores, `quick` 9 minutes; the reference of the reproduction's protocol is `--profile full --protocol
reproduction --ablation`, whose last word without seeds leaves the ablation out.
"""

from experiments.engine.trial import Trial
from experiments.hinton.config import AblationConfig
from experiments.hinton.networks import HintonStudy
from experiments.hinton.protocols import ablations


class Table1(HintonStudy):
    """For each seed a teacher, a student on labels and a distilled one; then the ablation."""

    config: AblationConfig

    def trials(self) -> list[Trial]:
        grid: list[Trial] = []
        for seed in self.config.seeds:
            teacher = self.teacher(seed)
            grid += [teacher, self.plain(seed), self.distilled(seed, teacher)]
        changed = ablations(self.config.recipes.distilled)
        for seed in self.config.ablation:
            teacher = self.teacher(seed)
            grid.append(teacher)
            grid += [self.distilled(seed, teacher, recipe, variant=words) for words, recipe in changed.items()]
        return grid

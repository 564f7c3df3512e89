"""A teacher's responses as one file that can be shipped without the teacher (Gou et al. 2021, offline distillation)."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import optimize

from kdsuite.distill.errors import DistillationError
from kdsuite.distill.files import whole_file
from kdsuite.distill.outputs import TeacherOutputs, softened_names


@dataclass(frozen=True)
class Responses:
    """Everything that a student needs from a teacher it never meets.

    Attributes:
        outputs: its logits on the training split, row for row.
        class_names: by logit.
        card: what is known of the teacher: words and numbers under names.
    """

    outputs: TeacherOutputs
    class_names: tuple[str, ...]
    card: dict

    @property
    def fingerprint(self) -> str:
        """Hex digest of the logits: equal ones teach the same."""
        return hashlib.sha256(self._logits().tobytes()).hexdigest()[:16]

    def save(self, path: Path) -> None:
        """Writes one .npz file, whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        described = json.dumps(
            {
                "class_names": self.class_names,
                "data_fingerprint": self.outputs.data_fingerprint,
                "card": self.card,
            }
        )
        with whole_file(path) as unfinished, unfinished.open("wb") as file:
            np.savez_compressed(file, logits=self._logits(), described=described)

    def _logits(self) -> np.ndarray:
        logits = self.outputs.arrays["logits"]
        return np.ascontiguousarray(logits[np.arange(len(logits))])


def load_responses(path: Path, split, class_names: Sequence[str]) -> Responses:
    """Reads responses and checks that they belong to the data at hand.

    Args:
        path: a file that `Responses.save` wrote.
        split: the training split they are for.
        class_names: of the data set.

    Raises:
        DistillationError: no such file; a damaged one, with logits of another shape or that are not finite; or one
            for other images or classes.
    """
    if not path.exists():
        raise DistillationError(f"no responses at {path}: write them with make offline-responses, or copy them there")
    try:
        with path.open("rb") as opened, np.load(opened) as file:
            logits, described = file["logits"], json.loads(str(file["described"]))
            names, fingerprint, card = described["class_names"], described["data_fingerprint"], described["card"]
    # A damaged zip raises nearly anything: BadZipFile, zlib.error, RuntimeError of an encryption flag, struct.error, …
    except Exception as error:
        reason = " ".join(str(error).split())
        raise DistillationError(f"responses {path} cannot be read ({reason}): copy or compute them again") from error
    if tuple(names) != tuple(class_names):
        raise DistillationError(
            f"responses {path} are for the classes {', '.join(map(str, names))}: expected {', '.join(class_names)}"
        )
    if fingerprint != split.fingerprint:
        raise DistillationError(
            f"responses {path} are for {len(logits):,} other images: expected the {len(split):,} of this training "
            "split (same data, sizes and split seed)"
        )
    views = () if split.views is None else (split.views.count,)
    expected = (len(split), *views, len(class_names))
    if logits.shape != expected or logits.dtype != np.float32 or not np.isfinite(logits).all():
        raise DistillationError(
            f"responses {path} hold logits {logits.dtype} {logits.shape}: expected finite float32 {expected}, copy or "
            "compute them again"
        )
    return Responses(TeacherOutputs({"logits": logits}, fingerprint), tuple(names), card)


def smoothed_labels(labels: np.ndarray, classes: int, entropy: float, temperature: float) -> dict[str, np.ndarray]:
    """Label smoothing of a given mean entropy, in the place of a teacher's soft targets.

    It carries only the label's information, so it isolates what the teacher adds.

    Args:
        labels: int (n,).
        classes: number of classes C.
        entropy: in nats, from 0 to log C.
        temperature: T at which a Distiller takes them for soft targets.

    Returns:
        Arrays of a `TeacherOutputs`: soft targets (n, C) and entropies (n,), float32.
    """
    epsilon = _smoothing(entropy, classes)
    targets = np.full((len(labels), classes), epsilon / classes, np.float32)
    targets[np.arange(len(labels)), labels] += 1 - epsilon
    entropies = np.full(len(labels), _entropy(epsilon, classes), np.float32)
    return dict(zip(softened_names(temperature), (targets, entropies), strict=True))


def _entropy(epsilon: float, classes: int) -> float:
    others = epsilon / classes
    true = 1 - epsilon + others
    return float(-true * np.log(true) - ((classes - 1) * others * np.log(others) if others else 0.0))


def _smoothing(entropy: float, classes: int) -> float:
    if not 0 <= entropy <= np.log(classes):
        raise DistillationError(f"entropy {entropy}: expected 0 to log {classes} = {np.log(classes):.3f}")
    # The largest entropy is reached up to rounding only.
    highest = _entropy(1.0, classes)
    return float(optimize.brentq(lambda epsilon: _entropy(epsilon, classes) - min(entropy, highest), 0.0, 1.0))

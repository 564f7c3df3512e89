"""`report.html`: one self-contained page of what a compression did."""

import base64
import io
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from kdsuite import data
from kdsuite.compress.charts import front_chart, width_chart
from kdsuite.compress.result import Result
from kdsuite.data.files import whole_file

PICTURES, PICTURE_PIXELS = 24, 160
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto }
td, th { padding: .25rem .7rem; border-bottom: 1px solid #ddd; text-align: right; font-variant-numeric: tabular-nums }
td:first-child, th:first-child { text-align: left }
.verdict { padding: .8rem 1rem; border-left: 5px solid #2a7; background: #f3f9f6 }
.missed { border-color: #c63; background: #fdf5f1 }
figure { display: inline-block; margin: .4rem; vertical-align: top; width: 170px; font-size: .8rem }
svg { max-width: 100%; height: auto }
pre { background: #f5f5f5; padding: .8rem; overflow-x: auto }
"""


def write_page(result: Result, test: data.Split, path: Path) -> None:
    """Writes the page, whole or not at all.

    Args:
        result: of the compression.
        test: whose pictures are shown.
        path: of the page.
    """
    parts = [
        f"<h1>{escape(result.model)}, compressed</h1>",
        f"<p class='verdict{'' if result.reached else ' missed'}'>{escape(result.summary)}</p>",
        f"<p>{escape(_provenance(result))}</p>",
        "<h2>Before and after</h2>",
        _table(result.rows()),
        "<p>Accuracy on the test images, with Wilson's 95% interval. A file agrees where it answers as its Keras model "
        "does. Milliseconds are for one image.</p>",
        *(f"<p>{escape(reason)}</p>" for reason in result.refused.values()),
        "<h2>Candidates</h2>",
        front_chart(result.candidates, result.chosen),
        _table(_candidates(result)),
        "<h2>Widths by layer</h2>",
        width_chart(result.widths),
        _table([["layer", "before", "after"], *_widths(result)]),
        "<h2>Confusion</h2>",
        *(_confusion(who, counts, result.class_names) for who, counts in result.confusions.items()),
        "<h2>Pictures on which they part</h2>",
        _pictures(result, test),
        "<h2>Proofs</h2>",
        _table([["", "largest difference", "allowed", "holds"], *_proofs(result)]),
        "<h2>The command</h2>",
        f"<pre>{escape(result.command)}</pre>",
        f"<p>{escape(', '.join(f'{name} {version}' for name, version in result.versions.items()))}</p>",
    ]
    head = f"<meta charset='utf-8'><title>{escape(result.model)}, compressed</title><style>{STYLE}</style>"
    with whole_file(path) as unfinished:
        unfinished.write_text(f"<!doctype html><html lang='en'>{head}<body>{''.join(parts)}</body></html>\n")


def _provenance(result: Result) -> str:
    sizes = ", ".join(f"{count:,} for {part}" for part, count in result.sizes.items())
    split = "" if result.seed is None else f", split by seed {result.seed}"
    return (
        f"{result.dataset} from {result.source}: {sizes}{split}. A teacher trained on some of "
        "these test images is more accurate on them than on new ones, and its fall to the student is overstated. "
        f"{result.minutes:.1f} minutes."
    )


def _table(rows: list[list[str]]) -> str:
    head, *body = [[escape(cell) for cell in row] for row in rows]
    lines = [f"<tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>"]
    lines += [f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body]
    return f"<table>{''.join(lines)}</table>"


def _candidates(result: Result) -> list[list[str]]:
    rows = [["candidate", "rung", "steps", "validation accuracy", "KL to teacher", "parameters", "MACs", "removed"]]
    rows += [
        [
            f"{one.recipe}{' (chosen)' if one == result.chosen else ''}",
            str(one.rung + 1),
            f"{one.steps:,} in {one.precision}",
            f"{one.accuracy:.2%}",
            f"{one.divergence:.4f}",
            f"{one.costs.params:,}",
            f"{one.costs.macs / 1e6:,.2f} M",
            ", ".join(one.removed),
        ]
        for one in sorted(result.candidates, key=lambda one: one.merit, reverse=True)
    ]
    return rows


def _widths(result: Result) -> list[list[str]]:
    found = result.widths.items()
    return [[name, str(before), "gone" if after is None else str(after)] for name, (before, after) in found]


def _confusion(who: str, counts: list[list[int]], class_names) -> str:
    rows = [[f"{who}: true ↓ answer →", *class_names]]
    rows += [[name, *(str(count) for count in row)] for name, row in zip(class_names, counts, strict=True)]
    return _table(rows)


def _pictures(result: Result, test: data.Split) -> str:
    if not result.parted:
        return "<p>There are none: they give the same answer to every test image.</p>"
    shown = result.parted[:PICTURES]
    figures = []
    for row, label, *answers in shown:
        names = [result.class_names[number] for number in (label, *answers)]
        caption = f"{names[0]}: teacher says {names[1]}, student {names[2]}"
        figures.append(f"<figure>{_image(test, row)}<figcaption>{escape(caption)}</figcaption></figure>")
    return f"<p>{len(shown)} of {len(result.parted)} of {len(test):,} test images.</p>{''.join(figures)}"


def _image(test: data.Split, row: int) -> str:
    pixels = test.images[np.array([row])][0]
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    scale = PICTURE_PIXELS / max(image.size)
    image = image.resize([max(1, round(side * scale)) for side in image.size])
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return f"<img alt='' src='data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}'>"


def _proofs(result: Result) -> list[list[str]]:
    words = {True: "yes", False: "NO", None: ""}
    return [
        [
            proof.what,
            "" if proof.difference is None else f"{proof.difference:.2e}",
            "" if proof.allowed is None else f"{proof.allowed:.2e}",
            words[proof.holds],
        ]
        for proof in result.proofs
    ]

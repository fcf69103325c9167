"""The command ``cammsr-explain``: why these items for this user, and what the model has learned."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from recbole_cammsr.cli import arguments, tables
from recbole_cammsr.run import checkpoints
from recbole_cammsr.run.command import EXIT_OK, Parser, guarded
from recbole_cammsr.run.errors import UsageError
from recbole_cammsr.run.setting_text import value

PROGRAM = "cammsr-explain"
_EXAMPLES = """\
files in the --output folder:
  user_<token>.png, .json     history, modality weights, experts, categories, top of the ranking
  modality_weights.png        mean weight of each modality, by category
  expert_usage.png            which experts are asked, over all items and by category
  category_confusion.png      predicted against true categories
  item_map.png                item vectors on two axes, coloured by category
  recency.png                 how far back the history encoder looks
  catalogue.json              the figures behind these pictures
pictures of an earlier call that these files would contradict are removed

examples:
  cammsr-explain --checkpoint=saved/CAMMSR-Jan-01-2026_10-00-00.pth
  cammsr-explain --checkpoint=saved/CAMMSR-….pth --user=196 --compare=saved/SASRec-….pth"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: arguments without the program; None takes those of the process.

    Returns:
        The exit code.
    """
    return guarded(PROGRAM, _run, argv)


def _parser() -> Parser:
    parser = Parser(
        PROGRAM,
        "Show why a CAMMSR model ranks items as it does for a user, next to other models, and what "
        "it does over the whole catalogue.",
        _EXAMPLES,
    )
    parser.add_argument("--checkpoint", "-c", metavar="FILE", help="the CAMMSR model to explain")
    parser.add_argument(
        "--user",
        action="append",
        metavar="TOKEN",
        help="user to explain, can be repeated (default: one with a history of median length)",
    )
    parser.add_argument(
        "--compare",
        action="append",
        default=[],
        metavar="FILE",
        help="checkpoint of another model, of any kind, can be repeated (the picture shows two)",
    )
    parser.add_argument(
        "--mask_history",
        metavar="True|False",
        help="whether what the user has already is taken out of the rankings, of every model "
        "(default: of each as it was evaluated)",
    )
    parser.add_argument("--top", type=int, default=10, metavar="N", help="items of a ranking (10)")
    parser.add_argument("--last", type=int, default=10, metavar="N", help="items of history (10)")
    parser.add_argument(
        "--title_field",
        metavar="NAME",
        help="column of the .item file with titles (default: title, movie_title, name, …)",
    )
    parser.add_argument(
        "--output", "-o", default="explained", metavar="FOLDER", help="for the files (explained)"
    )
    parser.add_argument("--no_pictures", action="store_true", help="tables and JSON only")
    return parser


def _run(argv: Sequence[str]) -> int:
    options, settings = arguments.read(_parser(), argv)
    if settings:
        raise UsageError(
            f"{settings[0]!r} has no effect: the settings saved in the checkpoint are used"
        )
    if not options.checkpoint:
        raise UsageError("name the model to explain: --checkpoint=saved/CAMMSR-….pth")
    for path in (options.checkpoint, *options.compare):
        checkpoints.check_exists(path)
    for name in ("top", "last"):
        if getattr(options, name) < 1:
            raise UsageError(f"--{name} must be at least 1, not {getattr(options, name)}")
    mask_history = None if options.mask_history is None else value(options.mask_history)
    if options.mask_history is not None and not isinstance(mask_history, bool):
        raise UsageError(f"--mask_history must be True or False, not {options.mask_history!r}")
    arguments.hand_to_recbole([])
    logging.basicConfig(level=logging.WARNING)  # before RecBole sets up its log of every step
    from recbole_cammsr.analysis import (
        catalogue,
        catalogue_figures,
        explained_files,
        figure,
        files,
        item_view,
        recency_figure,
        user_explanation,
        user_figure,
        user_tables,
    )
    from recbole_cammsr.analysis.trained_model import TrainedModel

    pictures = not options.no_pictures and figure.available()
    if not options.no_pictures and not pictures:
        print(
            f"{PROGRAM}: no pictures without matplotlib: pip install 'recbole-cammsr[plot]'",
            file=sys.stderr,
        )
    folder = Path(options.output)
    trained = TrainedModel(options.checkpoint, options.title_field, mask_history=mask_history)
    view = item_view.item_view(trained)
    others = [
        # its data may be others, without that column
        TrainedModel(path, options.title_field, False, mask_history)
        for path in options.compare
    ]
    explanations = [  # all before the first file: a user who is not known leaves none
        user_explanation.explain(trained, view, user, others, options.top, options.last)
        for user in dict.fromkeys(options.user or [trained.usual_user()])
    ]
    shown, written = [], []
    for explanation in explanations:
        shown.append(user_tables.text(explanation))
        stem = explained_files.user_stem(explanation.user)
        written.append(folder / f"{stem}.json")
        files.write_json(written[-1], explanation.to_json())
        if pictures:
            written.append(folder / f"{stem}.png")
            user_figure.draw(explanation, written[-1])
    figures = catalogue.mechanism(view)
    reach = recency_figure.attention_by_distance(trained.model.encoder)
    if reach is not None:
        figures["last_items_with_half_of_the_attention"] = recency_figure.items_of_half(
            reach
        ).tolist()
    written.append(folder / "catalogue.json")
    files.write_json(written[-1], {"checkpoint": options.checkpoint, **figures})
    if pictures:
        title = f"{trained.name} on {trained.config['dataset']}"
        written += catalogue_figures.draw_all(view, title, options.checkpoint, folder)
        if reach is not None:
            written.append(folder / "recency.png")
            recency_figure.draw(reach, title, options.checkpoint, written[-1])
    users = [explanation.user for explanation in explanations]
    removed = explained_files.remove_stale(folder, users, written)
    for text in shown:  # after all files are there: the reader may leave, as `head` does
        tables.show(text)
    print("\nwritten", *written, sep="\n  ")
    if removed:
        print("removed, of an earlier call", *removed, sep="\n  ")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())

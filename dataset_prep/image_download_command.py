"""The download of ``cammsr-prep encode-images``: its options, and its summary."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from .command_line import item_bar, summary_table


def add_download_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a download.

    Args:
        parser: The command's parser.
    """
    group = parser.add_argument_group("download of images (instead of --images)")
    group.add_argument("--url-field", metavar="FIELD", help="field of --items with the image's URL")
    group.add_argument(
        "--download-folder",
        metavar="FOLDER",
        help="keeps the images (default <output>/<dataset>.<modality>.downloads)",
    )
    group.add_argument("--concurrency", type=int, default=16, help="requests at a time (16)")
    group.add_argument("--per-host", type=int, default=4, help="requests to one host (4)")
    group.add_argument("--connect-seconds", type=float, default=10.0, help="to connect (10)")
    group.add_argument("--read-seconds", type=float, default=20.0, help="between two reads (20)")
    group.add_argument("--total-seconds", type=float, default=60.0, help="for each try (60)")
    group.add_argument("--tries", type=int, default=4, help="tries of an image (4)")
    group.add_argument("--backoff-seconds", type=float, default=0.5, help="doubled each try (0.5)")
    group.add_argument("--max-bytes", type=int, default=20 * 2**20, help="of an image (20 MiB)")
    group.add_argument(
        "--allow-private-hosts",
        action="store_true",
        help="also fetch from loopback and private addresses; only for a list you wrote yourself",
    )


def download(links: Mapping[str, str], options: argparse.Namespace) -> str:
    """Fetch the images and print what was had.

    Args:
        links: Item token to its link.
        options: Parsed by a parser with ``add_download_options``.

    Returns:
        The folder that holds them.
    """
    # The HTTP client is needed for downloads only.
    from .http_fetch import Limits
    from .image_download import download_images

    limits = Limits(
        concurrency=options.concurrency,
        per_host=options.per_host,
        connect_seconds=options.connect_seconds,
        read_seconds=options.read_seconds,
        total_seconds=options.total_seconds,
        max_bytes=options.max_bytes,
        tries=options.tries,
        backoff_seconds=options.backoff_seconds,
        allow_private_hosts=options.allow_private_hosts,
    )
    name = f"{options.dataset}.{options.modality}.downloads"
    folder = options.download_folder or str(Path(options.output) / name)
    with item_bar(options, len(links), "download") as bar:
        counts = download_images(links.items(), folder, limits, bar.update, options.force)
    print(
        f"{folder}\n"
        + summary_table(
            [
                ("links", len(links)),
                ("fetched", counts.fetched),
                ("had from an earlier run", counts.kept),
                ("not to be had", counts.failed),
                ("of these tried again by the next run", counts.passing),
            ]
        )
    )
    return folder

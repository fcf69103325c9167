"""Turns the options of a command into training jobs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from recbole_cammsr import default_settings
from recbole_cammsr.cli import arguments
from recbole_cammsr.run import (
    config_files,
    known_settings,
    protocol,
    setting_text,
    unread_settings,
)
from recbole_cammsr.run.checkpoints import Origin
from recbole_cammsr.run.errors import UsageError
from recbole_cammsr.run.training import Job

DEFAULT_MODEL = "BPR"  # as in RecBole's own scripts
DEFAULT_DATASET = "ml-100k"
#: settings of how histories are trained on, which no other model has
_OF_HISTORIES = ("train_packing", "trim_padding", "keep_last_items")


class Request:
    """What the user asked for, checked before anything heavy is imported."""

    def __init__(self, options: argparse.Namespace, settings: list[str]) -> None:
        """Read the config files and check the process options.

        Args:
            options: has ``dataset``, ``config_files`` and ``protocol``.
            settings: RecBole's settings as ``--key=value``.

        Raises:
            UsageError: a config file is missing or unreadable, or an option or a value cannot be.
        """
        arguments.check_process_options(options)
        self.settings = settings
        self.config_files = config_files.find(options.config_files)
        self.in_files = config_files.read_all(self.config_files)
        known_settings.note_models([str(self.in_files.get("model", ""))])
        self._check_values()
        self.use_protocol: bool = options.protocol
        self._options = options
        self._told: set[str] = set()

    def _warn(self, sentence: str) -> None:
        """Say something once, however many models it holds for."""
        if sentence not in self._told:
            self._told.add(sentence)
            print(f"warning: {sentence}", file=sys.stderr)

    def _check_values(self) -> None:
        """Refuse what cannot work in a file; the command line is checked where it is read."""
        replaced = arguments.keys(self.settings)
        for key, given in self.in_files.items():
            if key in replaced:
                continue
            value = setting_text.value(given) if isinstance(given, str) else given
            expected = known_settings.expected_instead(key, value)
            if expected is not None:
                raise UsageError(
                    f"config file {self._file_with(key)}: `{key}` is {given!r}; "
                    f"it must be {expected}"
                )

    def _file_with(self, key: str) -> str:
        """The last config file that sets something, which is the one that counts."""
        return next(path for path in self.config_files[::-1] if key in config_files.read(path))

    def check_models(self, names: Sequence[str]) -> None:
        """Refuse the first name that is no model; warn of given settings that none of them reads.

        Args:
            names: models that this command will train.

        Raises:
            UsageError: names the model and its nearest neighbours.
        """
        for name in names:
            known_settings.check_model(name)
        for key in sorted(arguments.keys(self.settings)):
            if key in _OF_HISTORIES and not any(map(protocol.is_sequential, names)):
                self._warn(
                    f"{' and '.join(names)} will not read the setting {key!r}, which is one of "
                    "sequential models"
                )
            if key not in known_settings.settings():
                continue  # warned of where the command line was read
            if names and not any(known_settings.reads(name, key) for name in names):
                self._warn(
                    f"{' and '.join(names)} will not read the setting {key!r}, "
                    f"which is one of {known_settings.whose(key, names[0])}"
                )
        in_files = unread_settings.in_files(self.in_files, names) if names else None
        if in_files is not None:
            self._warn(in_files)

    def named(self, option: str, default: str | None) -> str | None:
        """An option's value: from the command line, else from the config files, else a default.

        Raises:
            UsageError: it is empty.
        """
        given = getattr(self._options, option, None)
        if given is None:
            given = self.in_files.get(option)
        if given is not None and not str(given).strip():
            raise UsageError(f"{option!r} in --config_files is empty; give it a value or drop it")
        return default if given is None else str(given)

    def protocol_settings(self, model: str, dataset: str) -> dict[str, Any]:
        """The settings that ``--protocol`` adds for one model; none without the option."""
        if not self.use_protocol:
            return {}
        if default_settings.properties_file("dataset", dataset) is None:
            self._warn(
                f"this package has no settings for the data set {dataset!r}; --protocol follows "
                "CAMMSR's general ones"
            )
        chosen = {**self.in_files, **arguments.values(self.settings)}
        return protocol.settings_for(model, dataset, chosen)

    def with_whole_evaluation(self, dataset: str, resumed: Any = None) -> list[str]:
        """The command line's settings, with what a part of ``eval_args`` leaves as it was.

        RecBole would take its own defaults for the rest, a random split by ratio.

        Args:
            dataset: name of the data set.
            resumed: ``eval_args`` of the checkpoint that is continued; None without one.
        """
        given = {**self.in_files, **arguments.values(self.settings)}.get("eval_args")
        before = resumed
        if before is None and self.use_protocol:
            before = protocol.evaluation(dataset)
        if not isinstance(given, dict) or not isinstance(before, dict):
            return self.settings
        others = [text for text in self.settings if not text.startswith("--eval_args=")]
        return [*others, f"--eval_args={ {**before, **given}!r}"]

    def job(self, model: str, dataset: str, resume: str | None, origin: Origin | None) -> Job:
        """The job that trains one model, with ``sys.argv`` set for RecBole's ``Config``.

        Args:
            model: its name.
            dataset: name of the data set.
            resume: checkpoint to continue.
            origin: what that checkpoint was trained with; this request's own settings win.
        """
        base = {} if origin is None else dict(origin.settings)
        settings = self.with_whole_evaluation(dataset, base.get("eval_args"))
        for key in self.in_files:
            base.pop(key, None)
        arguments.hand_to_recbole(settings, model=model, dataset=dataset)
        options = self._options
        return Job(
            model=model,
            dataset=dataset,
            config_files=self.config_files,
            config_dict={**self.protocol_settings(model, dataset), **base},
            resume=resume,
            nproc=options.nproc,
            world_size=options.world_size,
            ip=options.ip,
            port=options.port,
            group_offset=options.group_offset,
        )

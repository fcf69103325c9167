"""All checks of one data set folder, and the verdict."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path

from ..content_digest import file_digest
from ..prep_record import (
    OF_SOURCE,
    SKIPPED_COUNT,
    SOURCE_NOTE,
    SOURCE_WARNING,
    TIME_COUNTS,
    PrepRecord,
    Stage,
)
from ..prepare import STAGE
from ..time_range import time_span
from .features import check_features
from .finding import ERROR, NOTE, WARNING, Section
from .interactions import FieldNames, check_interactions
from .items import ItemTable, check_items
from .location import files_of_parts
from .neighbours import Embedding
from .pre_split import PreSplit, check_pre_split
from .sense import check_sense

_FEATURE_SUFFIXES = (".npz", ".npy")
# RecBole's own atomic files; any other with a float_seq column is a feature file.
_ATOMIC = frozenset(("inter", "item", "user", "kg", "link", "net"))


@dataclass(frozen=True)
class DatasetCheck:
    """The outcome of all checks.

    Attributes:
        name: Name of the data set.
        folder: Its folder.
        sections: One per file, and one on the sense of the features.
        embeddings: Usable rows of each modality.
        items: Titles and labels.
    """

    name: str
    folder: Path
    sections: list[Section]
    embeddings: list[Embedding] = field(default_factory=list)
    items: ItemTable = field(default_factory=ItemTable)

    def count(self, level: str) -> int:
        """Number of findings of one level."""
        return sum(finding.level == level for s in self.sections for finding in s.findings)

    def verdict(self) -> str:
        """The outcome in one line."""
        errors, warnings = self.count(ERROR), self.count(WARNING)
        counts = f"{errors} {'error' if errors == 1 else 'errors'}, {warnings} " + (
            "warning" if warnings == 1 else "warnings"
        )
        return f"{'NOT USABLE' if errors else 'usable'}: {counts}"

    def text(self) -> str:
        """All sections and the verdict, as lines for a terminal."""
        lines = [f"data set {self.name} in {self.folder}"]
        for section in self.sections:
            lines += ["", section.title]
            width = max((len(name) for name, _ in section.facts), default=0)
            lines += [f"  {name.ljust(width)}  {value}" for name, value in section.facts]
            for level in (ERROR, WARNING, NOTE):
                lines += [f"  {level}: {x.message}" for x in section.findings if x.level == level]
        return "\n".join([*lines, "", f"verdict: {self.verdict()}"])


def check_dataset(
    folder: Path,
    name: str,
    fields: FieldNames | None = None,
    category_fields: Sequence[str] = (),
    modality_files: dict[str, str] | None = None,
    begin: Callable[[str], object] = lambda what: None,
    parts: Sequence[str] = (),
) -> DatasetCheck:
    """Check a whole data set.

    Args:
        folder: Its folder.
        name: Its name.
        fields: Names of the user, item and time fields; None takes RecBole's usual ones.
        category_fields: Names of the category fields; empty looks for usual names.
        modality_files: Modality to feature file; None takes those beside the atomic files.
        begin: Called with the name of each part before it is looked at: ``steps`` of them.
        parts: Names of training, validation and test where the data are pre-split.

    Returns:
        Sections, findings and what the report page needs.
    """
    fields = fields or FieldNames()
    if parts:
        sections, interactions = check_pre_split(
            PreSplit(folder, name, tuple(parts)), fields, begin
        )
    else:
        begin(f"{name}.inter")
        section, interactions = check_interactions(folder / f"{name}.inter", fields)
        sections = [section]
        beside = files_of_parts(folder, name)
        if beside:
            section.note(
                f"{', '.join(beside)} beside {name}.inter are not checked: give --parts to check "
                "them in its place"
            )
    tokens = None if interactions is None else interactions.item_tokens
    begin(f"{name}.item")
    section, items = check_items(folder / f"{name}.item", fields.item, tokens, category_fields)
    sections.append(section)
    if modality_files is None:
        modality_files = find_feature_files(folder, name)
    embeddings = []
    for modality, path in modality_files.items():
        begin(f"features: {modality}")
        section, found = check_features(modality, path, interactions)
        sections.append(section)
        if found is not None:
            embeddings.append(found)
    if not modality_files:
        none = Section("features")
        none.warning("no feature file beside the atomic files: only item IDs can be used")
        sections.append(none)
    begin("record")
    record = _check_record(folder, name, modality_files)
    if record is not None:
        sections.append(record)
    begin("neighbours")
    sense = check_sense(embeddings, items.labels)
    if sense is not None:
        sections.append(sense)
    return DatasetCheck(name, folder, sections, embeddings, items)


def steps(modality_files: Sized, parts: Sized = ()) -> int:
    """Count what ``check_dataset`` looks at.

    Args:
        modality_files: One entry per modality.
        parts: One entry per part of pre-split data.

    Returns:
        Their number.
    """
    return 3 + max(len(parts), 1) + len(modality_files)


def _check_record(folder: Path, name: str, modality_files: Mapping[str, str]) -> Section | None:
    """Compare the files with what the record says that was written; None where there is none."""
    section = Section("record of the preparation")
    try:
        stages = PrepRecord.of_dataset(folder, name).stages
    except ValueError as error:
        section.warning(str(error))
        return section
    for stage, done in stages.items():
        sentences = (*OF_SOURCE, *TIME_COUNTS)
        own = {key: n for key, n in done.counts.items() if not key.startswith(sentences)}
        section.fact(stage, ", ".join(f"{key} {value:,}" for key, value in own.items()))
        if all(key in done.counts for key in TIME_COUNTS):
            section.fact(f"{stage}, times", time_span(*(done.counts[key] for key in TIME_COUNTS)))
        for key, n in done.counts.items():
            if key.startswith(SKIPPED_COUNT):
                section.note(f"left out of the source: {n:,} ({key[len(SKIPPED_COUNT) :]})")
            elif key.startswith(SOURCE_NOTE):
                section.note(key[len(SOURCE_NOTE) :])
            elif key.startswith(SOURCE_WARNING):
                section.warning(key[len(SOURCE_WARNING) :])
        for output, digest in done.outputs.items():
            file = folder / output
            if stage == STAGE and not file.exists():
                continue  # The staged tables may be deleted to free space.
            if not file.is_file() or file_digest(file) != digest:
                section.warning(f"{output} is not the file that {stage} wrote: prepare it again")
        older = _made_of_another(folder, f"{name}.item", done)
        if older:
            command = stage.partition(":")[0].replace("convert-features", "convert")
            section.warning(
                f"{' and '.join(older)} was made of another {name}.item: run {command} again"
            )
    written = {(folder / output).resolve() for done in stages.values() for output in done.outputs}
    for modality, path in modality_files.items() if stages else ():
        if Path(path).resolve() not in written:
            section.note(
                f"{Path(path).name} (modality {modality}) was written by no stage of the record: "
                "delete it if an earlier run left it"
            )
    return section if stages else None


def _made_of_another(folder: Path, item_file: str, done: Stage) -> list[str]:
    """Feature files of a stage that read an item file with another content than it has now."""
    read, file = done.inputs.get(item_file), folder / item_file
    features = [output for output in done.outputs if output.endswith(_FEATURE_SUFFIXES)]
    # The stages of a source have inputs in other folders, whose names may be the same.
    if read is None or not features or not file.is_file() or file_digest(file) == read:
        return []
    return features


def find_feature_files(folder: Path, name: str) -> dict[str, str]:
    """List the feature files of a data set.

    Args:
        folder: Its folder.
        name: Its name.

    Returns:
        Modality to path, sorted by modality; ``.npz`` wins over other formats of one modality.
    """
    found: dict[str, str] = {}
    pattern = re.compile(re.escape(name) + r"\.(.+?)(\.npz|\.npy)?")
    # The features of a data set s.v2 beside s are no modalities v2.text of s.
    others = tuple(
        f"{path.stem[len(name) + 1 :]}." for path in folder.glob(f"{escape(name)}.*.inter")
    )
    for path in sorted(folder.iterdir(), key=lambda path: (path.suffix != ".npz", path.name)):
        match = pattern.fullmatch(path.name)
        if match is None or not path.is_file() or match[1] in found or match[1].startswith(others):
            continue
        atomic = match[1].rpartition(".")[2] in _ATOMIC  # `.train.inter` too
        if match[2] in _FEATURE_SUFFIXES or (not atomic and _is_feature_table(path)):
            found[match[1]] = str(path)
    return dict(sorted(found.items()))


def _is_feature_table(path: Path) -> bool:
    """Whether a file begins like an atomic file with a ``float_seq`` column."""
    with path.open("rb") as file:
        return b":float_seq" in file.readline(10_000)

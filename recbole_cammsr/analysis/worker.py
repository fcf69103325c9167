"""``python -m recbole_cammsr.analysis.worker``: one job in a process of its own.

Not meant to be typed: :mod:`recbole_cammsr.analysis.runner` starts it. The job comes as JSON in
the first line of standard input; the end of standard input means that whoever started this
process is gone, and ends it. Standard output receives one line, and only of a job that failed: why.
What the job prints goes to standard error.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from pathlib import Path

from recbole_cammsr.run.command import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from recbole_cammsr.run.errors import describe


def main() -> int:
    """Run the job and store its result.

    Returns:
        The exit code.
    """
    parent = os.dup(1)
    os.dup2(2, 1)
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        _run(request)
    except Exception as error:
        said = describe(error)
        # before the log, whose disk may be full
        os.write(parent, f"{said:.4000}\n".encode(errors="replace"))
        logging.getLogger().exception("job failed: %s", said)
        return EXIT_FAILED
    return EXIT_OK


def _run(request: dict) -> None:
    from recbole_cammsr.analysis.job import TEST, TrainingJob
    from recbole_cammsr.analysis.run_job import run_job
    from recbole_cammsr.analysis.store import ResultStore

    job = TrainingJob.from_json(request["job"])
    store = ResultStore(Path(request["store"]))
    keep = store.checkpoint_path(job) if request["keep_checkpoint"] and job.stage == TEST else None
    with store.scratch(job) as scratch:
        result, ranks = run_job(job, scratch, keep, store.state_folder(job))
        store.save(result, ranks)


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())

"""Runs commands in forked children on request, so that heavy packages are imported once.

Reads one JSON request a line, ``{"module", "arguments", "folder", "kill_at"}``, and answers with
the number of events of the run and whether it was killed, as it is at event ``kill_at``. Events
are files opened, renamed or removed in the folder, batches encoded and images decoded.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
import traceback
from typing import Any

import torch
import transformers
from recbole_cammsr.dataset_prep import image_encoder, text_encoder
from recbole_cammsr.dataset_prep.commands import encode_images, encode_text  # noqa: F401
from recbole_cammsr.dataset_prep.image_model import TorchImageModel

# Loaded lazily by transformers: once here instead of once a child.
PRELOADED = (transformers.AutoModel, transformers.AutoTokenizer, transformers.BertModel)
EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")


def run(request: dict[str, Any]) -> int:
    """Run a command; die without warning at event ``kill_at``, or return the number of events."""
    torch.set_num_threads(1)
    count = 0

    def happened() -> None:
        nonlocal count
        count += 1
        if count == request["kill_at"]:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, values: tuple[Any, ...]) -> None:
        if event in EVENTS and request["folder"] in str(values[0]):
            happened()

    def after(function: Any) -> Any:
        def wrapped(*values: Any, **named: Any) -> Any:
            result = function(*values, **named)
            happened()
            return result

        return wrapped

    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 5))
    model = TorchImageModel(network, 4, (0, 0, 0), (1, 1, 1))
    encode_images.load_image_model = lambda *_: model
    text_encoder.TextEncoder._pooled = after(text_encoder.TextEncoder._pooled)
    image_encoder._prepare = after(image_encoder._prepare)
    sys.addaudithook(audit)
    parser = argparse.ArgumentParser()
    command = importlib.import_module(request["module"])
    command.add_arguments(parser)
    command.execute(parser.parse_args(request["arguments"]))
    return count


def serve() -> None:
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what commands print is no answer
    for line in sys.stdin:
        receiver, sender = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.write(sender, str(run(json.loads(line))).encode())
                code = 0
            except BaseException:
                traceback.print_exc()
            os._exit(code)
        os.close(sender)
        with os.fdopen(receiver) as pipe:
            events = pipe.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        answer = {"killed": killed, "events": int(events) if events else None}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()

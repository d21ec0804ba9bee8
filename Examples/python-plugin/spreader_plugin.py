"""The plugin protocol of spreader-pipeline, version 1, for Python 3.9 and later. Uses only the standard library.

Copy this file beside your plugin, subclass Stage, and end with `serve([...], name=..., version=...)`. Output of `print`
goes to standard error and from there to the host's log, because standard output carries the protocol.
"""

import json
import os
import queue
import sys
import threading

PROTOCOL = 1


class StageError(Exception):
    """An error with a message that tells the user why the stage failed.

    code: a stable name in kebab case. hint: what to do next. recovery: "permanent", "transient" or "limited"; the host
    retries the last two, after `after` seconds if given.
    """

    def __init__(self, message, code="refused", hint=None, recovery="permanent", after=None):
        super().__init__(message)
        self.fields = {"code": code, "message": message, "hint": hint, "recovery": recovery, "after": after}


class Cancelled(Exception):
    """Raised when the host has cancelled the request."""


class Stage:
    """The base class of stages. Set these attributes, override `run`, and `check` and `plan` if useful."""

    name = ""  # in pipeline files: lower-case words joined with hyphens
    summary = ""  # one sentence
    version = 1  # increase it when the same input and options give a different output
    effect = "pure"  # "pure": the output depends only on input and options, and is cached; otherwise "resumable"
    resource = "light"  # "cpu", "network" or "light"
    input = "ProbedMedia"  # the type of its input artifact
    output = "ProbedMedia"  # the type of its output artifact
    options = {}  # the JSON Schema of each option, by name

    def check(self, options, context):
        """Returns a list of `finding(...)` about the options. Runs before footage is read. Must not use the network."""
        return []

    def plan(self, options, artifact, context):
        """Returns a `plan(...)` of what `run` would do. Must not write anything."""
        return plan(self.summary)

    def run(self, options, artifact, context):
        """Does the work and returns the output, a dictionary of the type in `output`."""
        raise NotImplementedError


def finding(message, code="plugin", severity="error", hint=None, pointer=None):
    """A message for the user before work starts. severity: "error", "warning" or "note"."""
    fields = {"severity": severity, "code": code, "message": message, "subject": "footage"}
    return {**fields, **({"hint": hint} if hint else {}), **({"pointer": pointer} if pointer else {})}


def plan(action, reasons=(), details=None, output=None, findings=()):
    """What a stage would do, the reasons, and its output if that is known in advance."""
    fields = {"action": action, "reasons": list(reasons), "details": details or {}, "findings": list(findings)}
    return {**fields, **({"output": output} if output is not None else {})}


class Context:
    """The data and services that the host provides for a request.

    Attributes: post (the post's settings), settings, currentDirectory (the base of the user's relative paths), and for
    `run` also asset, run, stageID, attempt, runDirectory, workDirectory (write files there under a temporary name, then
    rename it).
    """

    def __init__(self, server, request):
        self._server = server
        self._id = request["id"]
        self.__dict__.update(request.get("context", {}))

    @property
    def cancelled(self):
        """Whether the host has cancelled the request."""
        return self._server.cancelled == self._id

    def stop_if_cancelled(self):
        """Raises Cancelled if the host has cancelled the request. Call it between the steps of long work."""
        if self.cancelled:
            raise Cancelled()

    def progress(self, fraction):
        """Reports progress from 0 to 1. Raises Cancelled if the host has cancelled the request."""
        self.stop_if_cancelled()
        self._server.send({"type": "progress", "id": self._id, "fraction": min(1.0, max(0.0, float(fraction)))})

    def log(self, message, level="info", **metadata):
        """Writes to the host's log. level: trace, debug, info, notice, warning, error or critical."""
        line = {"type": "log", "id": self._id, "level": level, "message": str(message)}
        if metadata:
            line["metadata"] = {key: str(value) for key, value in metadata.items()}
        self._server.send(line)

    def checkpoint(self, key):
        """Returns a value that this stage stored for this asset, or None."""
        return self._server.ask("checkpoint.get", self._id, key)

    def set_checkpoint(self, key, value):
        """Stores a value for this stage and asset. It is on disk when this returns."""
        self._server.ask("checkpoint.set", self._id, key, value)

    def permit(self, name, permits, window, subject=""):
        """Waits for a rate limit of `permits` calls per `window` seconds, shared by all runs on the host's database."""
        self._server.ask("permit", self._id, name, {"permits": permits, "window": window, "subject": subject})

    def secret(self, name):
        """Returns a secret that plugin.json declares and the user has allowed."""
        return self._server.ask("secret", self._id, name)


class _Server:
    def __init__(self, stages, name, version):
        self.stages = {stage.name: stage for stage in stages}
        self.name = name
        self.version = version
        self.cancelled = None
        self.lock = threading.Lock()
        self.requests = queue.Queue()
        self.answers = {}
        self.last_question = 0
        # Reserves standard output for the protocol. Prints, even by libraries and children, go to standard error.
        self.output = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        sys.stdout = sys.stderr

    def send(self, message):
        data = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with self.lock:
            while data:
                data = data[self.output.write(data):]

    def ask(self, service, request_id, key, value=None):
        waiting = queue.Queue()
        with self.lock:
            self.last_question += 1
            number = self.last_question
            self.answers[number] = waiting
        question = {"type": service, "id": request_id, "request": number, "key": key}
        if value is not None:
            question["value"] = value
        self.send(question)
        try:
            answer = waiting.get()
        finally:
            self.answers.pop(number, None)
        if answer is None:
            raise Cancelled()
        if answer.get("error"):
            error = answer["error"]
            raise StageError(
                error["message"], error["code"], error.get("hint"), error.get("recovery", "permanent"),
                error.get("after"))
        return answer.get("value")

    def listen(self):
        """Reads messages on the main thread, so that it can end the process even if work on the other thread hangs."""
        for line in sys.stdin.buffer:
            if not line.strip():
                continue
            message = json.loads(line)
            kind = message.get("type")
            if kind == "hello":
                self.hello(message)
            elif kind in ("check", "plan", "run"):
                self.requests.put(message)
            elif kind == "cancel":
                self.cancelled = message["id"]
                for waiting in list(self.answers.values()):
                    waiting.put(None)
            elif kind == "answer":
                waiting = self.answers.get(message["request"])
                if waiting:
                    waiting.put(message)
            elif kind == "shutdown":
                break
            else:
                self.send({"type": "failure", "error": {"code": "plugin", "message": f"unknown message {kind!r}"}})
                os._exit(76)
        os._exit(0)

    def hello(self, message):
        self.send({
            "type": "ready", "protocol": PROTOCOL, "name": self.name, "version": self.version,
            "features": ["check", "plan"],
            "stages": [{
                "name": stage.name, "summary": stage.summary, "version": stage.version, "effect": stage.effect,
                "resource": stage.resource, "input": stage.input, "output": stage.output,
                "options": {"type": "object", "additionalProperties": False, "properties": stage.options},
            } for stage in self.stages.values()],
        })

    def work(self):
        while True:
            request = self.requests.get()
            try:
                self.send({"type": "result", "id": request["id"], **self.answer(request)})
            except Cancelled:
                self.fail(request, {"code": "cancelled", "message": "stopped on request"})
            except StageError as error:
                self.fail(request, {key: value for key, value in error.fields.items() if value is not None})
            except Exception as error:  # A failure of one asset must not end the process.
                import traceback
                traceback.print_exc()
                self.fail(request, {"code": "plugin", "message": f"{type(error).__name__}: {error}"})

    def answer(self, request):
        stage = self.stages.get(request["stage"])
        if stage is None:
            raise StageError(f"unknown stage {request['stage']!r}", "plugin")
        defaults = {key: schema["default"] for key, schema in stage.options.items() if "default" in schema}
        unknown = [key for key in request["options"] if key not in stage.options]
        if unknown:
            raise StageError(f"unknown option {unknown[0]!r}", "invalid-option")
        options = {**defaults, **request["options"]}
        context = Context(self, request)
        if request["type"] == "check":
            return {"findings": stage.check(options, context)}
        if request["type"] == "plan":
            return {"plan": stage.plan(options, request["input"], context)}
        context.stop_if_cancelled()
        return {"artifact": stage.run(options, request["input"], context)}

    def fail(self, request, error):
        self.send({"type": "failure", "id": request["id"], "error": error})


def serve(stages, name, version):
    """Serves the host that started this process until it closes standard input. Does not return."""
    server = _Server(stages, name, version)
    threading.Thread(target=server.work, daemon=True).start()
    server.listen()

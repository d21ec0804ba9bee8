"""The plugin protocol of spreader-pipeline, version 1, for Python 3.9 and later: one file, the standard library only.

Copy it beside your plugin, subclass Stage, and end with `serve([...], name=..., version=...)`. What you print goes to
standard error, and from there to the host's log; standard output belongs to the protocol.
"""

import json
import os
import queue
import sys
import threading

PROTOCOL = 1


class StageError(Exception):
    """Why a stage can't do its work, in words that a person can act on.

    code: a stable name in kebab case. hint: what to do next. recovery: "permanent", "transient" or "limited"; the last
    two are tried again, after `after` seconds when given.
    """

    def __init__(self, message, code="refused", hint=None, recovery="permanent", after=None):
        super().__init__(message)
        self.fields = {"code": code, "message": message, "hint": hint, "recovery": recovery, "after": after}


class Cancelled(Exception):
    """The host wants the work to stop."""


class Stage:
    """A stage. Give it these names, override `run`, and `check` and `plan` where there is something to say."""

    name = ""  # in pipeline files: lower-case words joined with hyphens
    summary = ""  # one sentence
    version = 1  # raised when the same input and options would give another output
    effect = "pure"  # "pure": the output depends on input and options alone, and is reused; else "resumable"
    resource = "light"  # "cpu", "network" or "light"
    input = "ProbedMedia"  # the kind of artifact that it takes
    output = "ProbedMedia"  # the kind that it gives
    options = {}  # JSON Schema of each option, by name

    def check(self, options, context):
        """All that is wrong before there is footage: a list of `finding(...)`. No network, no footage."""
        return []

    def plan(self, options, artifact, context):
        """What `run` would do: `plan(...)`. Writes nothing."""
        return plan(self.summary)

    def run(self, options, artifact, context):
        """Does the work and returns the output, a dictionary of the kind that `output` names."""
        raise NotImplementedError


def finding(message, code="plugin", severity="error", hint=None, pointer=None):
    """Something that a person should know before work starts; severity: "error", "warning" or "note"."""
    fields = {"severity": severity, "code": code, "message": message, "subject": "footage"}
    return {**fields, **({"hint": hint} if hint else {}), **({"pointer": pointer} if pointer else {})}


def plan(action, reasons=(), details=None, output=None, findings=()):
    """What a stage would do, why, and, if it can be told, what it would give."""
    fields = {"action": action, "reasons": list(reasons), "details": details or {}, "findings": list(findings)}
    return {**fields, **({"output": output} if output is not None else {})}


class Context:
    """What the host tells and offers while a request is worked on.

    Attributes: post (the post's settings), settings, currentDirectory (what paths of the user's are relative to), and
    for `run` also asset, run, stageID, attempt, workDirectory (write there, aside and then renamed), runDirectory.
    """

    def __init__(self, server, request):
        self._server = server
        self._id = request["id"]
        self.__dict__.update(request.get("context", {}))

    @property
    def cancelled(self):
        """Whether the host wants the work to stop."""
        return self._server.cancelled == self._id

    def stop_if_cancelled(self):
        """Call it between steps of longer work."""
        if self.cancelled:
            raise Cancelled()

    def progress(self, fraction):
        """Says how far it has come, 0 to 1. Stops the work when the host wants it to."""
        self.stop_if_cancelled()
        self._server.send({"type": "progress", "id": self._id, "fraction": min(1.0, max(0.0, float(fraction)))})

    def log(self, message, level="info", **metadata):
        """A line for the host's log: trace, debug, info, notice, warning, error or critical."""
        line = {"type": "log", "id": self._id, "level": level, "message": str(message)}
        if metadata:
            line["metadata"] = {key: str(value) for key, value in metadata.items()}
        self._server.send(line)

    def checkpoint(self, key):
        """A durable note of this stage for this asset; None when there is none."""
        return self._server.ask("checkpoint.get", self._id, key)

    def set_checkpoint(self, key, value):
        """Writes one; it is on disk when this returns."""
        self._server.ask("checkpoint.set", self._id, key, value)

    def permit(self, name, permits, window, subject=""):
        """Waits until one of `permits` calls in `window` seconds is free, for all who share the host's records."""
        self._server.ask("permit", self._id, name, {"permits": permits, "window": window, "subject": subject})

    def secret(self, name):
        """A secret that plugin.json declares and the user allows."""
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
        # Standard output is the protocol's alone: prints, also those of libraries and children, go to standard error.
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
        """The reading thread: it alone decides when it is over, so that work which hangs can't keep the process."""
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
            except Exception as error:  # A fault of one asset must not end the process.
                import traceback
                traceback.print_exc()
                self.fail(request, {"code": "plugin", "message": f"{type(error).__name__}: {error}"})

    def answer(self, request):
        stage = self.stages.get(request["stage"])
        if stage is None:
            raise StageError(f"there is no stage {request['stage']!r} here", "plugin")
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
    """Works for the host that started this process until it closes standard input. Does not return."""
    server = _Server(stages, name, version)
    threading.Thread(target=server.work, daemon=True).start()
    server.listen()

import Foundation

/// A plugin that does what its footage is called, written for nobody's good.
enum HostilePlugin {
    /// Puts it into `place` as the plugin `hostile` with one stage of that name.
    /// - Parameters:
    ///   - version: The protocol that it speaks.
    ///   - greeting: `fine`, `silent`, `garbage`, `crash`, or what it says instead.
    ///   - limits: Those of its manifest, as JSON; so are the others.
    static func install(
        in place: Place, version: Int = 1, greeting: String = "fine", limits: String = "{}", secrets: String = "[]",
        environment: String = "[]"
    ) throws {
        try FileManager.default.createDirectory(
            at: place.work.appending(path: "plugins/hostile"), withIntermediateDirectories: true)
        try place.write(
            "plugins/hostile/plugin.json",
            """
            {"name": "hostile", "version": "1.0.0", "stages": ["hostile"], "limits": \(limits), "secrets": \(secrets),
             "environment": \(environment), "command": ["python3", "hostile.py", "\(version)", "\(greeting)"]}
            """)
        try place.write("plugins/hostile/hostile.py", script)
    }

    /// Processes of the plugin in `place` that are still there.
    static func processes(in place: Place) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let folder = place.work.appending(path: "plugins/hostile").path
        return names.compactMap { Int32($0) }.filter { pid in
            let directory = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")
            return directory == folder
        }
    }

    private static let script = #"""
        import json, os, signal, subprocess, sys, time
        version, greeting = int(sys.argv[1]), sys.argv[2]

        def say(message):
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()

        def fork(body):
            if os.fork() == 0:
                body()
                os._exit(0)

        def escape():
            for leave in (os.setsid, lambda: os.setpgid(0, 0)):
                try:
                    leave()
                except OSError as error:
                    print("refused:", error, file=sys.stderr)
            # What would otherwise show who started it.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)

        def ask(message):
            say(message)
            return json.loads(sys.stdin.readline())

        def work(kind, request):
            id, artifact = request["id"], request["input"]
            if kind == "silence":
                time.sleep(600)
            elif kind == "flood":
                while True:
                    say({"type": "log", "id": id, "level": "trace", "message": "flood"})
            elif kind == "crowd":
                print('{"type":"result","id":%d,"artifact":{"list":[%s{}]}}' % (id, "{}," * 300_000), flush=True)
                time.sleep(600)
            elif kind == "noise":
                # Soon more than is logged, and less than a flood.
                for _ in range(1500):
                    print("x" * 4096)
                while True:
                    print("x" * 4096, flush=True)
                    time.sleep(0.005)
            elif kind == "garbage":
                for line in ('{"type": "result"', '{"type": "surprise"}'):
                    print(line, flush=True)
                time.sleep(600)
            elif kind == "longline":
                for _ in range(100):
                    sys.stdout.write("x" * 1_000_000)
                    sys.stdout.flush()
                time.sleep(600)
            elif kind == "blank":
                while True:
                    os.write(1, b"\n" * 65536)
            elif kind == "errors":
                while True:
                    os.write(2, (b"y" * 8191 + b"\n") * 8)
            elif kind == "hearsnothing":
                ask({"type": "checkpoint.set", "id": id, "request": 1, "key": "k", "value": "x" * 8_000_000})
                for number in range(16):
                    say({"type": "checkpoint.get", "id": id, "request": 2 + number, "key": "k"})
                time.sleep(600)
            elif kind == "again":
                greet()
                time.sleep(600)
            elif kind == "forks":
                for _ in range(3):
                    fork(escape)
            elif kind == "forksanddies":
                fork(escape)
                time.sleep(0.3)
                os.kill(os.getpid(), signal.SIGSEGV)
            elif kind == "dies":
                os.kill(os.getpid(), signal.SIGABRT)
            elif kind == "exits":
                print("Traceback: the last word", file=sys.stderr)
                sys.exit(3)
            elif kind == "memory":
                # In a child, where a limit on the process itself would not see it.
                if os.fork() == 0:
                    hoard = []
                    while True:
                        hoard.append(bytearray(8 << 20))
                        time.sleep(0.002)
                time.sleep(600)
            elif kind == "processor":
                while True:
                    pass
            elif kind == "time":
                for step in range(600):
                    say({"type": "progress", "id": id, "fraction": 0.5})
                    time.sleep(0.1)
            elif kind == "never":
                say({"type": "progress", "id": id, "fraction": -1e300, "speed": 1e308})
                say({"type": "failure", "id": id, "error": {"code": "limited", "message": "wait",
                     "recovery": "limited", "after": -1e300}})
                return
            elif kind == "ages":
                say({"type": "failure", "id": id, "error": {"code": "unavailable", "message": "wait",
                     "recovery": "transient", "after": 1e300}})
                return
            elif kind == "pretends":
                say({"type": "failure", "id": id, "error": {"code": "cancelled", "message": "stopped", "outcome": 130}})
                return
            elif kind == "closes":
                os.close(1)
                time.sleep(600)
            elif kind == "tells":
                answer = ask({"type": "secret", "id": id, "request": 1, "key": "OTHER_KEY"})
                print("x" * 1990 + answer["value"], file=sys.stderr)
                print("y" * 110 + answer["value"])
                artifact = dict(artifact, displayPath=answer["value"])
            elif kind == "wrongartifact":
                artifact = {"name": "nothing like it"}
            elif kind == "stray":
                print("a stray line")
                print('{"a": "line of JSON that is no message"}')
                print("stray errors", file=sys.stderr)
            elif kind == "secret":
                answer = ask({"type": "secret", "id": id, "request": 1, "key": "OTHER_KEY"})
                print("the secret is", answer.get("value"), file=sys.stderr)
                say({"type": "log", "id": id, "level": "error", "message": "I have " + str(answer.get("value"))})
                say({"type": "failure", "id": id, "error": answer.get("error") or
                     {"code": "plugin", "message": "got " + answer["value"]}})
                return
            elif kind == "spills":
                secret = ask({"type": "secret", "id": id, "request": 1, "key": "OTHER_KEY"})["value"]
                say({"type": "log", "id": id, "level": "error", "message": "I have it", "metadata": {secret: "x"}})
                refusals = [ask({"type": kind, "id": id, "request": 2, "key": key, "value": value})["error"]["message"]
                            for kind, key, value in (
                                ("checkpoint.set", secret, 1), ("checkpoint.set", "k", ["x" + secret]),
                                ("checkpoint.get", secret, None),
                                ("permit", secret, {"permits": 1, "window": 1}),
                                ("permit", "k", {"permits": 1, "window": 1, "subject": secret}))]
                told = sum("would be stored" in refusal for refusal in refusals)
                say({"type": "failure", "id": id, "error": {"code": "c-" + secret, "message": f"refused {told} times"}})
                return
            elif kind == "token":
                answer = ask({"type": "credentials", "id": id, "request": 1, "key": "default"})
                say({"type": "failure", "id": id, "error": answer["error"]})
                return
            elif kind == "permit":
                for number in range(2):
                    answer = ask({"type": "permit", "id": id, "request": number, "key": "search",
                                  "value": {"permits": 1, "window": 3600}})
                if answer.get("error"):
                    say({"type": "failure", "id": id, "error": answer["error"]})
                    return
            elif kind == "patient":
                for number in range(2):
                    answer = ask({"type": "permit", "id": id, "request": number, "key": "slow",
                                  "value": {"permits": 1, "window": 4}})
            elif kind == "environment":
                names = " ".join(sorted(os.environ)) + " " + os.environ.get("OTHER_API_KEY", "")
                say({"type": "failure", "id": id, "error": {"code": "plugin", "message": names}})
                return
            say({"type": "result", "id": id, "artifact": artifact})

        def greet():
            say({"type": "ready", "protocol": version, "name": "hostile", "version": "1.0.0", "features": [],
                 "stages": [{"name": "hostile", "summary": "Does harm.", "effect": "irreversible" if greeting == "posts"
                             else "resumable", "resource": "light", "input": "SourceFile", "output": "SourceFile"}]})

        for line in sys.stdin:
            message = json.loads(line)
            if message["type"] == "hello":
                if greeting == "silent":
                    time.sleep(600)
                if greeting == "garbage":
                    print("\x00\xff not a word", flush=True)
                    time.sleep(600)
                if greeting == "crash":
                    os.kill(os.getpid(), signal.SIGSEGV)
                greet()
            elif message["type"] == "run":
                work(os.path.splitext(message["context"]["asset"])[0], message)
            elif message["type"] == "shutdown" and greeting != "deaf":
                break
        """#
}

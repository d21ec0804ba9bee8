import Foundation
import PipelineKit
import Testing

extension EndToEnd {
    /// Stages of others, in processes of their own.
    @Suite(.serialized) struct PluginTests {
        private static let pipeline = """
            {"name": "hostile", "stages": [{"uses": "hostile"}]}
            """

        private func place(
            version: Int = 1, greeting: String = "fine", limits: String = "{}", secrets: String = "[]",
            environment: String = "[]", files: [String] = []
        ) throws -> Place {
            let place = try Place()
            try HostilePlugin.install(
                in: place, version: version, greeting: greeting, limits: limits, secrets: secrets,
                environment: environment)
            try place.write("hostile.json", Self.pipeline)
            for file in files { try place.write(file, "footage of \(file)") }
            return place
        }

        private func run(
            _ place: Place, _ files: [String], environment: [String: String] = [:]
        ) async throws -> Program.Outcome {
            try await Program.run(
                ["run", "hostile.json"] + files + ["--format", "json", "--no-wait"], in: place,
                environment: environment)
        }

        private func failure(_ outcome: Program.Outcome) throws -> JSONValue? {
            try outcome.events().first { $0["event"] == "stage.failed" }
        }

        // MARK: A hostile plugin costs one asset

        @Test(arguments: [
            ("silence", "sent no message for 2.0 s"), ("flood", "too many messages or too much output"),
            ("noise", "sent no message for 2.0 s"), ("garbage", "broke the protocol"),
            ("longline", "a line that is too long"), ("crowd", "a message with too many values"),
            ("forksanddies", "crashed (SIGSEGV)"), ("dies", "crashed (SIGABRT)"),
            ("exits", "exited with status 3 on exits.bin in stage hostile: Traceback: the last word"),
            ("memory", "more than 250 MB of memory"), ("processor", "more than 1.0 s of processor time"),
            ("never", "wait"), ("ages", "wait"), ("pretends", "a cancellation that was not requested"),
            ("closes", "closed its standard output but did not exit"), ("time", "longer than 3.0 s"),
            ("wrongartifact", "returned no valid SourceFile"), ("blank", "too many messages or too much output"),
            ("errors", "too many messages or too much output"),
            ("hearsnothing", "does not read its standard input"), ("again", "a second answer to the greeting"),
        ]) func misbehaviourCostsOneAssetAndLeavesNoProcess(kind: String, words: String) async throws {
            let place = try place(
                limits: #"{"memory": "250MB", "processor": "1s", "time": "3s"}"#,
                files: ["\(kind).bin", "fine.bin", "good.bin"])
            let outcome = try await run(
                place, ["fine.bin", "\(kind).bin", "good.bin"], environment: ["SPREADER_STAGE_STALL": "2s"])
            #expect([1, 69, 75].contains(outcome.status), "\(outcome.messages)")
            let events = try outcome.events()
            let done = events.filter { $0["event"] == "stage.finished" }.compactMap { $0["asset"]?.stringValue }
            #expect(done.sorted() == ["fine.bin", "good.bin"])
            let failed = try #require(try failure(outcome))
            #expect(failed["asset"] == .string("\(kind).bin"))
            #expect(failed["message"]?.stringValue?.contains(words) == true, "\(failed)")
            #expect(HostilePlugin.processes(in: place).isEmpty)
        }

        @Test func childrenOfAPluginEndWithIt() async throws {
            let place = try place(files: ["forks.bin"])
            #expect(try await run(place, ["forks.bin"]).status == 0)
            #expect(HostilePlugin.processes(in: place).isEmpty)
        }

        @Test func theHostIsPatientWhileThePluginWaitsForIt() async throws {
            let place = try place(limits: #"{"time": "3s"}"#, files: ["patient.bin"])
            let outcome = try await Program.run(
                ["run", "hostile.json", "patient.bin"], in: place, environment: ["SPREADER_STAGE_STALL": "2s"])
            #expect(outcome.status == 0, "\(outcome.messages)")
        }

        @Test func strayLinesBreakNothing() async throws {
            let place = try place(files: ["stray.bin"])
            let outcome = try await run(place, ["stray.bin"], environment: ["SPREADER_LOG": "info"])
            #expect(outcome.status == 0, "\(outcome.messages)")
            for line in ["a stray line", "is no message", "stray errors"] {
                #expect(outcome.messages.contains(line), "\(outcome.messages)")
            }
        }

        @Test func anInterruptReachesThePluginThroughTheHost() async throws {
            let place = try place(greeting: "deaf", files: ["time.bin"])
            let run = try Program(["run", "hostile.json", "time.bin", "--format", "json"], in: place)
            for _ in 0..<600 where !run.outputSoFar.contains("stage.progress") {
                try await Task.sleep(for: .milliseconds(20))
            }
            let start = ContinuousClock.now
            run.signal(SIGINT)
            #expect(try await run.end().status == 130)
            #expect(ContinuousClock.now - start < .seconds(3))
            #expect(HostilePlugin.processes(in: place).isEmpty)
        }

        @Test func aKilledHostTakesItsPluginsAndTheirChildrenAlong() async throws {
            let place = try place(files: ["forks.bin", "time.bin"])
            let run = try Program(
                ["run", "hostile.json", "forks.bin", "time.bin", "--format", "json"], in: place)
            for _ in 0..<600
            where !run.outputSoFar.contains("stage.progress") || !run.outputSoFar.contains("stage.finished") {
                try await Task.sleep(for: .milliseconds(20))
            }
            run.signal(SIGKILL)
            _ = try await run.end()
            for _ in 0..<100 where !HostilePlugin.processes(in: place).isEmpty {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(HostilePlugin.processes(in: place).isEmpty)
        }

        // MARK: The greeting

        @Test(arguments: [
            (
                2, "fine", "plugin hostile 1.0.0 speaks protocol 2, this spreader-pipeline speaks protocol 1",
                "upgrade spreader-pipeline"
            ),
            (0, "fine", "plugin hostile 1.0.0 speaks protocol 0", "upgrade the plugin"),
            (1, "silent", "no answer to the greeting within 5.0 s", "plugins check hostile"),
            (1, "garbage", "no answer to the greeting within 5.0 s", "plugins check hostile"),
            (1, "crash", "crashes immediately (SIGSEGV)", "plugins check hostile"),
            (1, "posts", "irreversible", "upgrade it"),
        ]) func aPluginThatCannotStartIsAFindingAtItsPlace(
            version: Int, greeting: String, words: String, hint: String
        ) async throws {
            let place = try place(version: version, greeting: greeting, files: ["a.bin"])
            let outcome = try await run(place, ["a.bin"])
            #expect(outcome.status == 78)
            #expect(outcome.messages.contains("hostile.json:1:41: error:"), "\(outcome.messages)")
            #expect(outcome.messages.contains(words), "\(outcome.messages)")
            #expect(outcome.messages.contains(hint), "\(outcome.messages)")
            #expect(HostilePlugin.processes(in: place).isEmpty)
        }

        @Test func pluginsThatNobodyNamesAreNotStarted() async throws {
            let place = try place(greeting: "crash")
            try place.write("prepare.json", #"{"stages": [{"uses": "probe"}]}"#)
            try await place.clip("a.mp4")
            let outcome = try await Program.run(["validate", "prepare.json", "a.mp4"], in: place)
            #expect(outcome.status == 0)
            #expect(!outcome.messages.contains("hostile"))
        }

        // MARK: What it may have

        @Test func theAccountIsNotForPlugins() async throws {
            let place = try place(files: ["token.bin"])
            let outcome = try await run(place, ["token.bin"])
            #expect(outcome.status == 78)
            #expect(try failure(outcome)?["message"] == "plugins can't use credentials")
        }

        @Test func secretsNeedTheManifestAndTheUser() async throws {
            let value = "s3cr3t-of-another-service"
            let declared = try place(secrets: #"["OTHER_KEY"]"#, files: ["secret.bin"])
            let refused = try await run(declared, ["secret.bin"], environment: ["OTHER_KEY": value])
            #expect(refused.status == 78)
            #expect(
                try failure(refused)?["hint"]?.stringValue?.contains("SPREADER_PLUGIN_SECRETS=hostile:OTHER_KEY")
                    == true)
            let undeclared = try place(files: ["secret.bin"])
            let allowed = ["OTHER_KEY": value, "SPREADER_PLUGIN_SECRETS": "hostile:OTHER_KEY"]
            let silent = try await run(undeclared, ["secret.bin"], environment: allowed)
            #expect(try failure(silent)?["message"]?.stringValue?.contains("does not declare") == true)
            // Given, it is taken out of all that the plugin says.
            let given = try await run(
                declared, ["secret.bin"], environment: allowed.merging(["SPREADER_LOG": "info"]) { $1 })
            #expect(try failure(given)?["message"] == "got ‹redacted›")
            #expect(given.messages.contains("the secret is ‹redacted›"), "\(given.messages)")
            #expect(!(given.output + given.messages).contains(value))
        }

        @Test func noPartOfASecretIsToldOrWrittenDown() async throws {
            let value = "s3cr3t-of-another-service"
            let place = try place(secrets: #"["OTHER_KEY"]"#, files: ["tells.bin"])
            let outcome = try await run(
                place, ["tells.bin"],
                environment: [
                    "OTHER_KEY": value, "SPREADER_PLUGIN_SECRETS": "hostile:OTHER_KEY", "SPREADER_LOG": "info",
                ])
            #expect(outcome.status == 1)
            #expect(try failure(outcome)?["message"]?.stringValue?.contains("contains a secret") == true)
            #expect(!(outcome.output + outcome.messages).contains("s3cr3t"))
        }

        @Test func secretsHideInNoNameAndNoCode() async throws {
            let value = "s3cr3t-of-another-service"
            let place = try place(secrets: #"["OTHER_KEY"]"#, files: ["spills.bin"])
            let outcome = try await run(
                place, ["spills.bin"],
                environment: [
                    "OTHER_KEY": value, "SPREADER_PLUGIN_SECRETS": "hostile:OTHER_KEY", "SPREADER_LOG": "info",
                ])
            #expect(try failure(outcome)?["code"] == "plugin")
            #expect(try failure(outcome)?["message"] == "refused 5 times", "\(outcome.messages)")
            #expect(outcome.messages.contains("I have it"))
            #expect(!(outcome.output + outcome.messages).contains("s3cr3t"))
        }

        @Test func theProgramsEnvironmentShowsNoSecrets() async throws {
            let place = try place(files: ["time.bin"])
            let run = try Program(
                ["run", "hostile.json", "time.bin", "--format", "json"], in: place,
                environment: ["TIKTOK_ACCESS_TOKEN": "act.of-nobody"])
            for _ in 0..<600 where !run.outputSoFar.contains("stage.progress") {
                try await Task.sleep(for: .milliseconds(20))
            }
            let shown = try #require(FileManager.default.contents(atPath: "/proc/\(run.identifier)/environ"))
            #expect(shown.range(of: Data("TIKTOK_ACCESS_TOKEN".utf8)) != nil)
            #expect(shown.range(of: Data("act.of-nobody".utf8)) == nil)
            run.signal(SIGINT)
            _ = try await run.end()
        }

        @Test func theKitForPythonAsksItsHost() async throws {
            let place = try place(files: ["a.bin"])
            #expect(
                try await Program.run(["plugins", "new", "asks", "--language", "python"], in: place).status == 0)
            let manifest = place.work.appending(path: "plugins/asks/plugin.json")
            let text = try String(contentsOf: manifest, encoding: .utf8)
            try place.write(
                "plugins/asks/plugin.json",
                text.replacing("\"stages\"", with: "\"secrets\": [\"OTHER_KEY\"],\n  \"stages\""))
            try place.write(
                "plugins/asks/asks_stage.py",
                """
                from spreader_plugin import Stage, StageError, serve

                class Asks(Stage):
                    name, summary, effect = "asks", "Asks.", "resumable"
                    input = output = "SourceFile"

                    def run(self, options, artifact, context):
                        before = context.checkpoint("note")
                        context.set_checkpoint("note", {"n": 1})
                        context.permit("calls", 5, 60)
                        length = len(context.secret("OTHER_KEY"))
                        raise StageError(f"{before} {context.checkpoint('note')} {length}", "plugin")

                serve([Asks()], name="asks", version="0.1.0")
                """)
            try place.write("p.json", #"{"stages": [{"uses": "asks"}]}"#)
            let outcome = try await Program.run(
                ["run", "p.json", "a.bin", "--format", "json"], in: place,
                environment: ["OTHER_KEY": "12345", "SPREADER_PLUGIN_SECRETS": "asks:OTHER_KEY"])
            #expect(try failure(outcome)?["message"] == "None {'n': 1} 5", "\(outcome.messages)")
        }

        @Test func theProgramsOwnSecretsCannotBeAllowed() async throws {
            let place = try place(files: ["secret.bin"])
            let outcome = try await run(
                place, ["secret.bin"], environment: ["SPREADER_PLUGIN_SECRETS": "hostile:TIKTOK_ACCESS_TOKEN"])
            #expect(outcome.status == 78)
            #expect(outcome.messages.contains("which plugins can't read"))
        }

        @Test func itsEnvironmentIsMinimal() async throws {
            let place = try place(files: ["environment.bin"])
            let outcome = try await run(
                place, ["environment.bin"],
                environment: ["TIKTOK_ACCESS_TOKEN": "act.x", "AWS_SECRET_ACCESS_KEY": "y", "ANYTHING": "z"])
            let names = try #require(try failure(outcome)?["message"]?.stringValue).split(separator: " ")
            // A wrapper in the interpreter's place may add variables of its own.
            let given = names.filter { !$0.contains("PYENV") }
            #expect(
                Set(given).isSubset(of: ["PATH", "HOME", "SWIFT_BACKTRACE", "LC_CTYPE", "PWD", "SHLVL"]), "\(names)")
        }

        @Test func variablesThatMayHoldSecretsHaveToBeAllowed() async throws {
            let place = try place(
                secrets: #"["LICENCE"]"#,
                environment: #"["OTHER_API_KEY", "authToken", "LICENCE", "KEYBOARD", "PLAIN", "ABSENT_KEY"]"#,
                files: ["environment.bin"])
            let values = [
                "OTHER_API_KEY": "of-another-service", "authToken": "x", "LICENCE": "x", "KEYBOARD": "x", "PLAIN": "x",
            ]
            let outcome = try await run(place, ["environment.bin"], environment: values)
            let names = try #require(try failure(outcome)?["message"]?.stringValue).split(separator: " ")
            #expect(names.contains("PLAIN") && names.contains("KEYBOARD"), "\(names)")
            for name in ["OTHER_API_KEY", "authToken", "LICENCE"] {
                #expect(!names.contains { $0 == name }, "\(names)")
            }
            let told = try await Program.run(
                ["run", "hostile.json", "environment.bin"], in: place, environment: values)
            for name in ["OTHER_API_KEY", "authToken", "LICENCE"] {
                #expect(told.messages.contains("plugin hostile does not get \(name)"), "\(told.messages)")
            }
            #expect(!told.messages.contains("ABSENT_KEY"))
            let list = try await Program.run(["plugins", "list"], in: place)
            #expect(list.messages.contains("does not get ABSENT_KEY: it may hold a secret"), "\(list.messages)")
            // Allowed, it is a secret like those that are asked for.
            let allowed = try await run(
                place, ["environment.bin"],
                environment: values.merging(["SPREADER_PLUGIN_SECRETS": "hostile:OTHER_API_KEY"]) { $1 })
            let message = try #require(try failure(allowed)?["message"]?.stringValue)
            #expect(message.contains("OTHER_API_KEY") && message.hasSuffix(" ‹redacted›"), "\(message)")
        }

        @Test func permitsAreSharedAndItsOwn() async throws {
            let place = try place(files: ["permit.bin"])
            let outcome = try await run(place, ["permit.bin"])
            #expect(outcome.status == 75, "\(outcome.messages)")
            #expect(try failure(outcome)?["code"] == "limited")
        }

        // MARK: The commands

        @Test func newPluginsPassTheSuite() async throws {
            let place = try Place()
            let made = try await Program.run(["plugins", "new", "end-card", "--language", "python"], in: place)
            #expect(made.status == 0)
            for name in ["json", "queue", "class"] {
                #expect(
                    try await Program.run(["plugins", "new", name, "--language", "python"], in: place).status == 0)
                let check = try await Program.run(["plugins", "check", "plugins/\(name)"], in: place)
                #expect(check.status == 0, "\(check.output)")
                try FileManager.default.removeItem(at: place.work.appending(path: "plugins/\(name)"))
            }
            // The example has the same copy of the kit.
            let kit = Program.package.appending(path: "Examples/python-plugin/spreader_plugin.py")
            #expect(
                try Data(contentsOf: kit)
                    == Data(contentsOf: place.work.appending(path: "plugins/end-card/spreader_plugin.py")))
            let check = try await Program.run(["plugins", "check", "plugins/end-card"], in: place)
            #expect(check.status == 0, "\(check.output)")
            let list = try await Program.run(["plugins", "list", "--format", "json"], in: place)
            let rows = try JSONDecoder().decode(JSONValue.self, from: Data(list.output.utf8))
            guard case .array(let plugins) = rows else { return #expect(Bool(false)) }
            #expect(plugins.first?["name"] == "end-card" && plugins.first?["problem"] == .null)
            // Its stage is one like any other.
            let schema = try await Program.run(["schema"], in: place)
            #expect(schema.output.contains("maxSeconds"))
            #expect(
                try await Program.run(["stages", "end-card"], in: place).output.contains("from plugin end-card 0.1.0"))
            try await place.clip("a.mp4", seconds: 2)
            try place.write(
                "p.json", #"{"stages": [{"uses": "probe"}, {"uses": "end-card", "with": {"maxSeconds": 1}}]}"#)
            let refused = try await Program.run(["validate", "p.json", "a.mp4"], in: place)
            #expect(refused.status == 65)
            #expect(refused.messages.contains("a.mp4 is 2.0 s long, the limit is 1 s"), "\(refused.messages)")
            try place.write(
                "p.json", #"{"stages": [{"uses": "probe"}, {"uses": "end-card", "with": {"maxSecond": 0}}]}"#)
            let wrong = try await Program.run(["validate", "p.json", "a.mp4"], in: place)
            #expect(
                wrong.messages.contains("p.json:1:62: error: unknown key \"maxSecond\" (did you mean \"maxSeconds\"?)"))
        }

        @Test func theSuiteFindsWhatIsWrong() async throws {
            let place = try place(greeting: "deaf")
            let outcome = try await Program.run(["plugins", "check", "hostile", "--format", "json"], in: place)
            #expect(outcome.status == 65)
            #expect(outcome.output.contains(#""closed input""#))
            let gone = try await Program.run(["plugins", "check", "hostil"], in: place)
            #expect(gone.status == 64)
            #expect(gone.messages.contains("did you mean \"hostile\"?"))
        }

        @Test func theProgramsOwnStagesPassTheSuiteIsolated() async throws {
            let outcome = try await Program.run(["plugins", "check", "--built-in"], in: try Place())
            #expect(outcome.status == 0, "\(outcome.output)")
        }

        @Test func brokenManifestsAreToldAndCostNothingElse() async throws {
            let place = try place(files: ["fine.bin"])
            try FileManager.default.createDirectory(
                at: place.work.appending(path: "plugins/other"), withIntermediateDirectories: true)
            try place.write("plugins/other/plugin.json", #"{"name": "Other", "version": "1", "comand": ["x"]}"#)
            let outcome = try await run(place, ["fine.bin"])
            #expect(outcome.status == 0)
            let list = try await Program.run(["plugins", "list"], in: place)
            #expect(
                list.messages.contains("plugins/other/plugin.json:1:35: warning: unknown key \"comand\""),
                "\(list.messages)")
            #expect(list.messages.contains("needs \"stages\""))
        }

        // MARK: The program's own stages

        @Test func everyStageRunsIsolatedToAPost() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            let outcome = try await Program.run(
                ["run", place.pipeline("tiktok"), "a.mp4", "--sandbox", "--isolate", "--format", "json"], in: place)
            #expect(outcome.status == 0, "\(outcome.messages)")
            #expect(try outcome.events().contains { $0["event"] == "post.published" })
        }

        @Test func aStageCanAskForItsOwnProcess() async throws {
            let place = try Place()
            try await place.clip("a.mp4")
            try place.write(
                "p.json",
                """
                {"stages": [{"uses": "probe"}, {"uses": "transcode"},
                 {"uses": "export", "isolate": true, "with": {"directory": "out"}}]}
                """)
            let outcome = try await Program.run(
                ["run", "p.json", "a.mp4"], in: place, environment: ["SPREADER_ISOLATION": "none"])
            #expect(outcome.status == 0, "\(outcome.messages)")
            #expect(FileManager.default.fileExists(atPath: place.work.appending(path: "out/a.mp4").path))
        }
    }
}

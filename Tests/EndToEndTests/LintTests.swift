import Foundation
import PipelineKit
import Testing

extension EndToEnd {
    /// `lint`: what decides its exit status, and its formats.
    @Suite(.serialized) struct LintTests {
        private func place(_ stages: String) async throws -> Place {
            let place = try Place()
            try await place.clip("a.mp4")
            try place.write(
                "p.json",
                #"{"$schema": "./s.json", "name": "p", "inputs": ["a.mp4"], "stages": [{"uses": "probe"}, \#(stages)]}"#
            )
            return place
        }

        @Test func warningsFailOnlyWhenStrict() async throws {
            let place = try await place(#"{"uses": "transcode"}, {"uses": "export"}"#)
            let calm = try await Program.run(["lint", "p.json"], in: place)
            #expect(calm.status == 0, "\(calm.messages)")
            #expect(
                calm.output.contains(
                    "warning: cropping to 9:16 keeps 32 % of the frame of a.mp4 [crop-loses-picture]"))
            #expect(calm.messages.contains("p.json: 1 warning"))
            #expect(!calm.output.contains("\u{1B}"))
            #expect(try await Program.run(["lint", "p.json", "--strict"], in: place).status == 65)
            let allowed = try await Program.run(
                ["lint", "p.json", "--strict", "--allow", "crop-loses-picture"], in: place)
            #expect(allowed.status == 0, "\(allowed.output)")
            #expect(allowed.output.isEmpty)
        }

        @Test func anUnknownCodeIsAUsageErrorThatNamesTheNearest() async throws {
            let place = try Place()
            let outcome = try await Program.run(["lint", "p.json", "--allow", "no-retri"], in: place)
            #expect(outcome.status == 64)
            #expect(outcome.messages.contains("did you mean \"no-retry\"?"), "\(outcome.messages)")
        }

        @Test func formatsAreForMachines() async throws {
            let place = try await place(#"{"uses": "transcode", "with": {"fit": "stretch"}}"#)
            let json = try await Program.run(["lint", "p.json", "--format", "json"], in: place)
            #expect(json.status == 65)
            let list = try JSONDecoder().decode([Diagnostic].self, from: Data(json.output.utf8))
            #expect(list.map(\.code) == ["unknown-choice"])
            let validated = try await Program.run(["validate", "p.json", "--format", "json"], in: place)
            #expect(validated.output == json.output)
            let github = try await Program.run(["lint", "p.json", "--format", "github"], in: place)
            #expect(github.output.hasPrefix("::error file=p.json,line=1,col="), "\(github.output)")
            let junit = try await Program.run(["lint", "p.json", "--format", "junit"], in: place)
            #expect(junit.output.contains(#"tests="1" failures="1""#), "\(junit.output)")
        }

        @Test func aMissingTokenIsNoFaultOfTheFile() async throws {
            let place = try await place(
                #"{"uses": "transcode", "with": {"fit": "blur"}}, {"uses": "chunk"}, {"uses": "upload"}, {"uses": "publish"}"#
            )
            let outcome = try await Program.run(["lint", "p.json", "--strict"], in: place)
            #expect(outcome.status == 0, "\(outcome.output)")
            #expect(outcome.output.contains("note: there is no TikTok token"))
        }

        @Test func theProjectsOwnPipelinesAreClean() async throws {
            let place = try Place()
            try await place.clip("tall.mp4", filter: "testsrc2=s=360x640:r=30")
            for name in ["tiktok", "prepare", "trailer"] {
                let outcome = try await Program.run(["lint", place.pipeline(name), "tall.mp4", "--strict"], in: place)
                #expect(outcome.status == 0, "\(name): \(outcome.output)")
            }
        }

        @Test func longFootageIsCutOnlyWhereTheFileSaysSo() async throws {
            let place = try await place(#"{"uses": "transcode", "with": {"fit": "pad"}}, {"uses": "export"}"#)
            try await place.clip("a.mp4", seconds: 63, filter: "testsrc2=s=320x180:r=25")
            let outcome = try await Program.run(["lint", "p.json"], in: place)
            #expect(outcome.output.contains("[footage-cut]"), "\(outcome.output)")
            // Parts of a series are no longer than the file says, or than what it leaves out.
            for (split, isCut) in [
                (#"{"uses": "split"}"#, false), (#"{"uses": "split", "with": {"maxDuration": "62s"}}"#, true),
            ] {
                let stages = #"{"uses": "probe"}, \#(split), {"uses": "transcode", "with": {"fit": "pad"}}"#
                try place.write(
                    "s.json",
                    #"{"$schema": "./s.json", "name": "s", "inputs": ["a.mp4"], "stages": [\#(stages), {"uses": "export"}]}"#
                )
                try await place.clip("a.mp4", seconds: isCut ? 123 : 63, filter: "testsrc2=s=320x180:r=25")
                let series = try await Program.run(["lint", "s.json", "--strict"], in: place)
                #expect(series.status == (isCut ? 65 : 0), "\(series.output)")
                #expect(series.output.contains("[footage-cut]") == isCut)
            }
        }

        @Test func everyWarningCanBeAllowedAndNoError() async throws {
            let place = try Place()
            try place.write(
                "p.json",
                #"{"$schema": "s", "name": "p", "post": {"title": "see#this", "nope": 1}, "stages": [{"uses": "probe"}]}"#
            )
            let allow = ["--allow", "glued-hashtag", "--allow", "no-destination", "--allow", "plugin-twice"]
            try place.write(
                "q.json",
                #"{"$schema": "s", "name": "p", "inputs": ["a.mp4"], "post": {"title": "{{ name }} see#this"}, "stages": [{"uses": "probe"}, {"uses": "transcode", "with": {"fit": "pad"}}, {"uses": "chunk"}, {"uses": "upload"}, {"uses": "publish"}]}"#
            )
            try await place.clip("a.mp4")
            let told = try await Program.run(["lint", "q.json", "--strict"], in: place)
            #expect(told.status == 65 && told.output.contains("[glued-hashtag]"), "\(told.output)")
            let allowed = try await Program.run(["lint", "q.json", "--strict"] + allow, in: place)
            #expect(allowed.status == 0, "\(allowed.output)")
            #expect(try await Program.run(["lint", "p.json"] + allow, in: place).status == 65)
        }

        @Test func messagesAndHintsHideSecretsInEveryFormat() async throws {
            let place = try await place(#"{"uses": "transcode", "with": {"fit": "act.0123456789abcdef"}}"#)
            for format in ["text", "json", "github", "junit"] {
                let outcome = try await Program.run(["lint", "p.json", "--format", format], in: place)
                #expect(outcome.status == 65)
                #expect(outcome.output.contains("unknown-choice"), "\(outcome.output)")
                #expect(!(outcome.output + outcome.messages).contains("0123456789"), "\(outcome.output)")
            }
        }

        @Test func brokenManifestsCanBeAllowed() async throws {
            let place = try await place(#"{"uses": "transcode", "with": {"fit": "blur"}}, {"uses": "export"}"#)
            let folder = place.work.appending(path: "plugins/broken")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try place.write("plugins/broken/plugin.json", "{'name': 1}")
            let told = try await Program.run(["lint", "p.json", "--strict"], in: place)
            #expect(told.status == 65)
            #expect(told.output.contains("[plugin-manifest]") && !told.output.contains("YAML"), "\(told.output)")
            let allowed = try await Program.run(
                ["lint", "p.json", "--strict", "--allow", "plugin-manifest"], in: place)
            #expect(allowed.status == 0, "\(allowed.output)")
        }

        @Test func hintsFitTheKindOfFile() async throws {
            let place = try await place(#"{"uses": "transcode", "with": {"fit": "blur"}}, {"uses": "export"}"#)
            try place.write("a.json", "")
            let empty = try await Program.run(["lint", "p.json"], in: place)
            #expect(empty.output.contains("a.json:1:1: error: the file is empty"), "\(empty.output)")
            #expect(empty.output.contains(#"write { "title": "…" }, or remove it"#), "\(empty.output)")
            try FileManager.default.removeItem(at: place.work.appending(path: "a.json"))
            #expect(mkfifo(place.work.appending(path: "a.json").path, 0o600) == 0)
            let pipe = try await Program.run(["lint", "p.json"], in: place)
            #expect(pipe.output.contains("remove it, or replace it with a text file"), "\(pipe.output)")
            let nameless = try await Program.run(["lint", ""], in: place)
            #expect(nameless.output.contains("the path of the pipeline file is empty"), "\(nameless.output)")
            try place.write("p.test.json", "")
            let cases = try await Program.run(["test", "p.json"], in: place)
            #expect(cases.messages.contains("start with { \"cases\"") && !cases.messages.contains("stages"))
        }

        @Test func pipesAreNoPipelines() async throws {
            let place = try Place()
            let pipe = place.work.appending(path: "p.json").path
            #expect(mkfifo(pipe, 0o600) == 0)
            let outcome = try await Program.run(["lint", "p.json"], in: place)
            #expect(outcome.status == 65)
            #expect(outcome.output.contains("is not a regular file"), "\(outcome.output)")
        }
    }

    /// `init`: what it writes holds.
    @Suite(.serialized) struct InitTests {
        @Test(arguments: [
            ["post.json"], ["post.yaml", "--fit", "crop", "--export", "out"],
            ["draft.json", "--kind", "draft"], ["prepare.yml", "--kind", "prepare", "--max-duration", "30"],
            ["public.json", "--privacy", "public_to_everyone", "--title", "“${HOME}” {{ date }} \"x\""],
        ])
        func whatItWritesPassesLint(_ words: [String]) async throws {
            let place = try Place()
            try FileManager.default.createDirectory(
                at: place.work.appending(path: "footage"), withIntermediateDirectories: true)
            try await place.clip("footage/a.mp4")
            let written = try await Program.run(["init"] + words, in: place)
            #expect(written.status == 0, "\(written.messages)")
            #expect(written.output.contains("next: spreader-pipeline lint \(words[0])"))
            let lint = try await Program.run(["lint", words[0], "--strict"], in: place)
            #expect(lint.status == 0, "\(lint.output)")
            #expect(!lint.output.contains("no-schema"))
            let schema = place.work.appending(path: "pipeline.schema.json")
            #expect(FileManager.default.fileExists(atPath: schema.path))
        }

        @Test func neverOverwritesUnasked() async throws {
            let place = try Place()
            try place.write("p.json", "mine")
            try place.write("pipeline.schema.json", "{}")
            let refused = try await Program.run(["init", "p.json"], in: place)
            #expect(refused.status == 64)
            #expect(refused.messages.contains("--force"))
            let file = place.work.appending(path: "p.json")
            #expect(try String(contentsOf: file, encoding: .utf8) == "mine")
            #expect(try await Program.run(["init", "p.json", "--force"], in: place).status == 0)
            #expect(try String(contentsOf: file, encoding: .utf8).contains("\"uses\": \"publish\""))
            // A schema that is there may be of another version on purpose.
            let schema = place.work.appending(path: "pipeline.schema.json")
            #expect(try String(contentsOf: schema, encoding: .utf8) == "{}")
        }

        @Test(arguments: [
            (["--fit", "stretch"], "crop, pad, blur"), (["--max-duration", "2h"], "between"),
            (["--privacy", "nobody"], "SELF_ONLY"), (["--title", "{{ nmae }}"], "did you mean \"name\"?"),
            (["p.txt"], ".yaml"), (["--kind", "draft", "--title", "x"], "--title does not apply"),
        ])
        func wrongFlagsAreUsageErrors(_ words: [String], _ text: String) async throws {
            let place = try Place()
            let outcome = try await Program.run(["init"] + words, in: place)
            #expect(outcome.status == 64)
            #expect(outcome.messages.contains(text), "\(outcome.messages)")
            #expect(outcome.messages.contains("spreader-pipeline init"), "\(outcome.messages)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: place.work.path).isEmpty)
        }
    }
}

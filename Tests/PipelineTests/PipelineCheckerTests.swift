import Foundation
import PipelineFile
import PipelineKit
import Testing

/// What other programs may use of the runner.
@Suite struct PipelineCheckTests {
    @Test func otherProgramsCheckPipelinesOfTheirStages() {
        let findings = PipelineCheck.findings(
            in: #"{"stages": [{"uses": "look"}, {"uses": "nothing"}]}"#, file: "p.json",
            stages: StageRegistry([]))
        #expect(findings.map(\.code) == ["unknown-stage", "unknown-stage"])
        #expect(findings.first?.location?.line == 1)
    }
}

@Suite struct PipelineCheckerTests {
    private func findings(
        _ text: String, file: String = "p.json", environment: [String: String] = [:],
        overrides: [PipelineOverride] = [], until: String? = nil
    ) -> [String] {
        PipelineChecker(registry: testRegistry, environment: { environment[$0] })
            .check(PipelineDocument(text, file: file), overrides: overrides, until: until).findings.map(\.text)
    }

    @Test func reportsEverythingAtOnceWithPlaces() {
        let text = """
            {
              "nmae": "x",
              "inputs": 5,
              "post": { "privacyLevel": "PUBLIC", "title": "{{ nam }}" },
              "stages": [
                { "uses": "lok" },
                { "uses": "cook", "with": { "numbr": 1, "number": 101 }, "retry": { "attempts": 0 } },
                { "with": {} }
              ],
            }
            """
        // The trailing comma is YAML: the rest is checked in a file that may be YAML.
        #expect(
            findings(text, file: "p.yaml") == [
                #"p.yaml:2:3: error: unknown key "nmae" (did you mean "name"?)"#,
                #"p.yaml:3:13: error: "inputs" takes a list of paths, not an integer"#,
                #"p.yaml:4:29: error: "privacyLevel" takes one of PUBLIC_TO_EVERYONE, MUTUAL_FOLLOW_FRIENDS, FOLLOWER_OF_CREATOR, SELF_ONLY, not "PUBLIC""#,
                #"p.yaml:4:48: error: the title has an unknown placeholder "{{ nam }}" (did you mean "name"?)"#,
                #"p.yaml:6:15: error: unknown stage "lok" (did you mean "look"?)"#,
                #"p.yaml:7:33: error: unknown key "numbr" (did you mean "number"?)"#,
                #"p.yaml:7:55: error: "number" must be between 0 and 100, not 101"#,
                #"p.yaml:7:85: error: "attempts" takes an integer between 1 and 100, not 0"#,
                #"p.yaml:8:5: error: a stage needs "uses", the name of the stage"#,
            ])
    }

    @Test func saysWhichStageToInsert() {
        let text = #"{"stages": [{"uses": "look"}, {"uses": "send"}, {"uses": "cook"}]}"#
        #expect(
            findings(text) == [
                "p.json:1:58: error: stage 3 `cook` takes a ProbedMedia, stage 2 `send` gives a PublishedPost (no sequence of stages leads from one to the other: move or remove it)"
            ])
        #expect(
            findings(#"{"stages": [{"uses": "cook"}]}"#) == [
                "p.json:1:22: error: stage 1 `cook` takes a ProbedMedia, the pipeline starts with a SourceFile (put `look` before it)"
            ])
    }

    @Test func missingEnvironmentIsAnErrorAtItsLine() {
        let text = """
            name: ${NAME}
            account: ${ACCOUNT:-default}
            post: { title: "$${NAME} ${TITLE}" }
            stages: [{ uses: look }]
            """
        #expect(
            findings(text, file: "p.yaml", environment: ["NAME": "n"]) == [
                "p.yaml:3:16: error: the environment has no value for TITLE (set it, or give a default: ${TITLE:-default})"
            ])
        let (pipeline, _) = PipelineChecker(
            registry: testRegistry, environment: { ["NAME": "n", "TITLE": "t"][$0] }
        ).check(PipelineDocument(text, file: "p.yaml"))
        #expect(pipeline?.name == "n")
        #expect(pipeline?.account == "default")
        #expect(pipeline?.post["title"] == "${NAME} t")
    }

    @Test(arguments: [
        ("{\n  \"stages\": [{\"uses\": \"look\"},]\n}", "p.json:2:30: error: not valid JSON: trailing comma"),
        (
            "{ \"stages\": [ # note\n {\"uses\": \"look\"}]}",
            "p.json:1:15: error: not valid JSON: JSON does not support comments"
        ),
        ("{'stages': []}", "p.json:1:2: error: not valid JSON: a key must be in double quotes"),
        ("stages:\n  - uses: look\n", "p.json:1:1: error: not valid JSON: text must be in double quotes"),
        ("{\"name\": look}", "p.json:1:10: error: not valid JSON: text must be in double quotes"),
    ])
    func jsonMustBeJSON(_ text: String, _ finding: String) {
        #expect(findings(text).first?.hasPrefix(finding) == true, "\(findings(text))")
    }

    @Test func wrongOptionsDoNotBreakTheChain() {
        let text =
            #"{"stages": [{"uses": "look", "with": {"number": 101}}, {"uses": "cook"}, {"uses": "x"}, {"uses": "send"}]}"#
        #expect(
            findings(text).map { $0.prefix(34) } == [
                #"p.json:1:49: error: "number" must "#, #"p.json:1:83: error: unknown stage "#,
            ])
    }

    @Test func textGivenOnTheLineStaysAsWritten() throws {
        let checker = PipelineChecker(registry: testRegistry, environment: { _ in nil })
        for value in ["1.50", "true", "12345678901234567890", "\"q\""] {
            let override = try #require(PipelineOverride(post: "title=\(value)"))
            let document = PipelineDocument(#"{"stages": [{"uses": "look"}]}"#, file: "p.json")
            let (pipeline, findings) = checker.check(document, overrides: [override])
            #expect(findings.isEmpty)
            #expect(pipeline?.post["title"] == .string(value))
        }
    }

    @Test(arguments: ["", "[", "{\"stages\": [}", "\"text\"", "42", "{\"stages\": {}}", "{}", "\u{0}", "{a: [}"])
    func wrongFilesGiveAFindingAndNeverCrash(_ text: String) {
        #expect(!findings(text, file: "p.yaml").isEmpty)
        #expect(!findings(text).isEmpty)
    }

    @Test func refusesWhatWouldExhaustTheParser() {
        #expect(findings(String(repeating: "[", count: 100_000)).first?.contains("nested more than") == true)
        #expect(findings(String(repeating: "- ", count: 100_000), file: "p.yaml").first?.contains("nested") == true)
        let bomb = """
            a: &a [x,x,x,x,x,x,x,x,x,x]
            b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]
            c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]
            d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]
            e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]
            stages: [*e,*e,*e,*e,*e]
            """
        #expect(findings(bomb, file: "p.yaml").first?.contains("aliases") == true)
    }

    @Test func readsEscapedEmojiAsJSONWritesThem() {
        let text = #"{"post": {"title": "hi \ud83d\ude00"}, "stages": [{"uses": "look"}]}"#
        let (pipeline, findings) = PipelineChecker(registry: testRegistry, environment: { _ in nil })
            .check(PipelineDocument(text, file: "p.json"))
        #expect(findings.isEmpty)
        #expect(pipeline?.post["title"] == "hi 😀")
    }

    @Test(arguments: [
        ("{\"name\": \"a\u{85}b\", \"stages\": [{\"uses\": \"look\"}]}", "a\u{85}b"),
        ("{\"name\": \"a \u{2028} b\", \"stages\": [{\"uses\": \"look\"}]}", "a \u{2028} b"),
        ("\t{\"name\"\n:\"x\",\n\t\"stages\"\n\t:\n[{\"uses\": \"look\"}]}", "x"),
    ])
    func readsJSONThatIsNotYAML(_ text: String, _ name: String) {
        let (pipeline, findings) = PipelineChecker(registry: testRegistry, environment: { _ in nil })
            .check(PipelineDocument(text, file: "p.json"))
        #expect(findings.isEmpty)
        #expect(pipeline?.name == name)
    }

    @Test(arguments: [
        (#"{"name": "\ud83d"}"#, #"p.json:1:11: error: not valid JSON: "\ud83d" is only half of a character"#),
        (#"{"name": "\ude00x"}"#, #"p.json:1:11: error: not valid JSON: "\ude00" is only half of a character"#),
        (#"{"name": "\ud83d\u12"}"#, #"p.json:1:17: error: not valid JSON: "\u" takes four hexadecimal digits"#),
        ("{\"name\": \"a\u{7F}\"}", "p.json:1:12: error: a character that is not allowed in text: U+007F"),
        (#"{"a": 1, "\u0061": 2}"#, #"p.json:1:10: error: the key "a" occurs twice in one object"#),
    ])
    func rejectsBadEscapesCharactersAndDuplicateKeys(_ text: String, _ finding: String) {
        #expect(findings(text).first?.hasPrefix(finding) == true, "\(findings(text))")
    }

    @Test func readsTabsAndYAMLWordsAsText() {
        let (pipeline, findings) = PipelineChecker(registry: testRegistry, environment: { _ in nil })
            .check(
                PipelineDocument(
                    "{\n\t\"name\": \"x\",\n\t\"stages\": [{\"uses\": \"look\"}]\n}", file: "p.json"))
        #expect(findings.isEmpty)
        #expect(pipeline?.name == "x")
        let yaml = PipelineChecker(registry: testRegistry, environment: { _ in nil })
            .check(PipelineDocument("name: no\nstages:\n  - uses: look\n", file: "p.yaml"))
        #expect(yaml.pipeline?.name == "no")
    }

    @Test func overridesAreCheckedLikeTheFile() throws {
        let text = #"{"stages": [{"uses": "look"}, {"uses": "cook", "id": "fry"}]}"#
        func override(_ text: String) throws -> PipelineOverride {
            try #require(PipelineOverride(set: text))
        }
        #expect(findings(text, overrides: [try override("fry.number=7"), try override("cook.behaviour=x")]).isEmpty)
        #expect(
            findings(text, overrides: [try override("fry.number=700")]) == [
                #"--set fry.number=700: error: "number" must be between 0 and 100, not 700"#
            ])
        #expect(
            findings(text, overrides: [try override("fly.number=7")]).first?.contains("did you mean \"fry\"?") == true)
        #expect(PipelineOverride(set: "number=7") == nil)
    }

    @Test func stopsAtTheStageAskedFor() throws {
        let text = #"{"stages": [{"uses": "look"}, {"uses": "cook"}, {"uses": "send"}]}"#
        let checker = PipelineChecker(registry: testRegistry, environment: { _ in nil })
        let (pipeline, _) = checker.check(PipelineDocument(text, file: "p.json"), until: "cook")
        #expect(pipeline?.stages.map(\.id) == ["look", "cook"])
        #expect(findings(text, until: "cok").first?.contains("did you mean \"cook\"?") == true)
    }

    @Test func sameIdTwiceIsAnError() {
        let text = #"{"stages": [{"uses": "look"}, {"uses": "cook"}, {"uses": "cook"}]}"#
        #expect(findings(text).first?.contains("two stages are called \"cook\"") == true)
    }
}

@Suite struct InputResolverTests {
    private func folder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "inputs-[x]-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    private func write(_ name: String, _ content: String = "x", in folder: URL) throws {
        let file = folder.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(content.utf8).write(to: file)
    }

    @Test func findsFilesFoldersAndPatternsOnce() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["f/b.mp4", "f/a.mov", "f/.hidden", "f/a.json", "f/b.txt", "f/sub/c.mp4"] {
            try write(name, name.hasSuffix(".json") ? #"{"title": "A"}"# : "B title\n", in: folder)
        }
        let place = SourcePosition(file: "p.json", line: 1, column: 1)
        let (assets, findings) = InputResolver.resolve([("f/*", place), ("f/b.mp4", place), ("f", place)], in: folder)
        #expect(assets.map(\.name) == ["f/a.mov", "f/b.mp4"])
        #expect(findings.isEmpty)
        #expect(assets.first?.post["title"] == "A")
        #expect(assets.last?.post["title"] == "B title")
    }

    @Test func saysWhatIsMissingEmptyOrNoFile() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try write("empty.mp4", "", in: folder)
        let place = SourcePosition(file: "p.json", line: 3, column: 5)
        let (assets, findings) = InputResolver.resolve(
            [("none/*.mp4", place), ("gone.mp4", place), ("empty.mp4", place)], in: folder)
        #expect(assets.isEmpty)
        #expect(findings.map(\.code) == ["no-input", "no-input", "unreadable-footage"])
        #expect(findings[0].text.hasPrefix("p.json:3:5: error: no file matches \"none/*.mp4\""))
        #expect(findings[2].message == "empty.mp4: the file is empty")
    }

    @Test func readsSidecarsWithExtensionsInAnyCase() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["a.MP4", "b.mp4", "c.mp4"] { try write(name, in: folder) }
        try write("a.JSON", #"{"title": "A"}"#, in: folder)
        try write("b.Txt", "B\n", in: folder)
        try write("c.JSON", #"{"titel": "C"}"#, in: folder)
        let (assets, findings) = InputResolver.resolve([("*", SourcePosition(file: "p"))], in: folder)
        #expect(assets.map(\.name) == ["a.MP4", "b.mp4"])
        #expect(assets.map { $0.post["title"] } == ["A", "B"])
        #expect(findings.map(\.text) == [#"c.JSON:1:2: error: unknown key "titel" (did you mean "title"?)"#])
    }

    @Test func lowerCaseSidecarTakesPrecedence() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try write("a.mp4", in: folder)
        try write("a.json", #"{"title": "lower"}"#, in: folder)
        try write("a.JSON", #"{"title": "upper"}"#, in: folder)
        let (assets, _) = InputResolver.resolve([("a.mp4", SourcePosition(file: "p"))], in: folder)
        #expect(assets.first?.post["title"] == "lower")
    }

    @Test func checksSidecars() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try write("a.mp4", in: folder)
        try write("a.json", "{\n  \"titel\": \"A\"\n}", in: folder)
        let (_, findings) = InputResolver.resolve([("a.mp4", SourcePosition(file: "p"))], in: folder)
        #expect(findings.map(\.text) == [#"a.json:2:3: error: unknown key "titel" (did you mean "title"?)"#])
    }
}

import Foundation
import PipelineAdvice
import PipelineEngine
import PipelineFile
import PipelineKit
import Testing

/// docs/lint.md names every code.
@Suite struct LintDocumentTests {
    private static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private let document: String

    init() throws {
        document = try String(contentsOf: Self.package.appending(path: "docs/lint.md"), encoding: .utf8)
    }

    @Test func everyRuleHasItsLine() {
        #expect(Linter.rules.count >= 20)
        #expect(Set(Linter.rules.map(\.code)).count == Linter.rules.count)
        for rule in Linter.rules {
            let mark = rule.severity == .note ? " (note)" : ""
            #expect(document.contains("\n| `\(rule.code)`\(mark) | "), "\(rule.code) is not in docs/lint.md")
            #expect(rule.code.wholeMatch(of: /[a-z]+(-[a-z]+)+/) != nil)
        }
        let listed = document.matches(of: /\n\| `([a-z-]+)`(?: \(note\))? \| [^|]+ \| [^|]+ \|/).map { String($0.1) }
        #expect(listed == Linter.rules.map(\.code), "the advice is sorted, and nothing is left from older rules")
    }

    @Test func everyWarningOfTheChecksCanBeAllowed() throws {
        var codes: Set<String> = []
        for folder in [
            "Sources/PipelineFile", "Sources/PipelineEngine", "Sources/StageHosting", "Sources/PipelineAdvice",
            "Sources/PipelineCases", "Sources/TikTok", "Sources/Media", "Plugins",
        ] {
            let files = FileManager.default.enumerator(
                at: Self.package.appending(path: folder), includingPropertiesForKeys: nil)
            while let file = files?.nextObject() as? URL {
                guard file.pathExtension == "swift" else { continue }
                let text = try String(contentsOf: file, encoding: .utf8)
                codes.formUnion(text.matches(of: /\.warning,\s+code: "([a-z-]+)"/).map { String($0.1) })
            }
        }
        #expect(codes.count >= 5)
        #expect(codes.subtracting(Linter.warnings) == [])
        for code in Linter.warnings { #expect(document.contains("`\(code)`")) }
    }

    @Test func everyCodeOfTheChecksIsThere() throws {
        var codes: Set<String> = []
        for folder in [
            "Sources/PipelineFile", "Sources/PipelineEngine", "Sources/StageHosting", "Sources/PipelineAdvice",
            "Sources/PipelineCases", "Sources/PipelineKit", "Sources/TikTok", "Sources/Media", "Plugins",
        ] {
            let files = FileManager.default.enumerator(
                at: Self.package.appending(path: folder), includingPropertiesForKeys: nil)
            while let file = files?.nextObject() as? URL {
                // What a run reports is no finding of a check.
                guard file.pathExtension == "swift", !file.path.contains("/Execution/"),
                    !file.path.contains("/Events/")
                else { continue }
                let text = try String(contentsOf: file, encoding: .utf8)
                codes.formUnion(
                    text.matches(of: /(?:code: |report\(\s*|OptionProblem\(\s*)"([a-z]+(?:-[a-z]+)+)"/).map {
                        String($0.1)
                    })
            }
        }
        #expect(codes.count > 40)
        for code in codes.sorted() { #expect(document.contains("`\(code)`"), "\(code) is not in docs/lint.md") }
    }
}

/// Has an option that nobody may see.
private struct Locked: Stage {
    static let name: StageName = "locked"
    static let summary = "Keeps a secret."
    static let effect: Effect = .pure
    static let resource: Resource = .light
    struct Options: StageOptions {
        @StageOption("A key.", secret: true) var key = ""
    }
    init(options: Options) {}
    func run(_ input: SourceFile, _ context: StageContext) async throws(StageError) -> SourceFile { input }
}

/// What single rules see; Tests/Diagnostics has the rest, with the real stages.
@Suite struct LintRuleTests {
    private func codes(
        _ text: String, file: String = "p.json", assets: [AssetInput] = [], environment: [String: String] = [:],
        now: Date = Date(timeIntervalSince1970: 1_700_000_000)
    ) -> [String] {
        let document = PipelineDocument(text, file: file)
        let pipeline = PipelineChecker(registry: testRegistry, environment: { environment[$0] }).check(document)
            .pipeline
        return Linter(
            document, pipeline: pipeline, environment: { environment[$0] }, assets: assets, now: now
        ).findings().map(\.code)
    }

    private func posting(_ rest: String = "", name: String = #""name": "n","#) -> String {
        #"{"$schema": "s", \#(name) \#(rest) "stages": [{"uses": "look"}, {"uses": "cook"}, {"uses": "send"}]}"#
    }

    private func asset(_ name: String, _ post: [String: JSONValue] = [:]) -> AssetInput {
        AssetInput(name: name, path: "/f/\(name)", post: post)
    }

    @Test func aPipelineThatPostsNeedsAName() {
        #expect(codes(posting()) == [])
        #expect(codes(posting(name: "")) == ["no-name"])
        #expect(codes(#"{"$schema": "s", "stages": [{"uses": "look"}]}"#) == ["no-destination"])
    }

    @Test func publicIsOnlyWhatTheFileItselfSays() {
        #expect(codes(posting(#""post": {"privacyLevel": "PUBLIC_TO_EVERYONE"},"#)) == ["public-by-default"])
        let filled = #""post": {"privacyLevel": "${PRIVACY:-PUBLIC_TO_EVERYONE}"},"#
        #expect(codes(posting(filled)) == [])
    }

    @Test func titlesAreComparedAsTheyWillBe() {
        let same = posting(#""post": {"title": "same"},"#)
        #expect(codes(same, assets: [asset("a.mp4")]) == [])
        #expect(codes(same, assets: [asset("a.mp4"), asset("b.mp4")]) == ["same-title"])
        #expect(codes(same, assets: [asset("a.mp4"), asset("b.mp4", ["title": "other"])]) == [])
        #expect(codes(posting(), assets: [asset("a.mp4"), asset("b.mp4")]) == [])
        // Two files of one name in two folders.
        #expect(codes(posting(), assets: [asset("a/a.mp4"), asset("b/a.mp4")]) == ["same-title"])
    }

    @Test func fieldsOfSidecarsCount() {
        let fields = posting(#""post": {"fields": {"show": "x"}},"#)
        #expect(codes(fields) == ["unused-field"])
        #expect(codes(fields, assets: [asset("a.mp4", ["title": "{{ show }}"])]) == [])
    }

    @Test func schedulesPass() {
        let text = posting(#""post": {"schedule": "2023-11-14T22:13:20Z"},"#)
        #expect(codes(text, now: Date(timeIntervalSince1970: 1_700_000_001)) == ["past-schedule"])
        #expect(codes(text, now: Date(timeIntervalSince1970: 1_699_999_999)) == [])
        #expect(codes(posting(#""post": {"schedule": "+2h"},"#)) == [])
    }

    @Test func secretsAreFoundInBrokenPipelinesToo() {
        for secret in [
            "act.0123456789abcdef", "see rft.0123456789abcdef!x", "AKIAIOSFODNN7EXAMPLE",
            "https://user:password@example.com/", "ghp_0123456789abcdefghij0123", "-----BEGIN RSA PRIVATE KEY-----",
        ] {
            #expect(codes(#"{"descriptoin": "\#(secret)"}"#) == ["secret-in-file"], "\(secret)")
        }
        for text in ["act.now", "https://example.com:80/a@b", "the act. of posting", "https://${USER}:${PASS}@h/"] {
            #expect(codes(#"{"descriptoin": "\#(text)"}"#) == [], "\(text)")
        }
    }

    /// A secret without the look of one, in an option that is known to be secret.
    @Test func literalsOfSecretOptionsAreFoundAndHidden() throws {
        let types = [StageDefinition(Locked.self)]
        func linter(_ value: String) -> (String, Linter) {
            let text = #"{"$schema": "s", "nmae": 1, "stages": [{"uses": "locked", "with": {"key": \#(value)}}]}"#
            let document = PipelineDocument(text, file: "p.json")
            return (text, Linter(document, pipeline: nil, stages: types, environment: { _ in nil }))
        }
        for value in [#""${KEY}""#, #""${KEY:-}""#, #""""#] {
            #expect(linter(value).1.findings().map(\.code) == [], "\(value)")
        }
        for (value, secret) in [(#""hunter\"22""#, "hunter"), ("12345678", "12345678"), (#""pw""#, "\"pw\"")] {
            let (text, linter) = linter(value)
            let finding = try #require(linter.findings().first)
            #expect(finding.code == "secret-in-file" && finding.pointer == "/stages/0/with/key")
            let shown = LintText(SourceTexts(for: [finding]) { _ in text }, masking: linter.mask).text(finding)
            #expect(shown.contains("*") && !shown.contains(secret), "\(shown)")
        }
        let mask = linter(#""hunter22""#).1.mask
        let told = mask.masked(Diagnostic(code: "x", "not \"hunter22\"", hint: "not act.0123456789abcdef"))
        #expect(told.text == "error: not \"********\" (not ********************)")
    }

    @Test func aPrivateKeyIsHiddenWithItsBody() {
        let key = "-----BEGIN EC PRIVATE KEY-----\\nMHcCAQEEIIrYSSNQ\\n-----END EC PRIVATE KEY-----"
        #expect(!SecretMask().masked(Diagnostic(code: "x", "k: \"\(key)\", b")).message.contains("MHcC"))
        #expect(SecretMask().masked(Diagnostic(code: "x", "k: \"\(key)\", b")).message.hasSuffix("\", b"))
    }

    /// What is looked through anew from each place of a run would take hours.
    @Test(arguments: [
        "*", "{", "a", "\\\\", "$", "?", ":", " ", "@", "{{", "{{ ", "?*", "act.", "://", "a://b:", "\\ud83d",
    ])
    func longRunsAreLookedThrough(_ run: String) {
        let run = String(repeating: run, count: 200_000 / run.utf8.count)
        let aliases = String(repeating: "- *a\n", count: 30)
        for (text, file) in [
            (#"{"description": "://-----BEGIN \#(run)", "post": {"title": "{{\#(run)"}}"#, "p.json"),
            ("x: &a 1\ny:\n\(aliases)description: \(run)", "p.yaml"),
        ] {
            let document = PipelineDocument(text, file: file)
            let (pipeline, findings) = PipelineChecker(registry: testRegistry, environment: { _ in nil })
                .check(document)
            #expect(pipeline == nil && !findings.isEmpty)
            _ = Linter(document, pipeline: pipeline, environment: { _ in nil }).findings()
            _ = SecretMask().masked(Diagnostic(code: "x", "://\(run)"))
        }
    }

    @Test func inputsThatOthersFindAreDouble() {
        func inputs(_ list: String) -> [String] { codes(posting(#""inputs": [\#(list)],"#)) }
        #expect(inputs(#""a/*.mp4", "a/b.mp4""#) == ["duplicate-input"])
        #expect(inputs(#""a", "./a/b.mp4", "a/""#) == ["duplicate-input", "duplicate-input"])
        #expect(inputs(#""a/*.mp4", "b/b.mp4", "a/c.mov""#) == [])
        #expect(inputs(#""/home/me/a.mp4", "~/b.mp4", "/srv/c.mp4""#) == ["machine-path", "machine-path"])
    }

    @Test func allowedCodesAreNotTold() {
        let text = posting(name: "")
        let document = PipelineDocument(text, file: "p.json")
        let pipeline = PipelineChecker(registry: testRegistry, environment: { _ in nil }).check(document).pipeline
        let linter = Linter(document, pipeline: pipeline, environment: { _ in nil })
        #expect(linter.findings(allowing: ["no-name"]).isEmpty)
    }
}

import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import Testing

/// Has an option that nobody may see.
private struct Sealed: Stage {
    static let name: StageName = "sealed"
    static let summary = "Keeps a secret."
    static let effect: Effect = .pure
    static let resource: Resource = .light
    struct Options: StageOptions {
        @StageOption("A key.", secret: true) var key = ""
        @StageOption("A number.") var number = 1
    }
    init(options: Options) {}
    func run(_ input: SourceFile, _ context: StageContext) async throws(StageError) -> SourceFile { input }
}

@Suite struct SavedPlanContentTests {
    private let registry = StageRegistry([StageDefinition(Sealed.self)])

    private func pipeline(_ text: String, environment: [String: String] = [:]) throws -> Pipeline {
        let (pipeline, findings) = PipelineChecker(registry: registry, environment: { environment[$0] })
            .check(PipelineDocument(text, file: "p.json"))
        #expect(findings.isEmpty, "\(findings.map(\.text))")
        return try #require(pipeline)
    }

    @Test func secretsAreNeitherInThePlanNorInItsDigest() throws {
        let text = #"{"stages": [{"uses": "sealed", "with": {"key": "${KEY:-}", "number": 3}}]}"#
        let one = SavedPlan.Content(try pipeline(text, environment: ["KEY": "hunter2"]))
        let other = SavedPlan.Content(try pipeline(text, environment: ["KEY": "renewed"]))
        #expect(one == other)
        #expect(one.stages.first?.secrets == ["key"])
        #expect(one.stages.first?.options == ["number": 3])
        #expect(try !JSONValue(encoding: one).text().contains("hunter2"))
        let none = SavedPlan.Content(try pipeline(text))
        #expect(none.digest != one.digest)
    }

    @Test func aSecretOnTheCommandLineIsFound() throws {
        let pipeline = try pipeline(#"{"stages": [{"uses": "sealed", "id": "box"}]}"#)
        func secret(_ word: String) -> String? {
            SavedPlan.secret(in: [PipelineOverride(set: word)].compactMap(\.self), of: pipeline)
        }
        #expect(secret("box.key=hunter2") == "box.key")
        #expect(secret("sealed.key=hunter2") == "box.key")
        #expect(secret("box.number=2") == nil)
    }

    @Test func rangesAndPartsOfValuesAreExpected() {
        let facts: JSONValue = ["a": 5.0, "list": ["turned by 90°"], "text": "clip 12", "deep": ["b": ["c": true]]]
        func failure(_ path: [String], _ wanted: CaseExpectation.Wanted) -> String? {
            CaseExpectation(path: path, wanted: wanted, location: SourcePosition(file: "t")).failure(in: facts)?.text
        }
        #expect(failure(["a"], .equal(5)) == nil)
        #expect(failure(["a"], .all([.atLeast(1), .atMost(5)])) == nil)
        #expect(failure(["a"], .atMost(4)) == "a: expected at most 4, got 5")
        #expect(failure(["a"], .matches("5")) == "a: expected text matching \"5\", got 5")
        #expect(failure(["text"], .matches("[0-9]+$")) == nil)
        #expect(failure(["text"], .contains("clip")) == nil)
        #expect(failure(["list"], .contains("turned")) == nil)
        #expect(failure(["deep", "b", "c"], .equal(true)) == nil)
        #expect(failure(["deep", "x", "c"], .equal(true)) == "deep.x.c: expected true, got nothing")
    }
}

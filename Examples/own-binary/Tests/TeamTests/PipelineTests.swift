import PipelineKit
import PipelineRunner
import SlateStage
import Testing

/// A team's pipelines are checked where its stages are.
@Suite struct PipelineTests {
    @Test func theSlateIsChecked() {
        let stages = StageRegistry([StageType(Slate.self)])
        let findings = PipelineCheck.findings(
            in: #"{"stages": [{"uses": "slate", "with": {"take": 0}}]}"#, file: "review.json", stages: stages)
        #expect(findings.map(\.code).contains("out-of-range"))
    }
}

import PipelineKit
import SlateStage
import Testing

@Suite struct SlateTests {
    private let media = ProbedMedia(
        source: SourceFile(file: FileReference(path: "/footage/scene 4.mov", bytes: 1), displayPath: "scene 4.mov"),
        container: "mov", duration: 9, video: [], audio: [],
        chosenVideo: 0, chosenAudio: nil)

    @Test func theSlateNamesProductionFootageAndTake() throws {
        var options = Slate.Options()
        #expect(try Slate(options: options).text(media) == "scene 4\nTake 1")
        options.production = "Harbour"
        options.take = 12
        #expect(try Slate(options: options).text(media) == "Harbour\nscene 4\nTake 12")
    }

    @Test func optionsOutOfRangeAreFound() {
        let findings = Slate.Options.findings(in: ["take": 0, "duration": "1m", "tke": 1])
        #expect(findings.map(\.key) == ["duration", "take", "tke"])
    }
}

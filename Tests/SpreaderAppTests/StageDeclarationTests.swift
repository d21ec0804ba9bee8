import PipelineFile
import PipelineKit
import SpreaderApp
import Testing

/// Declares nothing about what it reaches.
private struct Forgetful: Stage {
    static let name: StageName = "forgetful"
    static let summary = "Declares nothing about what it reaches."
    static let effect: Effect = .pure
    static let resource: Resource = .light
    struct Options: StageOptions {}
    init(options: Options) {}
    func run(_ input: ProbedMedia, _ context: StageContext) async throws(StageError) -> ProbedMedia { input }
}

@Suite struct StageDeclarationTests {
    @Test func aStageThatDeclaresNothingIsConfinedToItsFootage() {
        #expect(StageDefinition(Forgetful.self).access == .footage)
    }

    @Test func stagesThatDecodeFootageSaySo() {
        let reading = StageRegistry.builtIn.stages.filter { $0.access.contains(.footage) }.map(\.name.rawValue)
        #expect(Set(reading).isSuperset(of: ["probe", "split", "transcode"]))
    }

    @Test func onlyStagesThatPostMayUseTheNetwork() {
        for stage in StageRegistry.builtIn.stages {
            #expect(stage.access.contains(.network) == stage.access.contains(.posts), "\(stage.name)")
        }
    }
}

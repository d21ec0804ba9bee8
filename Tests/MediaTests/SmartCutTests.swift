import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

@Suite struct SmartCutTests {
    /// Six seconds that meet the spec, key frames a second apart, B-frames between.
    private func footage(_ folder: MediaFolder, profile: String = "high", seconds: Double = 6) throws -> SourceFile {
        var clip = SampleClip.compliant(seconds: seconds)
        clip.video?.codecOptions = ["preset": "veryfast", "profile": profile]
        return try folder.source("a.mp4", clip)
    }

    /// Every frame of a cut is the frame of the footage that belongs there, and no neighbour of it.
    private func expectFrames(
        of delivery: Deliverer.Delivery, from source: SourceFile, first: Int, count: Int,
        sourceLocation: Testing.SourceLocation = #_sourceLocation
    ) throws {
        let original = try FrameReader.luma(of: source.file.path)
        let cut = try FrameReader.luma(of: delivery.path)
        #expect(cut.count == count, sourceLocation: sourceLocation)
        for (index, frame) in cut.enumerated() where original.indices.contains(first + index) {
            let own = FrameReader.difference(frame, original[first + index])
            #expect(own < 2.5, "frame \(index) differs by \(own)", sourceLocation: sourceLocation)
            for neighbour in [first + index - 1, first + index + 1] where original.indices.contains(neighbour) {
                #expect(
                    own < FrameReader.difference(frame, original[neighbour]), "frame \(index)",
                    sourceLocation: sourceLocation)
            }
        }
    }

    @Test(arguments: ["high", "main", "baseline"]) func cutsInsideOfGroupsOnTheExactFrames(profile: String) async throws
    {
        let folder = try MediaFolder()
        let source = try footage(folder, profile: profile)
        let delivery = try await folder.deliver(source) {
            $0.trimStart = 1.3
            $0.trimEnd = 4.7
            $0.passthrough = .require
        }
        #expect(delivery.decision.strategy == .smartcut && delivery.decision.audio == .copy)
        #expect(delivery.decision.cut?.encoded == 21 + 21)
        #expect(abs(delivery.duration - 3.4) < 0.001)
        try expectFrames(of: delivery, from: source, first: 39, count: 102)
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func copiesAllPacketsWhenTheCutsAreAtKeyFrames() async throws {
        let folder = try MediaFolder()
        let source = try footage(folder)
        let delivery = try await folder.deliver(source) {
            $0.trimStart = 1
            $0.maxDuration = 3
        }
        #expect(delivery.decision.cut?.encoded == 0)
        try expectFrames(of: delivery, from: source, first: 30, count: 90)
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func keepsAudioAndVideoTogether() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip.compliant(seconds: 6)
        clip.pattern = .plain("black")
        clip.filters = "drawbox=color=white:t=fill:enable='gte(n,90)'"
        var audio = SampleClip.Audio()
        audio.delay = 3
        audio.seconds = 3
        clip.audio = audio
        let source = try folder.source("late.mp4", clip)
        // A first pass fills the silence before the audio; the second one cuts.
        let whole = try await folder.deliver(source, as: "whole.mp4")
        let delivery = try await folder.deliver(folder.file("whole.mp4")) { $0.trimStart = 1.51 }
        #expect(whole.decision.audio == .encode && delivery.decision.strategy == .smartcut)
        let flash = try #require(try FrameReader.luma(of: delivery.path).firstIndex { ($0.first ?? 0) > 128 })
        let beep = try AudioReader.onset(of: delivery.path)
        #expect(abs(Double(flash) / 30 - beep) < 0.02)
    }

    @Test func encodesWhenNoWholeGroupIsLeft() async throws {
        let folder = try MediaFolder()
        let source = try footage(folder, seconds: 3)
        let delivery = try await folder.deliver(source) {
            $0.trimStart = 0.3
            $0.trimEnd = 0.9
        }
        #expect(delivery.decision.strategy == .encode)
        try await meetsSpec(delivery, folder: folder)
    }
}

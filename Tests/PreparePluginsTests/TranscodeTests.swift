import ExportPlugin
import Foundation
import Media
import PipelineKit
import ProbePlugin
import SpreaderTesting
import Testing
import TranscodePlugin

@Suite struct TranscodeTests {
    private func stage(_ object: [String: JSONValue]) throws -> Transcode {
        try Transcode(options: Transcode.Options.make(from: object))
    }

    private func source(_ folder: MediaFolder, _ clip: SampleClip, name: String = "clip.mov") throws -> SourceFile {
        try clip.write(to: folder.path(name))
        let size = try FileManager.default.attributesOfItem(atPath: folder.path(name))[.size] as? NSNumber
        return SourceFile(
            file: FileReference(path: folder.path(name), bytes: size?.int64Value ?? 0), displayPath: name)
    }

    @Test func runsFromFootageToAFileOfItsOwn() async throws {
        let folder = try MediaFolder()
        let host = InMemoryHost()
        let context = host.context(stage: "transcode", workDirectory: folder.url.appendingPathComponent("work"))
        let probe = try Probe(options: Probe.Options())
        let media = try await probe.run(source(folder, SampleClip()), context)
        let stage = try stage(["preset": "ultrafast"])
        let plan = try await stage.plan(media, context.planning)
        let video = try await stage.run(media, context)
        #expect(video.strategy == .encode && (video.width, video.height) == (540, 960))
        #expect(video.file.path == folder.path("work/transcode.mp4"))
        #expect(video.file.sha256 == (try FileDigest.sha256(ofFileAt: video.file.path)))
        #expect(plan.details["strategy"] == "encode" && plan.details["width"] == 540)
        let predicted = try #require(plan.output as? PreparedVideo)
        #expect(
            (predicted.width, predicted.height, predicted.frameRate) == (video.width, video.height, video.frameRate))
        #expect(predicted.reasons == video.reasons && abs(predicted.duration - video.duration) < 0.05)
        #expect(host.progress.values.last?.fraction ?? 0 > 0.9)
    }

    @Test func plansWithoutWriting() async throws {
        let folder = try MediaFolder()
        let host = InMemoryHost()
        let media = try #require(
            try await Probe(options: Probe.Options()).plan(
                source(folder, .compliant()), host.context().planning
            ).output as? ProbedMedia)
        let plan = try await stage([:]).plan(media, host.context().planning)
        #expect(plan.action == "copy the video; copy the audio")
        #expect(folder.names == ["clip.mov"])
    }

    @Test func findsATrimThatEndsBeforeItStarts() throws {
        let findings = try stage(["trim": ["start": "5s", "end": "2s"]]).check(InMemoryHost().checking)
        #expect(findings.map(\.pointer) == ["/trim"])
    }

    @Test func findsASizeOfAnotherShape() throws {
        let finding = try #require(try stage(["size": "1280x720"]).check(InMemoryHost().checking).first)
        #expect(finding.message == "size 1280x720 is not 9:16")
        #expect(finding.hint?.contains("16:9") == true)
        #expect(try stage(["size": "1280x720", "aspect": "16:9"]).check(InMemoryHost().checking).isEmpty)
    }

    @Test(arguments: [
        ("aspect", "9/16"), ("aspect", "1:99"), ("fit", "zoom"), ("focus", "middle"), ("focus", "2,0.5"),
        ("size", "1081x1920"), ("size", "big"), ("frameRate", "12"), ("background", "#12"), ("trim", "soon"),
        ("preset", "quick"), ("passthrough", "yes"), ("crf", "60"), ("maxDuration", "700s"), ("audioBitrate", "8k"),
    ])
    func refusesWrongValues(key: String, value: String) {
        #expect(Transcode.Options.findings(in: [key: .string(value)]).map(\.key) == [key])
    }

    @Test(arguments: [
        ("aspect", "4:5"), ("aspect", "source"), ("fit", "blur"), ("focus", "left"), ("focus", "0.25,0.5"),
        ("size", "720x1280"), ("size", "source"), ("frameRate", "auto"), ("background", "#1a1a2e"), ("preset", "slow"),
        ("passthrough", "require"), ("maxDuration", "45s"), ("maxSize", "50MB"), ("maxrate", "6M"),
        ("audioBitrate", "128k"),
    ])
    func keepsValuesAsWritten(key: String, value: String) throws {
        #expect(try Transcode.Options.make(from: [key: .string(value)]).values[key] == .string(value))
    }

    @Test func defaultsAreAsDocumented() {
        let values = Transcode.Options().values
        #expect(values["aspect"] == "9:16" && values["fit"] == "crop" && values["crf"] == 19.0)
        #expect(values["maxDuration"] == "60s" && values["maxSize"] == "1GB" && values["maxrate"] == "9.5M")
        #expect(values["audioBitrate"] == "192k" && values["preset"] == "fast" && values["trim"] == .null)
    }
}

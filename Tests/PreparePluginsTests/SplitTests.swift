import Foundation
import PipelineKit
import ProbePlugin
import SplitPlugin
import SpreaderTesting
import SubtitlesPlugin
import Testing
import TranscodePlugin

@testable import Media

/// Real footage with scenes and silences at known times.
@Suite struct SplitTests {
    /// 25 s; scenes begin at 8.5 s and 17.6 s, silences lie around 6.4 s and 15.3 s.
    private func footage(
        _ folder: MediaFolder, name: String = "long.mp4", container: String = "mp4", compliant: Bool = false
    ) throws -> SourceFile {
        var clip = compliant ? SampleClip.compliant(seconds: 25) : SampleClip(width: 320, height: 180, seconds: 25)
        clip.container = container
        clip.filters = "negate=enable='between(t,8.49,17.59)'"
        clip.audio?.filters = "volume=0:enable='between(t,6.0,6.8)+between(t,15.0,15.6)'"
        return try folder.source(name, clip)
    }

    private func split(
        _ source: SourceFile, _ options: [String: JSONValue] = [:]
    ) async throws -> PartedMedia {
        let context = InMemoryHost().context()
        let media = try await Probe(options: Probe.Options()).run(source, context)
        let usual: [String: JSONValue] = ["maxDuration": "10s"]
        return try await Split(options: Split.Options.make(from: usual.merging(options) { $1 })).run(media, context)
    }

    private func cuts(_ parted: PartedMedia) -> [Double] { parted.parts.dropLast().map(\.end) }

    @Test(arguments: ["mp4", "matroska", "mpegts"]) func cutsAtTheFirstFramesOfScenes(container: String) async throws {
        let folder = try MediaFolder()
        let parted = try await split(footage(folder, container: container), ["at": "scenes"])
        let start = try #require(parted.parts.first).start
        #expect(parted.parts.count == 3)
        for (cut, scene) in zip(cuts(parted), [8.5, 17.6]) { #expect(abs(cut - start - scene) < 0.034, "\(cut)") }
        #expect(parted.reasons.allSatisfy { $0.contains("where a new scene begins") })
    }

    @Test func cutsInTheMiddleOfSilences() async throws {
        let folder = try MediaFolder()
        let parted = try await split(footage(folder), ["at": "silences"])
        for (cut, silence) in zip(cuts(parted), [6.4, 15.3]) { #expect(abs(cut - silence) < 0.05, "\(cut)") }
        #expect(parted.reasons.first?.contains("in a silence of 0.") == true)
    }

    @Test func takesTheBetterOfBoth() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 320, height: 180, seconds: 14)
        clip.filters = "negate=enable='gte(t,6.49)'"
        clip.audio?.filters = "volume=0:enable='between(t,6.2,6.9)+between(t,9,9.3)'"
        let parted = try await split(folder.source("a.mp4", clip), ["minDuration": "3s"])
        #expect(abs(try #require(cuts(parted).first) - 6.5) < 0.034)
        #expect(parted.reasons.first?.contains("in a silence") == true)
    }

    @Test func saysSoWhereThereIsNothingToCutAt() async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 320, height: 180, seconds: 15)
        clip.audio = nil
        let parted = try await split(folder.source("a.mp4", clip))
        #expect(parted.reasons.first?.contains("there is no new scene or silence between") == true)
        let cut = try #require(cuts(parted).first)
        #expect(abs(cut - 7.5) < 1.1)
        // On a frame, so that none is shown twice or lost.
        #expect(abs(cut * 30 - (cut * 30).rounded()) < 0.001)
    }

    @Test func footageThatFitsIsLeftAsItIs() async throws {
        let folder = try MediaFolder()
        let source = try folder.greyFootage(seconds: 1)
        let parted = try await split(source)
        #expect(parted.parts.isEmpty && parted.elements.count == 1)
        #expect(parted.elements.first?.part == nil)
    }

    @Test func refusesFootageOfTooManyParts() async throws {
        let folder = try MediaFolder()
        let source = try footage(folder)
        let error = try await #require(throws: StageError.self) {
            try await split(source, ["maxParts": 2])
        }
        #expect(error.message.contains("3 parts") && error.hint?.contains("maxParts") == true)
        #expect(error.outcome == .invalidData)
    }

    @Test func thePlanKnowsTheNumberOfPartsAndSaysThatItEstimates() async throws {
        let folder = try MediaFolder()
        let media = try await Probe(options: Probe.Options()).run(footage(folder), InMemoryHost().context())
        func plan(_ options: [String: JSONValue]) async throws -> StagePlan {
            try await Split(options: Split.Options.make(from: options)).plan(
                media, InMemoryHost().context().planning)
        }
        let estimate = try await plan(["maxDuration": "10s"])
        #expect(estimate.action == "cut it into 3 parts of at most 10 s")
        #expect(estimate.details["estimate"] == true && estimate.details["parts"] == 3)
        #expect(estimate.reasons.first?.hasPrefix("an estimate") == true)
        let exact = try await plan(["maxDuration": "10s", "at": "anywhere"])
        #expect(exact.details["estimate"] == false)
        let parted = try await split(footage(folder, name: "b.mp4"), ["at": "anywhere"])
        #expect(parted.parts == (exact.output as? PartedMedia)?.parts)
    }

    @Test func findsAShortestPartThatLeavesNoRoom() throws {
        let options = try Split.Options.make(from: ["maxDuration": "8s", "minDuration": "5s"])
        #expect(try Split(options: options).check(InMemoryHost().checking).map(\.code) == ["contradicting-options"])
    }

    /// Every frame of the footage is in one part, and in one only.
    @Test(arguments: [("mp4", false), ("matroska", false), ("mp4", true)])
    func thePartsTogetherAreTheFootage(container: String, compliant: Bool) async throws {
        let folder = try MediaFolder()
        let parted = try await split(footage(folder, container: container, compliant: compliant), ["at": "scenes"])
        let context = InMemoryHost().context(stage: "transcode", workDirectory: folder.url.appending(path: "work"))
        var options: [String: JSONValue] = ["preset": "ultrafast", "maxDuration": "10s"]
        if !compliant { options["size"] = "360x640" }
        var frames = 0.0
        var paths: [String] = []
        for element in parted.elements {
            let video = try await Transcode(options: Transcode.Options.make(from: options)).run(element, context)
            #expect(video.part == element.part)
            #expect(video.stem == "long-\(element.part?.number ?? 0)")
            #expect(video.strategy == (compliant ? .smartcut : .encode))
            frames += video.duration * 30
            let path = folder.path("\(video.stem).mp4")
            try FileManager.default.moveItem(atPath: video.file.path, toPath: path)
            paths.append(path)
        }
        #expect(abs(frames - 750) < 0.01, "\(frames)")
        // The first frames are those of the new scenes: negated, and not.
        let corner = try paths.map { try TestImage(of: $0, at: 0).pixel(4, 4) }
        let last = try paths.map { try TestImage(of: $0, at: 60).pixel(4, 4) }
        func brightness(_ pixel: (red: Int, green: Int, blue: Int)) -> Int { pixel.red + pixel.green + pixel.blue }
        #expect(abs(brightness(corner[1]) - brightness(last[1])) < 150)
        if let failures = MediaCorpus.failures(of: paths) { #expect(failures == []) }
    }

    @Test(arguments: [true, false]) func subtitlesKeepTheirTimeInAPart(isBefore: Bool) async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 360, height: 640, seconds: 12)
        clip.pattern = .plain("gray")
        clip.audio = nil
        let source = try folder.source("clip.mp4", clip)
        try Data("1\n00:00:07,000 --> 00:00:08,000\nHello\n".utf8).write(to: URL(filePath: folder.path("clip.srt")))
        let context = InMemoryHost().context(stage: "transcode", workDirectory: folder.url.appending(path: "work"))
        let subtitles = try Subtitles(options: Subtitles.Options())
        let split = try Split(options: Split.Options.make(from: ["maxDuration": "8s", "minDuration": "4s"]))
        var media = try await Probe(options: Probe.Options()).run(source, context)
        if isBefore { media = try await subtitles.run(media, context) }
        var part = try #require(try await split.run(media, context).elements.last)
        if !isBefore { part = try await subtitles.run(part, context) }
        let start = try #require(part.part).start
        let video = try await Transcode(
            options: Transcode.Options.make(from: ["preset": "ultrafast", "size": "360x640"])
        ).run(part, context)
        #expect(abs(video.duration - (12 - start)) < 0.01)
        #expect(try TestImage(of: video.file.path, at: 6.9 - start).drawn() == nil)
        #expect(try TestImage(of: video.file.path, at: 7.5 - start).drawn() != nil)
        #expect(try TestImage(of: video.file.path, at: 8.1 - start).drawn() == nil)
    }

    @Test func aTrimDoesNotGoWithAPart() async throws {
        let folder = try MediaFolder()
        let parted = try await split(footage(folder), ["at": "anywhere"])
        let stage = try Transcode(options: Transcode.Options.make(from: ["trim": ["start": "2s"]]))
        let part = try #require(parted.elements.first)
        let error = try await #require(throws: StageError.self) {
            try await stage.plan(part, InMemoryHost().context().planning)
        }
        #expect(error.code == .invalidOption && error.hint == "remove trim or split")
    }

    @Test func mediaOfOlderJournalsHasNoPart() throws {
        let media = ProbedMedia(
            source: SourceFile(file: FileReference(path: "/a.mp4", bytes: 1), displayPath: "a.mp4"), container: "mp4",
            duration: 1, video: [], audio: [], chosenVideo: 0,
            chosenAudio: nil)
        guard case .object(var fields) = try JSONValue(encoding: media) else { return }
        fields["part"] = nil
        #expect(try JSONValue.object(fields).decode(ProbedMedia.self) == media)
    }
}

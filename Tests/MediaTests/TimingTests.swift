import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

/// Flashes and beeps at the same moments: whatever happens to the footage, they stay together.
@Suite struct TimingTests {
    /// A white frame and a beep at every full second.
    private func flashes(
        _ folder: MediaFolder, seconds: Double = 6, rate: Rational = Rational(30, 1), filters: String = "",
        container: String = "mp4", name: String = "a.mp4"
    ) throws -> SourceFile {
        var clip = SampleClip(width: 360, height: 640, frameRate: rate, seconds: seconds)
        clip.container = container
        clip.pattern = .plain("black")
        let flash = "drawbox=color=white:t=fill:enable='lt(mod(t+0.001,1),0.1)*gt(t,0.5)'"
        clip.filters = filters.isEmpty ? flash : flash + "," + filters
        clip.audio?.frequency = 1000
        clip.audio?.filters = "volume=0:enable='gte(mod(t,1),0.1)+lt(t,0.5)'"
        return try folder.source(name, clip)
    }

    /// Onsets of flashes and beeps in seconds.
    private func onsets(_ path: String, rate: Double) throws -> (flashes: [Double], beeps: [Double]) {
        let isWhite = try FrameReader.luma(of: path).map { ($0.first ?? 0) > 128 }
        let flashes = isWhite.indices.filter { isWhite[$0] && ($0 == 0 || !isWhite[$0 - 1]) }.map {
            Double($0) / rate
        }
        return (flashes, try AudioReader.onsets(of: path))
    }

    private func expectTogether(
        _ delivery: Deliverer.Delivery, count: Int, within tolerance: Double = 0.02,
        sourceLocation: Testing.SourceLocation = #_sourceLocation
    ) throws {
        let rate = delivery.decision.format.framesPerSecond
        let (flashes, beeps) = try onsets(delivery.path, rate: rate)
        #expect(flashes.count == count && beeps.count == count, "\(flashes) \(beeps)", sourceLocation: sourceLocation)
        for (flash, beep) in zip(flashes, beeps) {
            #expect(
                abs(flash - beep) <= tolerance, "flash at \(flash), beep at \(beep)", sourceLocation: sourceLocation)
        }
    }

    @Test func keepsAVaryingRateTogetherFromStartToEnd() async throws {
        let folder = try MediaFolder()
        // Frames are missing in bursts, never the first one of a flash.
        let source = try flashes(folder, filters: "select='lt(mod(t,1),0.2)+not(mod(n,3))'")
        let delivery = try await folder.deliver(source)
        #expect(delivery.decision.format.frameRate == Rational(30, 1))
        try expectTogether(delivery, count: 5)
    }

    @Test(arguments: [Rational(120, 1), Rational(240, 1)]) func slowsHighRatesDownTo60(rate: Rational) async throws {
        let folder = try MediaFolder()
        let delivery = try await folder.deliver(flashes(folder, seconds: 3, rate: rate))
        #expect(delivery.decision.format.frameRate == Rational(60, 1))
        try expectTogether(delivery, count: 2)
        try await meetsSpec(delivery, folder: folder)
    }

    @Test(arguments: [
        (Rational(10, 1), Rational(30, 1)), (Rational(15, 1), Rational(30, 1)), (Rational(12, 1), Rational(24, 1)),
    ])
    func repeatsFramesOfLowRates(own: Rational, delivered: Rational) async throws {
        let folder = try MediaFolder()
        let delivery = try await folder.deliver(flashes(folder, seconds: 3, rate: own))
        #expect(delivery.decision.format.frameRate == delivered)
        try expectTogether(delivery, count: 2, within: 0.045)
        try await meetsSpec(delivery, folder: folder)
    }

    /// Audio packets get lost on the way, four in a row: what follows must not slide forward.
    @Test func keepsTogetherAcrossLostAudio() async throws {
        let folder = try MediaFolder()
        let whole = try flashes(folder, container: "matroska", name: "whole.mkv")
        let log = MediaLog()
        let demuxer = try Demuxer(path: whole.file.path, log: log, cancellation: CancellationFlag())
        let muxer = try Muxer(path: folder.path("a.mkv"), format: "matroska", log: log)
        for index in 0..<2 { #expect(try muxer.addStream(copying: index, of: demuxer) == index) }
        try muxer.start(settings: [:])
        let packet = try Packet()
        var audioPackets = 0
        while try demuxer.read(into: packet) {
            let stream = packet.stream
            if stream == 1 {
                audioPackets += 1
                // Within the silence between two beeps.
                if (70..<74).contains(audioPackets) { continue }
            }
            try muxer.write(packet, stream: stream, timeBase: demuxer.timeBase(of: stream))
        }
        try muxer.finish()
        try expectTogether(try await folder.deliver(folder.file("a.mkv")), count: 5)
    }

    /// Two recordings, one after the other, whose audio ends before their video does.
    @Test func keepsJoinedTransportStreamsTogether() async throws {
        let folder = try MediaFolder()
        var joined = Data()
        for name in ["one.ts", "two.ts"] {
            var clip = SampleClip(width: 360, height: 640, seconds: 4)
            clip.container = "mpegts"
            clip.pattern = .plain("black")
            clip.filters = "drawbox=color=white:t=fill:enable='lt(mod(t+0.001,1),0.1)*gt(t,0.5)'"
            clip.audio?.frequency = 1000
            clip.audio?.filters = "volume=0:enable='gte(mod(t,1),0.1)+lt(t,0.5)'"
            clip.audio?.seconds = 3.6
            joined += try Data(contentsOf: URL(fileURLWithPath: try folder.source(name, clip).file.path))
        }
        let source = try folder.source("a.ts", bytes: joined)
        let delivery = try await folder.deliver(source)
        let (flashes, beeps) = try onsets(delivery.path, rate: 30)
        #expect(flashes.count == 6 && beeps.count == 6, "\(flashes) \(beeps)")
        // The second recording does not begin on the first one's frames: half a frame is lost to the constant rate.
        for (flash, beep) in zip(flashes, beeps) { #expect(abs(flash - beep) <= 0.02 + 1 / 60, "\(flash) \(beep)") }
    }

    @Test func keepsTransportStreamsWithALateStartTogether() async throws {
        let folder = try MediaFolder()
        let source = try flashes(folder, seconds: 4, container: "mpegts", name: "a.ts")
        try expectTogether(try await folder.deliver(source), count: 3)
    }

    @Test func staysTogetherAfterATrimFarIntoTheFootage() async throws {
        let folder = try MediaFolder()
        for (container, name) in [("mp4", "a.mp4"), ("matroska", "a.mkv"), ("mpegts", "a.ts")] {
            let source = try flashes(folder, seconds: 14, container: container, name: name)
            let delivery = try await folder.deliver(source, as: name + "-out.mp4") {
                $0.trimStart = 9.6
                $0.trimEnd = 12.4
            }
            let (flashes, beeps) = try onsets(delivery.path, rate: 30)
            #expect(flashes.count == 3 && beeps.count == 3, "\(name): \(flashes) \(beeps)")
            // Containers without an edit list begin with the encoder's run-up of 21 ms.
            #expect(abs((flashes.first ?? 9) - 0.4) < 0.055, "\(name): \(flashes)")
            for (flash, beep) in zip(flashes, beeps) {
                #expect(abs(flash - beep) <= 0.02, "\(name): \(flashes) \(beeps)")
            }
        }
    }

    // MARK: Too long

    @Test func playsLongFootageFaster() async throws {
        let folder = try MediaFolder()
        let source = try flashes(folder, seconds: 6)
        let delivery = try await folder.deliver(source) {
            $0.maxDuration = 4
            $0.overlong = .speed
        }
        #expect(abs(delivery.duration - 4) < 0.04 && delivery.decision.excerpt.speed > 1.49)
        let (flashes, beeps) = try onsets(delivery.path, rate: 30)
        #expect(flashes.count == 5 && beeps.count == 5, "\(flashes) \(beeps)")
        // Changing the tempo moves an onset by up to a window of the filter.
        for (flash, beep) in zip(flashes, beeps) { #expect(abs(flash - beep) < 0.06, "\(flashes) \(beeps)") }
        try await meetsSpec(delivery, folder: folder)
    }

    @Test func refusesLongFootageWhenAsked() async throws {
        let folder = try MediaFolder()
        let source = try folder.source("a.mp4", SampleClip(seconds: 3))
        let error = try await #require(throws: StageError.self) {
            try await folder.deliver(source) {
                $0.maxDuration = 2
                $0.overlong = .error
            }
        }
        #expect(error.code == .unusableFootage && error.message.contains("more than the allowed 2.00 s"))
        let tooFast = try await #require(throws: StageError.self) {
            try await folder.deliver(source) {
                $0.maxDuration = 1
                $0.overlong = .speed
            }
        }
        #expect(tooFast.message.contains("at most 2 times is allowed"))
    }
}

import Foundation
import Media
import PipelineKit
import SpreaderTesting
import Testing

/// Times and lengths that no clock gives: what is made of them is a delivery or a refusal, never a crash.
@Suite(.timeLimit(.minutes(10))) struct HostileTimeTests {
    /// Probes, plans and delivers.
    /// - Returns: Seconds delivered; nil when the footage was refused.
    private func outcome(_ folder: MediaFolder, _ source: SourceFile) async throws -> Double? {
        do {
            var options = DeliveryOptions()
            options.maxDuration = 1
            options.loudness = -14
            let media = try await MediaProbe.probe(source)
            let decision = try DeliveryDecision(for: media, options: options)
            #expect(!decision.summary.isEmpty && decision.estimatedBytes >= 0)
            #expect(Duration.spoken(seconds: media.duration).hasSuffix(" s") || media.duration >= 60)
            let delivery = try await folder.deliver(source) {
                $0 = options
                $0.preset = .ultrafast
            }
            return delivery.duration
        } catch let error as StageError {
            #expect([.unusableFootage, .media].contains(error.code), "\(error)")
            return nil
        }
    }

    /// Times of the frames, by their numbers, in an IVF file, which keeps any 64 bits and any time base.
    enum Clock: CaseIterable {
        case startsAtTheLowest, endsAtTheHighest, swings, countsBillions, countsBillionths, stands

        func time(_ number: Int64, of count: Int64) -> Int64 {
            switch self {
            case .startsAtTheLowest: number == 0 ? .min + 1 : number
            case .endsAtTheHighest: number + 1 == count ? .max : number
            case .swings: number % 2 == 0 ? .min + 1 + number : .max - number
            case .countsBillions: number << 56
            case .countsBillionths: number
            case .stands: 7
            }
        }
        /// Numerator and denominator.
        var unit: (UInt32, UInt32) {
            switch self {
            case .countsBillions: (.max >> 1, 1)
            case .countsBillionths: (1, .max >> 1)
            default: (1, 30)
            }
        }
    }

    @Test(arguments: Clock.allCases) func survivesAnyTimesOfFrames(clock: Clock) async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 160, height: 90)
        clip.container = "ivf"
        clip.audio = nil
        clip.video?.codec = "libvpx"
        clip.video?.codecOptions = ["deadline": "realtime", "cpu-used": "8"]
        try clip.write(to: folder.path("plain.ivf"))
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path("plain.ivf"))))
        func put(_ value: some FixedWidthInteger, at place: Int) {
            withUnsafeBytes(of: value.littleEndian) { bytes.replaceSubrange(place..<place + $0.count, with: $0) }
        }
        func size(at place: Int) -> Int { bytes[place..<place + 4].reversed().reduce(0) { $0 << 8 | Int($1) } }
        put(clock.unit.1, at: 16)
        put(clock.unit.0, at: 20)
        var places: [Int] = []
        var place = 32
        while place + 12 <= bytes.count {
            places.append(place)
            place += 12 + size(at: place)
        }
        try #require(places.count == 30)
        for (number, place) in places.enumerated() { put(clock.time(Int64(number), of: 30), at: place + 4) }
        let source = try folder.source("edited.ivf", bytes: Data(bytes))
        let seconds = try await outcome(folder, source)
        #expect(seconds ?? 0 <= 1.001)
    }

    /// The time of a Matroska cluster, which moves video and audio: the last frames leave the range of 64 bits.
    @Test(
        arguments: [0x7FFF_FFFF_FFFF_FC00, 0x7FFF_FFFF_FFFF_FFF0, 0x4000_0000_0000_0000, 0x8000_0000_0000_0040]
            as [UInt64])
    func survivesAnyTimeOfACluster(time: UInt64) async throws {
        let folder = try MediaFolder()
        var clip = SampleClip(width: 160, height: 90)
        clip.container = "matroska"
        // Without a declared length, the file and its clusters may be made longer.
        clip.muxerSettings = ["live": "1"]
        var bytes = try Data(contentsOf: URL(fileURLWithPath: folder.source("plain.mkv", clip).file.path))
        let place = try #require(bytes.range(of: Data([0x1F, 0x43, 0xB6, 0x75]))).upperBound
        // The length, a checksum, and the time in one byte.
        let length = bytes[place].leadingZeroBitCount + 1
        let old = place + length + 6
        try #require(bytes[old] == 0xE7 && bytes[old + 1] == 0x81)
        bytes.replaceSubrange(old + 1..<old + 3, with: [0x88] + withUnsafeBytes(of: time.bigEndian) { Array($0) })
        bytes.replaceSubrange(place..<place + length, with: [0x01] + [UInt8](repeating: 0xFF, count: 7))
        let seconds = try await outcome(folder, folder.source("edited.mkv", bytes: bytes))
        #expect(seconds ?? 0 <= 1.001)
    }

    @Test(arguments: [Double.nan, .infinity, 1e300, 1e19, -1e19]) func spellsAnyLength(seconds: Double) {
        #expect(Duration.spoken(seconds: seconds).hasSuffix(" s"))
    }
}

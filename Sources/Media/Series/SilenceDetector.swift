import Foundation
import PipelineKit

/// Detects silences: times that are much quieter than the rest of the audio.
enum SilenceDetector {
    /// Length of a measured block, in seconds.
    static let block = 0.01
    /// Level of a block of digital silence, in dBFS.
    private static let floor = -120.0
    /// Distance of the silence threshold below the loud blocks, in dB.
    private static let drop = 25.0
    /// Bounds of the silence threshold, in dBFS.
    private static let bounds = -60.0 ... -35.0
    /// Shortest silence, in seconds.
    private static let shortest = 0.25
    /// Longest click that does not end a silence, in seconds.
    private static let click = 0.03

    /// Levels of a continuous range of audio.
    struct Levels: Sendable, Hashable {
        /// Start in seconds on the footage's own timeline.
        var start: Double
        /// Level of each block in dBFS.
        var blocks: [Double] = []
    }

    /// Decodes the audio of `window` and measures its levels.
    /// - Parameter progress: Called with the time reached, in seconds.
    static func read(
        _ source: FootageSource, stream: Int, window: ClosedRange<Double>, progress: (Double) -> Void
    ) throws(MediaError) -> Levels {
        let length = window.upperBound - window.lowerBound
        let audio = try AudioSource(
            source: source, stream: stream, start: window.lowerBound, limit: length, speed: 1, filters: [])
        let size = Int((block * Double(DeliverySpec.sampleRate)).rounded())
        let wanted = Int(saturating: length * Double(DeliverySpec.sampleRate))
        var measured = Levels(start: window.lowerBound)
        var energy = 0.0
        var filled = 0
        while audio.produced < wanted, let frame = try audio.next() {
            try source.cancellation.check("detecting silences")
            var position = 0
            while position < frame.samples {
                let taken = min(size - filled, frame.samples - position)
                energy += frame.energy(of: position..<position + taken)
                position += taken
                filled += taken
                guard filled == size else { continue }
                measured.blocks.append(energy > 0 ? max(floor, 10 * log10(energy / Double(size))) : floor)
                (energy, filled) = (0, 0)
            }
            progress(min(window.upperBound, window.lowerBound + audio.seconds))
        }
        return measured
    }

    /// The silences in ranges of one track, whose overall loudness determines the threshold.
    static func silences(in measurements: [Levels]) -> [Silence] {
        let all = measurements.flatMap(\.blocks).sorted()
        guard !all.isEmpty else { return [] }
        let loud = all[min(all.count - 1, all.count * 9 / 10)]
        let threshold = min(max(loud - drop, bounds.lowerBound), bounds.upperBound)
        return measurements.flatMap { silences(in: $0, below: threshold) }
    }

    private static func silences(in measured: Levels, below threshold: Double) -> [Silence] {
        var found: [ClosedRange<Int>] = []
        var start: Int?
        for index in 0...measured.blocks.count {
            if index < measured.blocks.count, measured.blocks[index] < threshold {
                start = start ?? index
            } else if let first = start {
                if let last = found.last, Double(first - last.upperBound) * block <= click {
                    found[found.count - 1] = last.lowerBound...index
                } else {
                    found.append(first...index)
                }
                start = nil
            }
        }
        return found.map {
            Silence(
                measured.start + Double($0.lowerBound) * block...measured.start + Double($0.upperBound) * block)
        }.filter { $0.length >= shortest - 1e-6 }
    }
}

extension Frame {
    /// Sum of the squared samples in `range` of a planar float frame, averaged over the channels.
    fileprivate func energy(of range: Range<Int>) -> Double {
        guard channels > 0 else { return 0 }
        var sum = 0.0
        for channel in 0..<channels {
            for sample in self.channel(channel)[range] { sum += Double(sample) * Double(sample) }
        }
        return sum / Double(channels)
    }
}

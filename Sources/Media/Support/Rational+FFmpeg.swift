import CFFmpeg
package import PipelineKit

extension Rational {
    /// FFmpeg's fraction.
    init(_ value: AVRational) { self.init(Int(value.num), Int(value.den)) }

    /// As FFmpeg's fraction, reduced when a part does not fit 32 bits.
    var av: AVRational {
        var result = AVRational(num: 0, den: 1)
        av_reduce(&result.num, &result.den, Int64(numerator), Int64(denominator), Int64(Int32.max))
        return result
    }

    /// The inverse.
    package var inverse: Rational { Rational(denominator, numerator) }

    /// The closest fraction with small parts.
    package init(approximating value: Double) {
        self.init(av_d2q(value, 1_000_000))
    }
}

/// The furthest from zero that times and lengths are believed, in any unit: the sum of two still fits 64 bits.
private let furthest: Int64 = 4_000_000_000_000_000_000

/// A time or length; what damaged footage says beyond all reason becomes the furthest that leaves room.
func bounded(_ value: Int64) -> Int64 { max(-furthest, min(furthest, value)) }

/// A timestamp as FFmpeg keeps it, bounded, or nil for "none".
func timestamp(_ value: Int64) -> Int64? { value == spreader_no_timestamp() ? nil : bounded(value) }

/// A timestamp in seconds.
func seconds(_ value: Int64, _ base: AVRational) -> Double { Double(value) * av_q2d(base) }

/// Seconds as a timestamp, rounded to the nearest and bounded.
func ticks(_ seconds: Double, _ base: AVRational) -> Int64 {
    guard base.num != 0 else { return 0 }
    return Int64(Int(saturating: (seconds * Double(base.den) / Double(base.num)).rounded()))
}

extension Int {
    /// The whole part of a number, bounded like times are; 0 for what is no number.
    init(saturating value: Double) {
        let limit = Double(furthest)
        self = value.isNaN ? 0 : Int(Swift.max(-limit, Swift.min(limit, value)))
    }
}

/// A timestamp in another time base, rounded to the nearest.
func rescaled(_ value: Int64, from old: Rational, to new: Rational) -> Int64 { av_rescale_q(value, old.av, new.av) }

/// Text of a C string that may be missing.
func text(_ pointer: UnsafePointer<CChar>?) -> String? { pointer.map { String(cString: $0) } }

/// Text of buffers that library calls fill.
enum BufferText {
    /// The text up to the terminating zero.
    static func string(_ buffer: [CChar]) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Key-value settings for a library call; frees what the call left unused.
final class Settings {
    var pointer: OpaquePointer?

    init(_ values: [String: String]) {
        for (key, value) in values { av_dict_set(&pointer, key, value, 0) }
    }

    deinit { av_dict_free(&pointer) }

    /// Keys that the call did not know.
    var unused: [String] { Settings.pairs(pointer).map(\.key).sorted() }

    /// All pairs of a dictionary.
    static func pairs(_ dictionary: OpaquePointer?) -> [String: String] {
        var result: [String: String] = [:]
        var entry: UnsafeMutablePointer<AVDictionaryEntry>?
        while let next = av_dict_get(dictionary, "", entry, AV_DICT_IGNORE_SUFFIX) {
            if let key = text(next.pointee.key), let value = text(next.pointee.value) { result[key] = value }
            entry = next
        }
        return result
    }
}

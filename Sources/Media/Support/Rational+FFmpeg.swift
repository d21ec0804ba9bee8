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

    /// Whether both are the same number.
    package func isEqual(to other: Rational) -> Bool {
        denominator != 0 && other.denominator != 0 && numerator * other.denominator == other.numerator * denominator
    }
}

/// A timestamp as FFmpeg keeps it, or nil for "none".
func timestamp(_ value: Int64) -> Int64? { value == spreader_no_timestamp() ? nil : value }

/// A timestamp in seconds.
func seconds(_ value: Int64, _ base: AVRational) -> Double { Double(value) * av_q2d(base) }

/// Seconds as a timestamp, rounded to the nearest; what no timestamp can hold, to the furthest that leaves room.
func ticks(_ seconds: Double, _ base: AVRational) -> Int64 {
    let value = (seconds * Double(base.den) / Double(base.num)).rounded()
    guard base.num != 0, !value.isNaN else { return 0 }
    let limit = 4e18
    return Int64(max(-limit, min(limit, value)))
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

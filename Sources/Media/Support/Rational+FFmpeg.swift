import CFFmpeg
package import PipelineKit

extension Rational {
    /// Converts from FFmpeg's fraction.
    init(_ value: AVRational) { self.init(Int(value.num), Int(value.den)) }

    /// Converts to FFmpeg's fraction, reduced if a part does not fit into 32 bits.
    var av: AVRational {
        var result = AVRational(num: 0, den: 1)
        av_reduce(&result.num, &result.den, Int64(numerator), Int64(denominator), Int64(Int32.max))
        return result
    }

    package var inverse: Rational { Rational(denominator, numerator) }

    /// The closest fraction with parts up to a million.
    package init(approximating value: Double) {
        self.init(av_d2q(value, 1_000_000))
    }
}

/// Largest accepted magnitude of times and durations, in any time base: the sum of two still fits into 64 bits.
private let furthest: Int64 = 4_000_000_000_000_000_000

/// Clamps a time or duration, so that absurd values in damaged footage can't overflow.
func bounded(_ value: Int64) -> Int64 { max(-furthest, min(furthest, value)) }

/// Clamps an FFmpeg timestamp; nil for `AV_NOPTS_VALUE`.
func timestamp(_ value: Int64) -> Int64? { value == spreader_no_timestamp() ? nil : bounded(value) }

/// Converts a timestamp to seconds.
func seconds(_ value: Int64, _ base: AVRational) -> Double { Double(value) * av_q2d(base) }

/// Converts seconds to the nearest timestamp, clamped.
func ticks(_ seconds: Double, _ base: AVRational) -> Int64 {
    guard base.num != 0 else { return 0 }
    return Int64(Int(saturating: (seconds * Double(base.den) / Double(base.num)).rounded()))
}

extension Int {
    /// The whole part of a number, clamped like times; 0 for NaN.
    init(saturating value: Double) {
        let limit = Double(furthest)
        self = value.isNaN ? 0 : Int(Swift.max(-limit, Swift.min(limit, value)))
    }
}

/// Converts a timestamp to another time base, rounded to the nearest.
func rescaled(_ value: Int64, from old: Rational, to new: Rational) -> Int64 { av_rescale_q(value, old.av, new.av) }

/// The text of a C string; nil for a null pointer.
func text(_ pointer: UnsafePointer<CChar>?) -> String? { pointer.map { String(cString: $0) } }

/// Reads text from buffers that library calls fill.
enum BufferText {
    /// The text up to the terminating NUL, or of the whole buffer.
    static func string(_ buffer: [CChar]) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Owns an `AVDictionary` of options for a library call, which removes the options that it uses.
final class LibavOptions {
    var pointer: OpaquePointer?

    init(_ values: [String: String]) {
        for (key, value) in values { av_dict_set(&pointer, key, value, 0) }
    }

    deinit { av_dict_free(&pointer) }

    /// Options that the call did not recognise.
    var unused: [String] { LibavOptions.pairs(pointer).map(\.key).sorted() }

    /// All key-value pairs of a dictionary.
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

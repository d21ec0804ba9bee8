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

import CFFmpeg

/// The four colour tags that define how pixel values map to colours, by FFmpeg's names; nil means unspecified.
package struct ColourTags: Sendable, Hashable {
    /// `tv` (limited) or `pc` (full).
    package var range: String?
    /// Primaries, such as `bt709`.
    package var primaries: String?
    /// Transfer characteristics, such as `smpte2084`.
    package var transfer: String?
    /// Matrix coefficients, such as `bt709`.
    package var matrix: String?

    package init(range: String?, primaries: String?, transfer: String?, matrix: String?) {
        self.range = range
        self.primaries = primaries
        self.transfer = transfer
        self.matrix = matrix
    }

    static func name(of value: AVColorRange) -> String? {
        value == AVCOL_RANGE_UNSPECIFIED ? nil : known(av_color_range_name(value))
    }
    static func name(of value: AVColorPrimaries) -> String? {
        value == AVCOL_PRI_UNSPECIFIED ? nil : known(av_color_primaries_name(value))
    }
    static func name(of value: AVColorTransferCharacteristic) -> String? {
        value == AVCOL_TRC_UNSPECIFIED ? nil : known(av_color_transfer_name(value))
    }
    static func name(of value: AVColorSpace) -> String? {
        value == AVCOL_SPC_UNSPECIFIED ? nil : known(av_color_space_name(value))
    }

    /// FFmpeg's enum values of the tags; nil where a tag is unspecified or unknown.
    var numbers:
        (
            range: AVColorRange?, primaries: AVColorPrimaries?, transfer: AVColorTransferCharacteristic?,
            matrix: AVColorSpace?
        )
    {
        func number(_ name: String?, _ find: (UnsafePointer<CChar>) -> Int32) -> UInt32? {
            name.flatMap { UInt32(exactly: find($0)) }
        }
        return (
            number(range, { av_color_range_from_name($0) }).map { AVColorRange($0) },
            number(primaries, { av_color_primaries_from_name($0) }).map { AVColorPrimaries($0) },
            number(transfer, { av_color_transfer_from_name($0) }).map { AVColorTransferCharacteristic($0) },
            number(matrix, { av_color_space_from_name($0) }).map { AVColorSpace($0) }
        )
    }

    private static func known(_ name: UnsafePointer<CChar>?) -> String? {
        text(name).flatMap { ["reserved", "unknown", "unspecified"].contains($0) ? nil : $0 }
    }
}

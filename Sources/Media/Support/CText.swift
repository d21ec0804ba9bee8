import CFFmpeg

/// The text of a C string; nil for a null pointer.
func text(_ pointer: UnsafePointer<CChar>?) -> String? { pointer.map { String(cString: $0) } }

/// Reads text from buffers that library calls fill.
enum BufferText {
    /// The text up to the terminating NUL, or of the whole buffer.
    static func string(_ buffer: [CChar]) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

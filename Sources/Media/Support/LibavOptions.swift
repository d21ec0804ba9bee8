import CFFmpeg

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

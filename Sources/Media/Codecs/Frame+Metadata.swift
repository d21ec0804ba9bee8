import CFFmpeg

extension Frame {
    /// Metadata that a filter attached to the frame, such as `lavfi.idet.multiple.current_frame`; nil if missing.
    package func metadata(_ key: String) -> String? {
        av_dict_get(pointer.pointee.metadata, key, nil, 0).flatMap { text($0.pointee.value) }
    }
}

import CFFmpeg

extension Frame {
    /// What a filter noted on the frame under `key`, such as `lavfi.idet.multiple.current_frame`.
    package func metadata(_ key: String) -> String? {
        av_dict_get(pointer.pointee.metadata, key, nil, 0).flatMap { text($0.pointee.value) }
    }
}

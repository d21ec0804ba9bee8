import CFFmpeg

extension Decoder {
    /// Opens a decoder for the packets of an encoder, to measure what it produced.
    convenience init(of encoder: Encoder, log: MediaLog) throws(MediaError) {
        let parameters = try allocated(avcodec_parameters_alloc(), "allocating a decoder")
        var owned: UnsafeMutablePointer<AVCodecParameters>? = parameters
        defer { avcodec_parameters_free(&owned) }
        let source = encoder.pointer
        try check(avcodec_parameters_from_context(parameters, source), "setting up a decoder")
        try self.init(
            parameters: parameters, timeBase: source.pointee.time_base, frameRate: source.pointee.framerate, threads: 1,
            file: nil,
            log: log)
    }
}

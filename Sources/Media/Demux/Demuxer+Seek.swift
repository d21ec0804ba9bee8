import CFFmpeg

extension Demuxer {
    /// Seeks to the last keyframe of a stream at or before `seconds`, according to the container's index.
    /// - Returns: False if seeking failed; the position is then unknown.
    func seek(stream index: Int, to seconds: Double) -> Bool {
        let time = ticks(seconds, timeBase(of: index).av)
        return avformat_seek_file(pointer, Int32(index), Int64.min, time, time, 0) >= 0
    }

    /// The codec configuration stored in the container; empty if there is none. Owned by the demuxer.
    func extradata(of index: Int) -> UnsafeBufferPointer<UInt8> {
        guard let parameters = stream(index)?.pointee.codecpar?.pointee, let data = parameters.extradata else {
            return UnsafeBufferPointer(start: nil, count: 0)
        }
        return UnsafeBufferPointer(start: data, count: Int(parameters.extradata_size))
    }

    /// Number of frames by which decoding can run ahead of presentation, because of B-frames.
    func reorder(of index: Int) -> Int { Int(stream(index)?.pointee.codecpar.pointee.video_delay ?? 0) }
}

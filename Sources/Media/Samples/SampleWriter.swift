import PipelineKit

/// Writes one clip, always continuing with the stream that is behind.
final class SampleWriter {
    private let clip: SampleClip
    private let muxer: Muxer
    private var streams: [Track] = []

    private final class Track {
        let encoder: Encoder
        let graph: FilterGraph
        let index: Int
        let offset: Int64
        let isInterlaced: Bool
        var seconds = 0.0
        var isDone = false

        init(encoder: Encoder, graph: FilterGraph, index: Int, offset: Double, isInterlaced: Bool) {
            self.encoder = encoder
            self.graph = graph
            self.index = index
            self.offset = Int64(offset / (encoder.timeBase.value ?? 1))
            self.isInterlaced = isInterlaced
        }
    }

    init(clip: SampleClip, path: String, log: MediaLog) throws(MediaError) {
        self.clip = clip
        muxer = try Muxer(path: path, format: clip.container, log: log)
        if let video = clip.video, let filters = clip.videoFilters {
            let encoder = try Encoder(video, globalHeader: muxer.wantsGlobalHeader, log: log)
            let index = try muxer.addStream(from: encoder)
            streams.append(
                Track(
                    encoder: encoder, graph: try FilterGraph(generating: filters, isAudio: false, log: log),
                    index: index, offset: 0, isInterlaced: video.interlaced))
            if clip.rotation != 0 || clip.mirrored {
                try muxer.setRotation(clockwise: clip.rotation, mirrored: clip.mirrored, stream: index)
            }
        }
        if let audio = clip.audio {
            let encoder = try Encoder(
                Encoder.AudioSettings(
                    codec: audio.codec, sampleRate: audio.sampleRate, channels: audio.channels,
                    sampleFormat: audio.sampleFormat, bitRate: audio.bitRate),
                globalHeader: muxer.wantsGlobalHeader, log: log)
            let index = try muxer.addStream(from: encoder)
            let size = encoder.frameSize > 0 ? encoder.frameSize : 1024
            if let filters = clip.audioFilters(frameSize: size) {
                streams.append(
                    Track(
                        encoder: encoder, graph: try FilterGraph(generating: filters, isAudio: true, log: log),
                        index: index, offset: audio.delay, isInterlaced: false))
            }
        }
        for (key, value) in clip.tags { muxer.setTag(key, to: value) }
        if clip.video != nil { for (key, value) in clip.videoTags { muxer.setTag(key, to: value, stream: 0) } }
        try muxer.start(settings: clip.muxerSettings)
    }

    func run() throws(MediaError) {
        let frame = try Frame()
        let packet = try Packet()
        while let track = streams.filter({ !$0.isDone }).min(by: { $0.seconds < $1.seconds }) {
            frame.clear()
            if case .frame = try track.graph.pull(into: frame) {
                frame.rescaleTime(from: track.graph.timeBase, to: track.encoder.timeBase)
                frame.pts += track.offset
                if track.isInterlaced { frame.markInterlaced(topFieldFirst: true) }
                frame.dropSideData()
                track.seconds = Double(frame.pts) * (track.encoder.timeBase.value ?? 1)
                try track.encoder.send(frame)
            } else {
                track.isDone = true
                try track.encoder.send(nil)
            }
            while try track.encoder.receive(into: packet) {
                try muxer.write(packet, stream: track.index, timeBase: track.encoder.timeBase)
            }
        }
        try muxer.finish()
    }
}

import CFFmpeg
package import PipelineKit

/// Chooses the video and audio track to use, by their purpose before their size.
package enum TrackChoice {
    /// The main video track: never cover art, nor the still track of a motion photo that also has moving video. Prefers
    /// the default track, then the longest, then the largest.
    package static func video(of tracks: [VideoTrack], scan: PacketScan) -> VideoTrack? {
        func frames(_ track: VideoTrack) -> Int { scan.tracks[track.index]?.packets ?? 0 }
        let footage = tracks.filter { !$0.isAttachedPicture && frames($0) > 0 }
        let longest = footage.map(frames).max() ?? 0
        let moving = longest > 2 ? footage.filter { frames($0) > 2 } : footage
        return first(of: moving, by: \.index) {
            [$0.isDefault ? 1 : 0, frames($0), $0.codedWidth * $0.codedHeight]
        }
    }

    /// The main audio track that can be decoded. Prefers tracks without commentary or audio description, then the
    /// default track, then the one with the most channels, then the first.
    package static func audio(of tracks: [AudioTrack], scan: PacketScan) -> AudioTrack? {
        best(of: tracks.filter { isUsable($0) && scan.tracks[$0.index]?.packets ?? 0 > 0 })
    }

    /// The audio track that the options request.
    /// - Returns: Nil if the options request none, or for `auto` if no track can be decoded.
    /// - Throws: `StageError` that lists the available tracks, if the requested one is not among them.
    package static func audio(
        of media: ProbedMedia, wanted: DeliveryOptions.AudioTrackChoice
    ) throws(StageError) -> AudioTrack? {
        switch wanted {
        case .auto: return media.audioTrack
        case .none: return nil
        case .number(let number):
            guard media.audio.indices.contains(number) else { throw missing("audio track \(number)", media) }
            guard isUsable(media.audio[number]) else {
                throw missing("decodable audio track \(number)", media)
            }
            return media.audio[number]
        case .language(let language):
            let speaking = media.audio.filter { isUsable($0) && Language.isSame($0.language, language) }
            guard let track = best(of: speaking) else { throw missing("audio track in “\(language)”", media) }
            return track
        }
    }

    private static func missing(_ what: String, _ media: ProbedMedia) -> StageError {
        let known = media.audio.enumerated().map { number, track in
            var properties = [track.language ?? "no language", track.codec, track.layout]
            if let title = track.title { properties.append("“\(title)”") }
            return "\(number) (\(properties.joined(separator: ", ")))"
        }
        return StageError(
            .unusableFootage, "\(media.source.displayPath) has no \(what)",
            hint: known.isEmpty
                ? "it has no audio tracks" : "choose one of its audio tracks: \(known.joined(separator: "; "))")
    }

    private static func isUsable(_ track: AudioTrack) -> Bool {
        guard let codec = avcodec_descriptor_get_by_name(track.codec) else { return false }
        return avcodec_find_decoder(codec.pointee.id) != nil && track.channels > 0 && track.sampleRate > 0
    }

    private static func best(of tracks: [AudioTrack]) -> AudioTrack? {
        first(of: tracks, by: \.index) {
            [$0.isCommentary == true || $0.isDescriptive == true ? 0 : 1, $0.isDefault ? 1 : 0, $0.channels]
        }
    }

    /// The track with the highest ranks, compared in order; the lowest index breaks ties.
    private static func first<Track>(
        of tracks: [Track], by index: (Track) -> Int, ranks: (Track) -> [Int]
    ) -> Track? {
        tracks.max { left, right in
            for (a, b) in zip(ranks(left) + [-index(left)], ranks(right) + [-index(right)]) where a != b {
                return a < b
            }
            return false
        }
    }
}
